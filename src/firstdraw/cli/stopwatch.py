"""Where the time goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

__all__ = ["Stopwatch"]


class Stopwatch:
    """Seconds by what they were spent on.

    Args:
        clock: returns the time in seconds.

    >>> ticks = iter([0.0, 2.5])
    >>> watch = Stopwatch(clock=lambda: next(ticks))
    >>> with watch.part("training"):
    ...     pass
    >>> watch.seconds
    {'training': 2.5}
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Generator[None]:
        """Count the time until the block ends."""
        started = self._clock()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + self._clock() - started

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in self.seconds.items())
        return f"{sum(self.seconds.values()):.2f} s: {parts}"
