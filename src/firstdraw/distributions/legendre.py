"""The matrix that keeps a history as Legendre polynomials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import FixedDistribution, check_square
from firstdraw.roles import Layout

__all__ = ["ScaledLegendre"]


@DISTRIBUTIONS.register("scaled_legendre")
@dataclass(frozen=True, slots=True)
class ScaledLegendre(FixedDistribution):
    """W[i, j] = -sqrt((2 i + 1)(2 j + 1)) for i > j, W[i, i] = -(i + 1), 0 above the diagonal; i and j from 0.

    The rows are outputs. The eigenvalues are -1, -2, ..., -n.

    Args:
        layout: that of a square weight.

    >>> from firstdraw.draws import CounterDraws
    >>> ScaledLegendre(Layout(shape=(3, 3), outputs=0, inputs=1)).sample(CounterDraws(0), "A", (3, 3)).round(3)
    array([[-1.   ,  0.   ,  0.   ],
           [-1.732, -2.   ,  0.   ],
           [-2.236, -3.873, -3.   ]])
    """

    layout: Layout

    def __post_init__(self) -> None:
        check_square(self.layout, "the matrix of scaled Legendre polynomials")

    def values(self) -> Floats:
        i = np.arange(self.layout.rows)
        root = np.sqrt(2.0 * i + 1)
        W = 0.0 - np.tril(root[:, np.newaxis] * root, -1) - np.diag(i + 1.0)
        return np.broadcast_to(W, self.layout.block_shape)

    def __str__(self) -> str:
        return "scaled Legendre matrix"
