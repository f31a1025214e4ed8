"""The quantiles of the truncated Gaussian law, against mpmath."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from firstdraw.draws import DRAWS, CounterDraws, NumpyLegacyDraws
from firstdraw.draws.quantile import masses, truncated_normal

UNIT = 2.0**-53
CUTS = [1e-9, 1e-3, 0.5, 1.0, 2.0, 3.0, 7.0, 12.0, 100.0]
# The ends, the middle, the bounds between the polynomials and their neighbors, and numbers between.
BOUNDS = np.array([0.075, 0.925, math.exp(-25)])
IN_UNIT_INTERVAL = np.unique(
    np.concatenate(
        [
            [0.0, 0.5, 0.5 - UNIT, 0.5 + UNIT],
            UNIT * 2.0 ** np.arange(53),
            1 - UNIT * 2.0 ** np.arange(53),
            BOUNDS,
            np.nextafter(BOUNDS, 0),
            np.nextafter(BOUNDS, 1),
            np.random.default_rng(4).integers(0, 2**53, 200) * UNIT,
        ]
    )
)


@pytest.mark.parametrize("cut", CUTS)
def test_a_draw_is_the_quantile_of_its_uniform_number(cut: float) -> None:
    with mpmath.workdps(40):
        within, beyond = map(mpmath.mpf, masses(cut))
        for u, x in zip(IN_UNIT_INTERVAL, truncated_normal(IN_UNIT_INTERVAL, cut), strict=True):
            place = max(mpmath.mpf(float(u)), mpmath.mpf(2) ** -54)
            # Where a mass is small it says the place best, and near the middle the distance from there.
            tail = beyond + min(place, 1 - place) * within
            center = 2 * tail - 1 if tail < 0.1 else -abs(2 * place - 1) * within
            exact = mpmath.sqrt(2) * mpmath.erfinv(center) * (1 if u < 0.5 else -1)
            assert abs(x - max(-cut, min(exact, cut))) <= 8e-16 * abs(exact) + 1e-300


@pytest.mark.parametrize("cut", CUTS)
def test_the_masses_within_and_beyond_the_cut_are_right_to_twelve_digits_and_leave_nothing(cut: float) -> None:
    within, beyond = masses(cut)
    with mpmath.workdps(30):
        exact = mpmath.ncdf(-mpmath.mpf(cut))
        assert abs(within - (1 - 2 * exact)) <= 2.0**-40 * (1 - 2 * exact)
        assert abs(beyond - exact) <= 2.0**-40 * exact + 1e-308
    assert within + 2 * beyond == 1.0


def test_the_masses_have_no_more_digits_than_every_library_agrees_on() -> None:
    assert math.ldexp(math.frexp(masses(2.0)[1])[0], 40).is_integer()
    assert math.ldexp(math.frexp(masses(1e-9)[0])[0], 40).is_integer()
    assert masses(math.inf) == (1.0, 0.0)


@pytest.mark.parametrize("cut", CUTS)
def test_draws_grow_with_their_uniform_number_and_stay_within_the_cut(cut: float) -> None:
    x = truncated_normal(np.sort(IN_UNIT_INTERVAL), cut)
    # Where two polynomials meet, and where the law is narrow, neighbors may differ by a rounding.
    assert (np.diff(x) >= -1e-15 * np.abs(x[1:])).all()
    assert np.abs(x).max() <= cut


@pytest.mark.parametrize("source", list(DRAWS))
def test_no_draw_of_a_million_is_an_outlier_in_float32(source: str) -> None:
    draws: Any = DRAWS[source](seed=0)
    x = draws.truncated_normal("w", (1_000_000,), 2.0, scale=1e-4, out=np.empty(1_000_000, np.float32))
    assert np.abs(x).max() <= np.float32(2e-4)
    assert abs(x).max() > 1.999e-4


def test_numpy_s_legacy_stream_gives_the_quantiles_of_its_next_uniform_numbers() -> None:
    u = np.random.RandomState(3).random_sample((2, 3))
    np.testing.assert_array_equal(NumpyLegacyDraws(seed=3).truncated_normal("w", (2, 3), 2.0), truncated_normal(u, 2.0))


@pytest.mark.parametrize("source", [CounterDraws, NumpyLegacyDraws])
def test_a_cut_that_leaves_nothing_is_refused(source: Any) -> None:
    with pytest.raises(ValueError, match=r"^`cut` must be a finite number above 0, got 0$"):
        source(seed=0).truncated_normal("w", (2,), 0)
