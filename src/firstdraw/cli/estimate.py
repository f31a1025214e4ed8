"""`firstdraw run --dry-run`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from firstdraw.experiments import Grid
    from firstdraw.experiments.calibration import Estimate

__all__ = ["print_the_estimate", "sentences", "told"]

SCHEMA: Final = "firstdraw.estimate/1"
# The seconds and the bytes of a unit; a unit is used from twice its size on.
TIMES: Final = {"days": 86_400, "h": 3_600, "min": 60, "s": 1}
SIZES: Final = {"GB": 10**9, "MB": 10**6, "kB": 10**3, "bytes": 1}
# A line of labels is to be read.
MOST_LABELS: Final = 5


def print_the_estimate(spec: Path | None, settings: tuple[str, ...], *, as_json: bool, engine: str | None) -> None:
    """Print what running a spec or a grid of specs takes; nothing but a short calibration is trained."""
    from firstdraw.engine import engine_named
    from firstdraw.experiments.calibration import estimate
    from firstdraw.laboratory import read_grid

    chosen = engine_named(engine)
    grid = read_grid(spec, settings)
    found = estimate(grid, chosen, time.perf_counter)
    if as_json:
        click.echo(json.dumps(_as_json(grid, found, chosen.name), indent=2, ensure_ascii=False, allow_nan=False))
        return
    _print_the_table(found)
    for sentence in sentences(grid, found, chosen.name):
        click.echo(sentence)


def _print_the_table(found: Estimate) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from firstdraw.cli.tables import print_table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for header in ("Cells", "Runs", "Steps", "Training time", "Memory", "Memory of a cell"):
        table.add_column(header, justify="right", no_wrap=True)
    row = (
        f"{found.cells:,}",
        f"{found.runs:,}",
        f"{found.steps:,}",
        f"about {told(found.seconds, TIMES)}",
        told(found.bytes, SIZES),
        told(found.largest_cell_bytes, SIZES),
    )
    table.add_row(*map(Text, row))
    print_table(table)


def sentences(grid: Grid, found: Estimate, engine: str) -> Iterator[str]:
    """Yield what the estimate rests on, and what is not in it."""
    kinds = f"{len(found.measured):,} of {found.kinds:,} kinds of cells" if found.kinds > 1 else "one kind of cell"
    yield f"The time is from a calibration of {kinds} on the {engine} engine; the memory is of parameters and records."
    if len(found.measured) < found.kinds:
        labels = [grid.cells[number].label for number in found.measured]
        more = f"; and {len(labels) - MOST_LABELS:,} more" if len(labels) > MOST_LABELS else ""
        yield f"Measured were those with most work: {'; '.join(labels[:MOST_LABELS])}{more}."
        yield "The others are estimated from the most similar of these, in proportion to their multiplications."
    if any(start.fit is not None for cell in grid.cells for start in cell.spec.initializations):
        yield "The time of fitting initial parameters to data is not counted."


def told(amount: float, units: dict[str, int]) -> str:
    """Write an amount with two or three digits in the unit that leaves the fewest."""
    unit, size = next(((unit, size) for unit, size in units.items() if amount >= 2 * size), list(units.items())[-1])
    number = amount / size
    return f"{number:,.0f} {unit}" if number >= 10 else f"{number:.2g} {unit}"


def _as_json(grid: Grid, found: Estimate, engine: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "engine": engine,
        "cells": found.cells,
        "runs": found.runs,
        "steps": found.steps,
        "seconds": found.seconds,
        "bytes": found.bytes,
        "largest_cell_bytes": found.largest_cell_bytes,
        "kinds": found.kinds,
        "measured": [dict(grid.cells[number].coordinates) for number in found.measured],
    }
