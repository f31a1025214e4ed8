"""Checksums: each row has one over all of its fields, so that no field can change, and no row move, unnoticed."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final
from zlib import crc32

from firstdraw.experiments.store.keys import Series

__all__ = ["Field", "checksum", "code_of", "row_checksum", "run_checksum"]

Field = int | float | str | bytes | None
_RUN: Final = struct.Struct("<qqqq")
_HEAD: Final = struct.Struct("<cQ")


def checksum(fields: Sequence[Field]) -> int:
    """Return the CRC-32 of fields, each with its type and length before it.

    >>> checksum(["ab", "c"]) == checksum(["a", "bc"])
    False
    """
    code = 0
    for field in fields:
        kind, content = _written(field)
        code = crc32(content, crc32(_HEAD.pack(kind, len(content)), code))
    return code


def _written(field: Field) -> tuple[bytes, bytes]:
    match field:
        case bytes():
            return b"b", field
        case str():
            return b"s", field.encode()
        case None:
            return b"n", b""
        case _:
            return b"i" if isinstance(field, int) else b"f", repr(field).encode()


def row_checksum(table: str, fields: Sequence[Field]) -> int:
    """Return the checksum of a row of any table but that of runs, whose fields these are."""
    return checksum([table, *fields])


def code_of(series: Series) -> int:
    """Return what the checksums of a series' runs begin with."""
    return checksum([series.task.key, series.start.key])


def run_checksum(code: int, fields: Sequence[Field]) -> int | None:
    """Return the CRC-32 of a run; None where its fields have types that no run has.

    Args:
        code: of its series.
        fields: seed, diverged, step, layer and what was measured.
    """
    *numbers, measured = fields
    if not isinstance(measured, bytes):
        return None
    try:
        return crc32(measured, crc32(_RUN.pack(*numbers), code))
    except struct.error:
        return None
