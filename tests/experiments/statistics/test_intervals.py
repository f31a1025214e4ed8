"""Means, medians and shares with their intervals: by formula, by enumeration, by simulation, and at the edges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from firstdraw.errors import InputError
from firstdraw.experiments.statistics import Estimate, mean_interval, median_interval, share_interval

Interval = Callable[..., Estimate]
BOTH = pytest.mark.parametrize(("interval", "statistic"), [(mean_interval, np.mean), (median_interval, np.median)])
SMALL = [0.3, 1.9, 1.1, 4.2, 2.0]
samples = st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=2, max_size=12)


def _bca_shares(sample: Sequence[float], statistic: Callable[..., Any], level: float) -> tuple[Any, float, float]:
    """The exact bootstrap distribution of a few values, and the shares of it below both ends."""
    t = float(statistic(sample))
    resampled = np.sort([statistic(resample) for resample in itertools.product(sample, repeat=len(sample))])
    without = np.array([statistic(np.delete(sample, i)) for i in range(len(sample))])
    u = without.mean() - without
    k = (u**3).sum() / (6 * (u**2).sum() ** 1.5)
    below, equal = np.mean(resampled < t - 1e-12), np.mean(abs(resampled - t) <= 1e-12)
    z0 = special.ndtri(below + equal / 2)
    z = special.ndtri((1 - level) / 2)
    low, high = (float(special.ndtr(z0 + (z0 + end) / (1 - k * (z0 + end)))) for end in (z, -z))
    return resampled, low, high


@BOTH
@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_ends_are_the_quantiles_of_the_exact_bootstrap_distribution(
    interval: Interval, statistic: Callable[..., Any], level: float, seed: int
) -> None:
    resampled, low, high = _bca_shares(SMALL, statistic, level)
    found = interval(SMALL, level=level, seed=seed)
    assert found.value == pytest.approx(statistic(SMALL), rel=1e-15)
    for end, share in ((found.low, low), (found.high, high)):
        # What 9,999 resamples and a z0 found from them leave uncertain, five times over.
        error = 5 * (math.sqrt(share * (1 - share) / 9999) + stats.norm.pdf(special.ndtri(share)) * 0.0126 * 2)
        lower, upper = np.quantile(resampled, [max(share - error, 0), min(share + error, 1)])
        assert lower - 1e-12 <= end <= upper + 1e-12


@settings(max_examples=20)
@given(samples, st.randoms(use_true_random=False))
def test_the_order_of_the_seeds_does_not_matter(values: list[float], random: Any) -> None:
    shuffled = random.sample(values, len(values))
    assert mean_interval(shuffled) == mean_interval(values)
    assert median_interval(shuffled) == median_interval(values)


@BOTH
@settings(max_examples=20)
@given(samples, st.sampled_from([-20, 3, 500]))
def test_an_interval_scales_with_its_values(
    interval: Interval, statistic: Callable[..., Any], values: list[float], exponent: int
) -> None:
    del statistic
    found, scaled = interval(values), interval([math.ldexp(value, exponent) for value in values])
    assert (scaled.value, scaled.low, scaled.high) == tuple(
        math.ldexp(number, exponent) for number in (found.value, found.low, found.high)
    )


@BOTH
@settings(max_examples=20)
@given(samples)
def test_no_interval_surprises(interval: Interval, statistic: Callable[..., Any], values: list[float]) -> None:
    found = interval(values)
    assert found.value == pytest.approx(statistic(values), rel=1e-12, abs=1e-12)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    if found.low == found.high and not found.remark:
        assert len(set(values)) <= 2


@BOTH
@pytest.mark.parametrize("values", [[1e308, -1e308, 1.2e308], [5e-324, 1e-323, 0.0], [0.5, -1.7e308, 1.7e308, 2.0]])
def test_the_ends_of_float64_are_no_edge(
    interval: Interval, statistic: Callable[..., Any], values: list[float]
) -> None:
    del statistic
    found = interval(values)
    assert min(values) <= found.low <= found.value <= found.high <= max(values)
    assert found.low < found.high


@settings(max_examples=20)
@given(st.lists(st.floats(-100, 100), min_size=6, max_size=9), st.integers(1, 4), st.floats(1, 1e3))
def test_an_infinite_value_stands_behind_all_others(values: list[float], infinite: int, beyond: float) -> None:
    found = median_interval([*values, *[math.inf] * infinite])
    largest = max(values)
    with_number = median_interval([*values, *[largest + 200 * beyond] * infinite])
    for end, number in ((found.value, with_number.value), (found.low, with_number.low)):
        assert (end == math.inf) == (number > largest)
        if number <= largest:
            assert end == pytest.approx(number, rel=1e-9, abs=1e-9)
    assert (found.high == math.inf) == (with_number.high > largest)


def test_infinite_values_on_both_sides_leave_no_nan() -> None:
    found = median_interval([-math.inf] * 3 + [math.inf] * 3)
    assert (found.value, found.low, found.high) == (0.0, -math.inf, math.inf)
    assert median_interval([math.inf] * 4) == Estimate(math.inf, math.inf, math.inf, 0.95, "all 4 values are equal")


@BOTH
def test_what_is_particular_is_said(interval: Interval, statistic: Callable[..., Any]) -> None:
    del statistic
    assert interval([3.0]) == Estimate(3.0, -math.inf, math.inf, 0.95, "one value tells nothing of others")
    assert interval([0.1] * 7, level=0.9) == Estimate(0.1, 0.1, 0.1, 0.9, "all 7 values are equal")


def test_a_median_without_a_bca_interval_has_a_percentile_interval() -> None:
    found = median_interval([1.0, 2.0, 2.0, 2.0, 3.0])
    assert found.remark == "a percentile interval, as BCa has none for it"
    medians = np.sort([np.median(resample) for resample in itertools.product([1, 2, 2, 2, 3], repeat=5)])
    assert (found.low, found.high) == tuple(np.quantile(medians, [0.025, 0.975]))


# The coverages were measured once with 1,500 samples of other seeds.
@pytest.mark.parametrize(
    ("interval", "draw", "middle", "coverage"),
    [
        (mean_interval, "normal", 0.0, 0.917),
        (mean_interval, "exponential", 1.0, 0.908),
        (median_interval, "normal", 0.0, 0.939),
    ],
)
def test_an_interval_covers_as_often_as_its_docstring_says(
    interval: Interval, draw: str, middle: float, coverage: float, plausible: Callable[[int, int, float], bool]
) -> None:
    stream = np.random.default_rng(1)
    found = [interval(getattr(stream, draw)(size=20), seed=i) for i in range(200)]
    covered = sum(item.low <= middle <= item.high for item in found)
    assert plausible(covered, len(found), coverage)


# The score intervals of four shares as Newcombe prints them: Two-sided confidence intervals for the single proportion
# (1998), https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
@pytest.mark.parametrize(
    ("count", "runs", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_a_share_has_the_interval_of_the_literature(count: int, runs: int, low: float, high: float) -> None:
    found = share_interval(count, runs)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 400), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_a_share_has_the_interval_of_the_formula(n: int, share: float, level: float) -> None:
    k = round(share * n)
    p, z = k / n, special.ndtri((1 + level) / 2)
    middle, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    found = share_interval(k, n, level=level)
    assert found.value == p
    assert found.low == pytest.approx((middle - half) / (1 + z**2 / n), rel=1e-9, abs=1e-9)
    assert found.high == pytest.approx((middle + half) / (1 + z**2 / n), rel=1e-9)


def test_the_interval_of_a_share_covers_on_average_what_it_says() -> None:
    n = 20
    intervals = [share_interval(k, n) for k in range(n + 1)]
    coverages = [
        sum(stats.binom.pmf(k, n, p) for k, item in enumerate(intervals) if item.low <= p <= item.high)
        for p in np.linspace(0.001, 0.999, 999)
    ]
    assert np.mean(coverages) == pytest.approx(0.95, abs=0.01)
    assert np.min(coverages[50:-50]) > 0.91


@pytest.mark.parametrize(
    ("estimate", "pattern", "text"),
    [
        (Estimate(0.5, 0.25, 0.75, 0.95), ".0%", "50% (25% to 75%)"),
        (Estimate(0.5, 0.5, 0.5, 0.95), ".4f", "0.5000"),
        (Estimate(0.5, 0.5 - 1e-9, 0.5 + 1e-9, 0.95), ".4f", "0.5000"),
        (Estimate(2.0, 1.0, math.inf, 0.95), ".3g", "2 (1 to inf)"),
    ],
)
def test_an_estimate_is_written_with_its_ends_where_they_show(estimate: Estimate, pattern: str, text: str) -> None:
    assert format(estimate, pattern) == text


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: mean_interval([]), "`values` must be a list of one number or more, got []"),
        (lambda: median_interval([[1.0]]), "`values` must be a list of one number or more, got [[1.0]]"),
        (lambda: mean_interval([1.0, math.inf]), "`values[1]` must be a finite number, got inf"),
        (lambda: mean_interval([math.nan, 1.0]), "`values[0]` must be a finite number, got nan"),
        (lambda: median_interval([1.0, 2.0, math.nan]), "`values[2]` must be a number or infinite, got nan"),
        (lambda: mean_interval([1.0, 2.0], level=0.0), "`level` must be above 0 and below 1, got 0.0"),
        (lambda: mean_interval([1.0, 2.0], level=1), "`level` must be a number of at least 0 and below 1, got 1"),
        (lambda: share_interval(3, 0), "`runs` must be a positive integer, got 0"),
        (lambda: share_interval(-1, 2), "`count` must be an integer of at least 0, got -1"),
        (lambda: share_interval(3, 2), "`count` must be at most the number of runs, 2, got 3"),
    ],
)
def test_what_has_no_interval_is_refused(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == sentence
