"""Which initialization is better when each has the learning rate that suits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from firstdraw.errors import InputError
from firstdraw.experiments.statistics.contests import Runs, contests_of
from firstdraw.experiments.statistics.ranking import Ranking, rank

__all__ = ["TunedRanking", "rank_tuned"]

TUNING_SHARE: Final = 1 / 3
"""The share of the seeds that choose the rates: a choice among few rates takes fewer than a comparison."""


@dataclass(frozen=True, slots=True)
class TunedRanking:
    """Initializations in an order, each with the learning rate that was best on other seeds.

    Args:
        rates: the rate of each, by its label.
        tuning_seeds: how many seeds chose the rates; the others compared.
        ranking: the order, of the other seeds.
        only_by_rate: a sentence for each two that a common rate tells apart and the best rate of each does not, or the
            other way around.
    """

    rates: Mapping[str, float]
    tuning_seeds: int
    ranking: Ranking
    only_by_rate: tuple[str, ...]


def rank_tuned(
    starts: Mapping[str, Mapping[float, Runs]],
    *,
    measure: str = "measure",
    higher_is_better: bool = False,
    pattern: str = ".4g",
    level: float = 0.95,
    seed: int = 0,
) -> TunedRanking:
    """Return initializations in the order of `rank`, each with the learning rate that is best on separate seeds.

    The first third of the seeds, rounded up, chooses for each initialization the rate with the best median of the
    measure, and among equal ones with the fewest failures, then the smallest. The other seeds compare the
    initializations at these rates. So no initialization wins because the one rate at which all were run happened to be
    its own, nor because the luckiest of many runs was picked. At each common rate they are compared, too, and where
    that says otherwise, it is said who wins only by the rate.

    It holds where `rank` does, for rates that span what is worth trying: a best rate at the end of the list may not be
    the best.

    Args:
        starts: for each label the runs at each rate, all at the same rates and over the same seeds in their order.
        measure: what the values are, for sentences.
        higher_is_better: whether more of it is better, as of accuracies.
        pattern: how its numbers are written.
        level: of the intervals, each for itself, and of all tests together.
        seed: of the resamples behind the intervals.

    Raises:
        InputError: if there is no initialization, the rates differ, or there are fewer than 2 seeds.

    >>> seeds = np.arange(12)
    >>> def runs(label, offset):
    ...     return Runs(label, offset + seeds % 4 / 10, seeds < 0)
    >>> found = rank_tuned({
    ...     "A": {0.1: runs("A", 0.2), 1.0: runs("A", 5.0)}, "B": {0.1: runs("B", 3.0), 1.0: runs("B", 0.2)},
    ... })
    >>> found.rates, found.tuning_seeds
    ({'A': 0.1, 'B': 1.0}, 4)
    >>> found.only_by_rate[0]
    'At the learning rate 0.1 A is better than B; at the best rate of each (A 0.1, B 1) they cannot be told apart.'
    """
    seeds = _seeds_of(starts)
    tuning = int(np.ceil(seeds * TUNING_SHARE))
    rates = {label: _best(own, tuning, higher_is_better=higher_is_better) for label, own in starts.items()}
    judged = {
        label: {rate: _part(runs, label, slice(tuning, None)) for rate, runs in own.items()}
        for label, own in starts.items()
    }
    ranking = rank(
        [judged[label][rate] for label, rate in rates.items()],
        measure=measure,
        higher_is_better=higher_is_better,
        pattern=pattern,
        level=level,
        seed=seed,
    )
    sentences = _only_by_rate(judged, rates, ranking, higher_is_better=higher_is_better, level=level)
    return TunedRanking(rates, tuning, ranking, sentences)


def _seeds_of(starts: Mapping[str, Mapping[float, Runs]]) -> int:
    """Return how many seeds there are, after checking that all initializations have them at the same rates."""
    if not starts:
        raise InputError("starts", "must have one initialization or more, and is empty")
    first = next(iter(starts.values()))
    if not first:
        raise InputError("starts", "must have runs at one learning rate or more, and has none")
    seeds = len(next(iter(first.values())).values)
    if seeds < 2:
        raise InputError("starts", "must have 2 seeds or more, one to choose a rate and one to compare", seeds)
    for label, own in starts.items():
        if list(own) != list(first):
            raise InputError(
                f"starts[{label!r}]", f"must have the learning rates of the first, {list(first)}", list(own)
            )
        for rate, runs in own.items():
            if len(runs.values) != seeds or len(runs.failed) != seeds:
                raise InputError(
                    f"starts[{label!r}][{rate:.6g}]",
                    f"must say of each of the {seeds} seeds what came of it and whether it failed",
                    (len(runs.values), len(runs.failed)),
                )
    return seeds


def _part(runs: Runs, label: str, seeds: slice) -> Runs:
    return replace(runs, label=label, values=np.asarray(runs.values)[seeds], failed=np.asarray(runs.failed)[seeds])


def _best(own: Mapping[float, Runs], tuning: int, *, higher_is_better: bool) -> float:
    def place(rate: float) -> tuple[float, int, float]:
        runs = _part(own[rate], own[rate].label, slice(tuning))
        return float(np.median(runs.scores(higher_is_better=higher_is_better))), int(np.sum(runs.failed)), rate

    return min(own, key=place)


def _only_by_rate(
    judged: Mapping[str, Mapping[float, Runs]],
    rates: Mapping[str, float],
    ranking: Ranking,
    *,
    higher_is_better: bool,
    level: float,
) -> tuple[str, ...]:
    """Say of each two at which common rate one wins that does not win when both have their best."""
    tuned = {frozenset((contest.first, contest.second)): contest.better for contest in ranking.contests}
    wins: dict[tuple[str, str], list[float]] = {}
    for rate in next(iter(judged.values())):
        at_rate = [own[rate] for own in judged.values()]
        for contest in contests_of(at_rate, higher_is_better=higher_is_better, level=level):
            if (winner := contest.better) is not None:
                loser = contest.second if winner == contest.first else contest.first
                if tuned[frozenset((winner, loser))] != winner:
                    wins.setdefault((winner, loser), []).append(rate)
    sentences: list[str] = []
    for (winner, loser), where in wins.items():
        *others, last = (f"{rate:.6g}" for rate in where)
        common = f"At the learning rates {', '.join(others)} and {last}" if others else f"At the learning rate {last}"
        best = f"at the best rate of each ({winner} {rates[winner]:.6g}, {loser} {rates[loser]:.6g})"
        verdict = "they cannot be told apart" if tuned[frozenset((winner, loser))] is None else f"{loser} is better"
        sentences.append(f"{common} {winner} is better than {loser}; {best} {verdict}.")
    return tuple(sentences)
