"""What `firstdraw run` is asked for beside the spec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Asked"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `firstdraw run`.

    Args:
        out: where the report goes; None for nowhere.
        as_json: whether to print the results as JSON.
        engine: the engine's name; None for the fastest.
        progress: whether to show it.
        store: where the runs are kept; None for nowhere.
        cluster: where they are trained, Dask's address or `local:4`; None for here.
        as_grid: whether a spec of one cell is told as a grid, too: bands over its seeds instead of each run by itself.
    """

    out: Path | None
    as_json: bool
    engine: str | None
    progress: bool
    store: Path | None
    cluster: str | None
    as_grid: bool = False
