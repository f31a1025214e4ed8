"""Which initialization is better, in an order, with those together that cannot be told apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.experiments.statistics.contests import Contest, Runs, contests_of
from firstdraw.experiments.statistics.intervals import Estimate, median_interval, share_interval

__all__ = ["Ranking", "RankingRow", "rank"]

# A sentence with more names than this is not read.
MOST_NAMES: Final = 4


@dataclass(frozen=True, slots=True)
class RankingRow:
    """One initialization in its place.

    Args:
        group: the number of its group, from 1 for the best.
        label: its name.
        runs: how many runs it had.
        failed: the share of them that failed.
        median: of the measure over all of them; infinite where half of them diverged.
    """

    group: int
    label: str
    runs: int
    failed: Estimate
    median: Estimate


@dataclass(frozen=True, slots=True)
class Ranking:
    """Initializations in an order, those together that cannot be told apart from the best of their group.

    Args:
        measure: what they are ordered by.
        level: 1 minus the probability of telling any two apart that do not differ.
        pattern: how numbers of the measure are written.
        rows: the best first.
        contests: each two of them, in the order in which they were given.
        sentences: who cannot be told apart, who is worse than whom, and how that was found.
    """

    measure: str
    level: float
    pattern: str
    rows: tuple[RankingRow, ...]
    contests: tuple[Contest, ...]
    sentences: tuple[str, ...]


def rank(
    starts: Sequence[Runs],
    *,
    measure: str = "measure",
    higher_is_better: bool = False,
    pattern: str = ".4g",
    level: float = 0.95,
    seed: int = 0,
) -> Ranking:
    """Return initializations in an order that their runs over common seeds bear out.

    One beats another if it is better in `contests_of`. A group is led by the one with the best median, and among equal
    medians the fewest failures, of those that none beats; all others that it does not beat are of its group; the rest
    is ordered in the same way. So two of a group are both not told apart from its leader, and may yet be told apart
    from each other. It holds where `contests_of` does.

    Args:
        starts: the runs of each initialization, in the order of the same seeds.
        measure: what the values are, for sentences.
        higher_is_better: whether more of it is better, as of accuracies.
        pattern: how its numbers are written.
        level: of the intervals, each for itself, and of all tests together.
        seed: of the resamples behind the intervals.

    Raises:
        InputError: if there is no initialization or no run, two have the same label or another number of runs, or the
            level is not above 0 and below 1.

    >>> seeds = np.arange(8)
    >>> starts = [Runs("zeros", np.full(8, 0.7), seeds >= 0), Runs("He", 0.1 + seeds % 3 / 10, seeds < 0)]
    >>> [(row.group, row.label) for row in rank(starts).rows]
    [(1, 'He'), (2, 'zeros')]
    >>> rank(starts).sentences[0]
    'zeros is worse than He (p = 0.016, 8 seeds).'
    """
    contests = contests_of(starts, higher_is_better=higher_is_better, level=level)
    known = {start.label: start for start in starts}
    scores = {start.label: start.scores(higher_is_better=higher_is_better) for start in starts}
    met = {frozenset((contest.first, contest.second)): contest for contest in contests}
    failures = {label: int(np.sum(start.failed)) for label, start in known.items()}
    places = {label: (float(np.median(scores[label])), failures[label]) for label in scores}
    groups = _groups(places, met)
    seeds = len(starts[0].values)
    rows = tuple(
        RankingRow(
            group=number,
            label=label,
            runs=seeds,
            failed=share_interval(failures[label], seeds, level=level),
            median=_median(scores[label], higher_is_better=higher_is_better, level=level, seed=seed),
        )
        for number, group in enumerate(groups, 1)
        for label in group
    )
    tests = sum(contest.tests for contest in contests)
    sentences = (*_told(groups, met, seeds), _too_few(seeds, tests, 1 - level), _found(tests, level))
    return Ranking(measure, level, pattern, rows, contests, tuple(filter(None, sentences)))


def _median(scores: Floats, *, higher_is_better: bool, level: float, seed: int) -> Estimate:
    found = median_interval(scores, level=level, seed=seed)
    if not higher_is_better:
        return found
    return replace(found, value=-found.value, low=-found.high, high=-found.low)


def _groups(places: Mapping[str, tuple[float, int]], contests: Mapping[frozenset[str], Contest]) -> list[list[str]]:
    """Return the labels group by group, the leader of each first, then by their places."""

    def beats(first: str, second: str) -> bool:
        return first != second and contests[frozenset((first, second))].better == first

    groups: list[list[str]] = []
    rest: list[str] = sorted(places, key=lambda label: places[label])
    while rest:
        # Each may beat the next in a circle, as the tests ask for more than an order.
        leader = next((label for label in rest if not any(beats(other, label) for other in rest)), rest[0])
        groups.append([leader, *(label for label in rest if label != leader and not beats(leader, label))])
        rest = [label for label in rest if label not in groups[-1]]
    return groups


def _told(groups: Sequence[Sequence[str]], contests: Mapping[frozenset[str], Contest], seeds: int) -> list[str]:
    """Say of each group that it is worse than the one before, and who is in it."""
    sentences: list[str] = []
    over = f"{seeds} seed{'s' if seeds != 1 else ''}"
    for i, group in enumerate(groups):
        leader, *others = group
        if i:
            # The leader of the group before is always among them.
            better = [
                label
                for label in groups[i - 1]
                if all(contests[frozenset((label, member))].better == label for member in group)
            ]
            p = max(contests[frozenset((label, member))].p for label in better for member in group)
            verb = "are" if others else "is"
            sentences.append(f"{_listed(group)} {verb} worse than {_listed(better)} ({_written(p)}, {over}).")
        if others:
            met = [contests[frozenset((leader, label))] for label in others]
            word = "told apart" if all(contest.better is None for contest in met) else "put in an order"
            who = f"{_listed(others)} cannot be {word} from {leader}"
            if len(others) == 1:
                who = f"{leader} and {others[0]} cannot be {word}"
            sentences.append(f"{who} ({_written(min(contest.p for contest in met))}, {over}).")
    return sentences


def _too_few(seeds: int, tests: int, error: float) -> str:
    """Say where even the clearest difference would not be significant; nothing where it would."""
    if not tests or 2.0 ** (1 - seeds) * tests <= error:
        return ""
    needed = 1 + math.ceil(math.log2(tests / error))
    return (
        f"{seeds} seed{'s' if seeds != 1 else ''} cannot tell initializations apart in {tests} "
        f"test{'s' if tests != 1 else ''}, however much they differ: that takes {needed} seeds or more."
    )


def _found(tests: int, level: float) -> str:
    """Say how the p-values were found; nothing where there are none."""
    if not tests:
        return ""
    return (
        "Compared over common seeds by Wilcoxon's signed-rank test, and failures by McNemar's; "
        f"{tests} p-value{'s' if tests != 1 else ''} corrected after Holm: at most {100 * (1 - level):.3g} % of such "
        f"experiments tell any two apart that do not differ. Each interval is of {100 * level:.4g} %."
    )


def _listed(labels: Sequence[str]) -> str:
    if len(labels) > MOST_NAMES:
        return f"{', '.join(labels[: MOST_NAMES - 1])} and {len(labels) - MOST_NAMES + 1} others"
    *others, last = labels
    return f"{', '.join(others)} and {last}" if others else last


def _written(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
