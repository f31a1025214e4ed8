"""Runs that failed: how often, and at what; after three attempts nobody tries them again until they are told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from firstdraw.experiments.store.checksums import row_checksum
from firstdraw.experiments.store.inventory import Damaged, count_anew, verified
from firstdraw.experiments.store.keys import Series
from firstdraw.experiments.store.runs import Numbers, as_signed, as_unsigned

__all__ = ["MOST_ATTEMPTS", "Attempts", "Failure", "attempts_in", "fail", "forgive"]

MOST_ATTEMPTS: Final = 3
"""A run that has failed so often is left alone: it would take more workers with it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed.

    Args:
        series: its task and start.
        seed: its seed.
        attempts: how often it failed.
        message: what was said the last time.
    """

    series: Series
    seed: int
    attempts: int
    message: str

    @property
    def is_quarantined(self) -> bool:
        """Whether it is not tried again."""
        return self.attempts >= MOST_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Attempts:
    """A row of `failures`."""

    numbers: Numbers
    seed: int
    attempts: int
    message: str
    checksum: int


def attempts_in(connection: sqlite3.Connection, numbers: Numbers | None = None) -> list[Attempts]:
    """Return the failures of a series, or all of them.

    Raises:
        Damaged: if one is not whole.
    """
    condition = "" if numbers is None else "WHERE task = ? AND start = ?"
    rows, damage = verified(connection, "failures", condition, numbers or ())
    if damage:
        raise Damaged(damage[0])
    return [Attempts((row[0], row[1]), as_unsigned(row[2]), row[3], row[4], row[5]) for row in rows]


def fail(connection: sqlite3.Connection, numbers: Numbers, seeds: Sequence[int], message: str) -> None:
    """Count one attempt more for each of some runs."""
    before = {one.seed: one for one in attempts_in(connection, numbers)}
    rows: list[tuple[int | str, ...]] = []
    for seed in seeds:
        row = (*numbers, as_signed(seed), (before[seed].attempts if seed in before else 0) + 1, message)
        rows.append((*row, row_checksum("failures", row)))
    connection.executemany("REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?)", rows)
    replaced = [before[seed].checksum for seed in seeds if seed in before]
    count_anew(connection, "failures", replaced, [int(row[-1]) for row in rows])


def forgive(connection: sqlite3.Connection, attempts: Iterable[Attempts]) -> None:
    """Forget failures."""
    gone = list(attempts)
    if not gone:
        return
    connection.executemany(
        "DELETE FROM failures WHERE task = ? AND start = ? AND seed = ?",
        [(*one.numbers, as_signed(one.seed)) for one in gone],
    )
    count_anew(connection, "failures", [one.checksum for one in gone], ())
