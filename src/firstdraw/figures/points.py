"""The data, as points in the plane."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from matplotlib.axes import Axes

from firstdraw.datasets import Dataset, Examples
from firstdraw.errors import InputError
from firstdraw.figures.canvas import axes_or_new
from firstdraw.marks import CLASS_COLORS, CLASS_MARKERS, displayed, is_planar

__all__ = ["plot_points"]


def plot_points(
    dataset: Dataset, *, part: str = "train", ax: Axes | None = None, size: float = 14.0, most_points: int = 2000
) -> Axes:
    """Draw the examples of a data set with two features, one color and marker a class.

    Args:
        dataset: the data.
        part: "train" or "test".
        ax: where to draw; by default on a new figure.
        size: of a marker, in square points.
        most_points: of more examples than this only the first are drawn.

    Returns:
        The axes.

    Raises:
        InputError: if the data are not classes of points in the plane.
    """
    if not is_planar(dataset):
        raise InputError("dataset", "must have two features and at most six classes to be drawn", dataset.features)
    if part not in ("train", "test"):
        raise InputError("part", "must be 'train' or 'test'", part)
    ax = axes_or_new(ax, 4.0, 3.6)
    examples: Examples = dataset.train if part == "train" else dataset.test
    for number, name in enumerate(dataset.classes):
        chosen = examples.inputs[:most_points][examples.targets[:most_points] == number]
        ax.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=size,
            color=CLASS_COLORS[number],
            marker=CLASS_MARKERS[number],
            linewidths=0,
            label=f"class {displayed(name)}",
            zorder=3,
        )
    ax.set(xlabel=displayed(dataset.features[0]), ylabel=displayed(dataset.features[1]), aspect="equal")
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set_parse_math(False)
    return ax
