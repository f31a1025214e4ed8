"""Rankings in which each initialization has its own learning rate, and who wins by the rate alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.experiments.statistics import Runs, rank, rank_tuned

SEEDS = 30
HARD = np.random.default_rng(5).exponential(size=SEEDS)
LATER = slice(10, None)


def _runs(label: str, offset: float, noise: int, failed: Any = False) -> Runs:
    values = HARD + offset + 0.1 * np.random.default_rng(noise).normal(size=SEEDS)
    return Runs(label, values, np.broadcast_to(np.asarray(failed, bool), values.shape))


A = {0.01: _runs("A", 2.0, 1), 0.1: _runs("A", 0.0, 2), 1.0: _runs("A", 4.0, 3)}
B = {0.01: _runs("B", 5.0, 4), 0.1: _runs("B", 3.0, 5), 1.0: _runs("B", 0.0, 6)}
C = {0.01: _runs("C", 1.0, 7), 0.1: _runs("C", 1.1, 8), 1.0: _runs("C", 1.2, 9)}


def test_the_order_is_that_of_the_other_seeds_at_the_rates_that_the_first_third_chose() -> None:
    found = rank_tuned({"A": A, "B": B, "C": C})
    assert found.rates == {"A": 0.1, "B": 1.0, "C": 0.01}
    assert found.tuning_seeds == 10
    chosen = {"A": A[0.1], "B": B[1.0], "C": C[0.01]}
    later = [Runs(label, runs.values[LATER], runs.failed[LATER]) for label, runs in chosen.items()]
    assert found.ranking == rank(later)


def test_the_seeds_that_compare_do_not_choose() -> None:
    """What the later seeds say of a rate does not change which is chosen."""
    values = A[1.0].values.copy()
    values[LATER] = -100.0
    found = rank_tuned({"A": A | {1.0: Runs("A", values, A[1.0].failed)}, "B": B})
    assert found.rates["A"] == 0.1


def test_it_is_said_who_wins_by_the_rate_alone() -> None:
    found = rank_tuned({"A": A, "B": B, "C": C})
    best = "at the best rate of each (A 0.1, B 1) they cannot be told apart."
    assert found.only_by_rate == (
        f"At the learning rates 0.01 and 0.1 A is better than B; {best}",
        "At the learning rates 0.01 and 1 C is better than A; at the best rate of each (C 0.01, A 0.1) A is better.",
        "At the learning rates 0.01 and 0.1 C is better than B; at the best rate of each (C 0.01, B 1) B is better.",
        "At the learning rate 1 B is better than A; at the best rate of each (B 1, A 0.1) they cannot be told apart.",
    )


def test_who_wins_at_the_best_rates_too_does_not_win_by_the_rate() -> None:
    slow = {rate: _runs("slow", 9.0, i) for i, rate in enumerate(A)}
    assert rank_tuned({"A": A, "slow": slow}).only_by_rate == ()


def test_accuracies_are_tuned_upward() -> None:
    def turned(own: dict[float, Runs]) -> dict[float, Runs]:
        return {rate: Runs(runs.label, -runs.values, runs.failed) for rate, runs in own.items()}

    down, up = rank_tuned({"A": A, "B": B}), rank_tuned({"A": turned(A), "B": turned(B)}, higher_is_better=True)
    assert up.rates == down.rates
    assert up.only_by_rate == down.only_by_rate


def test_of_equal_medians_fewer_failures_choose_and_then_the_smaller_rate() -> None:
    same = HARD.copy()
    some = np.arange(SEEDS) < 3
    own = {0.5: Runs("A", same, some), 0.2: Runs("A", same, some & False), 0.1: Runs("A", same, some & False)}
    assert rank_tuned({"A": own}).rates == {"A": 0.1}


@pytest.mark.slow
def test_initializations_without_difference_are_told_apart_as_often_as_is_said() -> None:
    """By tuning on separate seeds the choice among rates leaves the error of the tests what it is."""
    stream = np.random.default_rng(17)

    def noise() -> Floats:
        return stream.normal(size=15)

    told = 0
    for _ in range(2000):
        base = noise()
        starts = {
            label: {rate: Runs(label, base + noise(), np.zeros(15, bool)) for rate in (0.01, 0.1, 1.0)}
            for label in "AB"
        }
        told += any(contest.better for contest in rank_tuned(starts).ranking.contests)
    # 100 of 2,000 at most are expected; five standard errors above that would be 149.
    assert told < 149


@pytest.mark.parametrize(
    ("starts", "sentence"),
    [
        ({}, "`starts` must have one initialization or more, and is empty"),
        ({"A": {}}, "`starts` must have runs at one learning rate or more, and has none"),
        (
            {"A": {0.1: Runs("A", np.ones(1), np.zeros(1, bool))}},
            "`starts` must have 2 seeds or more, one to choose a rate and one to compare, got 1",
        ),
        (
            {"A": A, "B": {0.1: B[0.1]}},
            "`starts['B']` must have the learning rates of the first, [0.01, 0.1, 1.0], got [0.1]",
        ),
        (
            {"A": {0.1: A[0.1], 0.2: Runs("A", np.ones(2), np.zeros(2, bool))}},
            "`starts['A'][0.2]` must say of each of the 30 seeds what came of it and whether it failed, got (2, 2)",
        ),
    ],
)
def test_runs_that_cannot_be_tuned_are_refused(starts: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        rank_tuned(starts)
    assert str(caught.value) == sentence
