"""What a cluster is made of, without one: its address, what a worker does, and how much it is given."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.engine import Engine, engine_named, native
from firstdraw.engine.version import identity_of
from firstdraw.errors import FirstdrawError, InputError
from firstdraw.experiments.cluster import read_cluster, worker
from firstdraw.experiments.cluster.batches import Batch
from firstdraw.experiments.cluster.connection import connected
from firstdraw.experiments.cluster.pace import MOST_BYTES, SHORTEST_TASK, TASK_SECONDS, Pace
from firstdraw.experiments.cluster.worker import Greeting, Lacking, Refused, Task, greet, halt, pack, train
from firstdraw.experiments.grid import load_cells, read_grid_table
from firstdraw.experiments.portions import TrainedPortion, draw_portion, train_portion
from firstdraw.experiments.store import Wanted, series_of
from firstdraw.experiments.sweep import MOST_RUNS, Open
from firstdraw.version import __version__


@pytest.fixture
def cell(small_table: dict[str, Any]) -> Open:
    """The small spec with five seeds, of which nothing is stored."""
    ((cell, examples),) = load_cells(read_grid_table(small_table | {"seeds": 5}))
    return Open(cell, examples, series_of(cell.spec, engine_named()), (cell.spec.seeds,) * 3)


@pytest.fixture
def task(cell: Open) -> Task:
    key, packed = pack(cell.examples)
    return Task(cell.portion(cell.first(15)), engine_named(), 1, key, packed, "a sweep")


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker as it starts."""
    monkeypatch.setattr(worker, "_kept", type(worker._kept)())
    monkeypatch.setattr(worker, "_halted", set[str]())


@pytest.mark.parametrize(
    "text", ["local:1", "local:1024", "tcp://127.0.0.1:8786", "tcp://node-7.cluster_a:1", "tls://[::1]:65535"]
)
def test_a_cluster_is_written_as_it_is_read(text: str) -> None:
    assert str(read_cluster(text)) == text
    assert (read_cluster(text).scheduler is None) == text.startswith("local")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "local",
        "local:",
        "local:-1",
        "local:four",
        "10.0.0.7:8786",
        "tcp://:8786",
        "tcp://host",
        "http://a:1",
        "tcp://a:1 ",
    ],
)
def test_what_names_no_cluster_is_refused(text: str) -> None:
    rule = "must be the address of a Dask scheduler, `tcp://host:port`, or `local:N` for N processes on this machine"
    with pytest.raises(InputError) as refused:
        read_cluster(text)
    assert str(refused.value) == f"`cluster` {rule}, got {text!r}"


@pytest.mark.parametrize("number", [0, 1025, 999_999_999])
def test_no_machine_has_so_many_processes(number: int) -> None:
    with pytest.raises(InputError, match=rf"^`cluster` must have from 1 to 1,024 processes, got 'local:{number}'$"):
        read_cluster(f"local:{number}")


@pytest.mark.parametrize("port", [0, 65_536])
def test_no_machine_has_such_a_port(port: int) -> None:
    with pytest.raises(InputError, match=rf"^`cluster` must have a port from 1 to 65,535, got 'tcp://a:{port}'$"):
        read_cluster(f"tcp://a:{port}")


def test_a_worker_trains_what_it_is_given_with_examples_that_it_is_sent_once(task: Task, cell: Open) -> None:
    assert train(replace(task, packed=None)) == Lacking()
    expected = train_portion(draw_portion(task.portion, cell.examples), engine_named())
    for sent in (task, replace(task, packed=None)):
        trained = train(sent)
        assert isinstance(trained, TrainedPortion)
        assert trained.trajectories.keys() == expected.trajectories.keys()
        for i, (seeds, trajectory) in trained.trajectories.items():
            assert seeds == expected.trajectories[i][0]
            np.testing.assert_array_equal(trajectory.cost, expected.trajectories[i][1].cost)


def test_a_worker_keeps_few_examples(task: Task) -> None:
    train(task)
    for key in range(worker.MOST_KEPT):
        train(replace(task, key=str(key)))
    assert train(replace(task, packed=None)) == Lacking()
    assert isinstance(train(replace(task, key="0", packed=None)), TrainedPortion)


def test_equal_examples_have_one_key(cell: Open, small_table: dict[str, Any]) -> None:
    ((_, again),) = load_cells(read_grid_table(small_table))
    ((_, other),) = load_cells(read_grid_table(small_table | {"data": {"name": "circles", "train_seed": 1}}))
    assert pack(again)[0] == pack(cell.examples)[0] != pack(other)[0]


def test_what_goes_wrong_is_told_and_what_a_spec_is_refused_for_apart(task: Task) -> None:
    error = InputError("network", "must be another")

    def engine(raised: Exception) -> Engine:
        def fail(*_: Any) -> Any:
            raise raised

        return Engine("reference", fail)

    assert train(replace(task, engine=engine(error))) == Refused("`network` must be another", error)
    assert train(replace(task, engine=engine(KeyError("x")))) == Refused("KeyError: 'x'")


def test_the_tasks_of_a_sweep_that_has_ended_stop(task: Task) -> None:
    halt(task.sweep)
    stopped = train(task)
    assert isinstance(stopped, Refused) or not stopped.trajectories
    assert isinstance(train(replace(task, sweep="another")), TrainedPortion)


@pytest.mark.parametrize("name", ["native", "reference"])
def test_a_worker_says_what_its_engine_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert greet(engine_named(name)) == Greeting(__version__, identity_of(engine_named(name)))
    reference = identity_of(engine_named("reference"))
    engine = engine_named(name)
    monkeypatch.setattr(native, "is_built", lambda: False)
    assert greet(engine).engine == reference


def test_the_native_engine_trains_as_many_runs_at_a_time_as_the_worker_has_threads() -> None:
    engine = worker.on_threads(engine_named("native"), 3)
    assert engine.at_once == 3
    assert engine.train.keywords == {"threads": 3}
    reference = engine_named("reference")
    assert worker.on_threads(reference, 3) is reference


@given(runs=st.integers(2, 15))
def test_halves_are_what_was_divided(runs: int, small_cell: Callable[[], Open]) -> None:
    cell = small_cell()
    batch = Batch(cell, cell.first(runs))
    first, second = batch.halves()
    assert (first.runs, second.runs) == (runs // 2, runs - runs // 2)

    def names(wanted: tuple[Wanted, ...]) -> list[tuple[Any, int]]:
        return [(item.series, seed) for item in wanted for seed in item.seeds]

    assert names(first.wanted) + names(second.wanted) == names(batch.wanted)


@pytest.fixture(scope="module")
def small_cell(small_table: dict[str, Any]) -> Callable[[], Open]:
    ((cell, examples),) = load_cells(read_grid_table(small_table | {"seeds": 5}))
    found = Open(cell, examples, series_of(cell.spec, engine_named()), (cell.spec.seeds,) * 3)
    return lambda: found


@given(seconds=st.floats(1e-6, 1e4), threads=st.integers(1, 64), runs=st.integers(1, 5000), share=st.floats(0, 1e15))
def test_a_task_lasts_as_long_as_it_is_to(
    seconds: float, threads: int, runs: int, share: float, small_cell: Callable[[], Open]
) -> None:
    cell, pace = small_cell(), Pace(threads)
    pace.learn(cell, runs, seconds)
    assert pace.foretold(cell, runs) == pytest.approx(seconds)
    given_runs = pace.runs(cell, share)
    assert 1 <= given_runs <= MOST_RUNS
    # No longer than it may, but for a full turn of the worker at least.
    assert pace.foretold(cell, given_runs) <= max(TASK_SECONDS, pace.foretold(cell, 1)) * (1 + 1e-9)
    # No shorter, but where there is little left, or the message would grow too long.
    if share == 0:
        assert pace.foretold(cell, given_runs) <= max(SHORTEST_TASK, pace.foretold(cell, 1)) * (1 + 1e-9)
    elif given_runs < MOST_RUNS - threads and share > 1e14:
        assert pace.foretold(cell, given_runs + threads) >= min(TASK_SECONDS, share * seconds) * (1 - 1e-9)


def test_the_first_task_is_short_and_records_fit_in_a_message(
    small_cell: Callable[[], Open], small_table: dict[str, Any]
) -> None:
    assert Pace(1).foretold(small_cell(), Pace(1).runs(small_cell(), 1e18)) <= SHORTEST_TASK
    table = small_table | {"training": {"loss": "binary_cross_entropy", "steps": 100_000}, "recording": {"every": 1}}
    ((cell, examples),) = load_cells(read_grid_table(table))
    large = Open(cell, examples, series_of(cell.spec, engine_named()), (cell.spec.seeds,) * 3)
    pace = Pace(1)
    pace.learn(large, 1, 1e-3)
    assert pace.runs(large, 1e18) * 8 * 100_001 * 20 <= MOST_BYTES


def test_without_dask_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    sentence = r"^a cluster needs Dask\.distributed, which is not installed: `pip install 'firstdraw\[cluster\]'`$"
    with pytest.raises(FirstdrawError, match=sentence), connected(read_cluster("local:1")):
        pass
