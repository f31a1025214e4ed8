"""Steps to a threshold: Kaplan-Meier and the log-rank test, by textbook, by definition and by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from firstdraw.errors import InputError
from firstdraw.experiments.statistics import Times, log_rank, survival, times_to

# Weeks of remission of leukemia, Freireich et al. (1963), https://doi.org/10.1182/blood.V21.6.699.699, which textbooks
# work through: with 6-mercaptopurine, a minus for those still in remission when last seen, and with a placebo.
DRUG = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def _times(weeks: list[int]) -> Times:
    return Times(np.abs(np.array(weeks, np.float64)), np.array(weeks) > 0)


groups = st.lists(st.tuples(st.integers(1, 8), st.booleans()), min_size=1, max_size=12).map(
    lambda pairs: Times(np.array([float(t) for t, _ in pairs]), np.array([e for _, e in pairs]))
)


def test_the_curve_of_the_textbook() -> None:
    found = survival(_times(DRUG))
    share = dict(zip(found.steps.tolist(), found.share.tolist(), strict=True))
    for week, expected in ((6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (16, 0.627), (22, 0.538), (23, 0.448)):
        assert share[week] == pytest.approx(expected, abs=5e-4)
    assert (found.median.value, found.runs, found.reached) == (23, 21, 9)
    assert survival(_times(PLACEBO)).median.value == 8


def test_the_test_of_the_textbook() -> None:
    found = log_rank(_times(DRUG), _times(PLACEBO))
    assert found.statistic**2 == pytest.approx(16.79, abs=5e-3)
    assert found.statistic < 0
    assert found.p == pytest.approx(math.erfc(math.sqrt(16.79 / 2)), rel=0.01)


@given(groups)
def test_the_curve_is_the_product_of_its_definition(times: Times) -> None:
    found = survival(times)
    share, variance = 1.0, 0.0
    for i, t in enumerate(np.unique(times.steps)):
        at_risk, events = int(np.sum(times.steps >= t)), int(np.sum(times.reached & (times.steps == t)))
        share *= 1 - events / at_risk
        assert found.share[i] == pytest.approx(share, abs=1e-12)
        if 1e-9 < share < 1:
            variance += events / (at_risk * (at_risk - events))
            half = special.ndtri(0.975) * math.sqrt(variance) / abs(math.log(share))
            assert found.low[i] == pytest.approx(share ** math.exp(half), abs=1e-9)
            assert found.high[i] == pytest.approx(share ** math.exp(-half), abs=1e-9)
        else:
            assert (found.low[i], found.high[i]) == (0, 1)


@given(groups)
def test_the_median_is_where_the_curves_are_half(times: Times) -> None:
    found = survival(times)
    for end, curve in (
        (found.median.value, found.share),
        (found.median.low, found.low),
        (found.median.high, found.high),
    ):
        reached = [t for t, share, s in zip(found.steps, curve, found.share, strict=True) if share <= 0.5 and s < 1]
        assert end == (min(reached) if reached else math.inf if found.reached or curve is not found.low else 0)
    assert found.median.low <= found.median.value <= found.median.high
    assert bool(found.median.remark) == (found.median.value == math.inf)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_without_censoring_the_curve_is_the_share_of_runs_still_to_come(steps: list[int]) -> None:
    found = survival(Times(np.array(steps, np.float64), np.ones(len(steps), bool)))
    expected = [np.mean(np.array(steps) > t) for t in found.steps]
    np.testing.assert_allclose(found.share, expected, atol=1e-12)


def _by_definition(first: Times, second: Times) -> float:
    observed = expected = variance = 0.0
    steps, reached = np.concatenate([first.steps, second.steps]), np.concatenate([first.reached, second.reached])
    for t in np.unique(steps[reached]):
        n, n1 = np.sum(steps >= t), np.sum(first.steps >= t)
        d, d1 = np.sum(reached & (steps == t)), np.sum(first.reached & (first.steps == t))
        observed, expected = observed + d1, expected + d * n1 / n
        variance += d * (n1 / n) * (1 - n1 / n) * (n - d) / (n - 1) if n > 1 else 0.0
    return (observed - expected) / math.sqrt(variance) if variance > 1e-12 else 0.0


@given(groups, groups)
def test_the_test_is_that_of_its_definition(first: Times, second: Times) -> None:
    found = log_rank(first, second)
    assert found.statistic == pytest.approx(_by_definition(first, second), abs=1e-9)
    assert found.p == pytest.approx(math.erfc(abs(found.statistic) / math.sqrt(2)), abs=1e-12)


@given(groups, groups, st.sampled_from([np.sqrt, np.exp, lambda t: 3 * t + 1]))
def test_the_test_knows_the_order_of_the_steps_alone(first: Times, second: Times, transform: Any) -> None:
    found = log_rank(first, second)
    moved = log_rank(*(Times(transform(times.steps), times.reached) for times in (first, second)))
    swapped = log_rank(second, first)
    assert moved == found
    assert swapped.statistic == pytest.approx(-found.statistic, abs=1e-9)


def test_where_nobody_reaches_it_nothing_is_told_apart() -> None:
    never = Times(np.full(5, 10.0), np.zeros(5, bool))
    assert (log_rank(never, never).statistic, log_rank(never, never).p) == (0.0, 1.0)
    found = survival(never)
    assert (found.share.tolist(), found.low.tolist(), found.high.tolist()) == ([1.0], [0.0], [1.0])
    assert (found.median.low, found.median.remark) == (0.0, "no run reaches it")


def test_a_run_that_leaves_before_the_first_event_does_not_tell_of_the_median() -> None:
    steps = np.arange(1.0, 41.0)
    found = survival(Times(steps, steps > 1)).median
    assert 10 < found.low < found.value < found.high
    few = survival(Times(steps, steps < 10)).median
    assert (few.value, few.remark) == (math.inf, "it is not seen that half of the runs reach it")


def test_groups_without_difference_are_told_apart_as_often_as_is_said(
    plausible: Callable[[int, int, float], bool],
) -> None:
    stream = np.random.default_rng(4)

    def group() -> Times:
        steps = stream.exponential(size=25)
        return Times(np.minimum(steps, 1.5), steps < 1.5)

    mistaken = sum(log_rank(group(), group()).p <= 0.05 for _ in range(400))
    assert plausible(mistaken, 400, 0.05)


def test_the_interval_of_the_median_covers_it(plausible: Callable[[int, int, float], bool]) -> None:
    stream = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        steps = stream.exponential(size=40)
        found = survival(Times(np.minimum(steps, 1.5), steps < 1.5)).median
        covered += found.low <= math.log(2) <= found.high
    assert plausible(covered, 400, 0.95)


STEPS = np.array([0, 10, 20, 30])
COST = np.array(
    [
        [1.0, 0.5, 0.2, 0.1],
        [1.0, 0.4, 0.9, 0.3],
        [0.1, 0.1, 0.1, 0.1],
        [1.0, 0.9, 0.8, 0.7],
        [1.0, 9.0, np.nan, np.nan],
        [np.nan, np.nan, np.nan, np.nan],
    ]
)


def test_a_run_reaches_a_level_at_the_first_record_at_or_below_it() -> None:
    found = times_to(0.5, STEPS, COST)
    assert found.steps.tolist() == [10, 10, 0, 30, 30, 30]
    assert found.reached.tolist() == [True, True, True, False, False, False]


def test_a_diverged_run_may_leave_where_it_diverges() -> None:
    found = times_to(0.5, STEPS, COST, leave_at_divergence=True)
    assert found.steps.tolist() == [10, 10, 0, 30, 10, 0]
    assert found.reached.tolist() == [True, True, True, False, False, False]


def test_a_diverged_run_that_stays_is_counted_among_all() -> None:
    assert survival(times_to(0.5, STEPS, COST)).share[-1] == 0.5
    assert survival(times_to(0.5, STEPS, COST, leave_at_divergence=True)).share[-1] < 0.5


@given(st.floats(0.05, 1.0), st.floats(0.05, 1.0))
def test_a_lower_level_is_reached_no_earlier(first: float, second: float) -> None:
    lower, higher = (times_to(level, STEPS, COST) for level in sorted((first, second)))
    assert (lower.steps >= higher.steps).all()
    assert (lower.reached <= higher.reached).all()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Times(np.array([]), np.array([])), "`steps` must be a list with one step or more, one a run, got []"),
        (lambda: Times(np.ones(2), np.ones(3)), "`reached` must have one entry a run, 2, got (3,)"),
        (lambda: Times(np.array([1.0, np.nan]), np.ones(2)), "`steps[1]` must be a finite number, got nan"),
        (lambda: Times(np.array([1.0, -2.0]), np.ones(2)), "`steps[1]` must be at least 0, got -2.0"),
        (lambda: times_to(math.inf, STEPS, COST), "`level` must be a finite number, got inf"),
        (
            lambda: times_to(0.5, STEPS, COST[:, :2]),
            "`cost` must have a row a run and a column a recorded step, 4, got (6, 2)",
        ),
        (lambda: survival(_times(DRUG), level=0), "`level` must be above 0 and below 1, got 0"),
    ],
)
def test_what_are_no_times_is_refused(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == sentence
