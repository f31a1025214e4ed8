"""Rows that are read with their checksums, and counted: of every table but that of the runs, which are many."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from firstdraw.experiments.store.checksums import row_checksum
from firstdraw.experiments.store.keys import Description
from firstdraw.experiments.store.schema import COLUMNS, COUNTED, TABLES

__all__ = ["Damaged", "Descriptions", "Tally", "count_anew", "reason_of", "survey", "verified"]

Row = tuple[Any, ...]
# What SQLite says of trouble with the disk, the folder or other processes; all else it says of a file that is not as it
# was written.
_TROUBLE: Final = (
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)


class Damaged(Exception):  # noqa: N818  # it is caught here, and is no error of the package
    """Something in the file is not as it was written; says what."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are, and the exclusive or of their checksums."""

    rows: int = 0
    checksum: int = 0

    def with_rows(self, checksums: Iterable[int]) -> Tally:
        """Return the tally after rows of these checksums were added."""
        rows, total = self.rows, self.checksum
        for checksum in checksums:
            rows, total = rows + 1, total ^ checksum
        return Tally(rows, total)


def verified(
    connection: sqlite3.Connection, table: str, condition: str = "", parameters: Sequence[object] = ()
) -> tuple[list[Row], list[str]]:
    """Return the whole rows of a table, their checksums included, and a sentence on each that is not."""
    rows: list[Row] = []
    damage: list[str] = []
    columns = ", ".join(COLUMNS[table])
    try:
        for row in connection.execute(f"SELECT {columns}, crc FROM {table} {condition}", parameters):  # noqa: S608
            if row_checksum(table, row[:-1]) == row[-1]:
                rows.append(row)
            else:
                damage.append(f"in `{table}`, row {row[0]!r} does not match its checksum")
    except sqlite3.DatabaseError as error:
        damage.append(f"`{table}` cannot be read beyond {len(rows)} rows: {reason_of(error)}")
    return rows, damage


def reason_of(error: sqlite3.DatabaseError) -> str:
    """Return what SQLite says of a damaged file; anything else that it says goes on its way."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    if code & 0xFF in _TROUBLE:
        raise error
    return str(error)


def survey(connection: sqlite3.Connection) -> list[str]:
    """Return a sentence on everything that is wrong with the tables other than that of the runs."""
    try:
        found = dict(connection.execute("SELECT name, sql FROM sqlite_schema"))
    except sqlite3.DatabaseError as error:
        return [f"the list of its tables cannot be read: {reason_of(error)}"]
    if found != TABLES:
        wrong = sorted(str(name) for name in {*found, *TABLES} if found.get(name) != TABLES.get(name))
        return [f"its tables are not those of a store: {', '.join(wrong)}"]
    contents, damage = verified(connection, "contents")
    damage = [*_torn_end(connection), *damage]
    counted = {row[0]: Tally(row[1], row[2]) for row in contents}
    damage += [f"the number of rows of `{table}` is lost" for table in COUNTED if table not in counted]
    for table in COUNTED:
        rows, wrong = verified(connection, table)
        damage += wrong
        if not wrong and table in counted:
            damage += _compared(table, Tally().with_rows(row[-1] for row in rows), counted[table])
    return damage


def _torn_end(connection: sqlite3.Connection) -> list[str]:
    """Say whether the file ends within a page; SQLite takes the missing bytes for zeros, which some of them may be."""
    path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    size, log = path.stat().st_size, path.with_name(f"{path.name}-wal")
    # While there is a log, pages are on their way into the file.
    if size % page == 0 or (log.exists() and log.stat().st_size):
        return []
    return [f"the file ends within a page, after {size:,} bytes: its end is lost"]


def _compared(table: str, found: Tally, counted: Tally) -> list[str]:
    if found == counted:
        return []
    if found.rows == counted.rows:
        return [f"`{table}` has other rows than were written"]
    return [f"`{table}` has {found.rows:,} rows, and {counted.rows:,} were written"]


def count_anew(connection: sqlite3.Connection, table: str, removed: Iterable[int], added: Iterable[int]) -> None:
    """Write down that rows of these checksums have left a table, or come into it.

    Raises:
        Damaged: if what was written down before is not whole.
    """
    rows, damage = verified(connection, "contents", "WHERE part = ?", (table,))
    if damage or not rows:
        raise Damaged(f"the number of rows of `{table}` is lost")
    old = list(removed)
    tally = Tally(rows[0][1] - 2 * len(old), rows[0][2]).with_rows(old).with_rows(added)
    row = (table, tally.rows, tally.checksum)
    connection.execute("REPLACE INTO contents VALUES (?, ?, ?, ?)", (*row, row_checksum("contents", row)))


class Descriptions:
    """The descriptions of `tasks` or of `starts`, by number; only what is new is read again.

    Args:
        table: which.
    """

    def __init__(self, table: Literal["tasks", "starts"]) -> None:
        self.table = table
        self.by_number: dict[int, Description] = {}
        self._numbers: dict[str, int] = {}
        self._tally = Tally()

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Read what other processes have added, and hold all of it against the count.

        Raises:
            Damaged: if they differ, or something that was read is not whole.
        """
        last = max(self.by_number, default=0)
        rows, damage = verified(connection, self.table, "WHERE id > ?", (last,))
        contents, wrong = verified(connection, "contents", "WHERE part = ?", (self.table,))
        if damage or wrong:
            raise Damaged((damage + wrong)[0])
        for number, text, _ in rows:
            self.by_number[number] = Description(text)
            self._numbers[text] = number
        self._tally = self._tally.with_rows(row[-1] for row in rows)
        if [(row[1], row[2]) for row in contents] != [(self._tally.rows, self._tally.checksum)]:
            raise Damaged(f"`{self.table}` has other rows than were written")

    def number_of(self, description: Description) -> int | None:
        """Return the number of a description; None where it has none yet."""
        return self._numbers.get(description.text)

    def enter(self, connection: sqlite3.Connection, description: Description) -> int:
        """Return the number of a description, which it is given if it has none."""
        if (known := self.number_of(description)) is not None:
            return known
        number = max(self.by_number, default=0) + 1
        row = (number, description.text)
        crc = row_checksum(self.table, row)
        connection.execute(f"INSERT INTO {self.table} VALUES (?, ?, ?)", (*row, crc))  # noqa: S608
        count_anew(connection, self.table, (), (crc,))
        self.by_number[number] = description
        self._numbers[description.text] = number
        self._tally = self._tally.with_rows((crc,))
        return number
