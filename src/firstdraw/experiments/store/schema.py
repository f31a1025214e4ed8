"""The tables of a store, and how a file is known to be one.

Every row ends with a checksum over all of its fields (`checksums`). SQLite itself has none: a damaged page may lose
rows without a word. So each table's number of rows, and the exclusive or of their checksums, stand in another: those of
`tasks`, `starts`, `totals` and `failures` in `contents`, those of the runs of a series in `totals`. Both change in the
same transaction as the rows. `claims` come and go, and lose nothing when they are lost.
"""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from typing import Final

from firstdraw.errors import StoreError

__all__ = ["COLUMNS", "COUNTED", "PAGE_BYTES", "TABLES", "check_kind", "create_tables"]

MAGIC: Final = b"SQLite format 3\0"
APPLICATION: Final = int.from_bytes(b"1drw")
"""The mark of a store among SQLite's files."""
VERSION: Final = 1
PAGE_BYTES: Final = 8192
# Where SQLite's header holds the numbers, in 4 bytes each.
_VERSION_AT: Final = 60
_APPLICATION_AT: Final = 68
_HEADER_BYTES: Final = 100

_RUN: Final = "task INTEGER NOT NULL, start INTEGER NOT NULL, seed INTEGER NOT NULL"
_CRC: Final = "crc INTEGER NOT NULL"
TABLES: Final = {
    "contents": (
        f"CREATE TABLE contents (part TEXT PRIMARY KEY, rows INTEGER NOT NULL, checksum INTEGER NOT NULL, {_CRC}) "
        "STRICT, WITHOUT ROWID"
    ),
    "tasks": f"CREATE TABLE tasks (id INTEGER PRIMARY KEY, description TEXT NOT NULL, {_CRC}) STRICT",
    "starts": f"CREATE TABLE starts (id INTEGER PRIMARY KEY, description TEXT NOT NULL, {_CRC}) STRICT",
    "totals": (
        "CREATE TABLE totals (task INTEGER NOT NULL, start INTEGER NOT NULL, runs INTEGER NOT NULL, "
        f"checksum INTEGER NOT NULL, {_CRC}, PRIMARY KEY (task, start)) STRICT, WITHOUT ROWID"
    ),
    "runs": (
        f"CREATE TABLE runs ({_RUN}, diverged INTEGER NOT NULL, step INTEGER NOT NULL, layer INTEGER NOT NULL, "
        f"measured BLOB NOT NULL, {_CRC}, PRIMARY KEY (task, start, seed)) STRICT, WITHOUT ROWID"
    ),
    "failures": (
        f"CREATE TABLE failures ({_RUN}, attempts INTEGER NOT NULL, message TEXT NOT NULL, {_CRC}, "
        "PRIMARY KEY (task, start, seed)) STRICT, WITHOUT ROWID"
    ),
    "claims": (
        "CREATE TABLE claims (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, start INTEGER NOT NULL, "
        "seeds BLOB NOT NULL, place TEXT NOT NULL, process INTEGER NOT NULL, started TEXT NOT NULL, "
        f"heartbeat REAL NOT NULL, {_CRC}) STRICT"
    ),
}
COLUMNS: Final = {
    "contents": ("part", "rows", "checksum"),
    "tasks": ("id", "description"),
    "starts": ("id", "description"),
    "totals": ("task", "start", "runs", "checksum"),
    "runs": ("task", "start", "seed", "diverged", "step", "layer", "measured"),
    "failures": ("task", "start", "seed", "attempts", "message"),
    "claims": ("id", "task", "start", "seeds", "place", "process", "started", "heartbeat"),
}
"""The columns of each table before its checksum."""
COUNTED: Final = ("tasks", "starts", "totals", "failures")
"""The tables whose rows `contents` counts."""


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty database a store, but for the rows of `contents`."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN")
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    for text in TABLES.values():
        connection.execute(text)


def check_kind(path: Path) -> None:
    """Refuse a file that is no store, or one of another version; SQLite is not asked yet, and writes nothing beside it.

    Raises:
        StoreError: if it does not exist, cannot be read, is no store, or is one of a version that is not known here.
    """
    try:
        is_ordinary = stat.S_ISREG(path.stat().st_mode)
        header = b""
        if is_ordinary:
            with path.open("rb") as file:
                header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        raise StoreError(str(path), "does not exist") from None
    except OSError as error:
        raise StoreError(str(path), f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    if not is_ordinary:
        raise StoreError(str(path), "must be an ordinary file, and is a folder, a device or a pipe")
    if not header:
        raise StoreError(str(path), "is an empty file: no store is ever empty, and what it held is lost")
    if len(header) < _HEADER_BYTES or not header.startswith(MAGIC):
        raise StoreError(str(path), "is no store of runs, or its first page is damaged: it does not begin as one")
    application, version = (int.from_bytes(header[at : at + 4], signed=True) for at in (_APPLICATION_AT, _VERSION_AT))
    if application != APPLICATION:
        raise StoreError(str(path), "is no store of runs: it is the SQLite database of another program")
    if version != VERSION:
        raise StoreError(
            str(path), f"is of version {version}, and this firstdraw reads version {VERSION}; install a later firstdraw"
        )
