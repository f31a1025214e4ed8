"""What is no store, or cannot be read or written, is refused in a sentence that names it."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firstdraw.errors import StoreError
from firstdraw.experiments.store import Store, Wanted, check, database, salvage
from firstdraw.experiments.store.schema import APPLICATION

Stored = Callable[..., Path]


def _sentence(action: Callable[[], object]) -> str:
    with pytest.raises(StoreError) as caught:
        action()
    return str(caught.value)


def _foreign(path: Path, application: int = 0, version: int = 1) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {application}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("CREATE TABLE runs (x)")
    connection.commit()
    connection.close()


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a text": (
        lambda path: path.write_text("results\n" * 100, encoding="utf-8"),
        "is no store of runs, or its first page is damaged: it does not begin as one",
    ),
    "short": (
        lambda path: path.write_bytes(b"SQLite format 3\0"),
        "is no store of runs, or its first page is damaged: it does not begin as one",
    ),
    "empty": (lambda path: path.touch(), "is an empty file: no store is ever empty, and what it held is lost"),
    "another program's": (_foreign, "is no store of runs: it is the SQLite database of another program"),
    "of a later version": (
        lambda path: _foreign(path, APPLICATION, 2),
        "is of version 2, and this firstdraw reads version 1; install a later firstdraw",
    ),
    "without its tables": (
        lambda path: _foreign(path, APPLICATION),
        (
            "is damaged: its tables are not those of a store: claims, contents, failures, runs, starts, tasks, totals; "
            "`firstdraw fsck` lists all damage, and saves what is whole"
        ),
    ),
    "a folder": (lambda path: path.mkdir(), "must be an ordinary file, and is a folder, a device or a pipe"),
    "a pipe": (os.mkfifo, "must be an ordinary file, and is a folder, a device or a pipe"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(path: Path, kind: str) -> None:
    make, sentence = FILES[kind]
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    for opening in (Store.create_or_open, Store.open, Store.read):
        assert _sentence(lambda opening=opening: opening(path)) == f"the store `{path}` {sentence}"
    if kind != "without its tables":
        assert _sentence(lambda: check(path)) == f"the store `{path}` {sentence}"
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_store_that_is_not_there_is_not_made_by_reading_it(path: Path) -> None:
    for action in (Store.read, Store.open, check):
        assert _sentence(lambda action=action: action(path)) == f"the store `{path}` does not exist"
    assert list(path.parent.iterdir()) == []


def test_a_store_whose_folder_is_missing_is_not_made(tmp_path: Path, stored: Stored) -> None:
    path = tmp_path / "none" / "results.db"
    sentence = f"the store `{path}` cannot be made: its folder {path.parent} does not exist"
    assert _sentence(lambda: Store.create_or_open(path)) == sentence
    assert _sentence(lambda: salvage(stored(), path)) == sentence


def test_a_library_that_is_too_old_is_told(path: Path, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    new = stored().with_name("new.db")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    for one in (path, new):
        assert _sentence(lambda one=one: Store.create_or_open(one)) == (
            f"the store `{one}` needs SQLite 3.37.0 or later, and this Python has 3.34.1"
        )


def test_a_folder_that_takes_no_files_is_named(
    path: Path, stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any, **_options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    old, new = stored(), tmp_path / "new.db"
    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    sentence = f"the store `{new}` cannot be made: no space left on device"
    assert _sentence(lambda: Store.create_or_open(new)) == sentence
    assert _sentence(lambda: salvage(old, new)) == sentence
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_read_is_named(path: Path, stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_options: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    stored()
    monkeypatch.setattr(Path, "open", broken)
    monkeypatch.setattr(Path, "read_bytes", broken)
    sentence = f"the store `{path}` cannot be read: input/output error"
    assert _sentence(lambda: Store.read(path)) == sentence
    assert _sentence(lambda: salvage(path, path.with_name("new.db"))) == sentence


def test_what_is_salvaged_replaces_nothing(path: Path, stored: Stored) -> None:
    stored()
    assert _sentence(lambda: salvage(path, path)) == (
        f"the store `{path}` exists: what is salvaged goes into a new file"
    )


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            sqlite3.SQLITE_FULL,
            (
                "cannot be written: no space is left on its disk, or a limit on the size of files is reached; all runs "
                "that were stored before are kept"
            ),
        ),
        (
            sqlite3.SQLITE_IOERR_WRITE,
            (
                "cannot be read or written (what SQLite says): perhaps no space is left on its disk, or a limit on the "
                "size of files is reached; all runs that were stored before are kept"
            ),
        ),
        (sqlite3.SQLITE_BUSY, "is being written by another process, for longer than 60 s"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "cannot be written: it, or its folder, is read-only"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened: what SQLite says; SQLite needs to write beside it"),
        (
            sqlite3.SQLITE_CORRUPT,
            "is damaged: SQLite says: what SQLite says; `firstdraw fsck` lists all damage, and saves what is whole",
        ),
    ],
)
def test_what_sqlite_refuses_is_told_in_words(path: Path, code: int, sentence: str) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code

    def fail() -> None:
        with database.told(path):
            raise error

    assert _sentence(fail) == f"the store `{path}` {sentence}"


def test_a_store_that_is_locked_for_too_long_is_told(
    made: Any, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    path = stored()
    with Store.open(path) as one, Store.open(path) as other:
        one._connection.execute("BEGIN IMMEDIATE")
        assert "is being written by another process" in _sentence(
            lambda: other.put([made.finished(made.series(), [0])])
        )
        one._connection.execute("ROLLBACK")
        assert other.put([made.finished(made.series(), [0])]) == 1


@pytest.fixture
def limit() -> Iterator[Callable[[int], None]]:
    """Limit the size of the files that this process writes, until the test ends."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("spare", [0, 5_000, 40_000, 200_000, 1_000_000])
def test_a_disk_that_is_full_keeps_what_was_acknowledged(
    made: Any, stored: Stored, limit: Callable[[int], None], spare: int
) -> None:
    series = made.series()
    path = stored(made.finished(series, range(200)))
    acknowledged = list(range(200))
    limit(path.stat().st_size + spare)
    with Store.open(path) as store:

        def fill() -> None:
            for first in range(200, 20_000, 100):
                store.put([made.finished(series, range(first, first + 100))])
                acknowledged.extend(range(first, first + 100))

        told = _sentence(fill)
        assert told.startswith(f"the store `{path}` cannot be ")
        assert "no space is left on its disk, or a limit on the size of files is reached" in told
        assert store.runs(series).seeds.tolist() == acknowledged
    limit(resource.RLIM_INFINITY)
    assert made.content(path) == made.expected(series, acknowledged)
    assert check(path).damage == ()
    with Store.open(path) as store:
        assert store.put([made.finished(series, range(30_000, 30_100))]) == 100


def test_a_disk_that_is_full_makes_no_store(path: Path, limit: Callable[[int], None]) -> None:
    limit(20_000)
    with pytest.raises(StoreError) as caught:
        Store.create_or_open(path)
    assert "a limit on the size of files is reached" in str(caught.value)
    assert list(path.parent.iterdir()) == []


def _as_nobody(action: Callable[[], object]) -> str:
    """Do something in a child process without a superuser's rights, and return what it says."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            answer = str(action())
        except BaseException as error:  # whatever it is, the parent is told
            answer = f"{type(error).__name__}: {error}"
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, encoding="utf-8") as file:
        return file.read()


@pytest.fixture
def read_only(made: Any) -> Iterator[Path]:
    """A store in a folder, both of which nobody may write."""
    folder = Path(tempfile.mkdtemp())
    path = folder / "results.db"
    with Store.create_or_open(path) as store:
        store.put([made.finished(made.series(), range(3))])
    path.chmod(0o444)
    folder.chmod(0o555)
    yield path
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_store_in_a_read_only_folder_is_read(made: Any, read_only: Path) -> None:
    assert _as_nobody(lambda: made.content(read_only) == made.expected(made.series(), range(3))) == "True"
    assert _as_nobody(lambda: check(read_only)) == "Checked(runs=3, damage=())"


def test_a_store_in_a_read_only_folder_is_not_written(made: Any, read_only: Path) -> None:
    def write() -> None:
        with Store.create_or_open(read_only) as store:
            store.put([made.finished(made.series(), [5])])

    told = _as_nobody(write)
    assert told.startswith(f"StoreError: the store `{read_only}` cannot be ")
    assert read_only.exists()


def test_a_store_with_a_log_in_a_read_only_folder_is_not_read_without_it(read_only: Path) -> None:
    read_only.parent.chmod(0o755)
    log = read_only.with_name("results.db-wal")
    log.write_bytes(bytes(1000))
    log.chmod(0o444)
    read_only.parent.chmod(0o555)
    assert _as_nobody(lambda: Store.read(read_only)) == (
        f"StoreError: the store `{read_only}` cannot be read in a folder that takes no files, as its newest runs are "
        "in results.db-wal; copy both"
    )


def test_a_log_that_was_left_over_is_read(made: Any, stored: Stored, tmp_path: Path) -> None:
    """What a process that was killed leaves: the newest runs stand in the log alone."""
    series = made.series()
    path = stored(made.finished(series, range(3)))
    with Store.open(path) as store:
        store.put([made.finished(series, range(3, 6))])
        copy = tmp_path / "copy.db"
        shutil.copy(path, copy)
        shutil.copy(tmp_path / "results.db-wal", tmp_path / "copy.db-wal")
        new = tmp_path / "new.db"
        assert salvage(copy, new).lost == ()
        assert made.content(new) == made.expected(series, range(6))
    assert made.content(copy) == made.expected(series, range(6))
    with Store.open(copy) as store:
        assert store.missing(Wanted(series, tuple(range(7)))) == (6,)
