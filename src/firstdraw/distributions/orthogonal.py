"""Matrices with orthonormal rows or columns, uniformly distributed among all of these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import WholeDistribution, check_with_inputs
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_non_negative

__all__ = ["DeltaOrthogonal", "Orthogonal", "haar"]


def haar(draws: Draws, name: str, stack: tuple[int, ...], rows: int, columns: int) -> Floats:
    """Return a stack of matrices with orthonormal columns, or rows where they are wide.

    Q of the decomposition A = Q R of a Gaussian A is uniformly distributed only if R's diagonal is positive, which the
    libraries leave open: Q's columns take its signs (Mezzadri 2007, https://arxiv.org/abs/math-ph/0609050).

    Args:
        draws: the source of A.
        name: the parameter.
        stack: how many matrices, on leading axes.
        rows: of each matrix.
        columns: of each matrix.
    """
    A = draws.normal(name, (*stack, max(rows, columns), min(rows, columns)))
    Q, R = np.linalg.qr(A)
    signs = np.where(np.diagonal(R, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    np.multiply(Q, signs[..., np.newaxis, :], out=Q)
    return Q if rows >= columns else Q.swapaxes(-2, -1)


@DISTRIBUTIONS.register("orthogonal")
@dataclass(frozen=True, slots=True)
class Orthogonal(WholeDistribution):
    """W = g Q, with g = `gain` and Q uniform (Haar) among the matrices with Q^T Q = I, or Q Q^T = I if wide.

    Q has the m outputs of a block as rows and its n k inputs, with all taps of the kernel, as columns. An element of it
    has the law of a coordinate of a point on the sphere of dimension N = max(m, n k): variance 1/N, kurtosis
    3 N/(N + 2). Computed in float64 whatever the target; the last bits depend on the machine's linear algebra.

    Args:
        layout: the parameter's.
        gain: g, at least 0.

    >>> from firstdraw.draws import CounterDraws
    >>> W = Orthogonal(Layout(shape=(3, 2), outputs=0, inputs=1), 2.0).sample(CounterDraws(0), "w", (3, 2))
    >>> np.allclose(W.T @ W, 4 * np.eye(2))
    True
    """

    layout: Layout
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "an orthogonal matrix")
        check_non_negative("gain", self.gain)

    @property
    def _dimension(self) -> int:
        return max(self.layout.rows, self.layout.columns * self.layout.taps)

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return self.gain * self.gain / self._dimension

    @property
    def kurtosis(self) -> float:
        return 3 * self._dimension / (self._dimension + 2)

    @property
    def support(self) -> tuple[float, float]:
        return -self.gain, self.gain

    def blocks(self, draws: Draws, name: str) -> Floats:
        *stack, rows, columns = self.layout.block_shape[: -len(self.layout.kernel) or None]
        Q = haar(draws, name, tuple(stack), rows, columns * self.layout.taps)
        return self.gain * Q.reshape(self.layout.block_shape)

    def __str__(self) -> str:
        return "orthogonal" if self.gain == 1 else f"{self.gain:.6g} x orthogonal"


@DISTRIBUTIONS.register("delta_orthogonal")
@dataclass(frozen=True, slots=True)
class DeltaOrthogonal(WholeDistribution):
    """W = g Q at the center of the kernel and 0 elsewhere, with g = `gain` and Q `[m, n]`, Q^T Q = I (Haar).

    The center is the tap (k - 1)//2 on each axis of length k. With circular padding the convolution multiplies the norm
    of its input by g exactly, which no Q with fewer outputs than inputs can.

    Args:
        layout: the parameter's.
        gain: g, at least 0.

    Raises:
        InputError: if a block has more inputs than outputs.
    """

    layout: Layout
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "a delta-orthogonal kernel")
        check_non_negative("gain", self.gain)
        if self.layout.columns > self.layout.rows:
            raise InputError(
                "layout",
                f"must have at least as many outputs as inputs for a delta-orthogonal kernel, and it has "
                f"{self.layout.rows} and {self.layout.columns}",
                self.layout.shape,
                hint="'orthogonal' serves where there are more inputs",
            )

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return self.gain * self.gain / (self.layout.rows * self.layout.taps)

    @property
    def kurtosis(self) -> float:
        return self.layout.taps * 3 * self.layout.rows / (self.layout.rows + 2)

    @property
    def support(self) -> tuple[float, float]:
        return -self.gain, self.gain

    def blocks(self, draws: Draws, name: str) -> Floats:
        *stack, rows, columns = self.layout.block_shape[: -len(self.layout.kernel) or None]
        blocks = np.zeros(self.layout.block_shape)
        center = tuple((length - 1) // 2 for length in self.layout.window)
        blocks[(..., *center)] = self.gain * haar(draws, name, tuple(stack), rows, columns)
        return blocks

    def __str__(self) -> str:
        return f"{self.gain:.6g} x orthogonal at the center of the kernel, 0 elsewhere"
