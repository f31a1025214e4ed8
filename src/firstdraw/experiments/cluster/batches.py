"""What a worker is given at a time, and how it is divided when the worker dies of it."""

from __future__ import annotations

from dataclasses import dataclass

from firstdraw.experiments.store import Wanted
from firstdraw.experiments.sweep import Open

__all__ = ["Batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs that are trained together.

    Args:
        cell: of which they are.
        wanted: which.
    """

    cell: Open
    wanted: tuple[Wanted, ...]

    @property
    def runs(self) -> int:
        """How many there are."""
        return sum(len(item.seeds) for item in self.wanted)

    def halves(self) -> tuple[Batch, Batch]:
        """Return the first and the second half of the runs, of which there are two or more."""
        first: list[Wanted] = []
        second: list[Wanted] = []
        room = self.runs // 2
        for item in self.wanted:
            for part, seeds in ((first, item.seeds[:room]), (second, item.seeds[room:])):
                if seeds:
                    part.append(Wanted(item.series, seeds))
            room = max(0, room - len(item.seeds))
        return Batch(self.cell, tuple(first)), Batch(self.cell, tuple(second))
