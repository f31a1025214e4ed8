"""From uniform to normal numbers, by operations that every machine rounds alike.

The Box-Muller transform takes u in (0, 1] and v in [0, 1) to two independent draws from N(0, 1),

    z0 = sqrt(-2 ln u) cos(2 pi v),    z1 = sqrt(-2 ln u) sin(2 pi v).

The logarithms and sines of numerical libraries differ in their last bit from one processor to the next. Here they
are series of additions, multiplications, divisions and square roots, which IEEE 754 rounds correctly, in a fixed
order: the same seed is the same network on every machine, and a compiled twin can equal this file bit for bit.

Source: Box & Muller (1958), A note on the generation of random normal deviates,
https://doi.org/10.1214/aoms/1177706645
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from firstdraw.arrays import Floats

__all__ = ["box_muller", "logarithm", "sine_and_cosine_of_turns"]

# The truncation errors stay below half a unit in the last place: |s| <= 0.1716 for 11 terms of the logarithm,
# |x| <= pi/4 for 9 terms of sine and cosine.
LOGARITHM_TERMS: Final = tuple(2.0 / (2 * k + 1) for k in range(11))
SINE_TERMS: Final = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(9))
COSINE_TERMS: Final = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(9))
# ln 2 in two parts: the upper has 32 trailing zero bits, so that its product with an exponent is exact.
LN2_UPPER: Final = float.fromhex("0x1.62e42fee00000p-1")
LN2_LOWER: Final = float.fromhex("0x1.a39ef35793c76p-33")
HALF_TURN: Final = math.pi


def _horner(terms: tuple[float, ...], x: Floats) -> Floats:
    """Return terms[0] + terms[1] x + terms[2] x^2 + ..., highest power first."""
    total = np.full_like(x, terms[-1])
    for term in reversed(terms[:-1]):
        total = total * x + term
    return total


def logarithm(u: Floats) -> Floats:
    """Return ln u for positive normal float64 u, with an error below 3 units in the last place.

    With u = 2^e m, m in [sqrt(1/2), sqrt(2)) and s = (m - 1)/(m + 1): ln u = e ln 2 + 2 (s + s^3/3 + s^5/5 + ...).

    >>> float(logarithm(np.array([0.5]))[0])
    -0.6931471805599453
    """
    m, e = np.frexp(u)
    low = m < math.sqrt(0.5)
    m = np.where(low, m + m, m)
    e = np.where(low, e - 1, e).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    return e * LN2_UPPER + (e * LN2_LOWER + s * _horner(LOGARITHM_TERMS, s * s))


def sine_and_cosine_of_turns(v: Floats) -> tuple[Floats, Floats]:
    """Return sin(2 pi v) and cos(2 pi v) for v in [0, 1), with an error below 2 units in the last place of 1.

    The nearest quarter turn k/4 is subtracted, exactly, and put back by exchanging and negating the two.

    >>> sine, cosine = sine_and_cosine_of_turns(np.array([0.125]))
    >>> float(sine[0]), float(cosine[0])
    (0.7071067811865476, 0.7071067811865475)
    """
    k = np.floor(v * 4.0 + 0.5)
    x = (v - k * 0.25) * 2.0 * HALF_TURN
    sine = x * _horner(SINE_TERMS, x * x)
    cosine = _horner(COSINE_TERMS, x * x)
    quarter = k.astype(np.int64) & 3
    swapped = (quarter & 1) == 1
    sine, cosine = np.where(swapped, cosine, sine), np.where(swapped, sine, cosine)
    return np.where(quarter >= 2, -sine, sine), np.where((quarter == 1) | (quarter == 2), -cosine, cosine)


def box_muller(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Return z0 and z1 for u in (0, 1] and v in [0, 1)."""
    radius = np.sqrt(-2.0 * logarithm(u))
    sine, cosine = sine_and_cosine_of_turns(v)
    return radius * cosine, radius * sine
