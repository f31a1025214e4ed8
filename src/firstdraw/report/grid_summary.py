"""The table of a grid: one row for each cell and initialization."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from firstdraw.experiments.grid_record import GridRecord, SeriesRecord
from firstdraw.experiments.statistics import Estimate, Ranking, ranking_of_cell, share_interval
from firstdraw.experiments.statistics.quartiles import quartiles
from firstdraw.report.summary import LARGEST_IN_FULL

__all__ = ["GridRow", "MiddleHalf", "number", "percent", "rankings_of", "summarize_grid", "summarize_series"]


@dataclass(frozen=True, slots=True)
class MiddleHalf:
    """The quartiles of a number over the seeds; what is not finite, of a run that diverged, is the worst of all.

    >>> str(MiddleHalf(0.5, 0.25, math.inf))
    '0.5 (0.25 to inf)'
    """

    median: float
    low: float
    high: float
    pattern: str = ".4g"

    @classmethod
    def of(cls, values: np.ndarray, pattern: str = ".4g", *, higher_is_better: bool = False) -> MiddleHalf:
        """Return the quartiles of some values; NaN without any, and where all accuracies are NaN, as of regression."""
        if not len(values) or (higher_is_better and np.isnan(values).all()):
            return cls(math.nan, math.nan, math.nan, pattern)
        found = quartiles(values, higher_is_better=higher_is_better)
        return cls(float(found.median), float(found.low), float(found.high), pattern)

    def __str__(self) -> str:
        middle, low, high = (number(value, self.pattern) for value in (self.median, self.low, self.high))
        return middle if low == middle == high else f"{middle} ({low} to {high})"


def number(value: float, pattern: str = ".4g") -> str:
    """Write a number for a table: a dash for what is not there, an exponent where it is long.

    >>> number(0.123456), number(math.nan), number(-math.inf, ".1%"), number(2e300, ".4f")
    ('0.1235', '-', '-', '2e+300')
    """
    # No number is as low as the accuracy of a run that diverged.
    if math.isnan(value) or value == -math.inf:
        return "-"
    return format(value, pattern if abs(value) < LARGEST_IN_FULL else ".4g")


def percent(value: float) -> str:
    """Write a share of runs: in whole percent, and never as none or all where it is not.

    >>> percent(0.0), percent(0.004), percent(0.996), percent(1.0)
    ('0%', '<1%', '>99%', '100%')
    """
    if math.isnan(value):
        return "-"
    text = f"{value:.0%}"
    if text == "0%" and value > 0:
        return "<1%"
    return ">99%" if text == "100%" and value < 1 else text


@dataclass(frozen=True, slots=True)
class GridRow:
    """What came of one initialization in one cell.

    Args:
        cell: the number of the cell, from 0.
        coordinates: its label.
        initialization: the label of the initialization.
        runs: how many runs there are.
        missing: how many were asked for and are not there.
        refused: how many of these could not be made.
        failures: how many of the runs diverged or learned nothing.
        failed: their share; None without runs.
        last_cost: on the training examples, after the last step.
        train_accuracy: after the last step; NaN for regression.
        test_accuracy: the same on the test examples; NaN without any.
        group: the place of its group in the ranking of the cell, from 1; None where there is no ranking.
    """

    cell: int
    coordinates: str
    initialization: str
    runs: int
    missing: int
    refused: int
    failures: int
    failed: Estimate | None
    last_cost: MiddleHalf
    train_accuracy: MiddleHalf
    test_accuracy: MiddleHalf
    group: int | None


def rankings_of(record: GridRecord, most: int | None = None) -> dict[int, Ranking]:
    """Return the ranking of each cell that has seeds and initializations enough for one, by the cell's number.

    Args:
        record: the runs of the grid.
        most: how many rankings at most, those of the first cells; by default all. Each takes tens of milliseconds.
    """
    found: dict[int, Ranking] = {}
    for cell, series in enumerate(record.series):
        if most is not None and len(found) >= most:
            break
        if (ranking := ranking_of_cell(series)) is not None:
            found[cell] = ranking
    return found


def summarize_grid(record: GridRecord, rankings: Mapping[int, Ranking] | None = None) -> tuple[GridRow, ...]:
    """Return the table of a grid.

    Args:
        record: the runs of the grid.
        rankings: of its cells, by their numbers; by default none is told.
    """
    ranked = rankings or {}
    return tuple(
        summarize_series(one, cell, ranked.get(cell)) for cell, series in enumerate(record.series) for one in series
    )


def summarize_series(series: SeriesRecord, cell: int, ranking: Ranking | None = None) -> GridRow:
    """Return the row of one initialization in one cell."""
    label, runs = series.initialization.label, len(series.runs)
    failures = int(series.failed.sum()) if runs else 0
    groups = {row.label: row.group for row in ranking.rows} if ranking else {}
    return GridRow(
        cell=cell,
        coordinates=series.cell.label,
        initialization=label,
        runs=runs,
        missing=len(series.cell.spec.seeds) - runs,
        refused=len(series.refused),
        failures=failures,
        failed=share_interval(failures, runs) if runs else None,
        last_cost=MiddleHalf.of(series.last("cost")),
        train_accuracy=MiddleHalf.of(series.last("train_accuracy"), ".1%", higher_is_better=True),
        test_accuracy=MiddleHalf.of(series.last("test_accuracy"), ".1%", higher_is_better=True),
        group=groups.get(label),
    )
