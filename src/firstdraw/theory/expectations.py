"""What an activation makes of two correlated Gaussians: E[f(u) g(v)], f and g each phi, phi' or phi''.

In a wide layer the pre-activations of two inputs are such a pair, so these expectations say how alike the inputs look a
layer later (phi and phi), how alike their gradients are (phi' and phi') and how fast the likeness changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from firstdraw.activations import Activation, Erf, Identity, LeakyReLU, ReLU, Sin
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.moments import gaussian_mean
from firstdraw.rules import check_finite, check_non_negative
from firstdraw.theory.piecewise import piecewise_means, piecewise_polynomial
from firstdraw.theory.quadrature import LANDMARKS, Function, gaussian_means

__all__ = ["Order", "closed_form", "known_form", "nested_mean", "pair_expectation", "pair_expectations"]

Order: TypeAlias = Literal[0, 1, 2]
"""How often phi is differentiated."""

NAMES: Final = ("phi", "phi'", "phi''")
# Given u, the mean of g bends within so many of v's standard deviations of a kink or of 0.
BENDS: Final = (-8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0)


def pair_expectation(
    activation: Activation, *, variances: tuple[float, float], correlation: float, orders: tuple[Order, Order] = (0, 0)
) -> float:
    """Return E[f(u) g(v)] for (u, v) jointly Gaussian with means 0, variances q1 and q2 and correlation c.

        f = phi^(k1), g = phi^(k2), (k1, k2) = `orders`, (q1, q2) = `variances`, c = `correlation`

    By closed forms where f = g = phi or f = g = phi' of the identity, rectifiers (arc-cosine kernels), the error
    function (arc sine), the sine, hardtanh and hardswish (Owen's T function); elsewhere by Gauss and Legendre's rule
    over v inside the same over u, both cut at the kinks and where activations bend. Within 1e-10, or within
    1e-10 sqrt(E[f(u)^2] E[g(v)^2]) where this is above 1, for every c in [-1, 1] and activations that vary on the scale
    of 1. A variance of 0 leaves f(0), at a kink the left derivative.

    Where phi' jumps by J at a kink k, phi'' holds J times Dirac's delta at k. Where c is 1 or -1, that delta may lie on
    a jump of the other factor, of which it then takes the middle: the limit in c.

    Raises:
        InputError: if a variance is negative or not finite, c is not in [-1, 1], an order is none of 0, 1 and 2, or
            the expectation is not finite, or a factor's second moment.

    Sources: Cho & Saul (2009), Kernel Methods for Deep Learning,
    https://papers.nips.cc/paper/3628-kernel-methods-for-deep-learning; Williams (1996), Computing with Infinite
    Networks, https://papers.nips.cc/paper/1197-computing-with-infinite-networks; Owen (1956), Tables for Computing
    Bivariate Normal Probabilities, https://doi.org/10.1214/aoms/1177728074

    >>> round(pair_expectation(ReLU(), variances=(1.0, 1.0), correlation=0.0) * 2 * math.pi, 12)
    1.0
    >>> round(pair_expectation(Erf(), variances=(1.3, 0.7), correlation=0.4 / math.sqrt(0.91)), 6)
    0.17548
    """
    _check_orders(orders)
    q1, q2 = (float(check_non_negative(f"variances[{i}]", variance)) for i, variance in enumerate(variances))
    c = float(check_finite("correlation", correlation))
    if abs(c) > 1:
        raise InputError("correlation", "must be at least -1 and at most 1", correlation)
    known = known_form(activation, orders, *(np.array(x) for x in (q1, q2, c)))
    if known is not None:
        return float(known)
    f, g = (_Factor(activation, order) for order in orders)
    try:
        value = _expectation(f, g, q1, q2, c)
    except InputError:
        value = math.nan
    if not math.isfinite(value):
        what = f"E[{NAMES[orders[0]]}(u) {NAMES[orders[1]]}(v)]"
        law = f"variances of {q1:g} and {q2:g} and a correlation of {c:g}"
        raise InputError("activation", f"must have finite Gaussian moments, and {what} has none with {law}", activation)
    return value


def pair_expectations(
    activation: Activation,
    *,
    first_variance: ArrayLike,
    second_variance: ArrayLike,
    correlation: ArrayLike,
    orders: tuple[Order, Order] = (0, 0),
) -> Floats:
    """Return the `pair_expectation` of each element of arrays of q1, q2 and c, which are broadcast together.

    A closed form is taken of whole arrays. Elsewhere each different (q1, q2, c) is integrated once, in some thousandths
    of a second.

    Raises:
        InputError: as `pair_expectation`.

    >>> pair_expectations(ReLU(), first_variance=1.0, second_variance=[1.0, 4.0], correlation=[-1.0, 1.0])
    array([0., 1.])
    """
    _check_orders(orders)
    q1, q2, c = np.broadcast_arrays(
        _checked("first_variance", first_variance, 0.0, math.inf),
        _checked("second_variance", second_variance, 0.0, math.inf),
        _checked("correlation", correlation, -1.0, 1.0),
    )
    known = known_form(activation, orders, q1, q2, c)
    if known is not None:
        return known
    different, places = np.unique(np.stack([q1.ravel(), q2.ravel(), c.ravel()]), axis=1, return_inverse=True)
    values = [
        pair_expectation(activation, variances=(a, b), correlation=rho, orders=orders) for a, b, rho in different.T
    ]
    return np.array(values)[places].reshape(c.shape)


def _check_orders(orders: tuple[Order, Order]) -> None:
    for i, order in enumerate(orders):
        if order not in (0, 1, 2):
            raise InputError(f"orders[{i}]", "must be 0, 1 or 2, for phi, phi' or phi''", order)


def _checked(name: str, given: ArrayLike, lowest: float, highest: float) -> Floats:
    array = np.asarray(given, dtype=np.float64)
    broken = array[~(np.isfinite(array) & (array >= lowest) & (array <= highest))]
    if broken.size:
        upper = "" if math.isinf(highest) else f" and at most {highest:g}"
        raise InputError(name, f"must hold finite numbers of at least {lowest:g}{upper}", float(broken.flat[0]))
    return array


@dataclass(frozen=True)
class _Factor:
    """phi, phi' or phi'': a function, and what it holds of Dirac's delta."""

    activation: Activation
    order: Order

    def __call__(self, x: Floats) -> Floats:
        activation = self.activation
        return (activation.value, activation.derivative, activation.second_derivative)[self.order](x)

    @property
    def kinks(self) -> tuple[float, ...]:
        return self.activation.kinks

    @cached_property
    def deltas(self) -> tuple[tuple[float, float], ...]:
        """Each kink k with the jump J of phi' there, for phi''."""
        if self.order < 2 or not self.kinks:
            return ()
        places = np.array(self.kinks)
        right, left = (self.activation.derivative(np.nextafter(places, end)) for end in (math.inf, -math.inf))
        return tuple((k, J) for k, J in zip(self.kinks, (right - left).tolist(), strict=True) if J)

    def middle(self, x: float) -> float:
        """Return the middle of the limits from the left and from the right."""
        sides = self(np.nextafter(np.array([x, x]), [-math.inf, math.inf]))
        return float(sides.mean())

    def mean(self, mean: float, variance: float) -> float:
        """Return the mean under a Gaussian, without the deltas."""
        return gaussian_mean(self, variance=variance, mean=mean, kinks=self.kinks)


def _expectation(f: _Factor, g: _Factor, q1: float, q2: float, c: float) -> float:
    """Return E[f(u) g(v)], not finite where a delta has no place to spread."""
    for factor, variance in ((f, q1), (g, q2)):
        # Refuses what has no second moment; with one, and the other's, the expectation is finite.
        gaussian_mean(lambda x, factor=factor: factor(x) ** 2, variance=variance, kinks=factor.kinks)
    return math.fsum(
        (
            nested_mean(f, g, kinks=f.kinks, q1=q1, q2=q2, c=c),
            *(J * _density(k, q1) * _mean_given(g, k, q1, q2, c) for k, J in f.deltas),
            *(J * _density(k, q2) * _mean_given(f, k, q2, q1, c) for k, J in g.deltas),
            *(J1 * J2 * _joint_density(k1, k2, q1, q2, c) for k1, J1 in f.deltas for k2, J2 in g.deltas),
        )
    )


def _mean_given(g: _Factor, u: float, q1: float, q2: float, c: float) -> float:
    """Return E[g(v) | u], without the deltas of g."""
    mean, variance = c * math.sqrt(q2 / q1) * u if q1 else 0.0, q2 * (1 - c) * (1 + c)
    # The limit in c, of a variance that goes to 0, where one of 0 leaves the derivative on the left.
    return g.middle(mean) if q2 and not variance else g.mean(mean, variance)


def _density(x: float, q: float) -> float:
    """Return the density of N(0, q) at x."""
    if q == 0:
        return math.nan if x == 0 else 0.0
    return math.exp(-x * x / (2 * q)) / math.sqrt(2 * math.pi * q)


def _joint_density(x: float, y: float, q1: float, q2: float, c: float) -> float:
    """Return the density of (u, v) at (x, y), which is not finite on the line that c = 1 or c = -1 leaves."""
    if q1 == 0 or q2 == 0:
        return _density(x, q1) * _density(y, q2)
    return _density(x, q1) * _density(y - c * math.sqrt(q2 / q1) * x, q2 * (1 - c) * (1 + c))


def nested_mean(f: Function, g: Function, *, kinks: tuple[float, ...], q1: float, q2: float, c: float) -> float:
    """Return E[f(u) g(v)] by a quadrature over v inside another over u; kinks are those of both functions."""
    if q1 == 0 or q2 == 0 or c == 0:
        return gaussian_mean(f, variance=q1, kinks=kinks) * gaussian_mean(g, variance=q2, kinks=kinks)
    slope = c * math.sqrt(q2 / q1)
    cuts = [k / slope for k in (*LANDMARKS, *kinks)]
    deviation = math.sqrt(q2 * (1 - c) * (1 + c))
    if deviation == 0:
        return gaussian_mean(lambda u: f(u) * g(slope * u), variance=q1, kinks=(*kinks, *cuts))

    def integrand(u: Floats) -> Floats:
        return f(u) * gaussian_means(g, means=slope * u, deviations=deviation, kinks=kinks)

    # Far from the scale of 1 a smooth bend looks like a kink at 0.
    bends = [(k + bend * deviation) / slope for k in {0.0, *kinks} for bend in BENDS]
    return float(gaussian_means(integrand, means=0.0, deviations=math.sqrt(q1), kinks=(*kinks, *cuts, *bends)))


def closed_form(
    activation: Activation, orders: tuple[Order, Order], q1: Floats, q2: Floats, c: Floats
) -> Floats | None:
    """Return E[phi(u) phi(v)] or E[phi'(u) phi'(v)] where an elementary function tells it in all its digits."""
    form = _closed_forms(activation)
    if form is None or orders not in ((0, 0), (1, 1)):
        return None
    return form[orders[0]](q1, q2, c)


def known_form(activation: Activation, orders: tuple[Order, Order], q1: Floats, q2: Floats, c: Floats) -> Floats | None:
    """Return the `closed_form`, or the means of a piecewise polynomial, where phi has either."""
    closed = closed_form(activation, orders, q1, q2, c)
    polynomial = piecewise_polynomial(activation) if orders in ((0, 0), (1, 1)) else None
    if closed is not None or polynomial is None:
        return closed
    f = polynomial.derivative if orders[0] else polynomial
    return piecewise_means(f, f, q1, q2, c)


_Form: TypeAlias = Callable[[Floats, Floats, Floats], Floats]


def _closed_forms(activation: Activation) -> tuple[_Form, _Form] | None:
    match activation:
        case Identity():
            return _piecewise_linear(1.0)
        case ReLU():
            return _piecewise_linear(0.0)
        case LeakyReLU(slope=a):
            return _piecewise_linear(a)
        case Erf():
            return _erf, _erf_slopes
        case Sin():
            return _sin, _cos
        case _:
            return None


def _piecewise_linear(a: float) -> tuple[_Form, _Form]:
    """phi(x) = x where x > 0, a x elsewhere: (1 + a)/2 x + (1 - a)/2 |x|, whose mixed terms have the mean 0."""
    odd, even = ((1 + a) / 2) ** 2, ((1 - a) / 2) ** 2

    def values(q1: Floats, q2: Floats, c: Floats) -> Floats:
        s = np.sqrt((1 - c) * (1 + c))
        return np.sqrt(q1) * np.sqrt(q2) * (odd * c + even * (2 / math.pi) * (s + c * np.arcsin(c)))

    def slopes(q1: Floats, q2: Floats, c: Floats) -> Floats:
        # A variance of 0 leaves phi'(0), the slope on the left, whatever the other is.
        alone = np.where(q1 > 0, (1 + a) / 2, a) * np.where(q2 > 0, (1 + a) / 2, a)
        return np.where((q1 > 0) & (q2 > 0), odd + even * (2 / math.pi) * np.arcsin(c), alone)

    return values, slopes


def _erf(q1: Floats, q2: Floats, c: Floats) -> Floats:
    # With the arc sine's argument near 1 its digits would be lost.
    return 2 / math.pi * np.arctan2(2 * c * np.sqrt(q1) * np.sqrt(q2), np.sqrt(_erf_determinant(q1, q2, c)))


def _erf_slopes(q1: Floats, q2: Floats, c: Floats) -> Floats:
    return 4 / (math.pi * np.sqrt(_erf_determinant(q1, q2, c)))


def _erf_determinant(q1: Floats, q2: Floats, c: Floats) -> Floats:
    """(1 + 2 q1)(1 + 2 q2) - 4 c^2 q1 q2."""
    return 1 + 2 * q1 + 2 * q2 + 4 * q1 * q2 * (1 - c) * (1 + c)


def _sin(q1: Floats, q2: Floats, c: Floats) -> Floats:
    """E[cos(u - v)] - E[cos(u + v)], over 2; the smaller is a share of the larger that keeps its digits."""
    k = abs(c) * np.sqrt(q1) * np.sqrt(q2)
    return np.sign(c) * _larger_cosine(q1, q2, c) * -np.expm1(-2 * k) / 2


def _cos(q1: Floats, q2: Floats, c: Floats) -> Floats:
    k = abs(c) * np.sqrt(q1) * np.sqrt(q2)
    return _larger_cosine(q1, q2, c) * (1 + np.exp(-2 * k)) / 2


def _larger_cosine(q1: Floats, q2: Floats, c: Floats) -> Floats:
    """exp(-(q1 + q2)/2 + |c| sqrt(q1 q2)), whose exponent must not be a difference of large numbers."""
    s1, s2 = np.sqrt(q1), np.sqrt(q2)
    return np.exp(-((s1 - s2) ** 2) / 2 - (1 - abs(c)) * s1 * s2)
