"""What a grid costs beyond its training: the time outside of the engine, the memory, and the size of the store.

    python bench/sweep.py [--runs 100000]

The exercise's network, 1,000 steps each, half of the runs from He's initialization and half from N(0, 100), through
`sweep` into a store on the disk. Printed are the seconds in the engine's calls and beside them; what a sample of the
same runs takes when the engine has nothing beside it, drawn before and stored nowhere; the largest memory of the
process; and the bytes of the store.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.engine import Engine, Problem, Progress, Trajectory, engine_named
from firstdraw.experiments import batches_of, prepare
from firstdraw.experiments.grid import Grid, load_cells, read_grid_table
from firstdraw.experiments.store import Store, this_process
from firstdraw.experiments.sweep import open_cells, sweep


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    asked = parser.parse_args()
    grid = read_grid_table(
        {
            "seeds": asked.runs // 2,
            "data": "circles",
            "network": {"widths": [2, 10, 5, 1]},
            "training": {"loss": "binary_cross_entropy", "steps": 1000},
            "initializations": [
                {"label": "He", "weights": "he_normal"},
                {"label": "normal x10", "weights": {"name": "normal", "standard_deviation": 10.0}},
            ],
        }
    )
    within = 0.0
    fastest = engine_named()

    def train(problem: Problem, parameters: Floats, seeds: tuple[int, ...], progress: Progress | None) -> Trajectory:
        nonlocal within
        start = time.perf_counter()
        trajectory = fastest.train(problem, parameters, seeds, progress)
        within += time.perf_counter() - start
        return trajectory

    engine = replace(fastest, train=train)
    before = _megabytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "runs.db")
        start = time.perf_counter()
        with Store.create_or_open(path) as store:
            cells = open_cells(load_cells(grid), store, engine)
            sweep(
                cells,
                store,
                engine,
                owner=this_process(),
                clock=time.perf_counter,
                now=time.time,
                pause=time.sleep,
            )
        total = time.perf_counter() - start
        size = path.stat().st_size
    print(f"{grid.runs:,} runs of {grid.cells[0].spec.training.steps:,} steps on the {engine.name} engine")
    print(f"in the engine  {within:8.2f} s  {1e3 * within / grid.runs:.3f} ms a run")
    print(f"beside it      {total - within:8.2f} s  {(total - within) / within:.1%} of that")
    alone = _alone(grid, fastest)
    print(f"engine alone                {1e3 * alone:.3f} ms a run: all else costs {total / grid.runs / alone - 1:.1%}")
    print(f"memory         {before:8.0f} MB before, {_megabytes():.0f} MB at most")
    print(f"store          {size / 1e6:8.1f} MB  {size / grid.runs:.0f} bytes a run")


def _alone(grid: Grid, engine: Engine) -> float:
    """Return the seconds that a run of a grid takes in the engine, of a tenth of them."""
    (cell,) = grid.cells
    seeds = cell.spec.seeds[: max(1, len(cell.spec.seeds) // 10)]
    prepared = prepare(replace(cell.spec, seeds=seeds))
    (batch,) = batches_of((prepared,))
    parameters = np.array([run.draw() for run in batch.runs])
    start = time.perf_counter()
    engine.train(batch.problem, parameters, tuple(run.seed for run in batch.runs), None)
    return (time.perf_counter() - start) / len(batch.runs)


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
