"""Where a cluster is: the address of a scheduler, or so many processes on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from firstdraw.errors import InputError

__all__ = ["Cluster", "read_cluster"]

# More than any machine has cores; each takes the memory and the seconds of a Python process that has imported Dask.
MOST_PROCESSES: Final = 1024
_LARGEST_PORT: Final = 65_535
_LOCAL: Final = re.compile(r"local:(\d{1,9})")
_SCHEDULER: Final = re.compile(r"(?:tcp|tls)://(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+):(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a cluster is.

    Args:
        scheduler: the address of its Dask scheduler; None for processes on this machine, which are started for it.
        processes: how many of these.
    """

    scheduler: str | None
    processes: int = 0

    def __str__(self) -> str:
        return f"local:{self.processes}" if self.scheduler is None else self.scheduler


def read_cluster(text: str) -> Cluster:
    """Return the cluster that a text names: `tcp://host:port`, `tls://host:port` or `local:N`.

    Raises:
        InputError: if it is none of these, or the port or the number of processes is out of range.

    >>> read_cluster("local:4")
    Cluster(scheduler=None, processes=4)
    >>> str(read_cluster("tcp://10.0.0.7:8786"))
    'tcp://10.0.0.7:8786'
    """
    if local := _LOCAL.fullmatch(text):
        processes = int(local[1])
        if not 1 <= processes <= MOST_PROCESSES:
            raise InputError("cluster", f"must have from 1 to {MOST_PROCESSES:,} processes", text)
        return Cluster(None, processes)
    if scheduler := _SCHEDULER.fullmatch(text):
        if not 1 <= int(scheduler[1]) <= _LARGEST_PORT:
            raise InputError("cluster", f"must have a port from 1 to {_LARGEST_PORT:,}", text)
        return Cluster(text)
    rule = "must be the address of a Dask scheduler, `tcp://host:port`, or `local:N` for N processes on this machine"
    raise InputError("cluster", rule, text)
