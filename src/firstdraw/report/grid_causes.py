"""The failures of a grid: where, how often, and of some of them why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firstdraw.engine import Engine
from firstdraw.experiments.causes import FailureCause, cause_of
from firstdraw.experiments.grid_record import GridRecord, SeriesRecord

__all__ = ["FailedSeries", "failed_series", "with_causes"]

MOST_CAUSES: Final = 24
"""So many series are looked at: each is a training of up to three runs and their diagnosis."""
MOST_WORK: Final = 3e10
"""So many multiplications by one weight all of them may take: some ten seconds of a core."""
RUNS_OF_A_CAUSE: Final = 3


@dataclass(frozen=True, slots=True)
class FailedSeries:
    """Runs of one cell and initialization some of which failed.

    Args:
        cell: the number of the cell.
        series: the runs.
        failures: how many failed.
        cause: why; None where it was not looked at.
    """

    cell: int
    series: SeriesRecord
    failures: int
    cause: FailureCause | None = None


def failed_series(record: GridRecord) -> tuple[FailedSeries, ...]:
    """Return the series with failures: those first in which the larger share failed, then in the order of the cells."""
    found = [
        FailedSeries(cell, one, int(one.failed.sum()))
        for cell, series in enumerate(record.series)
        for one in series
        if len(one.runs) and one.failed.any()
    ]
    return tuple(sorted(found, key=lambda item: -item.failures / len(item.series.runs)))


def with_causes(found: tuple[FailedSeries, ...], engine: Engine) -> tuple[FailedSeries, ...]:
    """Return failures with the causes of as many of them as a bound on the work allows.

    The worst of each initialization is looked at first, then the others in their order.

    Args:
        found: the failures.
        engine: what trains some of the runs again.
    """
    chosen = _chosen(found)
    return tuple(
        FailedSeries(item.cell, item.series, item.failures, cause_of(item.series, engine)) if i in chosen else item
        for i, item in enumerate(found)
    )


def _chosen(found: tuple[FailedSeries, ...]) -> set[int]:
    first: dict[str, int] = {}
    for i, item in enumerate(found):
        first.setdefault(item.series.initialization.label, i)
    order = [*first.values(), *(i for i in range(len(found)) if i not in first.values())]
    chosen: set[int] = set()
    work = 0.0
    for i in order:
        work += _work(found[i])
        if len(chosen) == MOST_CAUSES or work > MOST_WORK:
            break
        chosen.add(i)
    return chosen


def _work(item: FailedSeries) -> float:
    """Return the multiplications by one weight that looking at a series takes."""
    spec, examples = item.series.cell.spec, item.series.examples.train.X.shape[1]
    size = spec.training.batches.size
    batch = examples if size is None else min(size, examples)
    runs = min(item.failures, RUNS_OF_A_CAUSE)
    return float(runs * (spec.training.steps + 1) * batch * spec.network.parameter_count)
