"""Floor 1. What an activation makes of a Gaussian: moments of phi(x) and phi'(x) for x ~ N(m, q).

In a wide layer the pre-activations are Gaussian, so these moments say how signals and gradients grow with depth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from firstdraw.activations import ELU, GELU, SELU, Activation, Erf, Identity, LeakyReLU, ReLU, Sin
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.rules import check_finite, check_non_negative, check_positive, check_positive_integer

__all__ = ["GaussianMoments", "gaussian_mean", "gaussian_moments", "power_moment", "second_moment_slope"]

# Beyond these many standard deviations the density of N(0, 1) is 0 in float64.
FARTHEST: Final = 38.6
# Activations vary where their argument is of the order of 1; with a wide Gaussian that is a sliver around 0, which no
# panel may step over.
LANDMARKS: Final = (-40.0, -10.0, -3.0, -1.0, 0.0, 1.0, 3.0, 10.0, 40.0)
NODES: Final = 20
# A jump where none is announced halves its panel down to the spacing of float64 in this many steps; more panels at a
# time than this are an oscillation that nobody waits for.
MOST_HALVINGS: Final = 60
MOST_PANELS: Final = 100_000
# Relative to the mean of |f|. Rounding alone leaves a few times 1e-16.
TOLERANCE: Final = 2e-15
# What the ends of the line may hold beside the mean of |f|; a mean that is finite leaves nothing there.
LARGEST_END: Final = 1e-16


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianMoments:
    """Moments of an activation phi under x ~ N(m, q).

    Each is within 1e-12, or, where the mean of its absolute value (E|phi(x)|, E[phi(x)^2]) is above 1, within 1e-12 of
    that mean.

    Args:
        mean: E[phi(x)].
        second_moment: E[phi(x)^2], what the next layer sums.
        slope_second_moment: E[phi'(x)^2], what a gradient is multiplied with on its way back.
    """

    mean: float
    second_moment: float
    slope_second_moment: float

    @property
    def variance(self) -> float:
        """E[phi(x)^2] - E[phi(x)]^2."""
        return self.second_moment - self.mean * self.mean


def gaussian_moments(activation: Activation, *, variance: float = 1.0, mean: float = 0.0) -> GaussianMoments:
    """Return E[phi(x)], E[phi(x)^2] and E[phi'(x)^2] for x ~ N(m, q), m = `mean`, q = `variance`.

    By closed forms for identity, rectifiers, ELU, SELU, GELU, sine and the error function where m = 0, and by
    quadrature elsewhere. At q = 0 they are the values at m, with the left derivative at a kink.

    Raises:
        InputError: if q is negative, m or q are not finite, or an integral does not converge.

    >>> moments = gaussian_moments(GELU())
    >>> round(moments.mean, 6), round(moments.second_moment, 6), round(moments.slope_second_moment, 6)
    (0.282095, 0.425221, 0.455851)
    """
    check_non_negative("variance", variance)
    check_finite("mean", mean)
    closed = _closed_form(activation, variance) if mean == 0 and variance > 0 else None
    return closed or GaussianMoments(
        mean=power_moment(activation, 1, variance=variance, mean=mean),
        second_moment=power_moment(activation, 2, variance=variance, mean=mean),
        slope_second_moment=_mean_of(
            activation, "phi'(x)^2", lambda x: activation.derivative(x) ** 2, variance=variance, mean=mean
        ),
    )


def power_moment(activation: Activation, power: int, *, variance: float = 1.0, mean: float = 0.0) -> float:
    """Return E[phi(x)^k] for x ~ N(m, q), k = `power`, q = `variance`, m = `mean`, by quadrature.

    Raises:
        InputError: if k is not a positive integer, q is negative, m or q are not finite, or the integral does not
            converge.

    >>> round(power_moment(ReLU(), 4), 12)
    1.5
    """
    check_positive_integer("power", power)
    check_non_negative("variance", variance)
    check_finite("mean", mean)
    what = "phi(x)" if power == 1 else f"phi(x)^{power}"
    return _mean_of(activation, what, lambda x: activation.value(x) ** power, variance=variance, mean=mean)


def second_moment_slope(activation: Activation, *, variance: float = 1.0) -> float:
    """Return d/dq E[phi(x)^2] for x ~ N(0, q), q = `variance`: E[x phi(x) phi'(x)]/q.

    It says whether a second moment that a layer keeps comes back after a disturbance. By quadrature.

    Raises:
        InputError: if q is not above 0, or the integral does not converge.

    >>> round(second_moment_slope(Identity(), variance=3.0), 12)
    1.0
    """
    check_positive("variance", variance)
    moment = _mean_of(
        activation,
        "x phi(x) phi'(x)",
        lambda x: x * activation.value(x) * activation.derivative(x),
        variance=variance,
        mean=0.0,
    )
    return moment / variance


def _mean_of(
    activation: Activation, what: str, f: Callable[[Floats], Floats], *, variance: float, mean: float
) -> float:
    try:
        return gaussian_mean(f, variance=variance, mean=mean, kinks=activation.kinks)
    except InputError as error:
        law = f"N({mean:g}, {variance:g})"
        rule = f"must have finite Gaussian moments, and the integral E[{what}], x ~ {law}, has no limit"
        raise InputError("activation", rule, activation) from error


def gaussian_mean(
    f: Callable[[Floats], Floats], *, variance: float = 1.0, mean: float = 0.0, kinks: tuple[float, ...] = ()
) -> float:
    """Return E[f(x)] for x ~ N(m, q), m = `mean`, q = `variance`, within 1e-14 E|f(x)| for a piecewise smooth f.

    The line is cut at the kinks and where activations bend; each panel is integrated by Gauss and Legendre's rule of
    20 nodes, and halved until its halves agree with it.

    Args:
        f: from an array of x to an array of f(x).
        variance: q, at least 0.
        mean: m.
        kinks: where f or its derivative jumps.

    Raises:
        InputError: if the integral does not converge.

    >>> round(gaussian_mean(np.abs, kinks=(0.0,)) ** 2 * math.pi, 12)
    2.0
    """
    s = math.sqrt(variance)
    if s == 0:
        return float(f(np.array([mean], dtype=np.float64))[0])

    def integrand(z: Floats) -> Floats:
        with np.errstate(all="ignore"):
            # Where the density is 0, so is the product, however large f may be there.
            return f(mean + s * z) * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    with np.errstate(over="ignore"):
        cuts = (np.array([*LANDMARKS, *kinks]) - mean) / s
    evenly = np.linspace(-FARTHEST, FARTHEST, 21)
    edges = np.unique(np.concatenate([evenly, cuts[abs(cuts) < FARTHEST]]))
    total = _adaptive(integrand, edges)
    ends = abs(integrand(np.array([-37.0, 37.0]))).max()
    if total is None or not ends <= LARGEST_END * total.magnitude:
        raise InputError(
            "f", f"must have a Gaussian mean, and the integral under N({mean:g}, {variance:g}) has no limit"
        )
    return total.value


@dataclass(frozen=True, slots=True)
class _Integral:
    value: float
    magnitude: float
    """The integral of the absolute value."""


def _adaptive(integrand: Callable[[Floats], Floats], edges: Floats) -> _Integral | None:
    """Return the integral over all panels between neighboring edges; None where it does not converge."""
    left, right = edges[:-1], edges[1:]
    whole = _panels(integrand, left, right)
    magnitude = float(abs(whole).sum())
    settled: list[float] = []
    for _ in range(MOST_HALVINGS):
        if not math.isfinite(magnitude) or left.size > MOST_PANELS:
            return None
        middle = (left + right) / 2
        first, second = _panels(integrand, left, middle), _panels(integrand, middle, right)
        settles = abs(first + second - whole) <= TOLERANCE * magnitude
        settled += (first + second)[settles].tolist()
        if settles.all():
            value = math.fsum(settled)
            return _Integral(value, max(magnitude, abs(value)))
        goes_on = ~settles
        left, middle, right = left[goes_on], middle[goes_on], right[goes_on]
        whole = np.concatenate([first[goes_on], second[goes_on]])
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        magnitude = max(magnitude, math.fsum(map(abs, settled)) + float(abs(whole).sum()))
    return None


@cache
def _quadrature() -> tuple[Floats, Floats]:
    """Return the nodes and the weights on [-1, 1]; computed when first needed, as most commands never do."""
    return np.polynomial.legendre.leggauss(NODES)


def _panels(integrand: Callable[[Floats], Floats], left: Floats, right: Floats) -> Floats:
    half = (right - left) / 2
    nodes, weights = _quadrature()
    z = (left + right)[:, np.newaxis] / 2 + half[:, np.newaxis] * nodes
    return half * (integrand(z) @ weights)


def _closed_form(activation: Activation, q: float) -> GaussianMoments | None:
    """Return the moments under x ~ N(0, q) where they are known in closed form."""
    match activation:
        case Identity():
            return _piecewise_linear(1.0, q)
        case ReLU():
            return _piecewise_linear(0.0, q)
        case LeakyReLU(slope=a):
            return _piecewise_linear(a, q)
        # Below, the terms of the second moment cancel.
        case ELU(alpha=a) if q >= 0.01:
            return _exponential_linear(1.0, a, q)
        case SELU() if q >= 0.01:
            return _exponential_linear(SELU.LAMBDA, SELU.ALPHA, q)
        case GELU():
            return _gelu(q)
        case Sin():
            return GaussianMoments(
                mean=0.0, second_moment=-math.expm1(-2 * q) / 2, slope_second_moment=(1 + math.exp(-2 * q)) / 2
            )
        case Erf():
            # Williams (1997), Computing with infinite networks, for two equal arguments; with the arc sine's argument
            # near 1 its digits would be lost.
            second = 2 / math.pi * math.atan2(2 * q, math.sqrt(1 + 4 * q))
            return GaussianMoments(
                mean=0.0, second_moment=second, slope_second_moment=4 / (math.pi * math.sqrt(1 + 4 * q))
            )
        case _:
            return None


def _piecewise_linear(a: float, q: float) -> GaussianMoments:
    """phi(x) = x where x > 0, a x elsewhere."""
    return GaussianMoments(
        mean=(1 - a) * math.sqrt(q / (2 * math.pi)),
        second_moment=(1 + a * a) / 2 * q,
        slope_second_moment=(1 + a * a) / 2,
    )


def _exponential_linear(scale: float, a: float, q: float) -> GaussianMoments:
    """phi(x) = c x where x > 0, c a (exp x - 1) elsewhere, with c = `scale`.

    E[exp(k x); x < 0] = exp(k^2 q/2) Phi(-k sqrt q), which is half the scaled complementary error function.
    """
    from scipy import special

    once, twice = (float(special.erfcx(k * math.sqrt(q / 2))) / 2 for k in (1, 2))
    return GaussianMoments(
        mean=scale * (math.sqrt(q / (2 * math.pi)) + a * (once - 0.5)),
        second_moment=scale**2 * (q / 2 + a * a * (twice - 2 * once + 0.5)),
        slope_second_moment=scale**2 * (0.5 + a * a * twice),
    )


def _gelu(q: float) -> GaussianMoments:
    """phi(x) = x Phi(x); with p the density of N(0, 1), all follows from E[x g(x)] = q E[g'(x)]."""
    phi_squared = 0.25 + math.atan2(q, math.sqrt(1 + 2 * q)) / (2 * math.pi)
    density_squared = 1 / (2 * math.pi * math.sqrt(1 + 2 * q))
    mixed = q / (1 + q) * density_squared  # E[x Phi(x) p(x)]
    return GaussianMoments(
        mean=q / math.sqrt(2 * math.pi * (1 + q)),
        second_moment=q * phi_squared + 2 * q * mixed,
        slope_second_moment=phi_squared + 2 * mixed + q / (1 + 2 * q) * density_squared,
    )
