"""Progress on the standard error: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import click

__all__ = ["progress_of"]

SECONDS_BETWEEN_LINES: Final = 10.0


@contextmanager
def progress_of(total: int, what: str, *, shown: bool = True) -> Generator[Callable[[int], None]]:
    """Give a function that is told how many steps were made, and show how the work advances.

    Args:
        total: how many steps there are to make.
        what: the work, as the line says it.
        shown: whether anything is shown at all.
    """
    if not shown:
        yield lambda _steps: None
    elif sys.stderr.isatty():
        with _bar(total, what) as advance:
            yield advance
    else:
        yield _lines(total, what, time.monotonic)


@contextmanager
def _bar(total: int, what: str) -> Generator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} steps"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda steps: progress.advance(task, steps)


def _lines(total: int, what: str, clock: Callable[[], float]) -> Callable[[int], None]:
    done = 0
    last = clock()

    def advance(steps: int) -> None:
        nonlocal done, last
        done += steps
        if clock() - last >= SECONDS_BETWEEN_LINES:
            last = clock()
            click.echo(f"{what}: {done:,} of {total:,} steps ({done / total:.0%})", err=True)

    return advance
