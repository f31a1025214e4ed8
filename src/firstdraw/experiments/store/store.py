"""The store of finished runs: one file, which several processes write and read at a time."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from firstdraw.engine import Outcome, Trajectory
from firstdraw.errors import InputError
from firstdraw.experiments.store import claims, failures
from firstdraw.experiments.store.database import connect, create, damaged, told, transaction
from firstdraw.experiments.store.failures import Failure, attempts_in
from firstdraw.experiments.store.inventory import Damaged, Descriptions, Tally, survey, verified
from firstdraw.experiments.store.keys import Series, Wanted
from firstdraw.experiments.store.model_runs import ModelRun
from firstdraw.experiments.store.owners import Owner
from firstdraw.experiments.store.runs import Numbers, Scanned, add_runs, as_unsigned, scan, stored_seeds, total_of
from firstdraw.experiments.store.values import StoredRuns, joined, laid_out, read_out

__all__ = ["Finished", "SeriesSummary", "Store"]


@dataclass(frozen=True)
class Finished:
    """Runs of one series that an engine has finished.

    Args:
        wanted: which.
        trajectory: their records, in the order of the seeds; of one's own model a run each.

    Raises:
        InputError: if there are more or fewer networks than seeds.
    """

    wanted: Wanted
    trajectory: Trajectory | Sequence[ModelRun]

    def __post_init__(self) -> None:
        if len(self.trajectory) != len(self.wanted.seeds):
            rule = f"must have one network for each of the {len(self.wanted.seeds)} seeds"
            raise InputError("trajectory", rule, len(self.trajectory))

    def kept(self) -> list[tuple[Outcome, bytes]]:
        """Return of each run how it ended, and what is kept of it."""
        if isinstance(self.trajectory, Trajectory):
            return list(zip(self.trajectory.outcomes, laid_out(self.trajectory), strict=True))
        return [(run.outcome, run.laid_out()) for run in self.trajectory]


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """How far a series is.

    Args:
        series: which.
        runs: how many are stored.
        failed: how many have failed and are tried again.
        quarantined: how many have failed so often that they are not.
        claimed: how many some process is at work on, or was when it ended.
    """

    series: Series
    runs: int
    failed: int
    quarantined: int
    claimed: int


class Store:
    """Runs in a file, found by what determines them; nothing in it is ever changed, and nothing stored twice.

    A batch of finished runs is one transaction: when `put` returns it is on the disk, and until then there is none of
    it. Opening verifies everything but the runs themselves, and reading verifies each run that it returns, and that
    there are as many as were stored: what is damaged is refused, never returned.

    Made by `create_or_open` or `read`, and closed as a context manager. For one thread.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Store.create_or_open(Path(folder, "results.db")) as store:
    ...     store.summary()
    ()
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._forget()
        try:
            with told(path), transaction(connection, writing=False):
                damage = survey(connection)
            if damage:
                raise damaged(path, damage[0])
        except BaseException:
            connection.close()
            raise

    @classmethod
    def create_or_open(cls, path: Path) -> Self:
        """Open a store to write and read, and make it if it is not there.

        Raises:
            StoreError: if the file is no store, one of a later version, damaged, or cannot be written.
        """
        create(path)
        return cls(path, connect(path, writing=True))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a store that is there, to write and read.

        Raises:
            StoreError: if it does not exist, or for what `create_or_open` refuses.
        """
        return cls(path, connect(path, writing=True))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open a store that is there, to read alone; others may be writing it.

        Raises:
            StoreError: if it does not exist, or for what `create_or_open` refuses.
        """
        return cls(path, connect(path, writing=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was put is stored whether or not this is called."""
        self._connection.close()

    def series(self) -> tuple[Series, ...]:
        """Return every series that a run is stored of, in the order of their keys."""
        return tuple(item.series for item in self.summary() if item.runs)

    def runs(self, series: Series, seeds: Sequence[int] | None = None) -> StoredRuns:
        """Return the stored runs of a series, by ascending seeds.

        Args:
            series: which task and start.
            seeds: which of them; those that are not stored are passed over. By default all.

        Raises:
            StoreError: if any run of the series is damaged or lost.
        """
        parts = list(self.chunks(series))
        runs = joined(parts) if parts else read_out([], [], series.steps, series.layers)
        return runs if seeds is None else runs.chosen(np.isin(runs.seeds, np.array(seeds, np.uint64)))

    def chunks(self, series: Series) -> Generator[StoredRuns]:
        """Yield the stored runs of a series, some thousands at a time, in the memory of so many.

        The last may be followed by an error: only then is it known that none is lost. Until then, or until the iterator
        is closed, the store does nothing else.

        Raises:
            StoreError: if any run of the series is damaged or lost.
        """
        steps, layers = series.steps, series.layers
        with closing(self._scanned(series)) as parts:
            for part in parts:
                yield read_out([row[:4] for row in part.rows], [row[4] for row in part.rows], steps, layers)

    def model_runs(self, series: Series) -> dict[int, ModelRun]:
        """Return the stored runs of a series of one's own model, by their seeds.

        Raises:
            StoreError: if any run of the series is damaged or lost.
        """
        rows = [row for part in self._scanned(series) for row in part.rows]
        return {as_unsigned(row[0]): ModelRun.read_out(row[4]) for row in rows}

    def _scanned(self, series: Series) -> Generator[Scanned]:
        """Yield the rows of a series, some thousands at a time; see `chunks`."""
        with self._transaction(writing=False):
            numbers = self._known(series)
            if numbers is None:
                return
            tally = Tally()
            for part in scan(self._connection, numbers, series):
                for sentence in part.damage:
                    raise Damaged(sentence)
                tally = tally.with_rows(part.checksums)
                yield part
            _compare(series, tally, total_of(self._connection, numbers))

    def missing(self, wanted: Wanted) -> tuple[int, ...]:
        """Return the seeds of the runs that are not stored, in the order in which they are wanted.

        Raises:
            StoreError: if any run of the series is damaged or lost: it would be taken for one that is missing.
        """
        there: set[int] = set()
        for part in self._scanned(wanted.series):
            there.update(as_unsigned(row[0]) for row in part.rows)
        return tuple(seed for seed in wanted.seeds if seed not in there)

    def claim(self, wanted: Sequence[Wanted], owner: Owner, now: float) -> tuple[Wanted, ...]:
        """Take runs on, so that no other process does: those that are neither stored, nor claimed, nor in quarantine.

        Args:
            wanted: the runs.
            owner: who takes them on.
            now: the time, in seconds since 1970.

        Returns:
            What was granted; series of which nothing was are left out.

        Raises:
            StoreError: if the store cannot be written, or is damaged.
        """
        granted: list[Wanted] = []
        with self._transaction(writing=True):
            for item in wanted:
                numbers = self._entered(item.series)
                there = stored_seeds(self._connection, numbers, item.seeds)
                there.update(
                    one.seed for one in attempts_in(self._connection, numbers) if one.attempts >= failures.MOST_ATTEMPTS
                )
                left = [seed for seed in item.seeds if seed not in there]
                seeds = claims.open_to(self._connection, numbers, left, now)
                if seeds:
                    claims.enter(self._connection, numbers, seeds, owner, now)
                    granted.append(Wanted(item.series, tuple(seeds)))
        return tuple(granted)

    def beat(self, owner: Owner, now: float) -> None:
        """Say that a process is still at work on what it has claimed; of use to those on other machines.

        Args:
            owner: the process; it must say so more often than every `owners.LEASE` seconds.
            now: the time, in seconds since 1970.
        """
        with self._transaction(writing=True):
            claims.beat(self._connection, owner, now)

    def release(self, owner: Owner) -> None:
        """Give back everything that a process has claimed."""
        with self._transaction(writing=True):
            claims.release(self._connection, owner)

    def put(self, batch: Sequence[Finished]) -> int:
        """Store finished runs in one transaction; they are on the disk when this returns.

        A run that is there already stays as it is: the same key has the same numbers. Claims and earlier failures of
        the runs end with this.

        Returns:
            How many were not there yet.

        Raises:
            StoreError: if the store cannot be written, or is damaged; then none of the batch is stored.
        """
        added = 0
        with self._transaction(writing=True):
            for part in batch:
                seeds = part.wanted.seeds
                numbers = self._entered(part.wanted.series)
                added += add_runs(self._connection, numbers, part.wanted.series, seeds, part.kept())
                claims.settle(self._connection, numbers, seeds)
                done = set(seeds)
                before = attempts_in(self._connection, numbers)
                failures.forgive(self._connection, (one for one in before if one.seed in done))
        return added

    def fail(self, wanted: Wanted, message: str) -> None:
        """Write down that runs failed, or took their worker with them; after three times they are in quarantine."""
        with self._transaction(writing=True):
            numbers = self._entered(wanted.series)
            failures.fail(self._connection, numbers, wanted.seeds, message)
            claims.settle(self._connection, numbers, wanted.seeds)

    def failures(self) -> tuple[Failure, ...]:
        """Return the runs that have failed, in the order of their keys."""
        with self._transaction(writing=False):
            found = attempts_in(self._connection)
            told = [Failure(self._series(one.numbers), one.seed, one.attempts, one.message) for one in found]
        return tuple(sorted(told, key=lambda one: (*_order(one.series), one.seed)))

    def retry(self) -> int:
        """Forget all failures, so that their runs are tried again; return how many there were."""
        with self._transaction(writing=True):
            found = attempts_in(self._connection)
            failures.forgive(self._connection, found)
        return len(found)

    def summary(self) -> tuple[SeriesSummary, ...]:
        """Return how far each series is of which anything is known, in the order of their keys."""
        with self._transaction(writing=False):
            totals, damage = verified(self._connection, "totals")
            if damage:
                raise Damaged(damage[0])
            runs = {(row[0], row[1]): int(row[2]) for row in totals}
            attempts = attempts_in(self._connection)
            held = claims.claims_in(self._connection)
            quarantined = Counter(one.numbers for one in attempts if one.attempts >= failures.MOST_ATTEMPTS)
            failed = Counter(one.numbers for one in attempts) - quarantined
            claimed: Counter[Numbers] = Counter()
            for one in held:
                claimed[one.numbers] += len(one.seeds)
            found = [
                SeriesSummary(self._series(pair), runs.get(pair, 0), failed[pair], quarantined[pair], claimed[pair])
                for pair in {*runs, *failed, *quarantined, *claimed}
            ]
        return tuple(sorted(found, key=lambda item: _order(item.series)))

    @contextmanager
    def _transaction(self, *, writing: bool) -> Generator[None]:
        try:
            with told(self.path), transaction(self._connection, writing=writing):
                self._tasks.refresh(self._connection)
                self._starts.refresh(self._connection)
                yield
        except Damaged as error:
            self._forget()
            raise damaged(self.path, str(error)) from None
        except BaseException:
            # Numbers that were given in a transaction that is undone are free again.
            self._forget()
            raise

    def _forget(self) -> None:
        self._tasks = Descriptions("tasks")
        self._starts = Descriptions("starts")

    def _entered(self, series: Series) -> Numbers:
        return self._tasks.enter(self._connection, series.task), self._starts.enter(self._connection, series.start)

    def _known(self, series: Series) -> Numbers | None:
        """Return the numbers of a series; None where nothing was ever stored of it."""
        task, start = self._tasks.number_of(series.task), self._starts.number_of(series.start)
        return None if task is None or start is None else (task, start)

    def _series(self, numbers: Numbers) -> Series:
        try:
            return Series(self._tasks.by_number[numbers[0]], self._starts.by_number[numbers[1]])
        except KeyError:
            raise Damaged(f"the description of task {numbers[0]} or of start {numbers[1]} is lost") from None


def _order(series: Series) -> tuple[bytes, bytes]:
    return series.task.key, series.start.key


def _compare(series: Series, found: Tally, counted: Tally) -> None:
    if found.rows != counted.rows:
        raise Damaged(f"of {series}, {counted.rows:,} runs were stored, and {found.rows:,} are there")
    if found != counted:
        raise Damaged(f"of {series}, other runs are there than were stored")
