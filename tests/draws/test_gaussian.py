"""The package's own logarithm, sine and cosine, against decimal arithmetic of 40 digits."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.draws.gaussian import box_muller, logarithm, sine_and_cosine_of_turns

DIGITS = 40
TWICE_PI = 2 * Decimal("3.14159265358979323846264338327950288419716939937510582097")
UNIT = 2.0**-53

STREAM = np.random.default_rng(3)
# What a draw can be: multiples of 2^-53 in (0, 1], dense near both ends and around the changes of branch.
IN_UNIT_INTERVAL = np.unique(
    np.concatenate(
        [
            UNIT * 2.0 ** np.arange(54),
            1 - UNIT * 2.0 ** np.arange(53),
            STREAM.integers(1, 2**53, 500) * UNIT,
            np.nextafter([math.sqrt(0.5), math.sqrt(0.125), 0.25, 0.5], 0),
            np.nextafter([math.sqrt(0.5), math.sqrt(0.125), 0.25, 0.5], 1),
        ]
    )
)
TURNS = np.unique(
    np.concatenate(
        [
            IN_UNIT_INTERVAL[IN_UNIT_INTERVAL < 1],
            np.arange(64) / 64,
            np.nextafter(np.arange(1, 16) / 16, 0),
            np.nextafter(np.arange(1, 16) / 16, 1),
        ]
    )
)


def exact_logarithm(u: float) -> Decimal:
    with localcontext(prec=DIGITS):
        return Decimal(u).ln()


def exact_sine(turns: float) -> Decimal:
    """Return sin(2 pi v) by its power series; the digits lost to cancellation are far fewer than are kept."""
    with localcontext(prec=DIGITS):
        x = TWICE_PI * Decimal(turns)
        term = total = x
        for k in range(1, 40):
            term *= -x * x / ((2 * k) * (2 * k + 1))
            total += term
        return total


def exact_cosine(turns: float) -> Decimal:
    with localcontext(prec=DIGITS):
        x = TWICE_PI * Decimal(turns)
        term = total = Decimal(1)
        for k in range(1, 40):
            term *= -x * x / ((2 * k - 1) * (2 * k))
            total += term
        return total


def error_in_units(got: float, exact: Decimal, unit: float) -> float:
    return float(abs(Fraction(got) - Fraction(exact)) / Fraction(unit))


def test_the_logarithm_is_right_to_three_units_in_its_last_place() -> None:
    got = logarithm(IN_UNIT_INTERVAL)
    errors = [
        error_in_units(y, exact_logarithm(u), math.ulp(y))
        for u, y in zip(IN_UNIT_INTERVAL.tolist(), got.tolist(), strict=True)
    ]
    assert max(errors) < 3


def test_the_logarithm_holds_over_all_normal_numbers() -> None:
    u = np.array([2.0**-1022, 1e-300, 3.0, 1e5, 1e300, 1.7976931348623157e308])
    for x, y in zip(u.tolist(), logarithm(u).tolist(), strict=True):
        assert error_in_units(y, exact_logarithm(x), math.ulp(y)) < 3


def test_the_logarithm_of_one_is_zero_exactly() -> None:
    assert logarithm(np.array([1.0])).tolist() == [0.0]


def test_sine_and_cosine_are_right_to_two_units_in_the_last_place_of_one() -> None:
    sine, cosine = sine_and_cosine_of_turns(TURNS)
    for v, s, c in zip(TURNS.tolist(), sine.tolist(), cosine.tolist(), strict=True):
        assert error_in_units(s, exact_sine(v), 2.0**-52) < 2, v
        assert error_in_units(c, exact_cosine(v), 2.0**-52) < 2, v


@pytest.mark.parametrize(("turns", "sine", "cosine"), [(0.0, 0, 1), (0.25, 1, 0), (0.5, 0, -1), (0.75, -1, 0)])
def test_quarter_turns_are_exact(turns: float, sine: float, cosine: float) -> None:
    s, c = sine_and_cosine_of_turns(np.array([turns]))
    assert (s[0], c[0]) == (sine, cosine)


@given(st.integers(1, 2**53), st.integers(0, 2**53 - 1))
def test_box_muller_is_its_formula(i: int, j: int) -> None:
    u, v = i * UNIT, j * UNIT
    z0, z1 = (float(z[0]) for z in box_muller(np.array([u]), np.array([v])))
    with localcontext(prec=DIGITS):
        radius = (-2 * Decimal(u).ln()).sqrt()
        exact_0, exact_1 = radius * exact_cosine(v), radius * exact_sine(v)
    # The radius is right to a relative 3e-16 and sine and cosine to an absolute 4.4e-16.
    unit = max(float(radius), UNIT) * 2.0**-52
    assert error_in_units(z0, exact_0, unit) < 5
    assert error_in_units(z1, exact_1, unit) < 5


def test_the_largest_normal_number_comes_from_the_smallest_uniform_one() -> None:
    z0, z1 = box_muller(np.array([UNIT]), np.array([0.0]))
    # sqrt(2 * 53 ln 2)
    assert z0[0] == pytest.approx(8.571674348652905, rel=1e-15)
    assert z1[0] == 0


def test_a_uniform_number_of_one_gives_zero() -> None:
    z0, z1 = box_muller(np.array([1.0]), np.array([0.3]))
    assert (z0[0], z1[0]) == (0, 0)
