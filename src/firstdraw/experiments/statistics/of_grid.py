"""The statistics of a grid: a ranking for each cell, and over its learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from firstdraw.experiments.grid_record import GridRecord, SeriesRecord
from firstdraw.experiments.statistics.contests import Runs
from firstdraw.experiments.statistics.of_record import FEWEST_SEEDS, Measure, measure_named
from firstdraw.experiments.statistics.ranking import Ranking, rank
from firstdraw.experiments.statistics.tuning import TunedRanking, rank_tuned

__all__ = ["LEARNING_RATE", "TunedCells", "ranking_of_cell", "tuned_rankings"]

LEARNING_RATE: Final = "training.optimizer.learning_rate"


@dataclass(frozen=True, slots=True)
class TunedCells:
    """Cells that differ in their learning rate alone.

    Args:
        coordinates: what they have in common, each path with its value.
        rates: their learning rates.
        tuned: the initializations at the best rate of each.
    """

    coordinates: tuple[tuple[str, Any], ...]
    rates: tuple[float, ...]
    tuned: TunedRanking


def ranking_of_cell(
    series: Sequence[SeriesRecord], measure: str = "train_cost", *, level: float = 0.95, seed: int = 0
) -> Ranking | None:
    """Return the initializations of one cell in an order; None where there are too few to compare.

    Runs are compared over the seeds of which every initialization has one.

    Args:
        series: those of the cell.
        measure: the name of what is ordered by, one of `MEASURES`.
        level: of the intervals, each for itself, and of all tests together.
        seed: of the resamples behind the intervals.

    Raises:
        InputError: if there is no such measure, or the level is not above 0 and below 1.
    """
    chosen = measure_named(measure)
    seeds = _common(series)
    if len(series) < 2 or len(seeds) < FEWEST_SEEDS:
        return None
    return rank(
        [_runs(one, seeds, chosen) for one in series],
        measure=chosen.title,
        higher_is_better=chosen.higher_is_better,
        pattern=chosen.pattern,
        level=level,
        seed=seed,
    )


def tuned_rankings(
    record: GridRecord, measure: str = "train_cost", *, level: float = 0.95, seed: int = 0
) -> tuple[TunedCells, ...]:
    """Return the initializations in an order at the best learning rate of each, for cells that differ in it alone.

    Args:
        record: the runs of the grid; without an axis of learning rates there is nothing to return.
        measure: the name of what is ordered by, one of `MEASURES`.
        level: of the intervals, each for itself, and of all tests together.
        seed: of the resamples behind the intervals.

    Raises:
        InputError: if there is no such measure, or the level is not above 0 and below 1.
    """
    chosen = measure_named(measure)
    together: dict[str, list[tuple[SeriesRecord, ...]]] = {}
    for series in record.series:
        coordinates = series[0].cell.coordinates
        if any(path == LEARNING_RATE for path, _ in coordinates):
            together.setdefault(repr(_others(series)), []).append(series)
    found: list[TunedCells] = []
    for cells in together.values():
        seeds = _common([one for series in cells for one in series])
        if len(cells) < 2 or len(cells[0]) < 2 or len(seeds) < FEWEST_SEEDS:
            continue
        rates = [float(dict(series[0].cell.coordinates)[LEARNING_RATE]) for series in cells]
        starts = {
            one.initialization.label: {
                rate: _runs(series[i], seeds, chosen) for rate, series in zip(rates, cells, strict=True)
            }
            for i, one in enumerate(cells[0])
        }
        tuned = rank_tuned(
            starts,
            measure=chosen.title,
            higher_is_better=chosen.higher_is_better,
            pattern=chosen.pattern,
            level=level,
            seed=seed,
        )
        found.append(TunedCells(_others(cells[0]), tuple(rates), tuned))
    return tuple(found)


def _others(series: Sequence[SeriesRecord]) -> tuple[tuple[str, Any], ...]:
    return tuple(item for item in series[0].cell.coordinates if item[0] != LEARNING_RATE)


def _runs(series: SeriesRecord, seeds: Sequence[int], measure: Measure) -> Runs:
    """Return what became of the runs of some seeds, all of which are there, in their order."""
    where = np.searchsorted(series.runs.seeds, np.array(seeds, np.uint64))
    return Runs(series.initialization.label, series.last(measure.records)[where], series.failed[where])


def _common(series: Sequence[SeriesRecord]) -> list[int]:
    """Return the seeds of which every series has a run."""
    first, *others = (set[int](one.runs.seeds.tolist()) for one in series)
    return sorted(first.intersection(*others))
