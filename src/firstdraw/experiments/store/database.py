"""The SQLite file: how it is opened, how transactions go, and the words for what can go wrong with it."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from firstdraw.errors import StoreError
from firstdraw.experiments.store.checksums import row_checksum
from firstdraw.experiments.store.schema import COUNTED, check_kind, create_tables

__all__ = ["connect", "create", "damaged", "told", "transaction"]

PATIENCE: Final = 60.0
"""How many seconds a transaction waits for that of another process."""

# The first with strict tables.
_OLDEST_LIBRARY: Final = (3, 37, 0)
_NO_ROOM: Final = "no space is left on its disk, or a limit on the size of files is reached"
_KEPT: Final = "all runs that were stored before are kept"


def damaged(path: Path, sentence: str) -> StoreError:
    """Return the error for a store that is damaged."""
    return StoreError(str(path), f"is damaged: {sentence}; `firstdraw fsck` lists all damage, and saves what is whole")


def _check_library(path: Path) -> None:
    if sqlite3.sqlite_version_info < _OLDEST_LIBRARY:
        oldest, there = (".".join(map(str, v)) for v in (_OLDEST_LIBRARY, sqlite3.sqlite_version_info))
        raise StoreError(str(path), f"needs SQLite {oldest} or later, and this Python has {there}")


@contextmanager
def told(path: Path) -> Generator[None]:
    """Turn what SQLite refuses in the block into a sentence that names the store."""
    try:
        yield
    except sqlite3.Error as error:
        raise _in_words(path, error) from None
    except UnicodeDecodeError as error:
        # SQLite quotes what it cannot read, and Python cannot read the quotation.
        raise damaged(path, f"SQLite says: {_as_text(error.object)}") from None


def _in_words(path: Path, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    match code:
        case sqlite3.SQLITE_FULL:
            return StoreError(str(path), f"cannot be written: {_NO_ROOM}; {_KEPT}")
        case sqlite3.SQLITE_IOERR:
            return StoreError(str(path), f"cannot be read or written ({error}): perhaps {_NO_ROOM}; {_KEPT}")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError(str(path), f"is being written by another process, for longer than {PATIENCE:.0f} s")
        case sqlite3.SQLITE_READONLY:
            return StoreError(str(path), "cannot be written: it, or its folder, is read-only")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return StoreError(str(path), f"cannot be opened: {error}; SQLite needs to write beside it")
        case _:
            return damaged(path, f"SQLite says: {error}")


def connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    """Open a store's file.

    Raises:
        StoreError: if it is no store, or cannot be opened.
    """
    _check_library(path)
    check_kind(path)
    with told(path):
        if writing:
            # Every commit is on the disk before it is acknowledged.
            return _connection(path, "mode=rw", ("synchronous = FULL",))
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            # Reads alone, but may take away the log beside the store when it was the last to use it.
            return _connection(path, "mode=rw", ("query_only = ON",))
        try:
            return _connection(path, "mode=ro")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        # In a folder that takes no files SQLite reads a store only when told that nobody writes it.
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise StoreError(
                str(path),
                f"cannot be read in a folder that takes no files, as its newest runs are in {log.name}; copy both",
            )
        return _connection(path, "mode=ro&immutable=1")


def _connection(path: Path, mode: str, settings: Sequence[str] = ()) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=PATIENCE, isolation_level=None, cached_statements=64
    )
    # Bytes of a damaged text may be no text; its checksum tells.
    connection.text_factory = _as_text
    try:
        for setting in ("trusted_schema = OFF", "cell_size_check = ON", *settings):
            connection.execute(f"PRAGMA {setting}")
        # The first statement that reads opens the file, and what lies beside it.
        connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _as_text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


@contextmanager
def transaction(connection: sqlite3.Connection, *, writing: bool) -> Generator[None]:
    """Make all statements of the block one transaction; it is undone if the block fails.

    Raises:
        AssertionError: if the connection is in another one.
    """
    if connection.in_transaction:
        raise AssertionError("chunks of a series are still being read")
    connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite ends some transactions that fail by itself.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def create(path: Path) -> None:
    """Make an empty store, whole or not at all; one that stands there, or appears meanwhile, stays.

    Raises:
        StoreError: if it cannot be made.
    """
    if path.exists():
        return
    _check_library(path)
    if not path.parent.is_dir():
        raise StoreError(str(path), f"cannot be made: its folder {path.parent} does not exist")
    try:
        with told(path), tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            new = Path(folder) / path.name
            connection = sqlite3.connect(new, isolation_level=None)
            try:
                create_tables(connection)
                for part in COUNTED:
                    row = (part, 0, 0)
                    connection.execute(
                        "INSERT INTO contents VALUES (?, ?, ?, ?)", (*row, row_checksum("contents", row))
                    )
                connection.execute("COMMIT")
            finally:
                connection.close()
            # A link, unlike a new name, never takes the place of another file.
            with suppress(FileExistsError):
                path.hardlink_to(new)
            _sync(path.parent)
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(str(path), f"cannot be made: {(error.strerror or str(error)).lower()}") from None


def _sync(folder: Path) -> None:
    """Make the new name survive a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
