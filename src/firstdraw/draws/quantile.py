"""The quantiles of the Gaussian law, by operations that every machine rounds alike.

From p in (0, 1/2], the mass of the lower tail, and q = 1/2 - p, the x > 0 with Phi(-x) = p is a ratio of two
polynomials of degree 7,

    x = q A(r)/B(r),  r = 0.180625 - q^2            for q <= 0.425,
    x = C(r)/D(r),    r = sqrt(-ln p) - 1.6         for sqrt(-ln p) <= 5 beyond it,
    x = E(r)/F(r),    r = sqrt(-ln p) - 5           farther out,

each within 1e-16 of x relative to it but for rounding. As in `firstdraw.draws.gaussian`, only additions,
multiplications, divisions and square roots are used, in a fixed order.

Source: Wichura (1988), Algorithm AS 241: The Percentage Points of the Normal Distribution,
https://doi.org/10.2307/2347330
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstdraw.arrays import Floats
from firstdraw.draws.gaussian import logarithm

__all__ = ["masses", "truncated_normal"]

NEAR: Final = 0.425
NEAR_SQUARED: Final = 0.180625
MIDDLE: Final = 1.6
FAR: Final = 5.0
# A to F, from the constant to r^7.
NEAR_ABOVE: Final = (
    3.3871328727963666080e0,
    1.3314166789178437745e2,
    1.9715909503065514427e3,
    1.3731693765509461125e4,
    4.5921953931549871457e4,
    6.7265770927008700853e4,
    3.3430575583588128105e4,
    2.5090809287301226727e3,
)
NEAR_BELOW: Final = (
    1.0,
    4.2313330701600911252e1,
    6.8718700749205790830e2,
    5.3941960214247511077e3,
    2.1213794301586595867e4,
    3.9307895800092710610e4,
    2.8729085735721942674e4,
    5.2264952788528545610e3,
)
MIDDLE_ABOVE: Final = (
    1.42343711074968357734e0,
    4.63033784615654529590e0,
    5.76949722146069140550e0,
    3.64784832476320460504e0,
    1.27045825245236838258e0,
    2.41780725177450611770e-1,
    2.27238449892691845833e-2,
    7.74545014278341407640e-4,
)
MIDDLE_BELOW: Final = (
    1.0,
    2.05319162663775882187e0,
    1.67638483018380384940e0,
    6.89767334985100004550e-1,
    1.48103976427480074590e-1,
    1.51986665636164571966e-2,
    5.47593808499534494600e-4,
    1.05075007164441684324e-9,
)
FAR_ABOVE: Final = (
    6.65790464350110377720e0,
    5.46378491116411436990e0,
    1.78482653991729133580e0,
    2.96560571828504891230e-1,
    2.65321895265761230930e-2,
    1.24266094738807843860e-3,
    2.71155556874348757815e-5,
    2.01033439929228813265e-7,
)
FAR_BELOW: Final = (
    1.0,
    5.99832206555887937690e-1,
    1.36929880922735805310e-1,
    1.48753612908506148525e-2,
    7.86869131145613259100e-4,
    1.84631831751005468180e-5,
    1.42151175831644588870e-7,
    2.04426310338993978564e-15,
)
# Half the distance between neighbors among the uniform numbers: the ends of the interval stand for its outermost cell.
LEAST: Final = 2.0**-54
# Mathematical libraries differ in the last bits of the error function; these many are the same in all.
COMMON_BITS: Final = 40


@lru_cache(maxsize=64)
def masses(cut: float) -> tuple[float, float]:
    """Return Phi(c) - Phi(-c) and Phi(-c), c = `cut`: how much of N(0, 1) lies within the cut, and beyond on each side.

    The smaller one has the 40 binary digits that all mathematical libraries agree on, and the other what is left.

    >>> within, beyond = masses(2.0)
    >>> round(within, 11), within + 2 * beyond
    (0.9544997361, 1.0)
    """
    within, beyond = math.erf(cut / math.sqrt(2)), math.erfc(cut / math.sqrt(2)) / 2
    if beyond < within / 2:
        beyond = _common(beyond)
        return 1.0 - 2.0 * beyond, beyond
    within = _common(within)
    return within, (1.0 - within) / 2.0


def _common(mass: float) -> float:
    mantissa, exponent = math.frexp(mass)
    return math.ldexp(round(mantissa * 2**COMMON_BITS), exponent - COMMON_BITS)


def truncated_normal(u: Floats, cut: float) -> Floats:
    """Return the draws from N(0, 1) given that it lies within `cut`, for u in [0, 1).

    x is the quantile of Phi(-c) + u (Phi(c) - Phi(-c)), with c the cut.

    >>> float(truncated_normal(np.array([0.5]), 2.0)[0])
    0.0
    """
    within, beyond = masses(cut)
    q = np.abs(u - 0.5) * within
    p = np.maximum(np.minimum(u, 1.0 - u), LEAST) * within + beyond
    x = np.minimum(_distance(q, p), cut)
    return np.where(u < 0.5, -x, x)


def _distance(q: Floats, p: Floats) -> Floats:
    """Return the x >= 0 with Phi(-x) = p = 1/2 - q, each of both exact where it is the smaller."""
    near = q <= NEAR
    root = np.sqrt(-logarithm(p))
    far = root > FAR
    r = np.where(near, NEAR_SQUARED - q * q, root - np.where(far, FAR, MIDDLE))
    above = below = np.zeros_like(r)
    for power in reversed(range(8)):
        above = above * r + _chosen(near, far, NEAR_ABOVE, MIDDLE_ABOVE, FAR_ABOVE, power)
        below = below * r + _chosen(near, far, NEAR_BELOW, MIDDLE_BELOW, FAR_BELOW, power)
    return np.where(near, q * above, above) / below


def _chosen(
    near: NDArray[np.bool_],
    far: NDArray[np.bool_],
    near_terms: tuple[float, ...],
    middle_terms: tuple[float, ...],
    far_terms: tuple[float, ...],
    power: int,
) -> Floats:
    """Return the coefficients of r^power, each element's of its own polynomial."""
    return np.where(near, near_terms[power], np.where(far, far_terms[power], middle_terms[power]))
