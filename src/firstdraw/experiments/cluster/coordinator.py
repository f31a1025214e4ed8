"""Running a grid on a cluster: workers train, this process alone claims, stores, and judges who failed.

Each worker has one task at a time, for itself alone. So when a worker dies, what it was at is known: these runs are
suspects. They are tried again in halves, after all others, down to single runs; a run that was alone on a worker that
died has failed, and no other is ever blamed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from firstdraw.engine import Engine, Progress
from firstdraw.engine.version import identity_of
from firstdraw.experiments.cluster.address import Cluster
from firstdraw.experiments.cluster.batches import Batch
from firstdraw.experiments.cluster.connection import Answer, Connection, Lost, Present, connected
from firstdraw.experiments.cluster.failure import ClusterError
from firstdraw.experiments.cluster.pace import Pace
from firstdraw.experiments.cluster.worker import Greeting, Lacking, Refused, Task, greet, pack, train
from firstdraw.experiments.portions import TrainedPortion
from firstdraw.experiments.store import Owner, Store, Wanted
from firstdraw.experiments.sweep import POLL_SECONDS, Clock, Open, claimed, store_portion
from firstdraw.version import __version__

__all__ = ["PATIENCE", "sweep_on_cluster"]

PATIENCE: Final = 60.0
"""How many seconds to wait for a worker, or for the scheduler to answer, before giving up."""
TICK_SECONDS: Final = 0.25
BEAT_SECONDS: Final = 30.0
OVERDUE: Final = 20.0
"""A task that takes so many times as long as foretold, and ten times the patience beside, is given up."""
SAME: Final = "every worker must leave the same bits: install the same there, on machines of one kind"
KEPT: Final = "all runs that were trained before are stored, and the same command goes on with the others"


def sweep_on_cluster(
    cells: Sequence[Open],
    store: Store,
    engine: Engine,
    cluster: Cluster,
    *,
    owner: Owner,
    clock: Clock,
    now: Clock,
    progress: Progress | None = None,
    patience: float = PATIENCE,
) -> None:
    """Train the runs that are missing on the workers of a cluster, and store each task when its results arrive.

    It promises what `sweep` does, and leaves the same bits. When it returns every run is stored, by this process or by
    another one that works on the same store, or has failed. Whatever ends it early, all results that had arrived stay
    stored, and what this process had claimed is free for others. Workers may come and go. A run that kills its worker
    three times while it is alone there is in quarantine, and none is blamed for the death of a worker that it shared.

    Args:
        cells: those of which runs are missing.
        store: where they go.
        engine: what trains them, on this machine and on each worker.
        cluster: where the workers are.
        owner: this process.
        clock: the time since anything, for the sizes of the tasks and for giving up.
        now: the time since 1970.
        progress: is told how many steps have been made, task by task.
        patience: how many seconds to wait for a worker, or for the scheduler to answer, before giving up.

    Raises:
        InputError: if the parts of a spec do not fit each other.
        StoreError: if the store cannot be written, or is damaged.
        FirstdrawError: if Dask is not installed.
        ClusterError: if there is no scheduler, no worker is left, or a worker would not train as this machine does.
    """
    if not cells:
        return
    with connected(cluster) as connection:
        try:
            _Sweep(cells, store, engine, connection, owner, clock, now, progress, patience).run()
        finally:
            # Before the connection is closed, which may take a second.
            store.release(owner)


class _Worker:
    """A worker and what it is at.

    Args:
        address: where it is.
        threads: how many runs it trains at a time.
    """

    def __init__(self, address: str, threads: int) -> None:
        self.address = address
        self.threads = threads
        self.pace = Pace(threads)
        self.is_greeted = False
        self.is_given_up = False
        self.number = 0
        self.batch: Batch | None = None
        self.since = 0.0
        self.until = 0.0

    @property
    def is_idle(self) -> bool:
        return self.is_greeted and not self.is_given_up and self.batch is None

    @property
    def is_busy(self) -> bool:
        return not self.is_given_up and (self.batch is not None or not self.is_greeted)


class _Sweep:
    """The loop of `sweep_on_cluster`, with what it knows."""

    def __init__(
        self,
        cells: Sequence[Open],
        store: Store,
        engine: Engine,
        connection: Connection,
        owner: Owner,
        clock: Clock,
        now: Clock,
        progress: Progress | None,
        patience: float,
    ) -> None:
        self._store = store
        self._engine = engine
        self._connection = connection
        self._owner = owner
        self._clock = clock
        self._now = now
        self._progress = progress
        self._patience = patience
        self._workers: dict[str, _Worker] = {}
        self._suspects: deque[Batch] = deque()
        self._claims: Iterator[tuple[Open, tuple[Wanted, ...]] | None] | None
        self._claims = claimed(cells, store, owner, now, self._runs)
        self._asking: _Worker | None = None
        self._work_left = sum(cell.runs * cell.work for cell in cells)
        self._keys: dict[int, str] = {}
        self._asked = 0
        self._has_begun = False
        self._ask_again = self._beaten = self._heard = self._served = clock()

    def run(self) -> None:
        while self._claims or self._suspects or any(worker.batch for worker in self._workers.values()):
            match self._connection.hear(TICK_SECONDS):
                case Present(workers):
                    self._look(workers)
                case Answer(number, value):
                    for worker in [worker for worker in self._workers.values() if worker.number == number]:
                        self._answered(worker, value)
                case None:
                    pass
            self._give_up()
            self._hand_out()
            self._beat()
            self._watch()

    def _look(self, workers: dict[str, int] | None) -> None:
        """Take leave of the workers that are gone, and greet those that are new."""
        if workers is None:
            return
        self._heard = self._clock()
        for address in [address for address in self._workers if address not in workers]:
            worker = self._workers[address]
            self._leave(worker)
            if worker.batch is not None:
                self._suspect(worker.batch, _death(worker))
        for address, threads in workers.items():
            if address not in self._workers:
                worker = self._workers[address] = _Worker(address, max(threads, 1))
                self._ask(worker, greet, self._engine, 0.0)

    def _ask(self, worker: _Worker, function: Callable[[Any], object], argument: object, foretold: float) -> None:
        self._asked += 1
        worker.number = self._asked
        worker.since = self._clock()
        worker.until = worker.since + 10 * self._patience + OVERDUE * foretold
        self._connection.ask(worker.number, worker.address, function, argument)

    def _answered(self, worker: _Worker, value: object) -> None:
        batch, worker.batch = worker.batch, None
        if isinstance(value, Lost):
            # Where it lives it is found, and greeted, anew.
            self._leave(worker)
            if batch is not None and value.by_death:
                self._suspect(batch, _death(worker))
            elif batch is not None:
                self._suspects.append(batch)
        elif batch is None:
            self._greeted(worker, value)
        elif isinstance(value, TrainedPortion):
            self._finish(worker, batch, value)
        elif isinstance(value, Lacking):
            self._train(worker, batch, with_examples=True)
        elif isinstance(value, Refused):
            if value.error is not None:
                raise value.error
            self._suspect(batch, value.sentence)

    def _greeted(self, worker: _Worker, value: object) -> None:
        """Refuse a worker that would not leave the bits that this machine does."""
        if isinstance(value, Refused):
            place = f"the worker {worker.address}, or its scheduler,"
            raise ClusterError(f"{place} cannot read what it is sent: {value.sentence}; {SAME}")
        if isinstance(value, Greeting):
            for what, there, here in (
                ("has firstdraw", value.version, __version__),
                ("trains with", _told(value.engine), _told(identity_of(self._engine))),
            ):
                if there != here:
                    raise ClusterError(f"the worker {worker.address} {what} {there}, and this machine {here}; {SAME}")
            worker.is_greeted = True

    def _finish(self, worker: _Worker, batch: Batch, trained: TrainedPortion) -> None:
        worker.pace.learn(batch.cell, batch.runs, self._clock() - worker.since)
        store_portion(trained, self._store, self._engine)
        if self._progress is not None:
            self._progress(trained.portion.steps)

    def _suspect(self, batch: Batch, sentence: str) -> None:
        """Put back runs of which one or more may have killed their worker; one that was alone has failed."""
        if batch.runs > 1:
            self._suspects.extend(batch.halves())
            return
        for item in batch.wanted:
            self._store.fail(item, sentence)
        # With its failure its claim has ended; it is not granted again in quarantine, or where another process has it.
        if self._store.claim(batch.wanted, self._owner, self._now()):
            self._suspects.append(batch)

    def _leave(self, worker: _Worker) -> None:
        self._connection.forget(worker.number)
        del self._workers[worker.address]

    def _give_up(self) -> None:
        """Count workers that do not answer as dead, until they are gone or come anew."""
        for worker in self._workers.values():
            if worker.is_busy and self._clock() > worker.until:
                worker.is_given_up = True
                self._connection.forget(worker.number)
                batch, worker.batch = worker.batch, None
                if batch is not None:
                    self._suspect(batch, f"the worker {worker.address} did not answer while it trained this run alone")

    def _hand_out(self) -> None:
        """Give each worker that is free the next runs; the first ones when all that were there have been greeted."""
        if not self._has_begun and any(worker.is_busy for worker in self._workers.values()):
            return
        for worker in self._workers.values():
            if worker.is_idle:
                batch = self._next(worker)
                if batch is None:
                    return
                self._has_begun = True
                self._train(worker, batch, with_examples=False)

    def _next(self, worker: _Worker) -> Batch | None:
        """Return what a worker is to train: new runs, then suspects; None where there is nothing now."""
        if self._claims is not None and self._clock() >= self._ask_again:
            self._asking = worker
            try:
                claim = next(self._claims)
            except StopIteration:
                self._claims = None
            else:
                if claim is not None:
                    batch = Batch(*claim)
                    self._work_left -= batch.runs * batch.cell.work
                    return batch
                self._ask_again = self._clock() + POLL_SECONDS
        return self._suspects.popleft() if self._suspects else None

    def _runs(self, cell: Open) -> int:
        """Return how many runs of a cell to claim for the worker that is asking."""
        threads = sum(worker.threads for worker in self._workers.values())
        return self._asking.pace.runs(cell, max(self._work_left, 0.0) / max(threads, 1)) if self._asking else 1

    def _train(self, worker: _Worker, batch: Batch, *, with_examples: bool) -> None:
        examples = batch.cell.examples
        packed = None
        if with_examples or id(examples) not in self._keys:
            self._keys[id(examples)], packed = pack(examples)
        task = Task(
            batch.cell.portion(batch.wanted),
            self._engine,
            worker.threads,
            self._keys[id(examples)],
            packed if with_examples else None,
            self._connection.name,
        )
        worker.batch = batch
        self._ask(worker, train, task, worker.pace.foretold(batch.cell, batch.runs))

    def _beat(self) -> None:
        if self._clock() - self._beaten > BEAT_SECONDS:
            self._store.beat(self._owner, self._now())
            self._beaten = self._clock()

    def _watch(self) -> None:
        """Stop where nobody is left who could train."""
        time, address = self._clock(), self._connection.address
        if any(not worker.is_given_up for worker in self._workers.values()):
            self._served = time
        if self._connection.has_ended():
            raise ClusterError(f"the cluster at {address} has ended; {KEPT}")
        if time - self._heard > self._patience:
            raise ClusterError(f"the Dask scheduler at {address} has not answered for {self._patience:g} s; {KEPT}")
        if time - self._served > self._patience:
            raise ClusterError(f"no worker has been there for {self._patience:g} s at {address}; {KEPT}")


def _death(worker: _Worker) -> str:
    return f"the worker {worker.address} died while it trained this run alone"


def _told(engine: Mapping[str, str | int]) -> str:
    rest = ", ".join(f"{key} {value}" for key, value in engine.items() if key != "name")
    return f"the {engine['name']} engine ({rest})"
