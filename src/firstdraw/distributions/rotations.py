"""Rotations by independent angles in orthogonal planes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import WholeDistribution, check_square
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_finite

__all__ = ["BlockRotations"]


@DISTRIBUTIONS.register("block_rotations")
@dataclass(frozen=True, slots=True)
class BlockRotations(WholeDistribution):
    """W has blocks ((cos t, -sin t), (sin t, cos t)) on its diagonal, t ~ U[a, b), with a = `low` and b = `high`.

    An odd size leaves a last 1. W is orthogonal with eigenvalues exp(±i t). The moments follow from the integrals of
    the powers of cos t and sin t.

    Args:
        layout: that of a square weight.
        low: a, in radians.
        high: b, in radians, at least a.
    """

    layout: Layout
    low: float = -math.pi
    high: float = math.pi

    def __post_init__(self) -> None:
        check_square(self.layout, "rotations")
        check_finite("low", self.low)
        check_finite("high", self.high)
        if self.low > self.high:
            raise InputError("low", f"must be at most `high`, which is {self.high}", self.low)

    def _raw_moments(self) -> tuple[float, float, float, float]:
        """Return E w, E w^2, E w^3 and E w^4 of an element w chosen at random."""
        n = self.layout.rows
        odd = n % 2

        def cosine(frequency: int) -> float:
            """E cos(frequency t), without the difference of nearly equal sines where the range is narrow."""
            half = frequency * (self.high - self.low) / 2
            return math.cos(frequency * (self.high + self.low) / 2) * (math.sin(half) / half if half else 1.0)

        pairs = n - odd
        first = (pairs * cosine(1) + odd) / n**2
        third = (pairs * (3 * cosine(1) + cosine(3)) / 4 + odd) / n**2
        fourth = (pairs * (3 + cosine(4)) / 4 + odd) / n**2
        return first, 1 / n, third, fourth

    @property
    def mean(self) -> float:
        return self._raw_moments()[0]

    @property
    def variance(self) -> float:
        first, second, _, _ = self._raw_moments()
        return second - first * first

    @property
    def kurtosis(self) -> float:
        first, second, third, fourth = self._raw_moments()
        if not self.variance:
            return math.nan
        central = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
        return central / self.variance**2

    @property
    def support(self) -> tuple[float, float]:
        return -1.0, 1.0

    def blocks(self, draws: Draws, name: str) -> Floats:
        stack, n = self.layout.block_shape[:-2], self.layout.rows
        t = draws.uniform(name, (*stack, n // 2), scale=self.high - self.low, shift=self.low)
        first, second = np.arange(0, n - 1, 2), np.arange(1, n, 2)
        W = np.zeros((*stack, n, n))
        W[..., first, first] = W[..., second, second] = np.cos(t)
        W[..., second, first] = np.sin(t)
        W[..., first, second] = -np.sin(t)
        if n % 2:
            W[..., -1, -1] = 1.0
        return W

    def __str__(self) -> str:
        return f"rotations by U[{self.low:.6g}, {self.high:.6g})"
