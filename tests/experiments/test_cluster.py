"""A grid on a cluster: the bits of one process, whatever happens to workers, scheduler and coordinator.

Most tests share a cluster, whose workers come back when they die. Engines with a fault are closures: they are sent to
the workers as what they are, not by a name.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firstdraw.engine import Engine, engine_named, version
from firstdraw.errors import InputError
from firstdraw.experiments.cluster import Cluster, ClusterError, coordinator, read_cluster, sweep_on_cluster
from firstdraw.experiments.cluster import connection as connections
from firstdraw.experiments.cluster import local as local_clusters
from firstdraw.experiments.cluster.local import local_cluster
from firstdraw.experiments.grid import load_cells, read_grid_table
from firstdraw.experiments.store import Store, this_process
from firstdraw.experiments.sweep import open_cells, sweep

pytestmark = pytest.mark.parity
distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")

GRID: dict[str, Any] = {
    "seeds": 6,
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 4, 3, 1], "activation": "tanh"},
    "training": {"loss": "binary_cross_entropy", "steps": 20},
    "recording": {"every": 5},
    "axes": [{"network.activation": ["tanh", "relu"], "data.train_size": [40, 30]}],
    "initializations": [
        {"label": "He", "weights": "he_normal"},
        {"label": "LSUV", "weights": "orthogonal", "fit": "lsuv"},
        {"label": "muP", "parametrization": "mup"},
    ],
}
ONE: dict[str, Any] = GRID | {"axes": [], "initializations": GRID["initializations"][:1]}
"""One cell, of one initialization: a seed is a run."""


MOST_KILLS = 6
"""So that a machine on which workers take long to start comes to an end."""


@pytest.fixture(scope="module")
def cluster() -> Generator[Cluster]:
    """Two workers that come back when they die, at an address."""
    with local_cluster(2) as (address, _):
        yield Cluster(address)


@pytest.fixture
def bare() -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler without workers, as Dask's own command starts it."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(  # noqa: S603
        [*command, "--no-dashboard"], stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stderr is not None
        told = iter(process.stderr.readline, b"")
        address = next(line.split()[-1].decode() for line in told if b"Scheduler at:" in line)
        # What else it says must not fill the pipe.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield address, process
        process.kill()


def start_worker(stack: ExitStack, address: str) -> subprocess.Popen[bytes]:
    """Start a worker that does not come back when it dies."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"]
    process = stack.enter_context(
        subprocess.Popen(  # noqa: S603
            [*command, "--nthreads", "1"], stderr=subprocess.DEVNULL, start_new_session=True
        )
    )
    stack.callback(process.kill)
    return process


def await_worker(address: str) -> None:
    """Wait for the first worker: what it takes to start is no part of anybody's patience."""
    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)


def run_on(
    cluster: Cluster | None, path: Path, table: dict[str, Any] = GRID, engine: Engine | None = None, **changes: Any
) -> Store:
    """Run a grid on a cluster, or in this process, and return its store."""
    engine = engine or engine_named()
    store = Store.create_or_open(path)
    cells = open_cells(load_cells(read_grid_table(table)), store, engine)
    clocks: dict[str, Any] = {"owner": this_process(), "clock": time.monotonic, "now": time.time}
    if cluster is None:
        sweep(cells, store, engine, pause=time.sleep, **clocks)
    else:
        sweep_on_cluster(cells, store, engine, cluster, **clocks | changes)
    return store


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all that a store holds but claims, table by table."""
    with sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {
            table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)  # noqa: S608
            for table in tables
            if table != "claims" and not table.startswith("sqlite_")
        }
    connection.close()
    return found


def claims(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM claims").fetchone()
    connection.close()
    return count


def stored(path: Path) -> int:
    with Store.read(path) as store:
        return sum(item.runs for item in store.summary())


def workers_below(process: int) -> list[Any]:
    """Return the processes of the workers that a process started, itself or by others."""
    found = []
    for child in psutil.Process(process).children(recursive=True):
        with suppress(psutil.Error):
            if "work" in child.cmdline():
                found.append(child)
    return found


def hurting(seed: int, fault: Callable[[], object]) -> Engine:
    """Return an engine at which a fault occurs whenever it trains a seed."""

    def train(problem: Any, parameters: Any, seeds: Sequence[int], progress: Any = None) -> Any:
        if seed in seeds:
            fault()
        return engine_named("reference").train(problem, parameters, tuple(seeds), progress)

    return Engine("reference", train)


def death() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# Functions of this file are not found by the workers: they travel whole.
distributed.protocol.pickle.cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_cluster_leaves_the_store_of_one_process(cluster: Cluster, tmp_path: Path, engine: str) -> None:
    run_on(None, tmp_path / "alone.db", engine=engine_named(engine)).close()
    told: list[int] = []
    with run_on(cluster, tmp_path / "many.db", engine=engine_named(engine), progress=told.append) as store:
        assert sum(item.runs for item in store.summary()) == read_grid_table(GRID).runs
    assert sum(told) == read_grid_table(GRID).steps
    assert content(tmp_path / "many.db") == content(tmp_path / "alone.db")
    assert claims(tmp_path / "many.db") == 0


def test_four_local_workers_leave_the_store_of_one_process(tmp_path: Path) -> None:
    before = workers_below(os.getpid())
    run_on(None, tmp_path / "alone.db").close()
    run_on(read_cluster("local:4"), tmp_path / "four.db").close()
    assert content(tmp_path / "four.db") == content(tmp_path / "alone.db")
    assert workers_below(os.getpid()) == before


def test_workers_that_are_killed_again_and_again_lose_nothing(tmp_path: Path) -> None:
    """Every second one of four, whatever it is at; in the end everything is stored, and no run is in quarantine."""
    number = random.SystemRandom().randrange(2**32)
    print("the seed of the kills is", number)  # noqa: T201
    stream, ended = random.Random(number), threading.Event()  # noqa: S311
    table = ONE | {"seeds": 600, "training": {"loss": "binary_cross_entropy", "steps": 2000}}
    run_on(None, tmp_path / "alone.db", table).close()

    def kill(process: int) -> None:
        for _ in range(MOST_KILLS):
            if ended.wait(1.0):
                return
            if workers := workers_below(process):
                stream.choice(workers).kill()

    with local_cluster(4) as (address, process):
        killer = threading.Thread(target=kill, args=(process.pid,))
        killer.start()
        try:
            with run_on(Cluster(address), tmp_path / "killed.db", table) as store:
                assert [one for one in store.failures() if one.is_quarantined] == []
        finally:
            ended.set()
            killer.join()
    assert content(tmp_path / "killed.db") == content(tmp_path / "alone.db")


def test_a_run_that_kills_its_worker_is_found_and_no_other_is_blamed(cluster: Cluster, tmp_path: Path) -> None:
    table = ONE | {"seeds": 5}
    with run_on(cluster, tmp_path / "poison.db", table, hurting(3, death)) as store:
        (failure,) = store.failures()
        assert (failure.seed, failure.attempts, failure.is_quarantined) == (3, 3, True)
        assert "died while it trained this run alone" in failure.message
        (series,) = store.series()
        assert store.runs(series).seeds.tolist() == [0, 1, 2, 4]
    assert claims(tmp_path / "poison.db") == 0


def test_a_run_at_which_the_engine_fails_is_found_and_no_other_is_blamed(cluster: Cluster, tmp_path: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError("of a fault in the engine")

    with run_on(cluster, tmp_path / "fault.db", ONE, hurting(2, fail)) as store:
        (failure,) = store.failures()
        assert (failure.seed, failure.attempts) == (2, 3)
        assert failure.message == "ZeroDivisionError: of a fault in the engine"
        assert sum(item.runs for item in store.summary()) == 5


def test_a_run_that_never_ends_is_given_up(tmp_path: Path) -> None:
    """It holds its worker: in the end no worker is left, and that is said."""
    engine = hurting(4, lambda: time.sleep(600))
    with local_cluster(1) as (address, _):
        await_worker(address)
        with pytest.raises(ClusterError, match=r"^no worker has been there for 1 s at tcp"):
            run_on(Cluster(address), tmp_path / "endless.db", ONE | {"seeds": [4]}, engine, patience=1.0)
    with Store.read(tmp_path / "endless.db") as store:
        (failure,) = store.failures()
        assert failure.attempts == 1
        assert "did not answer while it trained this run alone" in failure.message
    assert claims(tmp_path / "endless.db") == 0


def test_a_spec_that_cannot_be_trained_is_refused_as_in_one_process(cluster: Cluster, tmp_path: Path) -> None:
    def refuse() -> None:
        raise InputError("network", "must be another")

    with pytest.raises(InputError, match=r"^`network` must be another$"):
        run_on(cluster, tmp_path / "refused.db", ONE, hurting(0, refuse))
    assert claims(tmp_path / "refused.db") == 0


NO_WORKER = (
    r"^no worker has been there for 2 s at tcp://127\.0\.0\.1:\d+; all runs that were trained before are stored, an"
)
NO_SCHEDULER = (
    r"^the Dask scheduler at tcp://\S+ has not answered for 2 s; all runs .* the same command goes on with the o"
)


@pytest.mark.parametrize(
    ("victim", "fate", "sentence"),
    [
        ("worker", signal.SIGKILL, NO_WORKER),
        ("scheduler", signal.SIGKILL, NO_SCHEDULER),
        ("scheduler", signal.SIGSTOP, NO_SCHEDULER),
    ],
)
def test_when_the_cluster_is_gone_it_stops_and_says_so(
    bare: tuple[str, subprocess.Popen[bytes]], tmp_path: Path, victim: str, fate: signal.Signals, sentence: str
) -> None:
    """As Dask's own commands start it, with a worker that does not come back."""
    address, scheduler = bare
    with ExitStack() as stack:
        worker = start_worker(stack, address)
        await_worker(address)
        victims = {"worker": worker, "scheduler": scheduler}
        with pytest.raises(ClusterError, match=sentence):
            run_on(
                Cluster(address),
                tmp_path / "gone.db",
                patience=2.0,
                progress=lambda _: victims[victim].send_signal(fate),
            )
    assert 0 < stored(tmp_path / "gone.db") < read_grid_table(GRID).runs
    assert claims(tmp_path / "gone.db") == 0


def test_when_the_processes_on_this_machine_are_gone_it_stops_at_once(tmp_path: Path) -> None:
    def kill(_steps: int) -> None:
        children = psutil.Process().children()
        max((child for child in children if "serve" in child.cmdline()), key=lambda child: child.create_time()).kill()

    with pytest.raises(ClusterError, match=r"^the cluster at tcp://127\.0\.0\.1:\d+ has ended; all runs that were"):
        run_on(read_cluster("local:1"), tmp_path / "ended.db", progress=kill)
    assert 0 < stored(tmp_path / "ended.db") < read_grid_table(GRID).runs
    assert claims(tmp_path / "ended.db") == 0


def test_an_interrupt_frees_the_claims_and_the_workers(cluster: Cluster, tmp_path: Path) -> None:
    """Both workers are at a run of several minutes, and what comes after finds them free."""
    path = tmp_path / "interrupted.db"
    training = {"loss": "binary_cross_entropy", "steps": 400_000_000}
    table = ONE | {"seeds": 2, "training": training, "recording": {"every": 400_000_000}}
    Store.create_or_open(path).close()

    def interrupt() -> None:
        while claims(path) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            run_on(cluster, path, table)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (claims(path), stored(path)) == (0, 0)
    run_on(cluster, tmp_path / "after.db").close()
    assert stored(tmp_path / "after.db") == read_grid_table(GRID).runs


def test_workers_of_another_kind_are_refused_before_any_run(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "__version__", "9.9.9")
    with pytest.raises(
        ClusterError, match=r"^the worker tcp://\S+ has firstdraw \S+, and this machine 9\.9\.9; every w"
    ):
        run_on(cluster, tmp_path / "other.db")
    monkeypatch.undo()
    monkeypatch.setattr(version, "ENGINE_VERSION", 77)
    sentence = (
        r"trains with the reference engine \(version 1\), and this machine the reference engine \(version 77\); "
        "every worker must leave the same bits: install the same there, on machines of one kind$"
    )
    with pytest.raises(ClusterError, match=sentence):
        run_on(cluster, tmp_path / "other.db", engine=engine_named("reference"))
    assert (claims(tmp_path / "other.db"), stored(tmp_path / "other.db")) == (0, 0)


def test_a_worker_without_the_package_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    """What a worker cannot read it cannot train."""
    engine = Engine("reference", _Unreadable())
    with pytest.raises(
        ClusterError, match=r"^the worker tcp://\S+, or its scheduler, cannot read what it is sent: Module.*nowhere"
    ):
        run_on(cluster, tmp_path / "unreadable.db", engine=engine)
    assert claims(tmp_path / "unreadable.db") == 0


class _Unreadable:
    """Stands for what is not installed on a worker."""

    def __call__(self, *_: Any) -> Any:
        raise NotImplementedError

    def __reduce__(self) -> Any:
        return __import__, ("nowhere",)


def test_where_nothing_is_to_be_trained_no_cluster_is_asked(tmp_path: Path) -> None:
    run_on(None, tmp_path / "full.db").close()
    run_on(Cluster("tcp://127.0.0.1:1"), tmp_path / "full.db").close()


def test_where_no_scheduler_answers_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 0.2)
    with pytest.raises(ClusterError, match=r"^no Dask scheduler answers at tcp://127\.0\.0\.1:1: "):
        run_on(Cluster("tcp://127.0.0.1:1"), tmp_path / "nowhere.db")
    assert claims(tmp_path / "nowhere.db") == 0


def test_where_the_processes_do_not_start_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_clusters, "__spec__", SimpleNamespace(name="firstdraw.nowhere"))
    with pytest.raises(
        ClusterError, match=r"^the workers on this machine did not start: .*No module named firstdraw\.no"
    ):
        run_on(read_cluster("local:1"), tmp_path / "unstarted.db")
