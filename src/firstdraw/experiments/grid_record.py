"""What a grid leaves in its store: for each cell and each initialization the records of its runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from firstdraw.arrays import Booleans, Floats
from firstdraw.diagnosis import failures
from firstdraw.engine import Engine
from firstdraw.experiments.examples import Examples
from firstdraw.experiments.grid import Cell, Grid
from firstdraw.experiments.spec import Initialization
from firstdraw.experiments.store import Failure, Store, StoredRuns, series_of

__all__ = ["GridRecord", "SeriesRecord", "read_record"]


@dataclass(frozen=True)
class SeriesRecord:
    """The runs of one cell from one initialization.

    Args:
        cell: which cell.
        initialization: how they started.
        runs: their records, by ascending seeds.
        examples: the data.
        refused: the runs that could not be made.
    """

    cell: Cell
    initialization: Initialization
    runs: StoredRuns
    examples: Examples
    refused: tuple[Failure, ...]

    @cached_property
    def constant_cost(self) -> float:
        """The cost of the best prediction that ignores the inputs."""
        return self.cell.spec.training.loss.constant_cost(self.examples.train.Y.astype(np.float64))

    @cached_property
    def failed(self) -> Booleans:
        """Which runs failed: diverged, or learned nothing `[n]`."""
        return failures(self.runs.steps, self.runs.cost, self.runs.diverged, self.constant_cost)

    def last(self, records: str) -> Floats:
        """Return the last record of each run `[n]`, of "cost", "test_cost", "train_accuracy" or "test_accuracy"."""
        return getattr(self.runs, records)[:, -1]


@dataclass(frozen=True)
class GridRecord:
    """All runs of a grid.

    Args:
        grid: what was asked.
        series: for each cell, for each of its initializations.
        engine: what trained.
    """

    grid: Grid
    series: tuple[tuple[SeriesRecord, ...], ...]
    engine: Engine

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return sum(len(one.runs) for cell in self.series for one in cell)

    @property
    def refused(self) -> int:
        """How many runs could not be made."""
        return sum(len(one.refused) for cell in self.series for one in cell)

    @property
    def failed(self) -> int:
        """How many of the runs failed."""
        return sum(int(one.failed.sum()) for cell in self.series for one in cell)


def read_record(cells: Iterable[tuple[Cell, Examples]], grid: Grid, store: Store, engine: Engine) -> GridRecord:
    """Read what a store has of a grid.

    Args:
        cells: those of the grid, each with its data.
        grid: which.
        store: where its runs are; of those that are missing nothing is told.
        engine: what trained them.

    Raises:
        StoreError: if the store is damaged.
    """
    refused = store.failures()
    found: list[tuple[SeriesRecord, ...]] = []
    for cell, examples in cells:
        seeds = set(cell.spec.seeds)
        found.append(
            tuple(
                SeriesRecord(
                    cell,
                    start,
                    store.runs(series, cell.spec.seeds),
                    examples,
                    tuple(one for one in refused if one.series == series and one.seed in seeds),
                )
                for start, series in zip(cell.spec.initializations, series_of(cell.spec, engine), strict=True)
            )
        )
    return GridRecord(grid, tuple(found), engine)
