"""The table of runs: rows in, verified rows out, and the totals that say how many there must be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from firstdraw.engine import Outcome
from firstdraw.experiments.store.checksums import code_of, row_checksum, run_checksum
from firstdraw.experiments.store.inventory import Damaged, Tally, count_anew, verified
from firstdraw.experiments.store.keys import Series

__all__ = [
    "Numbers",
    "Scanned",
    "add_runs",
    "as_signed",
    "as_unsigned",
    "insert_rows",
    "scan",
    "stored_seeds",
    "total_of",
]

Numbers = tuple[int, int]
"""The numbers of a task and a start."""
CHUNK: Final = 4096
"""So many runs are read at a time: of the exercise's, 2 MB."""
_COLUMNS: Final = "seed, diverged, step, layer, measured, crc"


def as_signed(seed: int) -> int:
    """Return the integer of 64 bits with a sign, as SQLite has them, for one without; the same bits.

    >>> as_signed(5), as_signed(2**64 - 1), as_unsigned(-1) == 2**64 - 1
    (5, -1, True)
    """
    return seed - 2**64 if seed >= 2**63 else seed


def as_unsigned(seed: int) -> int:
    """Return what `as_signed` was given."""
    return seed % 2**64


@dataclass(frozen=True, slots=True)
class Scanned:
    """Runs that were read together.

    Args:
        rows: those that are whole: seed, diverged, step, layer and what was measured.
        checksums: theirs.
        damage: a sentence on each of the others.
    """

    rows: tuple[tuple[int, int, int, int, bytes], ...]
    checksums: tuple[int, ...]
    damage: tuple[str, ...]


def scan(connection: sqlite3.Connection, numbers: Numbers, series: Series) -> Iterator[Scanned]:
    """Read the runs of a series, some thousands at a time.

    Raises:
        sqlite3.DatabaseError: where the file cannot be read on.
    """
    cursor = connection.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE task = ? AND start = ? ORDER BY seed",  # noqa: S608
        numbers,
    )
    size, code = series.run_bytes, code_of(series)
    while rows := cursor.fetchmany(CHUNK):
        right = [_is_whole(code, row, size) for row in rows]
        whole = [row for row, is_right in zip(rows, right, strict=True) if is_right]
        wrong = [row[0] for row, is_right in zip(rows, right, strict=True) if not is_right]
        yield Scanned(
            tuple(row[:5] for row in whole),
            tuple(row[5] for row in whole),
            tuple(f"the run of {series} with {_seed(seed)} does not match its checksum" for seed in wrong),
        )


def _is_whole(code: int, row: tuple[Any, ...], size: int) -> bool:
    found = run_checksum(code, row[:5])
    return found is not None and found == row[5] and len(row[4]) == size


def _seed(stored: object) -> str:
    return f"seed {as_unsigned(stored)}" if isinstance(stored, int) else "a seed that is lost"


def total_of(connection: sqlite3.Connection, numbers: Numbers) -> Tally:
    """Return how many runs of a series were stored, and the exclusive or of their checksums.

    Raises:
        Damaged: if that is not whole.
    """
    rows, damage = verified(connection, "totals", "WHERE task = ? AND start = ?", numbers)
    if damage:
        raise Damaged(damage[0])
    return Tally(rows[0][2], rows[0][3]) if rows else Tally()


def stored_seeds(connection: sqlite3.Connection, numbers: Numbers, seeds: Sequence[int]) -> set[int]:
    """Return which of some seeds have a row, without looking at what it holds."""
    if not seeds:
        return set()
    wanted = [as_signed(seed) for seed in seeds]
    found = connection.execute(
        "SELECT seed FROM runs WHERE task = ? AND start = ? AND seed BETWEEN ? AND ?",
        (*numbers, min(wanted), max(wanted)),
    )
    return {as_unsigned(seed) for (seed,) in found if isinstance(seed, int)}.intersection(seeds)


def add_runs(
    connection: sqlite3.Connection,
    numbers: Numbers,
    series: Series,
    seeds: Sequence[int],
    kept: Sequence[tuple[Outcome, bytes]],
) -> int:
    """Store runs that are not there yet, count them, and return how many they were.

    Args:
        connection: to the file.
        numbers: of the series.
        series: which.
        seeds: of the runs.
        kept: of each run how it ended, and what was measured.

    Raises:
        Damaged: if what was counted before is not whole.
    """
    there = stored_seeds(connection, numbers, seeds)
    code = code_of(series)
    rows: list[tuple[Any, ...]] = []
    for seed, (outcome, measured) in zip(seeds, kept, strict=True):
        if seed not in there:
            fields = (as_signed(seed), int(outcome.diverged), outcome.step, outcome.layer or 0, measured)
            rows.append((*numbers, *fields, run_checksum(code, fields)))
    insert_rows(connection, numbers, rows)
    return len(rows)


def insert_rows(connection: sqlite3.Connection, numbers: Numbers, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows of a series that are not there yet, each with its checksum, and count them."""
    if not rows:
        return
    connection.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    before = total_of(connection, numbers)
    after = before.with_rows(row[-1] for row in rows)
    total = (*numbers, after.rows, after.checksum)
    crc = row_checksum("totals", total)
    connection.execute("REPLACE INTO totals VALUES (?, ?, ?, ?, ?)", (*total, crc))
    old = (*numbers, before.rows, before.checksum)
    count_anew(connection, "totals", (row_checksum("totals", old),) if before.rows else (), (crc,))
