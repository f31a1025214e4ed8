"""What several test files share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from firstdraw.activations import Tanh
from firstdraw.arrays import Floats
from firstdraw.engine import SGD, Columns, Problem, Recording, engine_named
from firstdraw.experiments import ExperimentRecord, RunRecord, prepare, read_file, run
from firstdraw.experiments.grid import load_cells, read_grid_table
from firstdraw.experiments.grid_record import GridRecord, read_record
from firstdraw.experiments.store import Store, this_process
from firstdraw.experiments.sweep import open_cells, sweep
from firstdraw.losses import BinaryCrossEntropy
from firstdraw.networks import MultilayerPerceptron

# The same examples on every machine and in every run; how long one takes says nothing about it.
settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def exercise() -> ExperimentRecord:
    """The exercise firstdraw began with, run from the spec inside the package."""
    with as_file(files("firstdraw") / "papers" / "exercise" / "spec.toml") as path:
        return run(prepare(read_file(path)))


@pytest.fixture(scope="session")
def he_run(exercise: ExperimentRecord) -> RunRecord:
    return exercise.runs_of("He")[0]


@pytest.fixture(scope="session")
def run_grid(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], GridRecord]:
    """Run the grid in a table, in a store of its own."""

    def run(table: dict[str, Any]) -> GridRecord:
        grid, engine = read_grid_table(table), engine_named()
        with Store.create_or_open(tmp_path_factory.mktemp("grid") / "runs.db") as store:
            cells = open_cells(load_cells(grid), store, engine)
            # No time passes: the sizes of the portions, and nothing else, depend on it.
            sweep(cells, store, engine, owner=this_process(), clock=lambda: 0.0, now=lambda: 0.0, pause=lambda _: None)
            return read_record(load_cells(grid), grid, store, engine)

    return run


@pytest.fixture(scope="session")
def random_parameters() -> Callable[..., Floats]:
    """Random parameters `[n, P]` of a network, biases included, drawn by NumPy and not by the package."""

    def draw(network: MultilayerPerceptron, n: int = 1, seed: int = 0, scale: float = 0.5) -> Floats:
        return np.random.default_rng(seed).normal(0.0, scale, (n, network.parameter_count))

    return draw


@pytest.fixture(scope="session")
def make_problem() -> Callable[..., Problem]:
    """A small classification problem on 23 random examples, with any of its fields changed."""
    stream = np.random.default_rng(12)

    def examples(m: int) -> Columns:
        X = stream.normal(size=(2, m))
        labels = (X[0] * X[1] > 0).astype(np.int64)
        return Columns(X, labels[np.newaxis].astype(np.float64), labels)

    base = Problem(
        network=MultilayerPerceptron((2, 4, 3, 1), Tanh()),
        train=examples(23),
        test=examples(11),
        loss=BinaryCrossEntropy(),
        optimizer=SGD(learning_rate=0.5),
        steps=20,
        recording=Recording(every=5),
    )

    def make(**changes: Any) -> Problem:
        return replace(base, **changes)

    return make
