"""Floor 1. The edge of chaos: variances of weights and biases with which a small disturbance neither grows nor fades.

In a wide layer whose weights have the variance a/n, n the fan-in, and whose biases have the variance b, pre-activations
of the second moment q are followed by those of

    q' = a E[phi(x)^2] + b,    x ~ N(0, q),

and the distance of two nearby inputs, like the second moment of gradients on their way back, is multiplied with

    chi_1 = a E[phi'(x)^2]

at the fixed point q' = q. Below 1 inputs grow alike with depth (the ordered phase), above 1 nearby inputs part (the
chaotic one); a network is trainable at great depth where chi_1 = 1.

Sources: Poole, Lahiri, Raghu, Sohl-Dickstein & Ganguli (2016), Exponential expressivity in deep neural networks through
transient chaos, https://arxiv.org/abs/1606.05340; Schoenholz, Gilmer, Ganguli & Sohl-Dickstein (2017), Deep Information
Propagation, https://arxiv.org/abs/1611.01232.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from firstdraw.activations import Activation
from firstdraw.errors import InputError
from firstdraw.lazy import LazyModule
from firstdraw.moments import gaussian_moments
from firstdraw.rules import check_non_negative

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = LazyModule("scipy.optimize")

__all__ = ["CriticalVariances", "critical_variances", "critical_variances_of_bias"]

# A bias variance below 0 by less than this share of q is rounding.
ROUNDING: Final = 1e-11
# Where the search for a fixed point begins and ends; activations have long become their asymptotes there.
SMALLEST_SECOND_MOMENT: Final = 1e-8
LARGEST_SECOND_MOMENT: Final = 1e8


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalVariances:
    """A point of the edge of chaos.

    Args:
        weight: a, the variance of a weight times its fan-in.
        bias: b, the variance of a bias.
        second_moment: q*, the second moment of pre-activations that stays.
    """

    weight: float
    bias: float
    second_moment: float


def critical_variances(activation: Activation, second_moment: float) -> CriticalVariances:
    """Return the variances of weights and biases with which q* is a fixed point, and chi_1 = 1 there.

        a = 1/E[phi'(x)^2],    b = q* - a E[phi(x)^2],    x ~ N(0, q*)

    Where phi(c x) = c phi(x) for c > 0, as for ReLU, they are the same for every q*: the edge of chaos is the single
    point (a, 0), and every second moment stays.

    Args:
        activation: phi.
        second_moment: q*, at least 0; 0 stands for the limit of small q*.

    Raises:
        InputError: if the bias variance would be negative, q* is no such number, or phi has no finite moments.

    >>> from firstdraw.activations import ReLU, Tanh
    >>> tanh = critical_variances(Tanh(), 0.5)
    >>> round(tanh.weight, 5), round(tanh.bias, 5)
    (1.68798, 0.03804)
    >>> critical_variances(ReLU(), 3.0)
    CriticalVariances(weight=2.0, bias=0.0, second_moment=3.0)
    """
    check_non_negative("second_moment", second_moment)
    point = _point(activation, second_moment)
    if point.bias < 0:
        raise InputError(
            "second_moment",
            f"must be a fixed point on the edge of chaos of {activation}, which asks for biases of the variance "
            f"{point.bias:.4g} there",
            second_moment,
        )
    return point


def critical_variances_of_bias(activation: Activation, bias: float) -> CriticalVariances:
    """Return the point of the edge of chaos at a bias variance b; of several, that of the smallest q*.

    Args:
        activation: phi.
        bias: b, at least 0.

    Raises:
        InputError: if the edge of chaos has no point there, which for ReLU and other activations with
            phi(c x) = c phi(x) is so wherever b > 0; or phi has no finite moments.

    >>> from firstdraw.activations import Tanh
    >>> point = critical_variances_of_bias(Tanh(), 0.05)
    >>> round(point.weight, 4), round(point.second_moment, 4)
    (1.761, 0.57)
    """
    check_non_negative("bias", bias)
    start = _point(activation, 0.0)
    if activation.homogeneous and bias > 0:
        raise InputError(
            "bias", f"must be 0 for {activation}, whose edge of chaos is the single point ({start.weight:.6g}, 0)", bias
        )
    if bias == 0 and start.bias == 0:
        return start

    def excess(q: float) -> float:
        return _point(activation, q).bias - bias

    # Biases alone give pre-activations the variance b: no fixed point lies below it.
    low = bias or SMALLEST_SECOND_MOMENT
    while low < LARGEST_SECOND_MOMENT:
        high = 4 * low
        if excess(high) >= 0:
            return _point(activation, float(optimize.brentq(excess, low, high, xtol=1e-300, rtol=1e-15)))
        low = high
    raise InputError(
        "bias",
        f"must be the bias variance of a point on the edge of chaos of {activation}, and none up to "
        f"q* = {LARGEST_SECOND_MOMENT:.0e} has it",
        bias,
    )


def _point(activation: Activation, q: float) -> CriticalVariances:
    """Return what makes q a fixed point with chi_1 = 1, be the bias variance negative or not."""
    if q == 0:
        # The limit of small q: x falls on either side of 0 as often.
        around = np.array([-np.finfo(float).tiny, np.finfo(float).tiny])
        slope_squared = float(np.mean(activation.derivative(around) ** 2))
        value_squared = float(activation.value(np.zeros(1))[0]) ** 2
    else:
        moments = gaussian_moments(activation, variance=q)
        slope_squared, value_squared = moments.slope_second_moment, moments.second_moment
    if not slope_squared > 0:
        raise InputError("activation", "must have a slope for the edge of chaos to be reached", activation)
    weight = 1 / slope_squared
    bias = q - weight * value_squared
    return CriticalVariances(weight=weight, bias=0.0 if abs(bias) <= ROUNDING * q else bias, second_moment=q)
