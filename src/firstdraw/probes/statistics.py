"""Statistics of a layer's values on a batch: x_ji of N units j on m examples i, `[N, m]`, one column an example.

Sums are made in float64, block by block, of values divided by a power of two near the largest: neither the squares of a
signal that has nearly vanished nor those of one that has nearly overflowed are lost. In a layer's own precision stay
only the products of its units with one another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.probes.state import Moments

__all__ = [
    "Spread",
    "Sums",
    "cosine",
    "effective_rank",
    "mean_cosine",
    "norm",
    "rms",
    "scale_of",
    "spread",
    "sums",
    "upper_rows",
]

# A block of float64 and its squares stay in a core's second-level cache.
ELEMENTS_A_BLOCK: Final = 2**15
# Rows of a Gram matrix that are held at a time: of a wide layer the whole matrix would be as large as its weights.
ROWS_A_GRAM: Final = 512
# A variance below (16 eps)^2 of the layer's second moment is what rounding alone may leave of equal values.
ROUNDINGS: Final = 16


@dataclass(frozen=True, slots=True)
class Sums:
    """What one sweep over the values leaves, of x / scale.

    Args:
        scale: a power of two near the largest |x|; 1 where that is 0 or not finite.
        unit_means: the mean over the examples `[N]`.
        unit_variances: the variance over the examples `[N]`; exactly 0 where rounding alone may have left it.
        squares: each example's sum of squares over the units `[m]`.
    """

    scale: float
    unit_means: Floats
    unit_variances: Floats
    squares: Floats

    @property
    def _second_moment(self) -> float:
        return float(self.squares.mean()) / len(self.unit_means)

    @property
    def rms(self) -> float:
        """Root mean square of x."""
        return self.scale * math.sqrt(self._second_moment)

    @property
    def moments(self) -> Moments:
        """The moments of x."""
        squared = self.scale * self.scale
        within = float(self.unit_variances.mean())
        between = float(self.unit_means.var())
        return Moments(
            mean=self.scale * float(self.unit_means.mean()),
            second_moment=squared * self._second_moment,
            variance=squared * (within + between),
            example_variance=squared * within,
        )


def sums(values: Floats) -> Sums:
    """Return the sums over units and over examples of `values` `[N, m]`."""
    N, m = values.shape
    scale = scale_of(values)
    unit_means, unit_variances = np.empty(N), np.empty(N)
    squares = np.zeros(m)
    for rows, block in _blocks(values, scale):
        unit_means[rows] = means = block.mean(axis=1)
        squares += np.einsum("ji,ji->i", block, block)
        np.subtract(block, means[:, np.newaxis], out=block)
        unit_variances[rows] = np.einsum("ji,ji->j", block, block) / m
    rounding = (ROUNDINGS * float(np.finfo(values.dtype).eps)) ** 2 * float(squares.mean()) / N
    unit_variances[unit_variances <= rounding] = 0
    return Sums(scale, unit_means, unit_variances, squares)


def scale_of(values: Floats) -> float:
    """Return a power of two near the largest |x|; 1 where that is 0 or not finite."""
    largest = max(float(values.max()), -float(values.min()))
    # Between these powers of two each has a reciprocal in float64.
    return 2.0 ** min(max(math.frexp(largest)[1], -1000), 1000) if 0 < largest < math.inf else 1.0


def _blocks(values: Floats, scale: float) -> Iterator[tuple[slice, Floats]]:
    """Yield some rows at a time, divided by the scale, in float64; each block is overwritten by the next."""
    N, m = values.shape
    rows = max(1, ELEMENTS_A_BLOCK // m)
    space = np.empty((min(rows, N), m))
    for start in range(0, N, rows):
        chosen = slice(start, min(start + rows, N))
        yield chosen, np.multiply(values[chosen], 1 / scale, out=space[: chosen.stop - start], dtype=np.float64)


def mean_cosine(values: Floats, found: Sums) -> float:
    """Return the cosine between two columns in the mean over all pairs of distinct columns that are not 0.

    With c_i = x_i/|x_i| for n such columns it is (|sum_i c_i|^2 - n) / (n (n - 1)), which costs one product; nan where
    n < 2.
    """
    lengths = np.sqrt(found.squares)
    n = np.count_nonzero(lengths)
    if n < 2:
        return math.nan
    inverse = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths != 0)
    total = sum(float(np.sum((block @ inverse) ** 2)) for _, block in _blocks(values, found.scale))
    return (total - n) / (n * (n - 1))


def cosine(one: Floats, other: Floats) -> float:
    """Return the cosine between two vectors; nan where one of them is 0."""
    a, b = (np.divide(vector, norm(vector), dtype=np.float64) for vector in (one, other))
    return float(a @ b)


@dataclass(frozen=True, slots=True)
class Spread:
    """Over how many directions the units' variance is spread.

    Args:
        participation_ratio: (tr C)^2 / tr C^2, C the covariance of the units over the examples; nan where C = 0.
        largest_correlation: the largest absolute correlation between two units; nan where less than two vary.
    """

    participation_ratio: float
    largest_correlation: float


def spread(values: Floats, found: Sums) -> Spread:
    """Return how the units' variance is spread, from their correlations R: tr C^2 = sum_jk v_j v_k R_jk^2.

    Args:
        values: `[N, m]`.
        found: their sums.
    """
    v = found.unit_variances
    varying = np.count_nonzero(v)
    if not varying:
        return Spread(math.nan, math.nan)
    standardized = np.empty_like(values)
    inverse = np.divide(1, np.sqrt(values.shape[1] * v), out=np.zeros_like(v), where=v != 0)
    for rows, block in _blocks(values, found.scale):
        np.subtract(block, found.unit_means[rows, np.newaxis], out=block)
        np.multiply(block, inverse[rows, np.newaxis], out=standardized[rows], casting="same_kind")
    trace = largest = 0.0
    for start, R in upper_rows(standardized):
        stop = start + len(R)
        squares = np.square(R, out=R)
        weighted = v[start:stop] @ squares.astype(np.float64, copy=False)
        # What stands right of the diagonal block stands once more below it.
        trace += float(weighted[: len(R)] @ v[start:stop] + 2 * weighted[len(R) :] @ v[stop:])
        np.fill_diagonal(squares, 0)
        largest = float(np.maximum(largest, squares.max()))
    total = float(v.sum())
    return Spread(total * total / trace, math.sqrt(largest) if varying > 1 else math.nan)


def upper_rows(rows: Floats) -> Iterator[tuple[int, Floats]]:
    """Yield the Gram matrix of the rows, some of its rows at a time, each from the diagonal on."""
    for start in range(0, len(rows), ROWS_A_GRAM):
        some = rows[start : start + ROWS_A_GRAM]
        yield start, some @ rows[start:].T


def effective_rank(values: Floats) -> float:
    """Return the effective rank of the centered values, exp H.

        H = -sum_k p_k ln p_k,    p_k = sigma_k / sum_l sigma_l,

    with sigma_k the singular values of `values` less each unit's mean. It lies between 1 and the rank, and is the rank
    where all singular values but 0 are equal; nan where nothing varies or something is not finite.

    Args:
        values: `[N, m]`, one column an example.

    Source: Roy & Vetterli (2007), The effective rank: a measure of effective dimensionality,
    https://zenodo.org/records/40519

    >>> round(effective_rank(np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])), 12)
    2.0
    """
    with np.errstate(all="ignore"):
        found = sums(values)
    if not np.isfinite(found.unit_variances).all() or not found.unit_variances.any():
        return math.nan
    centered = np.multiply(values, 1 / found.scale, dtype=np.float64) - found.unit_means[:, np.newaxis]
    centered[found.unit_variances == 0] = 0
    singular = np.linalg.svd(centered, compute_uv=False)
    p = singular[singular > 0] / singular.sum()
    return math.exp(-float(np.sum(p * np.log(p))))


def norm(values: Floats) -> float:
    """Return the root of the sum of the squares of all elements, which underflows or overflows only itself."""
    scale = scale_of(values)
    return scale * math.sqrt(float(np.sum(np.square(np.multiply(values, 1 / scale, dtype=np.float64)))))


def rms(values: Floats) -> float:
    """Return the root mean square of all elements."""
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
