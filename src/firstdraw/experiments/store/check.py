"""What is damaged in a store, and where."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firstdraw.experiments.store.database import connect, told, transaction
from firstdraw.experiments.store.inventory import Damaged, Descriptions, Tally, reason_of, survey, verified
from firstdraw.experiments.store.keys import Series
from firstdraw.experiments.store.runs import scan

__all__ = ["Checked", "check"]

_MOST_SENTENCES: Final = 100
"""So many of SQLite's own findings are told; one broken page can make thousands."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Args:
        runs: how many runs are whole.
        damage: a sentence on everything that is not, with its place.
    """

    runs: int
    damage: tuple[str, ...]


def check(path: Path) -> Checked:
    """Read everything in a store, and return what is whole and what is damaged.

    The structure of the file by SQLite's own check, every row by its checksum, the number of rows of each table and of
    the runs of each series by what was written down when they were stored.

    Args:
        path: the store; it is only read, and others may be writing it.

    Raises:
        StoreError: if it is no store, one of another version, or cannot be opened at all.
    """
    connection = connect(path, writing=False)
    try:
        with told(path), transaction(connection, writing=False):
            damage = [*_structure(connection), *survey(connection)]
            runs, more = _runs(connection)
            return Checked(runs, (*damage, *more))
    finally:
        connection.close()


def _structure(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        for (sentence,) in connection.execute(f"PRAGMA integrity_check({_MOST_SENTENCES})"):
            if sentence != "ok":
                yield from (f"in the file's structure: {line}" for line in str(sentence).splitlines())
    except sqlite3.DatabaseError as error:
        yield f"the file's structure cannot be followed: {reason_of(error)}"


def _runs(connection: sqlite3.Connection) -> tuple[int, list[str]]:
    """Return how many runs are whole, and a sentence on each that is not."""
    damage: list[str] = []
    whole = 0
    totals, _ = verified(connection, "totals")
    counted = {(row[0], row[1]): Tally(row[2], row[3]) for row in totals}
    tasks, starts = Descriptions("tasks"), Descriptions("starts")
    for descriptions in (tasks, starts):
        try:
            descriptions.refresh(connection)
        except Damaged:
            continue  # the survey has told it, and what could be read is there
    for numbers in sorted({*counted, *_pairs(connection)}):
        task, start = tasks.by_number.get(numbers[0]), starts.by_number.get(numbers[1])
        if task is None or start is None:
            damage.append(
                f"the description of task {numbers[0]} or of start {numbers[1]} is lost, and its runs with it"
            )
            continue
        series, tally = Series(task, start), Tally()
        try:
            for part in scan(connection, numbers, series):
                tally = tally.with_rows(part.checksums)
                damage += part.damage
        except sqlite3.DatabaseError as error:
            damage.append(f"the runs of {series} cannot be read beyond {tally.rows:,}: {reason_of(error)}")
        whole += tally.rows
        stored = counted.get(numbers, Tally())
        if tally.rows != stored.rows:
            damage.append(f"of {series}, {stored.rows:,} runs were stored, and {tally.rows:,} are whole")
        elif tally != stored:
            damage.append(f"of {series}, other runs are there than were stored")
    return whole, damage


def _pairs(connection: sqlite3.Connection) -> set[tuple[int, int]]:
    """Return the tasks and starts that runs are there of, as far as they can be read."""
    pairs: set[tuple[int, int]] = set()
    try:
        for task, start in connection.execute("SELECT DISTINCT task, start FROM runs"):
            if isinstance(task, int) and isinstance(start, int):
                pairs.add((task, start))
    except sqlite3.DatabaseError as error:
        reason_of(error)
    return pairs
