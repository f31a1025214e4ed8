"""`firstdraw run` for grids of specs, and for all that goes into a store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from firstdraw.cli.progress import progress_of
from firstdraw.cli.stopwatch import Stopwatch

if TYPE_CHECKING:
    from firstdraw.cli.asked import Asked
    from firstdraw.engine import Engine
    from firstdraw.experiments import Grid
    from firstdraw.experiments.grid_record import GridRecord
    from firstdraw.experiments.store import Store
    from firstdraw.experiments.sweep import Open

__all__ = ["run_the_grid"]


def run_the_grid(grid: Grid, asked: Asked, engine: Engine, watch: Stopwatch) -> None:
    """Train what is missing of a grid, print its table or its JSON, and write its report."""
    with watch.part("start"):
        from firstdraw.experiments.cluster import read_cluster
        from firstdraw.grid_result import GridResult
        from firstdraw.report.files import check_writable

        if asked.out is not None:
            check_writable(asked.out)
        if asked.cluster is not None:
            read_cluster(asked.cluster)
    record = _finished(grid, asked, engine, watch)
    result = GridResult(record, watch.seconds)
    if asked.as_json:
        click.echo(result.to_json(), nl=False)
    else:
        from firstdraw.cli.grid_tables import print_grid

        with watch.part("ranking"):
            result.table()
        print_grid(result)
    if asked.out is not None:
        with watch.part("report"):
            result.save(asked.out)
        click.echo(f"Report: {asked.out.resolve()}", err=True)
    slow = "" if engine.name == "native" else f" (the {engine.name} engine; see `firstdraw info`)"
    click.echo(f"Time: {watch}{slow}", err=True)


def _finished(grid: Grid, asked: Asked, engine: Engine, watch: Stopwatch) -> GridRecord:
    from firstdraw.experiments.grid import load_cells
    from firstdraw.experiments.grid_record import read_record
    from firstdraw.experiments.sweep import open_cells, opened

    with opened(asked.store) as store:
        with watch.part("data"):
            cells = open_cells(load_cells(grid), store, engine)
        if asked.store is not None:
            _say_what_is_there(grid, cells, asked.store)
        with watch.part("training"):
            _sweep(grid, cells, store, engine, asked)
        with watch.part("reading"):
            return read_record(load_cells(grid), grid, store, engine)


def _say_what_is_there(grid: Grid, cells: Sequence[Open], path: Path) -> None:
    missing = sum(cell.runs for cell in cells)
    if missing < grid.runs:
        click.echo(f"{grid.runs - missing:,} of {grid.runs:,} runs are in {path}; {missing:,} are missing.", err=True)


def _sweep(grid: Grid, cells: Sequence[Open], store: Store, engine: Engine, asked: Asked) -> None:
    try:
        with progress_of(sum(cell.steps for cell in cells), "Training", shown=asked.progress) as advance:
            if asked.cluster is None:
                _sweep_here(cells, store, engine, advance)
            else:
                _sweep_there(asked.cluster, cells, store, engine, advance)
    except KeyboardInterrupt as interrupt:
        interrupt.args = () if asked.store is None else (_what_is_kept(grid, store, engine, asked.store),)
        raise


def _sweep_here(cells: Sequence[Open], store: Store, engine: Engine, advance: Callable[[int], None]) -> None:
    from firstdraw.experiments.store import this_process
    from firstdraw.experiments.sweep import sweep

    sweep(
        cells,
        store,
        engine,
        owner=this_process(),
        clock=time.perf_counter,
        now=time.time,
        pause=time.sleep,
        progress=advance,
    )


def _sweep_there(
    address: str, cells: Sequence[Open], store: Store, engine: Engine, advance: Callable[[int], None]
) -> None:
    from firstdraw.experiments.cluster import read_cluster, sweep_on_cluster
    from firstdraw.experiments.store import this_process

    sweep_on_cluster(
        cells,
        store,
        engine,
        read_cluster(address),
        owner=this_process(),
        clock=time.perf_counter,
        now=time.time,
        progress=advance,
    )


def _what_is_kept(grid: Grid, store: Store, engine: Engine, path: Path) -> str:
    from firstdraw.experiments.store import series_of

    wanted = {series for cell in grid.cells for series in series_of(cell.spec, engine)}
    there = sum(item.runs for item in store.summary() if item.series in wanted)
    return f"{there:,} of {grid.runs:,} runs are in {path}, and the same command goes on from there"
