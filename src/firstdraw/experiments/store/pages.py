"""The rows in an SQLite file, read page by page without SQLite: what is left of a file whose structure is damaged.

The format is documented in https://www.sqlite.org/fileformat2.html, whose letters are used here: U the usable bytes of
a page, P the bytes of a row, X how many of them may lie in the page itself, M and K how many do where not all can.

Each page is looked at for itself, those of the write-ahead log too. What is found may be older than the newest state,
or no row at all: only a row with the right checksum counts, and of a store no row that was ever written is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firstdraw.experiments.store.checksums import Field
from firstdraw.experiments.store.schema import MAGIC, PAGE_BYTES

__all__ = ["RawRow", "raw_rows"]

RawRow = tuple[Field, ...]

_FILE_HEADER: Final = 100
_LOG_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_LEAF_OF_TABLE: Final = 0x0D
_LEAF_OF_INDEX: Final = 0x0A
_INNER_OF_INDEX: Final = 0x02
_INTEGER_BYTES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
# No row of a store is longer; a damaged length must not make one chase overflow pages through all of the file.
_LONGEST_ROW: Final = 2**30


class _NoRow(Exception):  # noqa: N818  # it is caught here
    """These bytes are no row."""


@dataclass(frozen=True)
class _Pages:
    """The pages of a file.

    Args:
        content: the whole file, and of the log what its frames hold, one after the other.
        size: the bytes of a page.
        numbers: where the page of a number begins, if not at its place in the file.
    """

    content: memoryview
    size: int
    numbers: dict[int, int]

    def page(self, number: int) -> memoryview:
        begin = self.numbers.get(number, (number - 1) * self.size)
        page = self.content[begin : begin + self.size]
        if number < 1 or len(page) < self.size:
            raise _NoRow
        return page


def raw_rows(path: Path) -> Iterator[RawRow]:
    """Yield everything in a file, and in the write-ahead log beside it, that has the form of a row.

    The rows of `INTEGER PRIMARY KEY` tables have their number in place of the column that SQLite leaves out.

    Args:
        path: the file; a part of it that is missing is passed over.

    Raises:
        OSError: if it cannot be read.
    """
    content = path.read_bytes()
    size = int.from_bytes(content[16:18]) if content.startswith(MAGIC) else PAGE_BYTES
    if size < 512 or size & (size - 1):
        size = PAGE_BYTES
    yield from _rows_of(_Pages(memoryview(content), size, {}))
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        yield from _rows_of(_in_log(log.read_bytes(), content, size))


def _in_log(log: bytes, content: bytes, size: int) -> _Pages:
    """Return the pages in a log, each at the place of its frame, and all others at theirs in the file."""
    numbers: dict[int, int] = {}
    padded = content + bytes(-len(content) % size)
    parts = [padded]
    for i, begin in enumerate(range(_LOG_HEADER, len(log) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size)):
        numbers[int.from_bytes(log[begin : begin + 4])] = len(padded) + i * size
        parts.append(log[begin + _FRAME_HEADER : begin + _FRAME_HEADER + size])
    return _Pages(memoryview(b"".join(parts)), size, numbers)


def _rows_of(pages: _Pages) -> Iterator[RawRow]:
    for begin in range(0, len(pages.content), pages.size):
        page = pages.content[begin : begin + pages.size]
        header = _FILE_HEADER if begin == 0 else 0
        kind = page[header] if len(page) > header + 12 else 0
        if kind not in (_LEAF_OF_TABLE, _LEAF_OF_INDEX, _INNER_OF_INDEX):
            continue
        pointers = header + (12 if kind == _INNER_OF_INDEX else 8)
        count = int.from_bytes(page[header + 3 : header + 5])
        for at in range(pointers, min(pointers + 2 * count, len(page) - 1), 2):
            try:
                yield _row(pages, page, int.from_bytes(page[at : at + 2]), kind)
            except (_NoRow, IndexError, struct.error):
                continue


def _row(pages: _Pages, page: memoryview, at: int, kind: int) -> RawRow:
    """Return the row in the cell that begins at a byte of a page."""
    if kind == _INNER_OF_INDEX:
        at += 4
    P, at = _varint(page, at)
    number = None
    if kind == _LEAF_OF_TABLE:
        number, at = _varint(page, at)
    fields = _fields(_payload(pages, page, at, P, kind))
    return fields if number is None or fields[0] is not None else (number, *fields[1:])


def _payload(pages: _Pages, page: memoryview, at: int, P: int, kind: int) -> bytes:
    """Return the bytes of a row, those on overflow pages too."""
    if P > _LONGEST_ROW:
        raise _NoRow
    U = pages.size
    X = U - 35 if kind == _LEAF_OF_TABLE else (U - 12) * 64 // 255 - 23
    local = P
    if P > X:
        M = (U - 12) * 32 // 255 - 23
        K = M + (P - M) % (U - 4)
        local = K if K <= X else M
    content = bytearray(page[at : at + local])
    following = int.from_bytes(page[at + local : at + local + 4]) if local < P else 0
    while len(content) < P:
        overflow = pages.page(following)
        following = int.from_bytes(overflow[:4])
        content += overflow[4 : 4 + P - len(content)]
    return bytes(content)


def _fields(payload: bytes) -> RawRow:
    """Return the columns of a row."""
    length, at = _varint(payload, 0)
    body = length
    fields: list[Field] = []
    while at < length:
        kind, at = _varint(payload, at)
        match kind:
            case 0:
                field, size = None, 0
            case 1 | 2 | 3 | 4 | 5 | 6:
                size = _INTEGER_BYTES[kind]
                field = int.from_bytes(payload[body : body + size], signed=True)
            case 7:
                size = 8
                (field,) = struct.unpack(">d", payload[body : body + size])
            case 8 | 9:
                field, size = kind - 8, 0
            case 10 | 11:
                raise _NoRow
            case _:
                size = (kind - 12) // 2
                content = payload[body : body + size]
                field = content if kind % 2 == 0 else content.decode("utf-8", "replace")
        body += size
        fields.append(field)
    if body != len(payload) or not fields:
        raise _NoRow
    return tuple(fields)


def _varint(content: bytes | memoryview, at: int) -> tuple[int, int]:
    """Return the integer of one to nine bytes that begins at a byte, and where the next thing does."""
    value = 0
    for i in range(8):
        byte = content[at + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + i + 1
    return value << 8 | content[at + 8], at + 9
