"""A number for each two points of two axes of a grid, as a colored table."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, to_rgb

from firstdraw.experiments.grid_plane import GridPlane, place_on
from firstdraw.experiments.trainable_depth import DepthLine
from firstdraw.figures.canvas import axes_or_new
from firstdraw.marks import displayed

__all__ = ["plot_heat_map"]

MOST_WRITTEN: Final = 12
"""In a wider or higher table the numbers have no room."""
MOST_TICKS: Final = 12
MOST_LETTERS: Final = 60
"""Of all names along the bottom; of more they are turned."""
DARK: Final = 0.5
"""Of the luminance of a color, below which white letters are read better than black ones."""


def plot_heat_map(plane: GridPlane, *, line: DepthLine | None = None, ax: Axes | None = None) -> Axes:
    """Draw a number for each two points of two axes, written where it fits, with the depths of theory on top.

    A cell without a number is left empty. What is infinite, of runs half of which diverged, is crossed out. Where the
    numbers have no room, a bar beside the axes tells what the colors are.

    Args:
        plane: the numbers.
        line: up to which depth theory lets networks train; of a plane with depths along the left.
        ax: where to draw; by default on a new figure.

    Returns:
        The axes.
    """
    ax = axes_or_new(ax, 5.4, 4.0)
    values = np.where(np.isfinite(plane.values), plane.values, np.nan)
    mesh = ax.pcolormesh(values, cmap="cividis", norm=_norm(plane, values), edgecolors="face", linewidth=0.2)
    _name_ticks(ax, plane)
    rows, columns = values.shape
    written = rows <= MOST_WRITTEN and columns <= MOST_WRITTEN
    for row, column in np.ndindex(values.shape):
        number = float(plane.values[row, column])
        if np.isinf(number):
            ax.plot(column + 0.5, row + 0.5, marker="x", color=ax.xaxis.label.get_color(), markersize=5)
        elif written and np.isfinite(number):
            ax.text(
                column + 0.5,
                row + 0.5,
                _written(plane, number),
                color="black" if _is_light(mesh.to_rgba(np.array(number))) else "white",
                ha="center",
                va="center",
                fontsize="x-small",
            )
    if line is not None and line.depths.size:
        _draw_line(ax, plane, line)
    ax.set(xlim=(0, columns), ylim=(0, rows), title=f"{displayed(plane.label)}: {plane.title}")
    ax.title.set_parse_math(False)
    if not written:
        ax.figure.colorbar(mesh, ax=ax)
    return ax


def _norm(plane: GridPlane, values: np.ndarray) -> Normalize:
    if plane.quantity == "failed" or plane.quantity.endswith("accuracy"):
        return Normalize(0, 1)
    known = values[np.isfinite(values)]
    if known.size and known.min() > 0 and known.max() > known.min():
        return LogNorm(float(known.min()), float(known.max()))
    return Normalize()


def _name_ticks(ax: Axes, plane: GridPlane) -> None:
    for names, own in ((plane.x_names, ax.xaxis), (plane.y_names, ax.yaxis)):
        every = -(-len(names.points) // MOST_TICKS)
        shown = [displayed(name) for name in names.points[::every]]
        own.set_ticks(np.arange(0, len(names.points), every) + 0.5, labels=shown, parse_math=False)
        own.set_label_text(displayed(names.title), parse_math=False)
    if sum(map(len, plane.x_names.points)) > MOST_LETTERS:
        ax.tick_params(axis="x", labelrotation=90)


def _draw_line(ax: Axes, plane: GridPlane, line: DepthLine) -> None:
    place = place_on(plane.y)
    if place is None:
        return
    rows = len(plane.y)
    heights = np.array([min(place(depth), rows + 1.0) for depth in line.depths.tolist()])
    ink = ax.xaxis.label.get_color()
    paper = "black" if _is_light(to_rgb(ink)) else "white"
    halo: Any = [patheffects.withStroke(linewidth=4, foreground=paper)]
    ax.plot(line.places + 0.5, heights + 0.5, color=ink, linewidth=1.8, path_effects=halo, zorder=4)


def _written(plane: GridPlane, number: float) -> str:
    return f"{number:.0%}" if plane.quantity == "failed" or plane.quantity.endswith("accuracy") else f"{number:.2g}"


def _is_light(color: Any) -> bool:  # noqa: ANN401  # matplotlib's colors are tuples or arrays
    red, green, blue = color[:3]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue >= DARK
