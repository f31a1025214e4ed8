"""Each two of several initializations compared over common seeds, with an error that holds for all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from firstdraw.arrays import Booleans, Floats
from firstdraw.errors import InputError
from firstdraw.experiments.statistics.holm import holm
from firstdraw.experiments.statistics.intervals import check_level
from firstdraw.experiments.statistics.paired import differences, mcnemar, signed_rank

__all__ = ["Contest", "Runs", "contests_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """What became of the runs of one initialization.

    Args:
        label: its name.
        values: the measure of each run `[n]`; what is not finite, of a run that diverged, is worse than any number.
        failed: whether each run failed `[n]`.
    """

    label: str
    values: Floats
    failed: Booleans

    def scores(self, *, higher_is_better: bool) -> Floats:
        """Return the measure turned so that less is better, with infinity for what is not finite."""
        values = np.asarray(self.values, np.float64)
        return np.where(np.isfinite(values), -values if higher_is_better else values, np.inf)


@dataclass(frozen=True, slots=True)
class Contest:
    """Two initializations over common seeds.

    Args:
        first: the label of one.
        second: the label of the other.
        discordant: with how many seeds one of them failed and the other did not.
        failure_p: p of McNemar's test that both fail equally often, corrected for the number of tests.
        decided: with how many seeds the measure differs.
        measure_p: p of Wilcoxon's signed-rank test that both do equally well, corrected for the number of tests.
        rank_biserial: from -1, the first does worse with every seed, to 1, it does better with every seed.
        better: the label of the better one; None where they cannot be told apart.
        p: that of the test that tells them apart; the smaller of both where neither does.
    """

    first: str
    second: str
    discordant: int
    failure_p: float
    decided: int
    measure_p: float
    rank_biserial: float
    better: str | None
    p: float

    @property
    def tests(self) -> int:
        """How many of the two tests some seed decides."""
        return (self.discordant > 0) + (self.decided > 0)


def contests_of(starts: Sequence[Runs], *, higher_is_better: bool = False, level: float = 0.95) -> tuple[Contest, ...]:
    """Return each two initializations compared, by how often they fail and by how well they do.

    The tests are those of `mcnemar` and `signed_rank`, in which what is not finite is the worst. All of them but those
    that no seed decides are corrected together (`holm`), so that with a probability of at most 1 - level any two are
    told apart that do not differ. One is better that fails significantly less often, or else does significantly better.

    It holds for independent seeds, each of which gives every initialization the same data and batches. What is compared
    is this task, network and training; a significant difference may be a small one.

    Args:
        starts: the runs of each initialization, in the order of the same seeds.
        higher_is_better: whether more of the measure is better, as of accuracies.
        level: of all tests together.

    Raises:
        InputError: if there is no initialization or no run, two have the same label or another number of runs, or the
            level is not above 0 and below 1.

    >>> seeds = np.arange(8)
    >>> (found,) = contests_of([Runs("A", 0.1 + seeds / 10, seeds < 0), Runs("B", 0.2 + seeds / 9, seeds < 0)])
    >>> found.better, found.measure_p, found.rank_biserial
    ('A', 0.0078125, 1.0)
    """
    check_level(level)
    _check(starts)
    pairs = list(combinations(starts, 2))
    scores = {start.label: start.scores(higher_is_better=higher_is_better) for start in starts}
    failures = [mcnemar(first.failed, second.failed) for first, second in pairs]
    measures = [signed_rank(differences(scores[first.label], scores[second.label])) for first, second in pairs]
    # A test that no seed decides has p = 1 whatever else is tested, so it does not count.
    tests = [*failures, *((test.decided, test.p) for test in measures)]
    corrected = iter(holm([p for decided, p in tests if decided]))
    p_values = [next(corrected) if decided else 1.0 for decided, _ in tests]
    contests: list[Contest] = []
    for i, (first, second) in enumerate(pairs):
        failure_p, measure_p = p_values[i], p_values[len(pairs) + i]
        better, p = None, min(failure_p, measure_p)
        if failure_p <= 1 - level:
            better, p = min((first, second), key=lambda start: int(np.sum(start.failed))).label, failure_p
        elif measure_p <= 1 - level:
            better, p = first.label if measures[i].rank_biserial > 0 else second.label, measure_p
        contests.append(
            Contest(
                first=first.label,
                second=second.label,
                discordant=failures[i][0],
                failure_p=failure_p,
                decided=measures[i].decided,
                measure_p=measure_p,
                rank_biserial=measures[i].rank_biserial,
                better=better,
                p=p,
            )
        )
    return tuple(contests)


def _check(starts: Sequence[Runs]) -> None:
    if not starts:
        raise InputError("starts", "must have one initialization or more, and is empty")
    labels = [start.label for start in starts]
    runs = len(starts[0].values)
    for i, start in enumerate(starts):
        if start.label in labels[:i]:
            raise InputError(f"starts[{i}].label", "must differ from the labels before it", start.label)
        if not runs or len(start.values) != runs or len(start.failed) != runs:
            raise InputError(
                f"starts[{i}]",
                "must say of each seed, one or more and the same for all, what came of it and whether it failed",
                (len(start.values), len(start.failed)),
            )
