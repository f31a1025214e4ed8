"""The identity, as far as a weight's shape allows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import WholeDistribution, check_with_inputs
from firstdraw.draws import Draws
from firstdraw.roles import Layout
from firstdraw.rules import check_finite

__all__ = ["PartialIdentity"]


@DISTRIBUTIONS.register("identity")
@dataclass(frozen=True, slots=True)
class PartialIdentity(WholeDistribution):
    """W[i, i] = g at the center of the kernel for i < min(m, n), 0 elsewhere, in each block; g = `gain`.

    The center is the tap k//2 on each axis of length k, as in PyTorch. A share p = min(m, n)/(m n k) of the elements
    is g: mean p g, variance p (1 - p) g^2.

    Args:
        layout: the parameter's.
        gain: g, any finite number.

    >>> from firstdraw.draws import CounterDraws
    >>> PartialIdentity(Layout(shape=(2, 3), outputs=0, inputs=1)).sample(CounterDraws(0), "w", (2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """

    layout: Layout
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "an identity")
        check_finite("gain", self.gain)

    @property
    def _share(self) -> float:
        return 1 / (max(self.layout.rows, self.layout.columns) * self.layout.taps)

    @property
    def mean(self) -> float:
        return self._share * self.gain

    @property
    def variance(self) -> float:
        return self._share * (1 - self._share) * self.gain * self.gain

    @property
    def kurtosis(self) -> float:
        spread = self._share * (1 - self._share)
        return (1 - 3 * spread) / spread if spread and self.gain else math.nan

    @property
    def support(self) -> tuple[float, float]:
        if self._share == 1:
            return self.gain, self.gain
        return min(0.0, self.gain), max(0.0, self.gain)

    def blocks(self, draws: Draws, name: str) -> Floats:  # noqa: ARG002
        blocks = np.zeros(self.layout.block_shape)
        diagonal = np.arange(min(self.layout.rows, self.layout.columns))
        center = tuple(length // 2 for length in self.layout.window)
        blocks[(..., diagonal, diagonal, *center)] = self.gain
        return blocks

    def __str__(self) -> str:
        return "identity" if self.gain == 1 else f"{self.gain:.6g} x identity"
