"""A number for each two points of two axes of a grid: what a heat map shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Literal

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.errors import InputError, either
from firstdraw.experiments.grid import Axis, Cell, Grid
from firstdraw.experiments.grid_record import GridRecord, SeriesRecord
from firstdraw.experiments.statistics.quartiles import quartiles

__all__ = [
    "QUANTITIES",
    "AxisNames",
    "GridPlane",
    "Quantity",
    "labels_of",
    "names_of",
    "place_on",
    "plane_of",
    "planes_of",
]

Quantity = Literal["failed", "cost", "test_cost", "train_accuracy", "test_accuracy"]

QUANTITIES: Final = {
    "failed": "share of runs that failed",
    "cost": "median last training cost",
    "test_cost": "median last test cost",
    "train_accuracy": "median last training accuracy",
    "test_accuracy": "median last test accuracy",
}
"""What a plane may hold, each with its title."""


@dataclass(frozen=True, slots=True)
class AxisNames:
    """An axis in words.

    Args:
        title: what changes along it.
        points: the name of each of its points.
    """

    title: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GridPlane:
    """A number for each two points of two axes.

    Args:
        label: of which initialization.
        quantity: what the number is.
        x: the axis along the bottom.
        y: the axis along the left.
        x_names: x in words.
        y_names: y in words.
        values: NaN where there is no run, `[len(y), len(x)]`.
        cells: the number of the cell of the grid; -1 where several cells have these two points, `[len(y), len(x)]`.
        pooled: the paths of the other axes, over whose points the runs are taken together.
    """

    label: str
    quantity: Quantity
    x: Axis
    y: Axis
    x_names: AxisNames
    y_names: AxisNames
    values: Floats
    cells: Integers
    pooled: tuple[str, ...]

    @property
    def title(self) -> str:
        """What the numbers are, in words."""
        return QUANTITIES[self.quantity]


def labels_of(record: GridRecord) -> tuple[str, ...]:
    """Return the labels of a grid's initializations, in the order in which its cells have them."""
    return tuple(dict.fromkeys(one.initialization.label for series in record.series for one in series))


def plane_of(record: GridRecord, label: str, quantity: Quantity, x: int, y: int) -> GridPlane:
    """Return a number for each two points of two axes of a grid.

    Of the share that failed it is that of all runs with these points; else the median of their last records, in which
    what is not finite, of a run that diverged, is the worst.

    Args:
        record: the runs of the grid.
        label: which initialization.
        quantity: one of `QUANTITIES`.
        x: the number of the axis along the bottom.
        y: the number of the axis along the left.

    Raises:
        InputError: if there is no such initialization, quantity or axis, or both axes are the same.
    """
    axes, grid = (x, y), record.grid
    if quantity not in QUANTITIES:
        raise InputError("quantity", f"must be {either(list(QUANTITIES))}", quantity)
    if label not in labels_of(record):
        raise InputError("label", f"must be {either(labels_of(record))}", label)
    if x == y or not all(0 <= axis < len(grid.axes) for axis in axes):
        raise InputError("axes", f"must be two different numbers of axes below {len(grid.axes)}", axes)
    shape = tuple(len(axis) for axis in grid.axes)
    found: dict[tuple[int, int], list[int]] = {}
    for number in range(len(grid)):
        place = np.unravel_index(number, shape)
        found.setdefault((int(place[y]), int(place[x])), []).append(number)
    values = np.full((shape[y], shape[x]), np.nan)
    cells = np.full(values.shape, -1)
    for place, numbers in found.items():
        series = [one for i in numbers for one in record.series[i] if one.initialization.label == label]
        values[place] = _number(series, quantity)
        cells[place] = numbers[0] if len(numbers) == 1 else -1
    pooled = tuple(
        path for number, axis in enumerate(grid.axes) if number not in axes and len(axis) > 1 for path in axis.paths
    )
    names = names_of(grid, x), names_of(grid, y)
    return GridPlane(label, quantity, grid.axes[x], grid.axes[y], *names, values, cells, pooled)


def planes_of(grid: Grid) -> tuple[tuple[int, int], ...]:
    """Return each two axes of a grid that have two points or more, as the numbers of x and of y.

    An axis of depths stands along the left; else the earlier of both.
    """
    long = [number for number, axis in enumerate(grid.axes) if len(axis) > 1]

    def is_depth(number: int) -> bool:
        return "network.depth" in grid.axes[number].paths

    return tuple((first, second) if is_depth(second) else (second, first) for first, second in combinations(long, 2))


def names_of(grid: Grid, axis: int) -> AxisNames:
    """Return an axis of a grid in words: of each path no more than its last name, and the values as labels have them.

    Numbers are written in four digits where that tells them apart.

    Args:
        grid: which.
        axis: the number of the axis.
    """
    own = grid.axes[axis]

    def told(path: str, value: Any) -> tuple[str, str]:  # noqa: ANN401  # any TOML value
        name, _, text = Cell(((path, value),), grid.cells[0].spec).label.partition(" = ")
        return name, text

    names: list[str] = []
    columns: list[list[str]] = []
    for path, values in zip(own.paths, zip(*own.values, strict=True), strict=True):
        names.append(told(path, values[0])[0])
        texts = [told(path, value)[1] for value in values]
        short = [
            f"{value:.4g}" if isinstance(value, float) else text for value, text in zip(values, texts, strict=True)
        ]
        columns.append(short if len(set(short)) == len(set(texts)) else texts)
    return AxisNames(" / ".join(names), tuple(map(" / ".join, zip(*columns, strict=True))))


def place_on(axis: Axis) -> Callable[[float], float] | None:
    """Return where on an axis a number stands, in points from 0; None where its points are no rising numbers.

    Between two points it is interpolated; beyond the ends the last two points lead on.
    """
    points = [point[0] for point in axis.values]
    if len(axis.paths) > 1 or len(points) < 2 or not all(_is_number(point) for point in points):
        return None
    numbers = np.array(points, np.float64)
    if not (np.diff(numbers) > 0).all():
        return None

    def place(value: float) -> float:
        if math.isinf(value):
            return value
        i = min(max(int(np.searchsorted(numbers, value)) - 1, 0), len(numbers) - 2)
        return i + (value - float(numbers[i])) / float(numbers[i + 1] - numbers[i])

    return place


def _is_number(point: Any) -> bool:  # noqa: ANN401  # any TOML value
    return isinstance(point, int | float) and not isinstance(point, bool) and math.isfinite(point)


def _number(series: Sequence[SeriesRecord], quantity: Quantity) -> float:
    runs = sum(len(one.runs) for one in series)
    if not runs:
        return math.nan
    if quantity == "failed":
        return sum(int(one.failed.sum()) for one in series) / runs
    last = np.concatenate([one.last(quantity) for one in series])
    # Without test examples, or classes, there is no such number; every run has a training cost, or diverged.
    if quantity != "cost" and np.isnan(last).all():
        return math.nan
    return float(quartiles(last, higher_is_better=quantity.endswith("accuracy")).median)
