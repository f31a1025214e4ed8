"""Up to which depth theory says that networks train, along an axis of a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.experiments.grid import Axis, Grid
from firstdraw.experiments.grid_plane import place_on
from firstdraw.experiments.reading import read_table
from firstdraw.experiments.run import laws_of
from firstdraw.experiments.settings import keys_of, with_value
from firstdraw.experiments.spec import Spec
from firstdraw.theory import WideLayer, correlation_fixed_point, depth_scale, variance_limit

__all__ = ["DEPTH", "DepthLine", "depth_line", "trainable_depth"]

DEPTH: Final = "network.depth"
SCALES: Final = 6.0
"""So many correlation scales deep trained what Schoenholz et al. (2017) trained."""
SHALLOWEST: Final = 3
"""The first depth with a layer between the first and the last."""
BETWEEN: Final = 8
"""From one point of the axis to the next the line goes in so many steps: it has a pole at the edge of chaos."""
MEAN: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class DepthLine:
    """Up to which depth networks train by the rule of six correlation scales, along an axis of a grid.

    Args:
        places: points of the axis, from 0 for its first value, ascending, `[k]`.
        depths: 6 xi_c in layers, infinite on the edge of chaos; empty where theory has none, `[k]`.
        sentence: what the line is, or why there is none.
    """

    places: Floats
    depths: Floats
    sentence: str


def trainable_depth(spec: Spec, start: int) -> float | None:
    """Return 6 xi_c of an initialization's hidden layers in layers; None where theory has no such number.

        xi_c = 1/|ln(dc'/dc)| at the fixed point c* of the correlation map c -> c'

    of a layer of weights with the variance v/n and biases with the variance s, v and s those of the laws between the
    first layer and the last. Where the signal dies out, xi_c is that of ever smaller biases, 1/|ln chi_1|. It holds for
    wide layers with independent elements and without residual branches, and is a rule of thumb. There is no such number
    where the layers have different laws, means other than 0 or infinite variances, where there are none, where weights
    are fitted, or where the variance of the signal grows without end.

    Args:
        spec: the experiment.
        start: the number of the initialization.

    Raises:
        InputError: if an initializer refuses a layer.

    Source: Schoenholz et al. (2017), https://arxiv.org/abs/1611.01232

    >>> from firstdraw.experiments.reading import read_table
    >>> spec = read_table({
    ...     "data": "circles",
    ...     "network": {"widths": [2, 50, 1], "depth": 10, "activation": "tanh"},
    ...     "training": {"loss": "binary_cross_entropy", "steps": 1},
    ...     "initializations": [{"label": "scaled", "weights": {"name": "variance_scaling", "scale": 2.0}}],
    ... })
    >>> round(trainable_depth(spec, 0), 2)
    130.34
    """
    layer = _layer_of(spec, start)
    return None if layer is None else _depth_of(layer)


def depth_line(grid: Grid, label: str, x: Axis, y: Axis) -> DepthLine | None:
    """Return up to which depth theory says that networks of a grid train; None where no line is to be expected.

    It is, where y is the depth alone and x is of rising numbers. All other axes stand at their first point.

    Args:
        grid: whose cells.
        label: of which initialization.
        x: the axis along which the line runs.
        y: the axis of depths.
    """
    if y.paths != (DEPTH,) or place_on(y) is None or place_on(x) is None:
        return None
    found = _along(grid, label, x, y)
    if not found:
        sentence = (
            f"No line of theory: it has no single depth up to which {label} trains for each value of this axis, "
            "because of its laws, the activation or branches."
        )
        return DepthLine(np.array([]), np.array([]), sentence)
    places, depths = (np.array(part) for part in zip(*found, strict=True))
    sentence = (
        f"The line is the depth up to which theory lets {label} train: 6 correlation scales of its hidden layers, a "
        "rule of thumb for wide ones (Schoenholz et al. 2017)."
    )
    if (depths > max(float(point[0]) for point in y.values)).all():
        sentence += " Here all of it lies above."
    return DepthLine(places, depths, sentence)


def _along(grid: Grid, label: str, x: Axis, y: Axis) -> list[tuple[float, float]]:
    """Return points of an axis with the depth there; none unless all have one, whatever the network's own depth is."""
    fixed = dict(grid.cells[0].coordinates)
    deepest = max(point[0] for point in y.values)
    found: list[tuple[float, float]] = []
    for place, value in _points(x):
        changed = fixed | {x.paths[0]: value}
        layers = {_layer_in(grid, changed | {DEPTH: depth}, label) for depth in (min(deepest, SHALLOWEST), deepest)}
        layer = layers.pop()
        if layers or layer is None or (depth := _depth_of(layer)) is None:
            return []
        found.append((place, depth))
    return found


def _points(x: Axis) -> list[tuple[float, Any]]:
    """Return the points of an axis of rising numbers; with others between them unless all are integers."""
    numbers = [point[0] for point in x.values]
    if all(isinstance(number, int) for number in numbers):
        return list(enumerate(numbers))
    places = np.linspace(0, len(numbers) - 1, (len(numbers) - 1) * BETWEEN + 1)
    between = np.interp(places, np.arange(len(numbers)), np.array(numbers, np.float64))
    return list(zip(places.tolist(), between.tolist(), strict=True))


def _layer_in(grid: Grid, coordinates: dict[str, Any], label: str) -> WideLayer | None:
    """Return the hidden layers of a spec that may lie between those of a grid."""
    table: dict[str, Any] = dict(grid.base)
    changes = [(keys_of(path), value) for path, value in coordinates.items()]
    try:
        for keys, value in sorted(changes, key=lambda change: len(change[0])):
            table = with_value(table, keys, value)
        spec = read_table(table)
        labels = [start.label for start in spec.initializations]
        return _layer_of(spec, labels.index(label)) if label in labels else None
    except InputError:
        # Between two values that a spec takes there may be one that it refuses.
        return None


@lru_cache(maxsize=4096)
def _depth_of(layer: WideLayer) -> float | None:
    try:
        q = variance_limit(layer, 1.0)
        if math.isinf(q):
            return None
        slope = float(layer.gradient_factor(0.0)) if q == 0 else correlation_fixed_point(layer, q).slope
    except InputError:
        # An activation without finite moments, or whose moments vary too wildly.
        return None
    return SCALES * depth_scale(slope)


def _layer_of(spec: Spec, start: int) -> WideLayer | None:
    """Return what theory is told of the layers between the first and the last; None where they are not alike."""
    if spec.network.branches or spec.initializations[start].fit is not None:
        return None
    laws = laws_of(spec)[start]
    hidden = list(zip(spec.network.widths, laws[::2], laws[1::2], strict=False))[1:-1]
    # Rounding leaves a trace of the mean of values that cancel.
    if not all(abs(law.mean) <= MEAN * law.standard_deviation for _, *pair in hidden for law in pair):
        return None
    variances = {(f"{fan_in * weight.variance:.12g}", f"{bias.variance:.12g}") for fan_in, weight, bias in hidden}
    if len(variances) != 1:
        return None
    v, s = map(float, variances.pop())
    if not (math.isfinite(v) and math.isfinite(s)):
        return None
    return WideLayer(activation=spec.network.activation, weight_variance=v, bias_variance=s)
