"""Floor 7. The Python door: a spec in, a result out."""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firstdraw.engine import Progress, engine_named
from firstdraw.experiments import (
    ExperimentRecord,
    Grid,
    Spec,
    prepare,
    read_file,
    read_grid_file,
    read_grid_table,
    read_table,
)
from firstdraw.experiments import run as run_prepared
from firstdraw.experiments.grid import load_cells
from firstdraw.experiments.grid_record import read_record
from firstdraw.experiments.store import this_process
from firstdraw.experiments.sweep import open_cells, opened, sweep
from firstdraw.grid_result import GridResult
from firstdraw.papers import PAPERS, Claims, Paper
from firstdraw.papers.exercise.studies import EXERCISE_FILE
from firstdraw.result import Result

__all__ = ["claims_of", "paper_of", "read_grid", "read_spec", "run", "run_grid"]


def read_spec(
    spec: Spec | Mapping[str, Any] | str | os.PathLike[str] | None = None, settings: Sequence[str] = ()
) -> Spec:
    """Return a spec, however it is given.

    Args:
        spec: a `Spec`, a dictionary shaped like the TOML file, the path of such a file, or None for the exercise.
        settings: changes to a file, a dictionary or the exercise, each `network.widths=[2, 64, 1]`.

    Raises:
        InputError: if it breaks a rule.
    """
    if isinstance(spec, Spec):
        return spec
    if spec is None:
        return read_table(tomllib.loads(EXERCISE_FILE.read_text(encoding="utf-8")), settings)
    if isinstance(spec, Mapping):
        return read_table(dict(spec), settings)
    return read_file(Path(spec), settings)


def read_grid(spec: Mapping[str, Any] | str | os.PathLike[str] | None = None, settings: Sequence[str] = ()) -> Grid:
    """Return a grid of specs, however it is given; a plain spec is a grid of one cell.

    Args:
        spec: a dictionary shaped like the TOML file, the path of such a file, or None for the exercise.
        settings: changes to it, each `network.widths=[2, 64, 1]`.

    Raises:
        InputError: if it breaks a rule.

    >>> [cell.label for cell in read_grid(settings=["axes=[{network.activation=['relu', 'tanh']}]"]).cells]
    ['activation = relu', 'activation = tanh']
    """
    if spec is None:
        return read_grid_table(tomllib.loads(EXERCISE_FILE.read_text(encoding="utf-8")), settings)
    if isinstance(spec, Mapping):
        return read_grid_table(dict(spec), settings)
    return read_grid_file(Path(spec), settings)


def run(
    spec: Spec | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    *,
    settings: Sequence[str] = (),
    progress: Progress | None = None,
) -> Result:
    """Run an experiment: every initialization of a spec, trained with everything else equal, measured and diagnosed.

    Args:
        spec: a `Spec`, a dictionary shaped like the TOML file, the path of such a file, or None for the exercise.
        settings: changes to a file, a dictionary or the exercise, each `network.widths=[2, 64, 1]`.
        progress: is told how many steps have been made.

    Returns:
        The result: tables, figures that take `ax=`, and a page; shown as a page in a notebook.

    Raises:
        InputError: if the spec breaks a rule.

    >>> result = run(settings=["training.steps=100", "recording.snapshots=[]"])
    >>> [row.label for row in result.table()]
    ['zeros', 'normal x10', 'Xavier', 'He']
    """
    record = run_prepared(prepare(read_spec(spec, settings)), progress)
    return Result(record, claims_of(record))


def run_grid(
    spec: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    *,
    settings: Sequence[str] = (),
    store: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> GridResult:
    """Run a grid of specs: every cell, every initialization, every seed.

    Args:
        spec: a dictionary shaped like the TOML file, the path of such a file, or None for the exercise.
        settings: changes to it, each `network.widths=[2, 64, 1]`.
        store: the file in which every run is kept when it is done; runs that are there already are not made again. By
            default they are kept by the result alone.
        progress: is told how many steps have been made.

    Returns:
        The result: tables, rankings, and a page; shown as a page in a notebook.

    Raises:
        InputError: if the grid breaks a rule.
        StoreError: if the store cannot be written, or is damaged.

    >>> result = run_grid({
    ...     "axes": [{"network.depth": [2, 4]}],
    ...     "seeds": 5,
    ...     "data": "xor",
    ...     "network": {"widths": [2, 8, 1]},
    ...     "training": {"loss": "binary_cross_entropy", "steps": 20},
    ...     "initializations": [{"label": "zeros", "weights": "zeros"}, {"label": "He", "weights": "he_normal"}],
    ... })
    >>> [(row.coordinates, row.initialization, row.runs) for row in result.table()][:2]
    [('depth = 2', 'zeros', 5), ('depth = 2', 'He', 5)]
    """
    grid, engine = read_grid(spec, settings), engine_named()
    with opened(None if store is None else Path(store)) as runs:
        sweep(
            open_cells(load_cells(grid), runs, engine),
            runs,
            engine,
            owner=this_process(),
            clock=time.perf_counter,
            now=time.time,
            pause=time.sleep,
            progress=progress,
        )
        return GridResult(read_record(load_cells(grid), grid, runs, engine))


def claims_of(record: ExperimentRecord) -> Claims | None:
    """Return the claims of the paper whose main experiment this is, checked as far as it allows; None if of none."""
    paper = paper_of(record.spec)
    if paper is None:
        return None
    main = next(iter(paper.studies()))
    return Claims.of(paper, paper.check({main: record}))


def paper_of(spec: Spec) -> Paper | None:
    """Return the paper whose main experiment this is, or None."""
    return next((paper for paper in (cls() for cls in PAPERS.values()) if paper.main() == spec), None)
