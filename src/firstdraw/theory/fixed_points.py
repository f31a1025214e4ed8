"""Where depth leads: the fixed points of the variance map and of the correlation map, and how fast they are reached."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize

from firstdraw.arrays import Floats
from firstdraw.moments import second_moment_slope
from firstdraw.rules import check_non_negative
from firstdraw.theory.correlations import CorrelationKernel
from firstdraw.theory.maps import WideLayer

__all__ = [
    "VARIANCES",
    "CorrelationFixedPoint",
    "VarianceFixedPoint",
    "correlation_fixed_point",
    "depth_scale",
    "is_attracting",
    "variance_fixed_points",
    "variance_limit",
    "variance_slope",
]

VARIANCES: Final[Floats] = np.concatenate([[0.0], np.geomspace(1e-16, 1e8, 2401)])
"""Where fixed points are looked for: between neighbors the difference q' - q changes its sign at most once."""
# The tables of moments are good to a few times 1e-14.
ROUNDING: Final = 1e-12
# A chi_1 this near to 1 is 1: no correlation map resolves the fixed point that would lie beside c = 1.
NEAR_ONE: Final = 1e-9
# Where a correlation falls, a fixed point lies below it; ever nearer to 1, next to which all fall in the chaotic phase.
BELOW_ONE: Final = tuple(1 - 10.0**-exponent for exponent in range(1, 13))


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceFixedPoint:
    """A variance q that a layer keeps, q' = q.

    Args:
        variance: q.
        slope: dq'/dq, with which a small difference from q is multiplied by a layer.
        gradient_factor: chi_1 = v E[phi'(z)^2], z ~ N(0, q).
    """

    variance: float
    slope: float
    gradient_factor: float

    @property
    def stable(self) -> bool:
        """Whether a small difference dies out, exponentially with depth."""
        return is_attracting(self.slope)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationFixedPoint:
    """The correlation c that two inputs approach, c' = c, at a fixed point of the variance map.

    Args:
        correlation: c; None where every correlation stays.
        slope: dc'/dc there.
    """

    correlation: float | None
    slope: float


def is_attracting(slope: float) -> bool:
    """Whether a slope is below 1 in size, by more than rounding."""
    return bool(abs(slope) < 1 - ROUNDING)


def depth_scale(factor: float) -> float:
    """Return the number of layers in which what a layer multiplies by `factor` f changes e-fold, 1/|ln|f||.

    Infinite where |f| is 1 but for rounding, 0 where f is 0.

    >>> depth_scale(math.exp(-0.5)), depth_scale(1.0), depth_scale(0.0)
    (2.0, inf, 0.0)
    """
    if factor == 0:
        return 0.0
    rate = abs(math.log(abs(factor)))
    return 1 / rate if rate > ROUNDING else math.inf


def variance_slope(layer: WideLayer, q: float) -> float:
    """Return dq'/dq = v d/dq E[phi(z)^2] = chi_1 + v E[phi''(z) phi(z)] of z ~ N(0, q); at q = 0 its limit.

    At q = 0 it is finite for activations with phi(0) = 0, and for those without a kink at 0.
    """
    if q > 0:
        return layer.weight_variance * second_moment_slope(layer.activation, variance=q)
    phi, zero = layer.activation, np.zeros(1)
    bend = layer.weight_variance * phi.value(zero) * phi.second_derivative(zero)
    return float(layer.gradient_factor(0.0)) + bend.item()


def variance_fixed_points(layer: WideLayer) -> tuple[VarianceFixedPoint, ...]:
    """Return all q with q' = q, from the smallest: q = 0 and those from 1e-16 to 1e8.

    A variance that grows without end has none to go to, and the result may be empty. Where every variance is kept
    (`WideLayer.keeps_every_variance`), as by a rectifier with the weight variance 2 and no bias, all are fixed points
    and none is isolated: then it is empty, too.

    >>> from firstdraw.activations import Tanh
    >>> zero, other = variance_fixed_points(WideLayer(activation=Tanh(), weight_variance=4.0))
    >>> zero.variance, zero.stable, round(other.variance, 6), other.stable, round(other.gradient_factor, 6)
    (0.0, False, 2.121474, True, 1.362673)
    """
    if layer.keeps_every_variance:
        return ()
    points = _crossings(layer)
    if float(layer.next_variance(0.0)) == 0:
        points = [0.0, *(point for point in points if point)]
    return tuple(
        VarianceFixedPoint(variance=q, slope=variance_slope(layer, q), gradient_factor=float(layer.gradient_factor(q)))
        for q in points
    )


def _crossings(layer: WideLayer) -> list[float]:
    following = layer.next_variance(VARIANCES)
    growth = following - VARIANCES
    decided = np.flatnonzero(abs(growth) > ROUNDING * np.maximum(following, VARIANCES))
    signs = np.sign(growth[decided])
    changes = np.flatnonzero(signs[1:] != signs[:-1])
    ends = [VARIANCES[decided[[i, i + 1]]].tolist() for i in changes]
    return [_root(lambda q: float(layer.next_variance(q)) - q, low, high) for low, high in ends]


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    return float(optimize.brentq(f, low, high, xtol=1e-300, rtol=1e-15))


def variance_limit(layer: WideLayer, q0: float) -> float:
    """Return the variance that depth leads to from q0: a fixed point, or infinity.

    For a variance map that rises, as that of every activation of the catalogue does: then variances go up to the next
    fixed point where q' > q, and down to it where q' < q.

    Raises:
        InputError: if q0 is negative or not finite.
    """
    check_non_negative("q0", q0)
    growth = float(layer.next_variance(q0)) - q0
    if layer.keeps_every_variance or growth == 0:
        return q0
    points = [point.variance for point in variance_fixed_points(layer)]
    if growth > 0:
        return min((q for q in points if q > q0), default=math.inf)
    return max((q for q in points if q < q0), default=0.0)


def correlation_fixed_point(layer: WideLayer, q: float) -> CorrelationFixedPoint:
    """Return the correlation that two inputs of variance q and correlation of at least 0 approach, q a fixed point.

    c = 1 where chi_1 is at most 1 (the ordered phase: all inputs end up alike); else the only other fixed point of the
    correlation map, in [0, 1), as all derivatives of this map by c are at least 0 there.

    At q = 0 the map is that of the slopes at 0: with a kink there c = 1 is approached, slower than exponentially;
    without one every correlation stays.

    Raises:
        InputError: if q is negative or not finite.

    >>> from firstdraw.activations import Tanh
    >>> chaotic = WideLayer(activation=Tanh(), weight_variance=2.0, bias_variance=0.05)
    >>> q = variance_limit(chaotic, 1.0)
    >>> point = correlation_fixed_point(chaotic, q)
    >>> round(q, 6), round(point.correlation, 6), round(depth_scale(point.slope), 3)
    (0.721762, 0.744082, 25.213)
    """
    check_non_negative("q", q)
    if q == 0 or layer.keeps_every_variance:
        return CorrelationFixedPoint(correlation=1.0 if _bends_at_zero(layer) else None, slope=1.0)
    chi = float(layer.gradient_factor(q))
    if chi <= 1 + NEAR_ONE:
        return CorrelationFixedPoint(correlation=1.0, slope=chi)
    growth = _growth(layer, q)
    falls = next((c for c in BELOW_ONE if growth(c) < -ROUNDING / 10), None)
    if falls is None:
        return CorrelationFixedPoint(correlation=1.0, slope=chi)
    c = 0.0 if growth(0.0) <= ROUNDING else _root(growth, 0.0, falls)
    return CorrelationFixedPoint(correlation=c, slope=layer.correlation_slope(q, c))


def _bends_at_zero(layer: WideLayer) -> bool:
    left, right = layer.activation.derivative(np.nextafter([0.0, 0.0], [-1.0, 1.0])).tolist()
    return left != right


def _growth(layer: WideLayer, q: float) -> Callable[[float], float]:
    """Return c' - c as a function of c."""
    kernel = CorrelationKernel(layer.activation, variance=q)
    return lambda c: layer.correlation_of(kernel(c), q, c) - c
