"""The statistics of an experiment with several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.diagnosis import Severity
from firstdraw.errors import InputError, either
from firstdraw.experiments.record import ExperimentRecord, RunRecord
from firstdraw.experiments.statistics.contests import Runs
from firstdraw.experiments.statistics.ranking import Ranking, rank
from firstdraw.experiments.statistics.survival import Times, times_to
from firstdraw.rules import check_positive

__all__ = ["MEASURES", "Measure", "has_seeds_enough", "is_failed", "measure_named", "ranking_of", "times_of"]

FEWEST_SEEDS: Final = 5
"""Of fewer seeds the comparison table says as much as a ranking would: nothing could be significant."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a ranking orders by.

    Args:
        records: the records whose last one it is.
        title: what it is called in sentences and tables.
        pattern: how its numbers are written.
        higher_is_better: whether more is better.
    """

    records: str
    title: str
    pattern: str
    higher_is_better: bool


MEASURES: Final = {
    "train_cost": Measure("cost", "last training cost", ".4g", higher_is_better=False),
    "test_cost": Measure("test_cost", "last test cost", ".4g", higher_is_better=False),
    "train_accuracy": Measure("train_accuracy", "last training accuracy", ".2%", higher_is_better=True),
    "test_accuracy": Measure("test_accuracy", "last test accuracy", ".2%", higher_is_better=True),
}


def measure_named(name: str) -> Measure:
    """Return a measure by its name.

    Raises:
        InputError: if there is none of that name.
    """
    if (chosen := MEASURES.get(name)) is None:
        raise InputError("measure", f"must be {either(list(MEASURES))}", name)
    return chosen


def ranking_of(record: ExperimentRecord, measure: str = "train_cost", *, level: float = 0.95, seed: int = 0) -> Ranking:
    """Return the initializations of an experiment in an order that its runs bear out; see `rank`.

    A run fails that diverges or learns nothing (`is_failed`).

    Args:
        record: the experiment.
        measure: the name of what is ordered by, one of `MEASURES`.
        level: of the intervals, each for itself, and of all tests together.
        seed: of the resamples behind the intervals.

    Raises:
        InputError: if there is no such measure, the runs have none of it, or the level is not above 0 and below 1.

    >>> from firstdraw.experiments import prepare, read_table, run
    >>> record = run(prepare(read_table({
    ...     "seeds": [0, 1, 2, 3, 4, 5, 6, 7],
    ...     "data": "xor",
    ...     "network": {"widths": [2, 8, 1], "activation": "tanh"},
    ...     "training": {"loss": "binary_cross_entropy", "steps": 200},
    ...     "initializations": [{"label": "zeros", "weights": "zeros"}, {"label": "He", "weights": "he_normal"}],
    ... })))
    >>> ranking_of(record).sentences[0]
    'zeros is worse than He (p = 0.031, 8 seeds).'
    """
    chosen = measure_named(measure)
    runs = {start.label: record.runs_of(start.label) for start in record.spec.initializations}
    values = {label: _last(chosen, own) for label, own in runs.items()}
    # Of runs that all diverged nothing is known either, which is no reason to refuse them.
    finished = [
        value
        for label, own in runs.items()
        for run, value in zip(own, values[label], strict=True)
        if not _diverged(run)
    ]
    if finished and np.isnan(finished).all():
        raise InputError("measure", "must be one that the runs have, and all of theirs is NaN", measure)
    return rank(
        [Runs(label, values[label], np.array([is_failed(run) for run in own])) for label, own in runs.items()],
        measure=chosen.title,
        higher_is_better=chosen.higher_is_better,
        pattern=chosen.pattern,
        level=level,
        seed=seed,
    )


def has_seeds_enough(record: ExperimentRecord) -> bool:
    """Whether the ranking of an experiment is told unasked: two initializations or more, with 5 seeds or more."""
    return len(record.spec.seeds) >= FEWEST_SEEDS and len(record.spec.initializations) > 1


def times_of(runs: Sequence[RunRecord], *, share: float, leave_at_divergence: bool = False) -> Times:
    """Return after how many steps the training costs of runs first fall to a share of what guessing costs.

    The level is c = share x the cost of the best prediction that ignores the inputs; for the rest see `times_to`.

    Args:
        runs: the runs of one experiment, of one initialization or more.
        share: above 0.
        leave_at_divergence: whether a diverged run is watched until its last finite record only.

    Raises:
        InputError: if there is no run, or the share is no finite number above 0.
    """
    check_positive("share", share)
    if not runs:
        raise InputError("runs", "must have one entry or more, and is empty")
    level = share * runs[0].measured.start.constant_cost
    cost = np.array([run.trajectory.cost[0] for run in runs])
    return times_to(level, runs[0].trajectory.steps, cost, leave_at_divergence=leave_at_divergence)


def is_failed(run: RunRecord) -> bool:
    """Whether a run diverged or learned nothing: by the end it is no better than a guess, and not on its way.

    Where another finding is the root of it, the diagnosis makes it a warning.
    """
    return any(
        finding.severity >= Severity.WARNING and finding.cause in ("divergence", "nothing learned")
        for finding in run.findings
    )


def _last(measure: Measure, runs: Sequence[RunRecord]) -> Floats:
    return np.array([getattr(run.trajectory, measure.records)[0, -1] for run in runs], np.float64)


def _diverged(run: RunRecord) -> bool:
    return run.trajectory.outcomes[0].diverged
