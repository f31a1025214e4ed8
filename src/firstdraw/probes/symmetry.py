"""Are the units of a layer different from each other?

Unit j of layer l is described by what feeds it, row j of W_l and b_l, and by what it feeds, column j of W_(l+1). Two
units equal in all of these compute the same, receive the same gradient, and so stay equal for ever.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.networks import Layer

__all__ = ["distinct_units", "unit_difference"]


def _parts(layers: Sequence[Layer], number: int) -> list[Floats]:
    """Return the description of a layer's units in parts, one row a unit: weights in, bias, weights out."""
    layer = layers[number]
    return [layer.W, layer.b, *(following.W.T for following in layers[number + 1 : number + 2])]


def distinct_units(layers: Sequence[Layer]) -> list[int]:
    """Return for each layer how many different units it has.

    Two units count as one if no two of their numbers differ by more than sqrt(eps) of the layer's largest of their
    kind (weights in, biases, weights out), eps the spacing of the floating-point format at 1: a matrix product may
    round equal rows differently in the last bit, and that breaks no symmetry.

    >>> from firstdraw.activations import ReLU
    >>> from firstdraw.networks import MultilayerPerceptron
    >>> network = MultilayerPerceptron((2, 10, 5, 1), ReLU())
    >>> distinct_units(network.layers(np.zeros(network.parameter_count)))
    [1, 1, 1]
    """
    return [
        _distinct_rows(np.concatenate([_scaled(part) for part in _parts(layers, number)], axis=1))
        for number in range(len(layers))
    ]


def _scaled(part: Floats) -> Floats:
    """Return a part divided by its largest number, unless that is 0 or not finite."""
    largest = np.abs(part).max()
    return part / largest if 0 < largest < np.inf else part


def _distinct_rows(rows: Floats) -> int:
    """Count the rows that differ: sorted by a generic projection, rows that are nearly equal are neighbors."""
    tolerance = np.sqrt(np.finfo(rows.dtype).eps)
    direction = np.cos(np.arange(rows.shape[1], dtype=rows.dtype))
    neighbors = rows[np.argsort(rows @ direction, kind="stable")]
    return 1 + int(np.sum(np.abs(np.diff(neighbors, axis=0)).max(axis=1) > tolerance))


def unit_difference(layers: Sequence[Layer]) -> list[float]:
    """Return for each layer the largest difference between two of its units in any one weight or bias."""
    return [max(float(np.ptp(part, axis=0).max()) for part in _parts(layers, number)) for number in range(len(layers))]
