"""Who is at work on some runs, and whether they still are."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["LEASE", "Owner", "this_process"]

LEASE: Final = 300.0
"""After how many seconds without a sign of life the claims of a process that cannot be looked at are taken over."""

_PROCESSES: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, distinct from every other on any machine, before or after.

    Args:
        place: where process numbers mean the same: a machine since it was started, and a container on it.
        process: the process's number.
        started: when it was started, as the system tells; empty where it does not.
    """

    place: str
    process: int
    started: str

    def is_gone(self, silence: float) -> bool:
        """Whether the process has ended; seen from elsewhere, whether it has been silent for too long.

        Args:
            silence: the seconds since its last sign of life. A clock that was set back makes them negative, and says as
                little.
        """
        here = this_process()
        if self.place == here.place and here.started:
            return _started(self.process) != self.started
        return abs(silence) > LEASE


def this_process() -> Owner:
    """Return the process that asks."""
    number = os.getpid()
    return Owner(_place(), number, _started(number))


def _place() -> str:
    parts = [platform.node()]
    try:
        parts.append((_PROCESSES / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str((_PROCESSES / "self/ns/pid").readlink()))
    except OSError:
        pass
    return "/".join(parts)


def _started(process: int) -> str:
    """Return when a process was started, in ticks since the machine was; empty if there is none of that number."""
    try:
        told = (_PROCESSES / str(process) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    # The name, in parentheses, may have parentheses of its own; then the state, and 19 fields later the start.
    fields = told.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
