"""Paired comparisons: by textbook, by all sign flips, by simulation, and in every order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from firstdraw.errors import InputError
from firstdraw.experiments.statistics import (
    SignedRank,
    compare_paired,
    differences,
    mcnemar,
    median_interval,
    signed_rank,
)

# Heights of Darwin's pairs of maize plants, crossed less self-fertilized, in eighths of an inch: Fisher, The Design of
# Experiments (1935), chapter 3.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
some = st.lists(st.integers(-6, 6), min_size=1, max_size=10)
costs = st.one_of(st.integers(0, 8).map(float), st.just(math.inf))
# A bootstrap for each, so there are fewer examples.
pairs = st.lists(st.tuples(costs, costs), min_size=2, max_size=10)


def _by_all_flips(d: list[int]) -> tuple[float, float]:
    """Return p and the rank-biserial correlation, by what every exchange within pairs would have given."""
    kept = np.array([value for value in d if value], np.float64)
    if not kept.size:
        return 1.0, 0.0
    ranks = stats.rankdata(abs(kept))
    sums = np.array([np.dot(signs, ranks) for signs in itertools.product((-1, 1), repeat=len(kept))])
    given_sum = np.dot(np.sign(kept), ranks)
    return float(np.mean(abs(sums) >= abs(given_sum) - 1e-9)), float(-given_sum / ranks.sum())


def test_the_test_of_the_textbook() -> None:
    found = signed_rank(MAIZE)
    # The ranks of the two negative ones are 11 and 14 of 1 to 15.
    assert found.rank_biserial == pytest.approx(-(120 - 2 * 24) / 120)
    assert found.p == pytest.approx(0.04126, abs=5e-6)


@given(some)
def test_a_p_value_is_the_share_of_all_exchanges_within_pairs(d: list[int]) -> None:
    p, effect = _by_all_flips(d)
    assert signed_rank(d) == SignedRank(sum(map(bool, d)), pytest.approx(effect), pytest.approx(p))


@pytest.mark.parametrize("n", range(1, 20))
def test_the_least_possible_p_halves_with_every_seed(n: int) -> None:
    assert signed_rank(np.arange(1, n + 1)).p == pytest.approx(2.0 ** (1 - n), rel=1e-12)


@pytest.mark.parametrize("n", [14, 30, 50])
def test_ties_that_are_hardly_any_change_hardly_anything(n: int) -> None:
    d = np.random.default_rng(n).normal(0.3, 1.0, size=n)
    d[1] = -d[0]
    apart = d + np.where(np.arange(n) == 1, 1e-9, 0.0)
    assert signed_rank(d).p == pytest.approx(signed_rank(apart).p, rel=0.05)


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0])
def test_from_fifty_pairs_on_the_normal_distribution_is_as_good(shift: float) -> None:
    d = np.random.default_rng(8).normal(shift, 2.0, size=50).round(1)
    exact, normal = signed_rank(d).p, float(stats.wilcoxon(d[d != 0], method="asymptotic").pvalue)
    assert exact == pytest.approx(normal, rel=0.05)
    assert signed_rank([*d, *d]).p == pytest.approx(float(stats.wilcoxon([*d, *d], method="asymptotic").pvalue))


@settings(max_examples=20)
@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_the_seeds_does_not_matter(values: list[tuple[float, float]], random: Any) -> None:
    shuffled = random.sample(values, len(values))
    one, other = (compare_paired(*map(list, zip(*order, strict=True))) for order in (values, shuffled))
    assert one == other


@settings(max_examples=20)
@given(pairs)
def test_exchanged_initializations_exchange_their_roles(values: list[tuple[float, float]]) -> None:
    first, second = (list(column) for column in zip(*values, strict=True))
    one, other = compare_paired(first, second), compare_paired(second, first)
    assert (one.better, one.worse, one.tied) == (other.worse, other.better, other.tied)
    assert one.superiority == pytest.approx(1 - other.superiority)
    assert (one.rank_biserial, one.p) == (-other.rank_biserial, other.p)
    assert one.median_difference.value == -other.median_difference.value


@settings(max_examples=20)
@given(pairs)
def test_the_counts_are_those_of_the_pairs(values: list[tuple[float, float]]) -> None:
    found = compare_paired(*map(list, zip(*values, strict=True)))
    assert found.better == sum(a < b for a, b in values)
    assert found.worse == sum(a > b for a, b in values)
    assert found.tied == sum(a == b for a, b in values)
    assert found.superiority == (found.better + found.tied / 2) / len(values)
    assert -1 <= found.rank_biserial <= 1


@settings(max_examples=20)
@given(pairs, st.sampled_from([np.exp, np.sqrt, np.cbrt, lambda x: 5 * x - 3]))
def test_superiority_knows_the_order_of_costs_alone(values: list[tuple[float, float]], transform: Any) -> None:
    first, second = (np.array(column) for column in zip(*values, strict=True))
    one, other = compare_paired(first, second), compare_paired(transform(first), transform(second))
    assert (one.better, one.worse, one.superiority) == (other.better, other.worse, other.superiority)


@given(some, st.sampled_from([np.cbrt, np.sinh, lambda x: 2.5 * x, lambda x: x**3]))
def test_the_signed_ranks_know_the_order_of_differences_alone(d: list[int], transform: Any) -> None:
    moved = signed_rank(transform(np.array(d, np.float64)))
    assert moved == signed_rank(d)


def test_a_run_that_diverged_is_worse_than_any_number() -> None:
    found = compare_paired([1.0, math.inf, math.inf, 2.0, 1.0], [1e300, 3.0, math.inf, math.inf, 2.0])
    assert (found.better, found.worse, found.tied) == (3, 1, 1)
    # The infinite differences share the highest two ranks of four.
    assert found.rank_biserial == pytest.approx((1 + 2 + 3.5 - 3.5) / 10)
    assert found.median_difference.value == -1.0


def test_rounding_is_a_tie() -> None:
    assert differences([0.6931471805, 1e-9, 0.0], [0.6931471806, 2e-9, 0.0]).tolist() == [0.0, -1e-9, 0.0]


def test_the_median_difference_has_the_interval_of_the_differences() -> None:
    first, second = np.array([1.0, 3.0, 2.0, 5.0, 4.5, 2.5]), np.array([2.0, 2.5, 4.0, 5.5, 7.5, 2.25])
    found = compare_paired(first, second, level=0.8, seed=5).median_difference
    assert found == median_interval(first - second, level=0.8, seed=5)


def test_nothing_is_told_apart_where_no_seed_decides() -> None:
    assert signed_rank([0.0, 0.0]) == SignedRank(0, 0.0, 1.0)
    assert mcnemar([True, False], [True, False]) == (0, 1.0)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 5), st.integers(0, 5))
def test_failures_are_compared_by_the_binomial_distribution(first: int, second: int, both: int, none: int) -> None:
    a = [True] * first + [False] * second + [True] * both + [False] * none
    b = [False] * first + [True] * second + [True] * both + [False] * none
    n = first + second
    # By symmetry, both tails are as likely.
    tail = sum(math.comb(n, k) for k in range(min(first, second) + 1)) / 2**n
    assert mcnemar(a, b) == (n, pytest.approx(min(1.0, 2 * tail)))


@pytest.mark.parametrize("n", [8, 20])
def test_initializations_without_difference_are_told_apart_as_often_as_is_said(
    n: int, plausible: Callable[[int, int, float], bool]
) -> None:
    stream = np.random.default_rng(6)
    # Seeds that are hard for one are hard for the other.
    hard = stream.exponential(size=(400, n))
    first, second = (hard * stream.lognormal(size=(400, n)) for _ in range(2))
    mistaken = sum(signed_rank(differences(a, b)).p <= 0.05 for a, b in zip(first, second, strict=True))
    # Of 8 differences without ties the possible p next below 0.05 is 10/256.
    assert plausible(mistaken, 400, 10 / 256 if n == 8 else 0.05)


def test_pairing_finds_what_hides_behind_hard_seeds() -> None:
    stream = np.random.default_rng(7)
    hard = stream.exponential(size=20) * 100
    first, second = hard + stream.normal(size=20), hard + 2 + stream.normal(size=20)
    found = compare_paired(first, second)
    assert found.p < 0.001 < stats.mannwhitneyu(first, second).pvalue
    assert found.median_difference.high < 0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: compare_paired([], []), "`first` must be a list with a value a seed, got []"),
        (
            lambda: compare_paired([1.0], [1.0, 2.0]),
            "`second` must have one value a seed, as many as the first, 1, got (2,)",
        ),
        (
            lambda: compare_paired([1.0, math.nan], [1.0, 2.0]),
            "`first[1]` must be a number, or infinite for a run that diverged, got nan",
        ),
        (
            lambda: compare_paired([1.0, 2.0], [math.nan, 2.0]),
            "`second[0]` must be a number, or infinite for a run that diverged, got nan",
        ),
        (lambda: signed_rank([1.0, math.nan]), "`d[1]` must be a number, or infinite for a run that diverged, got nan"),
        (
            lambda: mcnemar([True], [True, False]),
            "`second` must say of as many seeds as the first whether it failed, 1, got 2",
        ),
    ],
)
def test_what_is_no_pair_is_refused(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == sentence
