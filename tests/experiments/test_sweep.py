"""Grids that are run into a store: whole, in parts, interrupted, beside others; always the same runs."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstdraw.arrays import Floats
from firstdraw.engine import Engine, Problem, Progress, Trajectory, engine_named
from firstdraw.errors import InputError
from firstdraw.experiments import prepare, run
from firstdraw.experiments.causes import cause_of
from firstdraw.experiments.grid import Grid, load_cells, read_grid_table
from firstdraw.experiments.grid_record import GridRecord, read_record
from firstdraw.experiments.statistics import is_failed, ranking_of, ranking_of_cell, tuned_rankings
from firstdraw.experiments.store import Owner, Store, Wanted, series_of, this_process
from firstdraw.experiments.sweep import open_cells, sweep

ENGINE = engine_named()
RECORDS = ("cost", "test_cost", "train_accuracy", "test_accuracy")
STARTS: list[dict[str, Any]] = [
    {"label": "He", "weights": "he_normal"},
    {"label": "huge", "weights": {"name": "normal", "standard_deviation": 1e300}},
    {"label": "fitted", "weights": "orthogonal", "fit": "lsuv"},
    {"label": "parametrized", "parametrization": "mup"},
]


def grid(**changes: Any) -> Grid:
    """Twelve cells' worth of variety: mini-batches, a fit, learning rates of their own, a run that cannot start."""
    table: dict[str, Any] = {
        "seeds": 6,
        "data": {"name": "circles", "train_size": 30, "test_size": 10},
        "network": {"widths": [2, 6, 1], "activation": "tanh"},
        "training": {"loss": "binary_cross_entropy", "steps": 40, "optimizer": "sgd", "batch_size": 8},
        "recording": {"every": 15},
        "axes": [
            {"network.depth": [2, 4]},
            {"training.optimizer.learning_rate": [0.1, 1.0], "training.precision": ["float64", "float32"]},
        ],
        "initializations": [
            *STARTS,
            {"label": "nothing to fit", "weights": "zeros", "fit": "lsuv"},
        ],
    }
    return read_grid_table(table | changes)


def ticks(step: float) -> Callable[[], float]:
    """A clock that goes on by as much whenever it is read."""
    counted = itertools.count()
    return lambda: step * next(counted)


def no_pause(_seconds: float) -> None:
    raise AssertionError("there is nobody to wait for")


def finish(
    asked: Grid,
    path: Path,
    *,
    engine: Engine = ENGINE,
    step: float = 0.01,
    owner: Owner | None = None,
    pause: Callable[[float], None] = no_pause,
    progress: Progress | None = None,
) -> GridRecord:
    """Run what is missing of a grid, and read all of it."""
    with Store.create_or_open(path) as store:
        cells = open_cells(load_cells(asked), store, engine)
        sweep(
            cells,
            store,
            engine,
            owner=owner or this_process(),
            clock=ticks(step),
            now=ticks(1.0),
            pause=pause,
            progress=progress,
        )
        return read_record(load_cells(asked), asked, store, engine)


def content(path: Path) -> dict[str, set[tuple[Any, ...]]]:
    """All that a store says, whatever the order in which it was written: numbers stand for descriptions."""
    connection = sqlite3.connect(path)
    tasks = dict(connection.execute("SELECT id, description FROM tasks"))
    starts = dict(connection.execute("SELECT id, description FROM starts"))
    runs = "SELECT task, start, seed, diverged, step, layer, measured FROM runs"

    def named(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tasks[row[0]], starts[row[1]], *row[2:]

    found = {
        "runs": set(map(named, connection.execute(runs))),
        "failures": set(map(named, connection.execute("SELECT task, start, seed, message FROM failures"))),
    }
    assert not connection.execute("SELECT * FROM claims").fetchall()
    connection.close()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GridRecord]:
    path = tmp_path_factory.mktemp("sweep") / "whole.db"
    return path, finish(grid(), path)


def test_every_run_has_the_numbers_that_it_has_alone(undisturbed: tuple[Path, GridRecord]) -> None:
    _, record = undisturbed
    assert record.grid.runs == 4 * 5 * 6
    for series in itertools.chain.from_iterable(record.series):
        if series.initialization.label == "nothing to fit":
            continue
        alone = run(prepare(replace(series.cell.spec, initializations=(series.initialization,))))
        assert series.runs.seeds.tolist() == [0, 1, 2, 3, 4, 5]
        for i, one in enumerate(alone.runs):
            assert series.runs.outcome(i) == one.trajectory.outcomes[0]
            for name in RECORDS:
                np.testing.assert_array_equal(getattr(series.runs, name)[i], getattr(one.trajectory, name)[0])
            for name in ("activation_rms", "gradient_rms", "weight_rms", "distinct_units"):
                np.testing.assert_array_equal(getattr(series.runs, name)[i], getattr(one.trajectory, name)[0, [0, -1]])
            assert series.failed[i] == is_failed(one)


def test_a_run_that_cannot_start_fails_alone(undisturbed: tuple[Path, GridRecord]) -> None:
    _, record = undisturbed
    for *others, unfit in record.series:
        assert [len(series.runs) for series in others] == [6, 6, 6, 6]
        assert not len(unfit.runs)
        assert [failure.seed for failure in unfit.refused] == [0, 1, 2, 3, 4, 5]
        assert {failure.attempts for failure in unfit.refused} == {1}
        with pytest.raises(InputError) as caught:
            prepare(replace(unfit.cell.spec, initializations=(unfit.initialization,), seeds=(0,)))
        assert str(caught.value).endswith(unfit.refused[0].message.removeprefix("with seed 0: "))
    assert record.refused == 24
    assert record.runs == 4 * 4 * 6


@pytest.mark.parametrize("step", [1e-9, 0.01, 100.0])
def test_portions_of_any_size_leave_the_same_store(
    undisturbed: tuple[Path, GridRecord], tmp_path: Path, step: float
) -> None:
    finish(grid(), tmp_path / "other.db", step=step)
    assert content(tmp_path / "other.db") == content(undisturbed[0])


def test_a_second_call_trains_nothing_but_what_is_new(undisturbed: tuple[Path, GridRecord], tmp_path: Path) -> None:
    path = tmp_path / "grown.db"
    small = grid(seeds=3, initializations=STARTS)
    finish(small, path)
    steps: list[int] = []
    finish(small, path, progress=steps.append)
    assert not steps
    finish(grid(), path, progress=steps.append)
    # The runs that diverge make no further steps, and are told as if they had.
    assert sum(steps) == 40 * (4 * 4 * 6 - 4 * 4 * 3)
    assert content(path) == content(undisturbed[0])


class _Interrupting:
    """An engine that is interrupted in one of its calls."""

    def __init__(self, call: int) -> None:
        self._calls = itertools.count()
        self._call = call

    def train(
        self, problem: Problem, parameters: Floats, seeds: tuple[int, ...], progress: Progress | None
    ) -> Trajectory:
        if next(self._calls) == self._call:
            raise KeyboardInterrupt
        return ENGINE.train(problem, parameters, seeds, progress)


def test_an_interrupted_sweep_keeps_what_was_stored_and_goes_on_from_there(
    undisturbed: tuple[Path, GridRecord], tmp_path: Path
) -> None:
    path = tmp_path / "interrupted.db"
    before = 0
    for call in (7, 2, 5):
        engine = replace(ENGINE, train=_Interrupting(call).train)
        with pytest.raises(KeyboardInterrupt):
            finish(grid(), path, engine=engine, step=50.0)
        with Store.read(path) as store:
            stored = sum(item.runs for item in store.summary())
            assert not any(item.claimed for item in store.summary())
        assert stored > before
        before = stored
    finish(grid(), path)
    told = content(path)
    assert told["runs"] == content(undisturbed[0])["runs"]


def test_what_another_process_has_claimed_is_waited_for_and_not_trained(tmp_path: Path) -> None:
    asked, path = grid(initializations=STARTS[:1], axes=[]), tmp_path / "shared.db"
    (series,) = series_of(asked.cells[0].spec, ENGINE)
    other = Owner("another machine", 7, "once")
    with Store.create_or_open(path) as store:
        assert store.claim([Wanted(series, (1, 3))], other, now=0.0) == (Wanted(series, (1, 3)),)
    waits: list[float] = []
    steps: list[int] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            with Store.open(path) as store:
                store.release(other)

    record = finish(asked, path, pause=pause, progress=steps.append)
    assert len(waits) == 3
    assert record.runs == 6
    assert sum(steps) == 6 * 40


def test_two_sweeps_of_one_store_share_the_runs(undisturbed: tuple[Path, GridRecord], tmp_path: Path) -> None:
    """While one sweep trains, the other one takes whatever is not taken yet."""
    path = tmp_path / "both.db"
    asked = grid()
    steps: list[int] = []
    nested: list[int] = []

    def train(problem: Problem, parameters: Floats, seeds: tuple[int, ...], progress: Progress | None) -> Trajectory:
        if not nested:
            nested.append(1)
            # All but what the first has claimed, of which it cannot wait to be done.
            with pytest.raises(StopIteration):
                finish(asked, path, owner=Owner("here", 1, "later"), pause=_stop, progress=steps.append)
        return ENGINE.train(problem, parameters, seeds, progress)

    finish(asked, path, engine=replace(ENGINE, train=train), owner=Owner("here", 0, "once"), progress=steps.append)
    assert sum(steps) == 40 * 4 * 4 * 6
    assert content(path)["runs"] == content(undisturbed[0])["runs"]


def _stop(_seconds: float) -> None:
    raise StopIteration


def test_the_statistics_of_a_cell_are_those_of_its_experiment(tmp_path: Path) -> None:
    asked = grid(
        initializations=[STARTS[0], STARTS[2], {"label": "zeros", "weights": "zeros"}],
        axes=[{"training.optimizer.learning_rate": [0.1, 1.0]}],
        seeds=12,
    )
    record = finish(asked, tmp_path / "statistics.db")
    for series in record.series:
        alone = run(prepare(series[0].cell.spec))
        assert ranking_of_cell(series, "test_cost") == ranking_of(alone, "test_cost")
    (tuned,) = tuned_rankings(record)
    assert tuned.coordinates == ()
    assert tuned.rates == (0.1, 1.0)
    assert tuned.tuned.tuning_seeds == 4
    costs = {
        label: {rate: series[i].last("cost")[:4] for rate, series in zip(tuned.rates, record.series, strict=True)}
        for i, label in enumerate(("He", "fitted", "zeros"))
    }
    assert tuned.tuned.rates == {
        label: min(own, key=lambda rate: (np.median(own[rate]), rate)) for label, own in costs.items()
    }


def test_why_runs_failed_is_found_by_training_some_of_them_again(undisturbed: tuple[Path, GridRecord]) -> None:
    _, record = undisturbed
    he, huge, *_ = record.series[0]
    cause = cause_of(huge, ENGINE)
    assert cause is not None
    assert cause.diagnosed == (0, 1, 2)
    assert huge.failed.all()
    alone = run(prepare(replace(huge.cell.spec, initializations=(huge.initialization,), seeds=(0,)))).runs[0]
    assert cause.finding == alone.findings[0]
    assert cause_of(he, ENGINE) is None or he.failed.any()
