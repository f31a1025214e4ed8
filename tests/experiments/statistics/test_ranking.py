"""Contests and rankings: who is told apart, in which order, in which words, and how often by mistake."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.errors import InputError
from firstdraw.experiments.statistics import (
    Contest,
    Ranking,
    Runs,
    contests_of,
    differences,
    holm,
    mcnemar,
    median_interval,
    rank,
    share_interval,
    signed_rank,
)

FOUND_BY_FIVE = (
    "Compared over common seeds by Wilcoxon's signed-rank test, and failures by McNemar's; 5 p-values corrected after "
    "Holm: at most 5 % of such experiments tell any two apart that do not differ. Each interval is of 95 %."
)
SEEDS = 20
SEEDS_OF_ALL = "must say of each seed, one or more and the same for all, what came of it and whether it failed"
stream = np.random.default_rng(11)
HARD = stream.exponential(size=SEEDS)


def _runs(label: str, values: Any, failed: Any = False) -> Runs:
    values = np.asarray(values, np.float64)
    return Runs(label, values, np.broadcast_to(np.asarray(failed, bool), values.shape))


def _shifted(label: str, shift: float, seed: int) -> Runs:
    return _runs(label, HARD + shift + 0.1 * np.random.default_rng(seed).normal(size=SEEDS))


HE, GLOROT, SLOW = _shifted("He", 0.0, 1), _shifted("Glorot", 0.01, 2), _shifted("slow", 1.0, 3)
ZEROS = _runs("zeros", np.full(SEEDS, 9.0), failed=True)
# The measures of two are equal but for the runs that diverged.
SHAKY = _runs("shaky", np.where(np.arange(SEEDS) < 14, math.nan, HE.values), np.arange(SEEDS) < 14)


def _places(ranking: Ranking) -> list[tuple[int, str]]:
    return [(row.group, row.label) for row in ranking.rows]


def test_those_that_cannot_be_told_apart_stand_together() -> None:
    found = rank([ZEROS, SLOW, GLOROT, HE])
    first = sorted(["He", "Glorot"], key=lambda label: np.median({"He": HE, "Glorot": GLOROT}[label].values))
    assert _places(found) == [(1, first[0]), (1, first[1]), (2, "slow"), (3, "zeros")]


def test_the_sentences_say_who_is_worse_than_whom_with_p_values() -> None:
    found = rank([HE, GLOROT, ZEROS])
    met = {(contest.first, contest.second): contest for contest in found.contests}
    first, second = (row.label for row in found.rows[:2])
    assert found.sentences == (
        f"{first} and {second} cannot be told apart (p = {met['He', 'Glorot'].p:.2g}, 20 seeds).",
        f"zeros is worse than {first} and {second} (p < 0.001, 20 seeds).",
        FOUND_BY_FIVE,
    )


def test_a_few_seeds_are_said_to_be_too_few() -> None:
    few = [_runs(runs.label, runs.values[:5], runs.failed[:5]) for runs in (HE, SLOW, ZEROS)]
    found = rank(few)
    assert {row.group for row in found.rows} == {1}
    assert (
        "5 seeds cannot tell initializations apart in 5 tests, however much they differ: that takes 8 seeds or more."
    ) in found.sentences
    # With 8 the least p is 2^-7, and 5/2^7 is below 0.05; with 7 it is not.
    for seeds, apart in ((7, False), (8, True)):
        one, other = _runs("A", np.arange(seeds)), _runs("B", np.arange(seeds) + 1.5 ** np.arange(seeds), failed=True)
        third = _runs("C", np.arange(seeds) + 2.5 ** np.arange(seeds) + 1)
        found = rank([one, other, third])
        assert (found.rows[-1].group > 1) == apart
        assert any("cannot tell" in sentence for sentence in found.sentences) != apart


def test_many_names_are_not_all_said() -> None:
    many = [_shifted(f"start {i}", 0.0, 1) for i in range(7)]
    found = rank(many)
    assert found.sentences == (
        "start 1, start 2, start 3 and 3 others cannot be told apart from start 0 (p = 1, 20 seeds).",
    )
    worse = rank([*many, ZEROS])
    assert worse.sentences[1].startswith("zeros is worse than start 0, start 1, start 2 and 4 others (p < 0.001,")


def test_one_seed_and_one_initialization_are_a_ranking_without_tests() -> None:
    alone = rank([HE])
    assert (_places(alone), alone.contests, alone.sentences) == ([(1, "He")], (), ())
    single = rank([_runs("A", [1.0]), _runs("B", [2.0])])
    assert _places(single) == [(1, "A"), (1, "B")]
    assert single.sentences[:2] == (
        "A and B cannot be told apart (p = 1, 1 seed).",
        "1 seed cannot tell initializations apart in 1 test, however much they differ: that takes 6 seeds or more.",
    )
    assert single.sentences[2].startswith("Compared over common seeds")


def test_failures_come_before_the_measure() -> None:
    steady = _runs("steady", HE.values + 0.5)
    found = rank([SHAKY, steady])
    (contest,) = found.contests
    assert _places(found) == [(1, "steady"), (2, "shaky")]
    assert contest.discordant == 14
    often, rarely = _runs("often", HE.values, np.arange(SEEDS) < 14), _runs("rarely", HE.values + 1.0)
    found = rank([often, rarely])
    # The measure speaks for the first with every seed, and the failures for the second.
    assert found.contests[0].rank_biserial == 1
    assert found.contests[0].p == found.contests[0].failure_p > found.contests[0].measure_p
    assert _places(found) == [(1, "rarely"), (2, "often")]


def test_a_diverged_run_is_worse_than_any_number_whatever_is_better() -> None:
    accuracies = [_runs("A", [0.9] * 9 + [math.nan] * 11), _runs("B", [0.8] * 20)]
    found = rank(accuracies, higher_is_better=True)
    assert (found.rows[0].label, found.rows[0].median.value) == ("B", 0.8)
    other = found.rows[1].median
    assert (other.value, other.low) == (-math.inf, -math.inf)
    assert found.contests[0].rank_biserial == pytest.approx(-(11 * 15 - 9 * 5) / 210)


def test_a_row_holds_the_intervals_of_its_runs() -> None:
    found = rank([SHAKY, ZEROS], level=0.9, seed=3)
    row = next(row for row in found.rows if row.label == "shaky")
    assert row.failed == share_interval(14, SEEDS, level=0.9)
    assert row.median == median_interval(np.where(np.isnan(SHAKY.values), np.inf, SHAKY.values), level=0.9, seed=3)
    turned = rank([_runs("A", HE.values), _runs("B", SLOW.values)], higher_is_better=True)
    direct = {runs.label: median_interval(-runs.values) for runs in (HE, SLOW)}
    median = {row.label: row.median for row in turned.rows}
    assert [(median["A"].low, median["A"].high), (median["B"].low, median["B"].high)] == [
        (-direct["He"].high, -direct["He"].low),
        (-direct["slow"].high, -direct["slow"].low),
    ]


def test_the_p_values_are_those_of_all_tests_that_a_seed_decides() -> None:
    starts = [HE, GLOROT, SLOW, ZEROS, SHAKY]
    contests = contests_of(starts)
    scores = {runs.label: np.where(np.isfinite(runs.values), runs.values, np.inf) for runs in starts}
    raw: dict[tuple[str, str, str], float] = {}
    for first, second in itertools.combinations(starts, 2):
        discordant, p = mcnemar(first.failed, second.failed)
        test = signed_rank(differences(scores[first.label], scores[second.label]))
        raw |= {("failure", first.label, second.label): p} if discordant else {}
        raw |= {("measure", first.label, second.label): test.p} if test.decided else {}
    corrected = dict(zip(raw, holm(list(raw.values())), strict=True))
    for contest in contests:
        pair = (contest.first, contest.second)
        assert contest.failure_p == corrected.get(("failure", *pair), 1.0)
        assert contest.measure_p == corrected.get(("measure", *pair), 1.0)
        decisive = contest.failure_p if contest.failure_p <= 0.05 else min(contest.failure_p, contest.measure_p)
        assert contest.p == decisive
    assert sum(contest.tests for contest in contests) == len(raw)


def test_three_that_beat_each_other_in_a_circle_are_not_put_in_an_order() -> None:
    # A fails less often than B, which costs less than C, which costs less than A.
    first = np.arange(SEEDS)
    starts = [
        _runs("A", HE.values + 0.2),
        _runs("B", HE.values, first < 10),
        _runs("C", HE.values + 0.1, first < 5),
    ]
    contests = {(item.first, item.second): item.better for item in contests_of(starts)}
    assert contests == {("A", "B"): "A", ("B", "C"): "B", ("A", "C"): "C"}
    found = rank(starts)
    assert _places(found) == [(1, "B"), (1, "A"), (2, "C")]
    assert [sentence.partition(" (p")[0] for sentence in found.sentences[:2]] == [
        "B and A cannot be put in an order",
        "C is worse than B",
    ]


# Measures of four initializations with many ties, and runs that diverged.
few = st.lists(
    st.tuples(*[st.one_of(st.integers(0, 5).map(float), st.just(math.nan))] * 4), min_size=8, max_size=14
).map(
    lambda rows: [
        _runs(label, column, np.isnan(column)) for label, column in zip("ABCD", np.array(rows).T, strict=True)
    ]
)


def _by_pair(contests: Sequence[Contest]) -> dict[frozenset[str], tuple[float, float, str | None]]:
    return {frozenset((item.first, item.second)): (item.failure_p, item.measure_p, item.better) for item in contests}


@given(few, st.permutations("ABCD"), st.randoms(use_true_random=False))
def test_neither_names_nor_the_orders_of_starts_and_seeds_matter(
    starts: list[Runs], order: list[str], random: Any
) -> None:
    known = {runs.label: runs for runs in starts}
    seeds = random.sample(range(len(starts[0].values)), len(starts[0].values))
    moved = [Runs(f"{label}'", known[label].values[seeds], known[label].failed[seeds]) for label in order]
    renamed = {
        frozenset(label[0] for label in pair): (failure, measure, better and better[0])
        for pair, (failure, measure, better) in _by_pair(contests_of(moved)).items()
    }
    expected = _by_pair(contests_of(starts))
    assert renamed.keys() == expected.keys()
    for pair, (failure, measure, better) in expected.items():
        assert renamed[pair] == (pytest.approx(failure), pytest.approx(measure), better)


@settings(max_examples=15)
@given(few)
def test_a_ranking_is_an_order_of_all_in_groups_that_nobody_is_wrongly_in(starts: list[Runs]) -> None:
    found = rank(starts, level=0.5)
    better = {frozenset((item.first, item.second)): item.better for item in found.contests}
    assert sorted(row.label for row in found.rows) == list("ABCD")
    groups = [[row.label for row in rows] for _, rows in itertools.groupby(found.rows, key=lambda row: row.group)]
    assert [row.group for row in found.rows] == [i for i, group in enumerate(groups, 1) for _ in group]
    for i, group in enumerate(groups):
        leader = group[0]
        assert all(better[frozenset((leader, other))] != leader for other in group[1:])
        for later in groups[i + 1 :]:
            assert all(better[frozenset((leader, other))] == leader for other in later)


@pytest.mark.parametrize("failing", [0.0, 0.3])
def test_initializations_without_difference_are_told_apart_as_often_as_is_said(
    failing: float, plausible: Callable[[int, int, float], bool]
) -> None:
    draws = np.random.default_rng(13)
    mistaken, experiments = 0, 400
    for _ in range(experiments):
        hard = draws.exponential(size=SEEDS)
        starts = [
            _runs(label, hard * draws.lognormal(size=SEEDS), draws.uniform(size=SEEDS) < failing) for label in "ABC"
        ]
        mistaken += any(contest.better for contest in contests_of(starts))
    # Holm's correction keeps below the level; how far depends on how the tests do on each other.
    assert mistaken > 0
    assert mistaken <= 0.05 * experiments or plausible(mistaken, experiments, 0.05)


def test_one_comparison_without_difference_is_mistaken_as_often_as_is_said(
    plausible: Callable[[int, int, float], bool],
) -> None:
    draws = np.random.default_rng(14)
    mistaken = sum(
        contests_of([_runs(label, draws.lognormal(size=SEEDS)) for label in "AB"])[0].better is not None
        for _ in range(400)
    )
    assert plausible(mistaken, 400, 0.05)


@pytest.mark.parametrize(
    ("starts", "level", "sentence"),
    [
        ([], 0.95, "`starts` must have one initialization or more, and is empty"),
        ([HE, HE], 0.95, "`starts[1].label` must differ from the labels before it, got 'He'"),
        (
            [HE, _runs("short", [1.0, 2.0])],
            0.95,
            f"`starts[1]` {SEEDS_OF_ALL}, got (2, 2)",
        ),
        (
            [Runs("none", np.array([]), np.array([], bool))],
            0.95,
            f"`starts[0]` {SEEDS_OF_ALL}, got (0, 0)",
        ),
        ([HE], 1.5, "`level` must be a number of at least 0 and below 1, got 1.5"),
    ],
)
def test_what_is_no_experiment_is_refused(starts: list[Runs], level: float, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        rank(starts, level=level)
    assert str(caught.value) == sentence
