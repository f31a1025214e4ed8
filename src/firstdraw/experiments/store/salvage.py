"""What is whole of a damaged store, in a new one."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from firstdraw.errors import StoreError
from firstdraw.experiments.store.checksums import code_of, row_checksum, run_checksum
from firstdraw.experiments.store.database import connect, create, told, transaction
from firstdraw.experiments.store.inventory import Descriptions
from firstdraw.experiments.store.keys import Description, Series
from firstdraw.experiments.store.pages import RawRow, raw_rows
from firstdraw.experiments.store.runs import Numbers, insert_rows
from firstdraw.experiments.store.schema import COLUMNS

__all__ = ["Salvaged", "salvage"]

_WIDTH: Final = {table: len(columns) + 1 for table, columns in COLUMNS.items()}


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What came of a salvage.

    Args:
        runs: how many runs are in the new store.
        lost: a sentence on each series that lacks some, or is lost.
    """

    runs: int
    lost: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """The whole rows of a file.

    Args:
        series: by the numbers of task and start.
        runs: of each series, the rows.
        counted: of each series, how many runs were ever said to be stored.
        listed: how many series there were; None where that is lost.
    """

    series: dict[Numbers, Series]
    runs: dict[Numbers, list[RawRow]]
    counted: dict[Numbers, int]
    listed: int | None


def salvage(path: Path, into: Path) -> Salvaged:
    """Copy every whole run of a store into a new one, whatever has become of the rest of the file.

    The pages are read without SQLite, so that no damage to one hides another. Failures and claims are left behind.

    Args:
        path: the damaged store; it is only read.
        into: where the new one goes, whole or not at all.

    Raises:
        StoreError: if the one cannot be read, or the other is there already or cannot be written.
    """
    if into.exists():
        raise StoreError(str(into), "exists: what is salvaged goes into a new file")
    if not into.parent.is_dir():
        raise StoreError(str(into), f"cannot be made: its folder {into.parent} does not exist")
    try:
        found = _found(path)
    except OSError as error:
        raise StoreError(str(path), f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    try:
        with tempfile.TemporaryDirectory(dir=into.parent, prefix=f".{into.name}.") as folder:
            new = Path(folder) / into.name
            create(new)
            _write(new, found)
            into.hardlink_to(new)
    except StoreError as error:
        raise StoreError(str(into), error.rule) from None
    except OSError as error:
        raise StoreError(str(into), f"cannot be made: {(error.strerror or str(error)).lower()}") from None
    return Salvaged(sum(len(rows) for rows in found.runs.values()), tuple(_lost(found)))


def _found(path: Path) -> _Found:
    tasks: dict[int, Description] = {}
    starts: dict[int, Description] = {}
    counted: dict[Numbers, int] = {}
    listed: int | None = None
    candidates: dict[Numbers, dict[RawRow, None]] = defaultdict(dict)
    for row in raw_rows(path):
        match len(row):
            case length if length == _WIDTH["tasks"]:
                for table, found in (("tasks", tasks), ("starts", starts)):
                    if row_checksum(table, row[:-1]) == row[-1]:
                        found[cast("int", row[0])] = Description(cast("str", row[1]))
            case length if length == _WIDTH["contents"]:
                if row[0] == "totals" and row_checksum("contents", row[:-1]) == row[-1]:
                    listed = max(listed or 0, cast("int", row[1]))
            case length if length == _WIDTH["totals"]:
                if row_checksum("totals", row[:-1]) == row[-1]:
                    numbers = cast("Numbers", row[:2])
                    counted[numbers] = max(counted.get(numbers, 0), cast("int", row[2]))
            case length if length == _WIDTH["runs"]:
                if isinstance(row[0], int) and isinstance(row[1], int) and isinstance(row[6], bytes):
                    candidates[row[0], row[1]][row] = None
            case _:
                pass
    named = {numbers for numbers in candidates if numbers[0] in tasks and numbers[1] in starts}
    known = [numbers for numbers in {*named, *counted} if numbers[0] in tasks and numbers[1] in starts]
    series = {numbers: Series(tasks[numbers[0]], starts[numbers[1]]) for numbers in known}
    runs = {numbers: _whole(series[numbers], candidates[numbers]) for numbers in sorted(named)}
    return _Found(series, runs, counted, listed)


def _whole(series: Series, rows: dict[RawRow, None]) -> list[RawRow]:
    """Return the rows with the right checksum, one a seed."""
    code, size = code_of(series), series.run_bytes
    whole: dict[int, RawRow] = {}
    for row in rows:
        found = run_checksum(code, row[2:7])
        if found is not None and found == row[7] and len(cast("bytes", row[6])) == size:
            whole[cast("int", row[2])] = row
    return [whole[seed] for seed in sorted(whole)]


def _write(path: Path, found: _Found) -> None:
    connection = connect(path, writing=True)
    try:
        with told(path), transaction(connection, writing=True):
            tasks, starts = Descriptions("tasks"), Descriptions("starts")
            for old, rows in found.runs.items():
                series = found.series[old]
                numbers = tasks.enter(connection, series.task), starts.enter(connection, series.start)
                insert_rows(connection, numbers, [(*numbers, *row[2:]) for row in rows])
    finally:
        connection.close()


def _lost(found: _Found) -> list[str]:
    sentences: list[str] = []
    for numbers, counted in sorted(found.counted.items()):
        there = len(found.runs.get(numbers, ()))
        if there < counted:
            name = found.series.get(numbers, f"task {numbers[0]} and start {numbers[1]}, whose description is lost")
            sentences.append(f"of {name}, {counted - there:,} of {counted:,} runs are lost")
    if found.listed is None:
        sentences.append("how many series there were is lost: there may have been others")
    elif found.listed > len(found.counted):
        unknown = found.listed - len(found.counted)
        sentences.append(f"how many runs there were is lost for {unknown} of {found.listed} series: perhaps more")
    return sentences
