"""How to run one cell of a grid alone: its coordinates as settings of the command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, cast

import tomli_w

from firstdraw.experiments.grid import Cell
from firstdraw.experiments.settings import keys_of

__all__ = ["cell_command", "cell_settings"]


def cell_settings(cell: Cell, seed: int | None = None) -> tuple[str, ...]:
    """Return the settings that make a grid the one cell, as `read_grid_file` and `--set` take them.

    Args:
        cell: of the grid.
        seed: the only one to run; by default all of the cell.

    >>> from firstdraw.experiments.grid import read_grid_table
    >>> grid = read_grid_table({
    ...     "axes": [{"network.activation": ["relu", "tanh"]}],
    ...     "seeds": 5,
    ...     "data": "circles",
    ...     "network": {"widths": [2, 8, 1]},
    ...     "training": {"loss": "binary_cross_entropy", "steps": 10},
    ...     "initializations": [{"label": "He", "weights": "he_normal"}],
    ... })
    >>> cell_settings(grid.cells[1], seed=3)
    ('axes=[]', 'network.activation="tanh"', 'seeds=[3]')
    """
    # An outer value is put before what changes a part of it.
    ordered = sorted(cell.coordinates, key=lambda item: len(keys_of(item[0])))
    own = tuple(f"{path}={_inline(value)}" for path, value in ordered)
    alone = () if seed is None else (f"seeds=[{seed}]",)
    return (*(("axes=[]",) if own else ()), *own, *alone)


def cell_command(cell: Cell, seed: int | None = None, file: str = "grid.toml") -> str:
    """Return the command that runs one cell of a grid alone.

    Args:
        cell: of the grid.
        seed: the only one to run; by default all of the cell.
        file: the file of the grid.
    """
    settings = "".join(f" --set {shlex.quote(setting)}" for setting in cell_settings(cell, seed))
    return f"firstdraw run {shlex.quote(file)}{settings}"


def _inline(value: Any) -> str:  # noqa: ANN401  # any TOML value
    """Write a TOML value on one line."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value).items()
        return "{" + ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in entries) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, cast('list[Any]', value)))}]"
    return tomli_w.dumps({"v": value}).removeprefix("v = ").rstrip("\n")


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")
