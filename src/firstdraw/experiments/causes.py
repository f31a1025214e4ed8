"""Why runs of a grid failed: the diagnosis of a few of each series, which are trained again for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from firstdraw.diagnosis import Finding
from firstdraw.engine import Engine
from firstdraw.experiments.grid_record import SeriesRecord
from firstdraw.experiments.run import prepare, run

__all__ = ["FailureCause", "cause_of"]

MOST_DIAGNOSED: Final = 3
"""Of one series: the runs of a series that fail mostly fail alike."""


@dataclass(frozen=True, slots=True)
class FailureCause:
    """Why the failed runs of a series failed.

    Args:
        series: the runs.
        diagnosed: the seeds of those that were looked at.
        agreeing: how many of these have this cause.
        finding: the finding that the diagnosis puts first in most of them.
    """

    series: SeriesRecord
    diagnosed: tuple[int, ...]
    agreeing: int
    finding: Finding


def cause_of(series: SeriesRecord, engine: Engine) -> FailureCause | None:
    """Return why runs of a series failed; None if none did.

    The store keeps too little of a run to diagnose it. But a run is what its spec and seed make it, so the first few
    that failed are trained once more, and the finding that stands first in most of their diagnoses is the cause.

    Args:
        series: the runs.
        engine: what trains.
    """
    seeds = tuple(series.runs.seeds[series.failed][:MOST_DIAGNOSED].tolist())
    if not seeds:
        return None
    spec = replace(series.cell.spec, seeds=seeds, initializations=(series.initialization,))
    record = run(prepare(spec, series.examples), engine=engine)
    first = [one.findings[0] for one in record.runs]
    cause, agreeing = Counter(finding.cause for finding in first).most_common(1)[0]
    return FailureCause(series, seeds, agreeing, next(finding for finding in first if finding.cause == cause))
