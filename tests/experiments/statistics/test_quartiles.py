"""Quartiles are those of NumPy where all is finite, and what diverged is the worst of all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.errors import InputError
from firstdraw.experiments.statistics.quartiles import quartiles

NUMBERS = st.floats(-1e308, 1e308)


@given(st.lists(st.lists(st.floats(-1e150, 1e150), min_size=3, max_size=3), min_size=1, max_size=12))
def test_finite_quartiles_are_those_of_numpy(rows: list[list[float]]) -> None:
    found = quartiles(np.array(rows))
    for share, got in ((0.25, found.low), (0.5, found.median), (0.75, found.high)):
        np.testing.assert_allclose(
            got, np.quantile(rows, share, axis=0), rtol=1e-12, atol=1e-300 + 1e-15 * np.abs(rows).max()
        )


@given(st.lists(NUMBERS | st.sampled_from([math.nan, math.inf]), min_size=1, max_size=12))
def test_quartiles_are_in_order_and_never_nan(values: list[float]) -> None:
    found = quartiles(values)
    assert found.low <= found.median <= found.high
    known = [value for value in values if not math.isnan(value)]
    assert found.low >= min(known, default=math.inf)


@given(st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=12))
def test_accuracies_are_costs_the_other_way_around(values: list[float]) -> None:
    higher, lower = quartiles(values, higher_is_better=True), quartiles(-np.array(values))
    for turned, plain in ((higher.low, lower.high), (higher.median, lower.median), (higher.high, lower.low)):
        assert float(-turned) == pytest.approx(float(plain), rel=1e-14)


def test_half_of_the_runs_diverging_leaves_no_finite_median() -> None:
    assert quartiles([1.0, 2.0, math.nan, math.nan]).median == math.inf
    assert quartiles([1.0, 2.0, 3.0, math.nan, math.nan]).median == 3.0
    assert quartiles([0.9, math.nan], higher_is_better=True).low == -math.inf


def test_no_run_has_no_quartiles() -> None:
    with pytest.raises(InputError) as caught:
        quartiles(np.zeros((0, 3)))
    assert str(caught.value) == "`values` must have one run or more, and is empty"
