"""The store of runs beside the engine that makes them: `python bench/store.py` prints the table.

The exercise's network on circles, 1,000 steps, a record every 100: trained a batch at a time, each batch stored in
one transaction before the next is trained, then everything is read, checked and exported. What to read are ratios: the
times of all parts are of one process, on the clock and in seconds of its cores.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from firstdraw.engine import engine_named
from firstdraw.experiments import batches_of, prepare, read_table
from firstdraw.experiments.store import Finished, Store, Wanted, check, series_of, this_process
from firstdraw.experiments.store.values import laid_out
from firstdraw.report.export import export

SPEC = {
    "data": {"name": "circles", "train_size": 300, "test_size": 100, "noise": 0.05},
    "network": {"widths": [2, 10, 5, 1], "activation": "relu"},
    "training": {"loss": "binary_cross_entropy", "steps": 1000},
    "recording": {"every": 100},
    "initializations": [{"label": "He", "weights": "he_normal"}],
}


class Parts:
    """How long each part took, in all."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cores: dict[str, float] = {}

    def timed(self, name: str, action: Callable[[], object]) -> object:
        """Do something, and count its time to a part."""
        wall, cores = time.perf_counter(), time.process_time()
        result = action()
        self.wall[name] = self.wall.get(name, 0) + time.perf_counter() - wall
        self.cores[name] = self.cores.get(name, 0) + time.process_time() - cores
        return result


def row(*cells: object) -> None:
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def peak() -> float:
    """Return the most memory that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=1000, help="runs a transaction")
    arguments = parser.parse_args()
    runs, size = arguments.runs, arguments.batch
    engine, owner, parts = engine_named(), this_process(), Parts()
    spec = read_table(SPEC)
    prepared = prepare(spec)
    (series,) = series_of(spec, engine)
    (batch,) = batches_of((prepared,))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.db"
        memory: list[float] = []
        with Store.create_or_open(path) as store:
            for first in range(0, runs, size):
                seeds = tuple(range(first, min(first + size, runs)))
                drawn = parts.timed(
                    "draw", lambda s=seeds: np.array([replace(batch.runs[0], seed=i).draw() for i in s])
                )
                wanted = Wanted(series, seeds)
                parts.timed("claim", lambda w=wanted: store.claim([w], owner, time.time()))
                trained = parts.timed("train", lambda d=drawn, s=seeds: engine.train(batch.problem, d, s, None))
                parts.timed("put", lambda w=wanted, t=trained: store.put([Finished(w, t)]))
                memory.append(peak())
        for k in range(len(trained)):
            parts.timed("zlib, of the last batch", lambda k=k: zlib.compress(laid_out(trained.one(k))[0], 1))
        parts.timed("laying out the last batch", lambda: laid_out(trained))
        with Store.read(path) as store:
            parts.timed("read", lambda: store.runs(series))
            parts.timed("missing", lambda: store.missing(Wanted(series, tuple(range(runs)))))
            parts.timed("csv", lambda: export(store, Path(folder) / "runs.csv", "csv"))
            parts.timed("jsonl", lambda: export(store, Path(folder) / "runs.jsonl", "jsonl"))
        parts.timed("fsck", lambda: check(path))
        print(f"{runs:,} runs, {size:,} a transaction: {path.stat().st_size / runs:.0f} bytes a run\n")
    print(f"Most memory after the first batch {memory[0]:.0f} MB, after the last {memory[-1]:.0f} MB\n")
    row("part", "s", "us a run", "of training", "s of cores", "of training")
    row(*["---"] * 6)
    for name, wall in parts.wall.items():
        cores = parts.cores[name]
        counted = len(trained) if "last batch" in name else runs
        share = counted / runs
        row(
            name,
            f"{wall:.3f}",
            f"{wall / counted * 1e6:.1f}",
            f"{wall / share / parts.wall['train']:.2%}",
            f"{cores:.3f}",
            f"{cores / share / parts.cores['train']:.2%}",
        )


if __name__ == "__main__":
    main()
