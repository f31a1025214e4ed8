"""Claims: which runs which process is at work on, so that no two do the same.

A claim is a row of its own for some seeds of a series, and goes in the transaction that stores the last of them. The
claim of a process that is gone is taken over by whoever asks next for one of its runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firstdraw.experiments.store.checksums import row_checksum
from firstdraw.experiments.store.inventory import verified
from firstdraw.experiments.store.owners import Owner
from firstdraw.experiments.store.runs import Numbers

__all__ = ["Claim", "beat", "claims_in", "enter", "open_to", "release", "settle"]


@dataclass(frozen=True, slots=True)
class Claim:
    """Runs that a process is at work on.

    Args:
        number: of the claim.
        numbers: of the task and the start.
        seeds: the seeds.
        owner: the process.
        heartbeat: its last sign of life, in seconds since 1970.
    """

    number: int
    numbers: Numbers
    seeds: tuple[int, ...]
    owner: Owner
    heartbeat: float


def claims_in(connection: sqlite3.Connection, condition: str = "", parameters: Sequence[object] = ()) -> list[Claim]:
    """Return the claims there are; one that is damaged is none."""
    rows, _ = verified(connection, "claims", condition, parameters)
    return [Claim(row[0], (row[1], row[2]), _unpacked(row[3]), Owner(row[4], row[5], row[6]), row[7]) for row in rows]


def open_to(connection: sqlite3.Connection, numbers: Numbers, seeds: Sequence[int], now: float) -> list[int]:
    """Return which of some seeds nobody is at work on; the claims of processes that are gone end here."""
    held: set[int] = set()
    wanted = set(seeds)
    for claim in claims_in(connection, "WHERE task = ? AND start = ?", numbers):
        if wanted.isdisjoint(claim.seeds):
            continue
        if claim.owner.is_gone(now - claim.heartbeat):
            connection.execute("DELETE FROM claims WHERE id = ?", (claim.number,))
        else:
            held.update(claim.seeds)
    return [seed for seed in seeds if seed not in held]


def enter(
    connection: sqlite3.Connection, numbers: Numbers, seeds: Sequence[int], owner: Owner, heartbeat: float
) -> None:
    """Write a claim down."""
    (last,) = connection.execute("SELECT ifnull(max(id), 0) FROM claims").fetchone()
    _write(connection, Claim(last + 1, numbers, tuple(seeds), owner, heartbeat))


def settle(connection: sqlite3.Connection, numbers: Numbers, seeds: Sequence[int]) -> None:
    """Take seeds out of every claim that has them: their runs are stored, or have failed."""
    done = set(seeds)
    for claim in claims_in(connection, "WHERE task = ? AND start = ?", numbers):
        left = tuple(seed for seed in claim.seeds if seed not in done)
        if not left:
            connection.execute("DELETE FROM claims WHERE id = ?", (claim.number,))
        elif len(left) < len(claim.seeds):
            _write(connection, Claim(claim.number, numbers, left, claim.owner, claim.heartbeat))


def release(connection: sqlite3.Connection, owner: Owner) -> None:
    """Give back everything that a process has claimed."""
    connection.execute(
        "DELETE FROM claims WHERE place = ? AND process = ? AND started = ?",
        (owner.place, owner.process, owner.started),
    )


def beat(connection: sqlite3.Connection, owner: Owner, now: float) -> None:
    """Write down that a process is alive."""
    for claim in claims_in(connection):
        if claim.owner == owner:
            _write(connection, Claim(claim.number, claim.numbers, claim.seeds, owner, now))


def _write(connection: sqlite3.Connection, claim: Claim) -> None:
    owner = claim.owner
    row = (claim.number, *claim.numbers, _packed(claim.seeds))
    row = (*row, owner.place, owner.process, owner.started, float(claim.heartbeat))
    crc = row_checksum("claims", row)
    connection.execute("REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, crc))


def _packed(seeds: Sequence[int]) -> bytes:
    return np.array(seeds, "<u8").tobytes()


def _unpacked(packed: bytes) -> tuple[int, ...]:
    return tuple(np.frombuffer(packed, "<u8").tolist())
