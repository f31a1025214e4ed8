"""Running a grid: what its store does not hold yet is trained, portion by portion, each stored when it is done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Final

from firstdraw.engine import Engine, Progress
from firstdraw.experiments.examples import Examples
from firstdraw.experiments.grid import Cell
from firstdraw.experiments.portions import DrawnPortion, Portion, TrainedPortion, draw_portion, train_portion
from firstdraw.experiments.store import Finished, Owner, Series, Store, Wanted, series_of

__all__ = ["Clock", "Open", "claimed", "open_cells", "opened", "store_portion", "sweep"]

Clock = Callable[[], float]
"""Returns a time in seconds."""

PORTION_SECONDS: Final = 2.0
"""How long a portion is to train: what is lost at most when the power fails."""
MOST_RUNS: Final = 4096
"""Of a portion: so many runs of the exercise's network take 3 MB."""
POLL_SECONDS: Final = 0.5
"""How long to wait before looking again whether another process has finished what it had claimed."""
FIRST_PACE: Final = 1e-9
"""Seconds for a multiplication by one weight, of one example in one step, before any was measured: on the slow side."""


@dataclass(frozen=True, slots=True)
class Open:
    """A cell of which runs are missing.

    Args:
        cell: which.
        examples: its data.
        series: where the runs of each of its initializations are stored.
        missing: for each initialization the seeds of the runs that are not stored.
    """

    cell: Cell
    examples: Examples
    series: tuple[Series, ...]
    missing: tuple[tuple[int, ...], ...]

    @property
    def runs(self) -> int:
        """How many runs are missing."""
        return sum(map(len, self.missing))

    @property
    def steps(self) -> int:
        """How many steps these make."""
        return self.runs * self.cell.spec.training.steps

    @property
    def work(self) -> float:
        """The multiplications by one weight in each run."""
        training = self.cell.spec.training
        examples = self.examples.train.X.shape[1]
        batch = examples if training.batches.size is None else min(training.batches.size, examples)
        return float((training.steps + 1) * batch * self.cell.spec.network.parameter_count)

    def first(self, runs: int) -> tuple[Wanted, ...]:
        """Return the first so many of the missing runs."""
        wanted: list[Wanted] = []
        for series, seeds in zip(self.series, self.missing, strict=True):
            if taken := seeds[: runs - sum(len(item.seeds) for item in wanted)]:
                wanted.append(Wanted(series, taken))
        return tuple(wanted)

    def without(self, wanted: Sequence[Wanted]) -> Open:
        """Return what is missing beside some runs."""
        gone = _by_series(wanted)
        return self._where(lambda series, seed: seed not in gone.get(series, ()))

    def _where(self, condition: Callable[[Series, int], bool]) -> Open:
        missing = tuple(
            tuple(seed for seed in seeds if condition(series, seed))
            for series, seeds in zip(self.series, self.missing, strict=True)
        )
        return replace(self, missing=missing)

    def portion(self, wanted: Sequence[Wanted]) -> Portion:
        """Return runs of this cell as they are trained."""
        numbers = {series: i for i, series in enumerate(self.series)}
        return Portion(self.cell.spec, {numbers[item.series]: item.seeds for item in wanted})


def _by_series(wanted: Sequence[Wanted]) -> dict[Series, set[int]]:
    found: dict[Series, set[int]] = {}
    for item in wanted:
        found.setdefault(item.series, set()).update(item.seeds)
    return found


@contextmanager
def opened(path: Path | None) -> Generator[Store]:
    """Open a store to write, made if it is not there; for runs that are kept nowhere one that is gone in the end.

    Args:
        path: its file; None for none that stays.

    Raises:
        StoreError: if the file is no store, or cannot be written.
    """
    if path is not None:
        with Store.create_or_open(path) as store:
            yield store
        return
    with (
        tempfile.TemporaryDirectory(prefix="firstdraw-") as folder,
        Store.create_or_open(Path(folder, "runs.db")) as store,
    ):
        yield store


def open_cells(cells: Iterator[tuple[Cell, Examples]], store: Store, engine: Engine) -> list[Open]:
    """Return the cells of which runs are missing.

    Args:
        cells: each with its data.
        store: where the others are.
        engine: what would train them.

    Raises:
        StoreError: if the store is damaged.
    """
    found: list[Open] = []
    for cell, examples in cells:
        series = series_of(cell.spec, engine)
        missing = tuple(store.missing(Wanted(item, cell.spec.seeds)) for item in series)
        if any(missing):
            found.append(Open(cell, examples, series, missing))
    return found


def sweep(
    cells: Sequence[Open],
    store: Store,
    engine: Engine,
    *,
    owner: Owner,
    clock: Clock,
    now: Clock,
    pause: Callable[[float], None],
    progress: Progress | None = None,
) -> None:
    """Train the runs that are missing, and store each portion when it is trained.

    When it returns every run is stored, by this process or by another one that works on the same store, or has failed.
    Whatever ends it early, all portions that were stored stay so, and what this process had claimed is free for others.
    While one portion is trained, the next is drawn.

    Args:
        cells: those of which runs are missing.
        store: where they go.
        engine: what trains them.
        owner: this process.
        clock: the time since anything, for the sizes of the portions.
        now: the time since 1970.
        pause: waits for some seconds, where other processes work on the last runs.
        progress: is told how many steps have been made.

    Raises:
        StoreError: if the store cannot be written, or is damaged.
    """
    pace = _Pace(engine.at_once)
    stopped = Event()

    def draw(portion: Portion, examples: Examples) -> tuple[DrawnPortion, float]:
        start = clock()
        return draw_portion(portion, examples, stopped.is_set), clock() - start

    def finish(cell: Open, drawn: Future[tuple[DrawnPortion, float]]) -> None:
        portion, drawing = drawn.result()
        start = clock()
        trained = train_portion(portion, engine, progress)
        pace.learn(len(portion.portion) * cell.work, max(clock() - start, drawing))
        store_portion(trained, store, engine)
        store.beat(owner, now())

    ahead: tuple[Open, Future[tuple[DrawnPortion, float]]] | None = None
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing") as thread:
        try:
            for claim in claimed(cells, store, owner, now, pace.runs):
                following = None
                if claim is not None:
                    cell, wanted = claim
                    following = cell, thread.submit(draw, cell.portion(wanted), cell.examples)
                if ahead is not None:
                    finish(*ahead)
                elif following is None:
                    pause(POLL_SECONDS)
                ahead = following
            if ahead is not None:
                finish(*ahead)
        finally:
            stopped.set()
            store.release(owner)


def claimed(
    cells: Sequence[Open], store: Store, owner: Owner, now: Clock, runs: Callable[[Open], int]
) -> Iterator[tuple[Open, tuple[Wanted, ...]] | None]:
    """Yield runs to train, which nobody else does; None where all that is left is claimed by other processes.

    It ends when every run is stored, was yielded, or is in quarantine.

    Args:
        cells: those of which runs are missing.
        store: where they go.
        owner: this process.
        now: the time since 1970.
        runs: tells how many runs of a cell to yield at a time.
    """
    rest = list(cells)
    while rest:
        waiting: list[Open] = []
        for cell in rest:
            left, denied = cell, cell
            while left.runs:
                asked = left.first(runs(left))
                left = left.without(asked)
                if granted := store.claim(asked, owner, now()):
                    denied = denied.without(granted)
                    yield cell, granted
            if denied.runs:
                waiting.append(denied)
        rest = _unfinished(waiting, store)
        if rest:
            yield None


def _unfinished(cells: Sequence[Open], store: Store) -> list[Open]:
    """Return what is left of some cells that is neither stored nor in quarantine."""
    if not cells:
        return []
    hopeless: dict[Series, set[int]] = {}
    for failure in store.failures():
        if failure.is_quarantined:
            hopeless.setdefault(failure.series, set()).add(failure.seed)
    found: list[Open] = []
    for cell in cells:
        missing = tuple(
            tuple(seed for seed in store.missing(Wanted(series, seeds)) if seed not in hopeless.get(series, ()))
            for series, seeds in zip(cell.series, cell.missing, strict=True)
        )
        if any(missing):
            found.append(replace(cell, missing=missing))
    return found


class _Pace:
    """How fast runs are trained, and so how many make a portion.

    Args:
        at_once: how many an engine trains at the same time.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._seconds = FIRST_PACE

    def learn(self, work: float, seconds: float) -> None:
        """Take over the pace of the last portion: its multiplications, and how long they took."""
        if work > 0 and seconds > 0:
            self._seconds = seconds / work

    def runs(self, cell: Open) -> int:
        """Return how many runs of a cell take the time of a portion, in full turns of the engine."""
        turns = PORTION_SECONDS / (self._seconds * max(cell.work, 1.0) * self._at_once)
        return min(MOST_RUNS, max(1, int(turns)) * self._at_once)


def store_portion(trained: TrainedPortion, store: Store, engine: Engine) -> None:
    """Store a portion, and write down which of its runs could not be started."""
    series = series_of(trained.portion.spec, engine)
    store.put(
        [Finished(Wanted(series[i], seeds), trajectory) for i, (seeds, trajectory) in trained.trajectories.items()]
    )
    for (i, seed), reason in trained.failed.items():
        store.fail(Wanted(series[i], (seed,)), reason)
