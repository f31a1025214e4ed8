"""Training in the background, so that the same seconds draw figures and check claims."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from firstdraw.engine import Progress

__all__ = ["in_background"]

T = TypeVar("T")


class _Stopped(Exception):  # noqa: N818  # stops the work; never leaves this file
    """Raised by the progress callback of work that nobody waits for any more."""


@contextmanager
def in_background(work: Callable[[Progress], T], progress: Progress) -> Generator[Callable[[], T]]:
    """Start work in a thread, and give a function that waits for what it returns, or raises what it raised.

    Whatever ends the block, an interrupt or an error, the work is stopped at its next report of progress, and the block
    ends when it has.

    Args:
        work: is given a progress callback.
        progress: is told how the work advances, from its thread.
    """
    from concurrent.futures import ThreadPoolExecutor

    stopped = Event()

    def advance(steps: int) -> None:
        if stopped.is_set():
            raise _Stopped
        progress(steps)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="training") as threads:
        result = threads.submit(work, advance)
        try:
            yield result.result
        finally:
            stopped.set()
