"""How fast a worker trains, and so how many runs it is given at a time."""

from __future__ import annotations

import math
from typing import Final

from firstdraw.experiments.sweep import FIRST_PACE, MOST_RUNS, Open

__all__ = ["Pace"]

TASK_SECONDS: Final = 10.0
"""How long a task is to last: what a worker that dies takes with it, and long beside sending a task and its answer."""
SHORTEST_TASK: Final = 1.0
"""The first task of a worker, and the last ones, which are made small so that all workers end together."""
MOST_BYTES: Final = 2**26
"""Of the records of a task, which travel in one message."""


class Pace:
    """How fast a worker trains.

    Args:
        threads: how many runs it trains at a time.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._seconds = FIRST_PACE
        self._is_measured = False

    def learn(self, cell: Open, runs: int, seconds: float) -> None:
        """Take over the pace of the last task."""
        work = self._turns(runs) * cell.work
        if work > 0 and seconds > 0:
            self._seconds = seconds / work
            self._is_measured = True

    def foretold(self, cell: Open, runs: int) -> float:
        """Return how many seconds so many runs of a cell last."""
        return self._turns(runs) * cell.work * self._seconds

    def runs(self, cell: Open, share: float) -> int:
        """Return how many runs of a cell to give, in full turns of the worker.

        Args:
            cell: which.
            share: the multiplications that are left to train, over all threads of all workers.
        """
        longest = TASK_SECONDS if self._is_measured else SHORTEST_TASK
        # Half of what would be left to each: what is given later balances what took longer than foretold.
        seconds = max(SHORTEST_TASK, min(longest, share * self._seconds / 2))
        turns = int(seconds / (self._seconds * max(cell.work, 1.0)))
        runs = min(MOST_RUNS, MOST_BYTES // _bytes(cell), max(1, turns) * self._threads)
        return max(runs, 1)

    def _turns(self, runs: int) -> int:
        return math.ceil(runs / self._threads)


def _bytes(cell: Open) -> int:
    """Return how many bytes the records of a run take: five numbers a record, and five a layer."""
    spec = cell.cell.spec
    return 8 * len(spec.recording.steps(spec.training.steps)) * (5 + 5 * spec.network.depth)
