"""A grid as JSON: a stable, versioned schema in which every number is finite or null.

The same rules hold as for `firstdraw.result/1`: a null in the place of a number is explained in `nonfinite`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from firstdraw.experiments.grid import grid_as_table
from firstdraw.experiments.grid_record import GridRecord, SeriesRecord
from firstdraw.experiments.statistics import Estimate, Ranking
from firstdraw.report.document import EstimateDocument, NonFinite, Number, RankingDocument, finite, ranking_fields
from firstdraw.report.grid_summary import GridRow, MiddleHalf, summarize_grid
from firstdraw.version import __version__

__all__ = ["GRID_SCHEMA", "GridDocument", "as_grid_document"]

GRID_SCHEMA: Final = "firstdraw.grid/1"
RECORDS: Final = ("cost", "test_cost", "train_accuracy", "test_accuracy")


class MiddleHalfDocument(msgspec.Struct, frozen=True):
    """The quartiles of a number over the seeds."""

    median: Number
    low: Number
    high: Number


class GridRowDocument(msgspec.Struct, frozen=True):
    """What came of one initialization in one cell; `group` is null where the cell has no ranking."""

    cell: int
    initialization: str
    runs: int
    missing: int
    refused: int
    failures: int
    failed: EstimateDocument | None
    last_cost: MiddleHalfDocument
    train_accuracy: MiddleHalfDocument
    test_accuracy: MiddleHalfDocument
    group: int | None


class CellDocument(msgspec.Struct, frozen=True):
    """A cell: each path of the axes with its value, and the ranking of its initializations where there is one."""

    coordinates: dict[str, Any]
    label: str
    ranking: RankingDocument | None


class GridRunsDocument(msgspec.Struct, frozen=True):
    """The runs of one initialization in one cell, one entry a seed: how they ended, and their last records."""

    cell: int
    initialization: str
    seeds: list[int]
    diverged: list[bool]
    failed: list[bool]
    last_step: list[int]
    cost: list[Number]
    test_cost: list[Number]
    train_accuracy: list[Number]
    test_accuracy: list[Number]


class GridDocument(msgspec.Struct, frozen=True):
    """A grid with its results."""

    schema: Literal["firstdraw.grid/1"]
    version: str
    engine: str
    grid: dict[str, Any]
    cells: list[CellDocument]
    summary: list[GridRowDocument]
    runs: list[GridRunsDocument]
    nonfinite: list[NonFinite]


def as_grid_document(record: GridRecord, rankings: Mapping[int, Ranking] | None = None) -> GridDocument:
    """Return a grid as a document of finite numbers.

    Args:
        record: the runs of the grid.
        rankings: of its cells, by their numbers; by default none is told.
    """
    ranked = rankings or {}
    plain: dict[str, Any] = {
        "schema": GRID_SCHEMA,
        "version": __version__,
        "engine": record.engine.name,
        "grid": grid_as_table(record.grid),
        "cells": [
            {
                "coordinates": dict(cell.coordinates),
                "label": cell.label,
                "ranking": ranking_fields(ranked[number]) if number in ranked else None,
            }
            for number, cell in enumerate(record.grid.cells)
        ],
        "summary": [_row(row) for row in summarize_grid(record, ranked)],
        "runs": [_runs(number, one) for number, series in enumerate(record.series) for one in series],
    }
    nonfinite: list[dict[str, str]] = []
    return msgspec.convert(finite(plain, "", nonfinite) | {"nonfinite": nonfinite}, GridDocument)


def _row(row: GridRow) -> dict[str, Any]:
    documents: dict[Any, type[msgspec.Struct]] = {MiddleHalf: MiddleHalfDocument, Estimate: EstimateDocument}
    found: dict[str, Any] = {}
    for name in GridRowDocument.__struct_fields__:
        value = getattr(row, name)
        document = documents.get(type(value))
        found[name] = value if document is None else {part: getattr(value, part) for part in document.__struct_fields__}
    return found


def _runs(cell: int, series: SeriesRecord) -> dict[str, Any]:
    runs = series.runs
    failed: list[bool] = series.failed.tolist() if len(runs) else []
    fields: dict[str, Any] = {
        "cell": cell,
        "initialization": series.initialization.label,
        "seeds": runs.seeds.tolist(),
        "diverged": runs.diverged.tolist(),
        "failed": failed,
        "last_step": runs.last_step.tolist(),
    }
    return fields | {name: series.last(name) for name in RECORDS}
