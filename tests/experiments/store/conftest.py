"""Runs that nobody trained: their numbers are random bits, so that a store has to return exactly them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstdraw.engine import Outcome, Trajectory
from firstdraw.experiments.store import Finished, Series, Store, Wanted, described

CURVES = ("cost", "test_cost", "train_accuracy", "test_accuracy")
BY_LAYER = ("activation_rms", "gradient_rms", "weight_rms", "distinct_units")

Content = dict[tuple[str, str, int], tuple[Any, ...]]


class Made:
    """Series and runs from a few numbers, and what a store of them has to hold."""

    @staticmethod
    def series(task: int = 0, start: int = 0, *, steps: int = 20) -> Series:
        """A series whose task and start have a number, and no more than a store reads of them."""
        table = {"network": {"widths": (2, 3, 1)}, "training": {"steps": steps}, "recording": {"every": 10}}
        return Series(described(table | {"number": task}), described({"number": start}))

    @staticmethod
    def trajectory(series: Series, seeds: Sequence[int]) -> Trajectory:
        """Random bits, NaN and infinity among them, the same for a series and a seed; every third run has diverged."""
        n, R, L = len(seeds), len(series.steps), series.layers
        word = int.from_bytes(series.task.key[:4] + series.start.key[:4])
        streams = [np.random.default_rng((word, seed)) for seed in seeds]

        def bits(*shape: int) -> Any:
            rows = [stream.integers(0, 2**64, shape, np.uint64).view(np.float64) for stream in streams]
            array = np.array(rows).reshape(n, *shape)
            array[..., 0] = np.nan
            return array

        nothing = np.zeros((n, 0))
        return Trajectory(
            steps=series.steps,
            textbook_cost=nothing,
            **{name: bits(R) for name in CURVES},
            **{name: bits(R, L) for name in BY_LAYER},
            unit_difference=nothing,
            snapshot_steps=np.zeros(0, np.int64),
            snapshots=nothing,
            initial=nothing,
            final=nothing,
            outcomes=tuple(
                Outcome(diverged=True, step=7, layer=2) if seed % 3 == 0 else Outcome(diverged=False, step=20)
                for seed in seeds
            ),
        )

    @classmethod
    def finished(cls, series: Series, seeds: Sequence[int]) -> Finished:
        return Finished(Wanted(series, tuple(seeds)), cls.trajectory(series, seeds))

    @classmethod
    def expected(cls, series: Series, seeds: Sequence[int]) -> Content:
        """What `content` returns for a store of these runs."""
        trajectory = cls.trajectory(series, seeds)
        found: Content = {}
        for i, seed in enumerate(seeds):
            numbers = [getattr(trajectory, name)[i] for name in CURVES]
            numbers += [getattr(trajectory, name)[i][[0, -1]] for name in BY_LAYER]
            key = (series.task.text, series.start.text, seed)
            found[key] = (trajectory.outcomes[i], *(np.ascontiguousarray(part).tobytes() for part in numbers))
        return found

    @staticmethod
    def content(path: Path) -> Content:
        """All that the runs of a store hold, bit for bit."""
        found: Content = {}
        with Store.read(path) as store:
            for series in store.series():
                runs = store.runs(series)
                for i, seed in enumerate(runs.seeds.tolist()):
                    numbers = [np.ascontiguousarray(getattr(runs, name)[i]).tobytes() for name in (*CURVES, *BY_LAYER)]
                    found[series.task.text, series.start.text, seed] = (runs.outcome(i), *numbers)
        return found


@pytest.fixture(scope="session")
def made() -> Made:
    return Made()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


@pytest.fixture
def stored(path: Path) -> Callable[..., Path]:
    """Make a store of some runs, and close it."""

    def make(*batch: Finished) -> Path:
        with Store.create_or_open(path) as store:
            store.put(batch)
        return path

    return make


@pytest.fixture
def start_process() -> Callable[..., subprocess.Popen[str]]:
    """Run Python code in a process of its own; it finds what `Made` makes, and the arguments from the second on."""

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        begin = "import runpy, sys; made = runpy.run_path(sys.argv[1])['Made']; from pathlib import Path; import time\n"
        begin += "from firstdraw.experiments.store import *\n"
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", begin + code, __file__, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
