"""Are the units of a layer different from each other?

Unit j of layer l is described by what feeds it, row j of W_l and b_l, and by what it feeds, column j of W_(l+1). Two
units equal in all of these compute the same, receive the same gradient, and so stay equal for ever.

The skips of residual branches lie on a stream: unit j of the layer where it begins is added to unit j of each branch's
last layer on it. What feeds any of them and what any of them feeds describes unit j of them all. On a stream that
begins with the inputs the units differ, as each carries a feature of its own.

Units that are nearly equal, or nearly each other's negative, are told by what feeds them alone, u_j = (row j of W_l,
b_lj), as that determines what they compute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.networks import Branch, Layer
from firstdraw.probes.state import SIMILAR
from firstdraw.probes.statistics import scale_of, upper_rows
from firstdraw.rules import check_share

__all__ = ["Similarity", "distinct_units", "similarity", "unit_difference"]

# A squared distance of unit vectors below this many eps is what rounding leaves of 0.
ROUNDINGS: Final = 16

Number = TypeVar("Number", int, float)


Stream = tuple[int, ...]
"""Layers whose units are one another's, in order: the one where the stream begins, 0 for the inputs, and the last
layers of the branches on it. A layer without a skip is a stream by itself."""


def _streams(depth: int, branches: Sequence[Branch]) -> Iterator[Stream]:
    """Yield the streams that some layer lies on."""
    following = {branch.first - 1: branch.last for branch in branches}
    ends = set(following.values())
    for layer in range(depth + 1):
        stream = (layer,)
        while stream[-1] in following:
            stream += (following[stream[-1]],)
        if layer not in ends and stream != (0,):
            yield stream


def _parts(layers: Sequence[Layer], stream: Stream) -> list[Floats]:
    """Return the description of a stream's units in parts, one row a unit: weights in, bias, weights out."""
    parts: list[Floats] = []
    for number in stream:
        parts += [part for layer in layers[max(number - 1, 0) : number] for part in (layer.W, layer.b)]
        parts += [following.W.T for following in layers[number : number + 1]]
    return parts


def _by_layer(layers: Sequence[Layer], branches: Sequence[Branch], measure: Callable[[Stream], Number]) -> list[Number]:
    """Return for each layer what is measured of its stream."""
    measured: dict[int, Number] = {}
    for stream in _streams(len(layers), branches):
        measured |= dict.fromkeys(stream, measure(stream))
    return [measured[number] for number in range(1, len(layers) + 1)]


def distinct_units(layers: Sequence[Layer], branches: Sequence[Branch] = ()) -> list[int]:
    """Return for each layer how many different units it has.

    Two units count as one if no two of their numbers differ by more than sqrt(eps) of the layer's largest of their
    kind (weights in, biases, weights out), eps the spacing of the floating-point format at 1: a matrix product may
    round equal rows differently in the last bit, and that breaks no symmetry.

    Args:
        layers: the parameters.
        branches: the network's residual branches.

    >>> from firstdraw.activations import ReLU
    >>> from firstdraw.networks import MultilayerPerceptron
    >>> network = MultilayerPerceptron((2, 10, 5, 1), ReLU())
    >>> distinct_units(network.layers(np.zeros(network.parameter_count)))
    [1, 1, 1]
    """

    def count(stream: Stream) -> int:
        if stream[0] == 0:
            return len(layers[stream[-1] - 1].W)
        return _distinct_rows(np.concatenate([_scaled(part) for part in _parts(layers, stream)], axis=1))

    return _by_layer(layers, branches, count)


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


def unit_difference(layers: Sequence[Layer], branches: Sequence[Branch] = ()) -> list[float]:
    """Return for each layer the largest difference between two of its units in any one weight or bias.

    Args:
        layers: the parameters.
        branches: the network's residual branches.
    """

    def largest(stream: Stream) -> float:
        return max(float(np.ptp(part, axis=0).max()) for part in _parts(layers, stream))

    return _by_layer(layers, branches, largest)


@dataclass(frozen=True, slots=True)
class Similarity:
    """How near the units of one layer are to each other, or to each other's negative.

    Args:
        largest_cosine: the largest absolute cosine between two units' u; nan where less than two are not 0.
        similar_units: how many units have another one nearby.
        mirrored_units: how many have another one near their negative.
    """

    largest_cosine: float
    similar_units: int
    mirrored_units: int


@np.errstate(all="ignore")
def similarity(layer: Layer, distance: float = SIMILAR) -> Similarity:
    """Return how near the units of a layer are to each other, by u = (weights in, bias).

    Two units are similar where |u_j - u_k| <= d max(|u_j|, |u_k|), with d = `distance`, and mirrored where that holds
    for |u_j + u_k|. Distances below 4 sqrt(eps), eps the spacing of the floating-point format at 1, count as 0.

    Args:
        layer: its parameters.
        distance: d, at least 0 and below 1.

    Raises:
        InputError: if d is not.

    >>> W = np.array([[1.0, 0.0], [1.0, 0.001], [-1.0, 0.0], [0.0, 1.0]])
    >>> similarity(Layer(W, np.zeros((4, 1))))
    Similarity(largest_cosine=1.0, similar_units=2, mirrored_units=3)
    """
    check_share("distance", distance)
    u = np.concatenate([layer.W, layer.b], axis=1)
    scaled = np.multiply(u, 1 / scale_of(u), dtype=np.float64)
    r = np.sqrt(np.einsum("ji,ji->j", scaled, scaled))
    zeros = np.count_nonzero(r == 0)
    directions = (scaled / np.where(r == 0, 1, r)[:, np.newaxis]).astype(u.dtype)
    tolerance = distance**2 + ROUNDINGS * float(np.finfo(u.dtype).eps)
    largest = 0.0
    similar, mirrored = np.zeros((2, len(u)), bool)
    for start, cosines in upper_rows(directions):
        np.fill_diagonal(cosines, 0)
        block_largest = float(np.abs(cosines).max())
        largest = float(np.maximum(largest, block_largest))
        # Of two vectors of any lengths the squared distance is at least 1 - cos^2 of the longer one's square.
        if block_largest**2 < 1 - tolerance and zeros < 2:
            continue
        of_rows, of_columns = r[start : start + len(cosines), np.newaxis], r[start:]
        products = 2 * of_rows * of_columns * cosines
        excess = of_rows**2 + of_columns**2 - tolerance * np.maximum(of_rows, of_columns) ** 2
        for found, near in ((similar, excess <= products), (mirrored, excess <= -products)):
            np.fill_diagonal(near, val=False)
            # Each unit is compared with those behind it, and what is found holds for both.
            found[start : start + len(cosines)] |= near.any(axis=1)
            found[start:] |= near.any(axis=0)
    return Similarity(
        largest_cosine=largest if len(u) - zeros > 1 else math.nan,
        similar_units=int(similar.sum()),
        mirrored_units=int(mirrored.sum()),
    )
