"""Rows of one length."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import WholeDistribution, check_with_inputs
from firstdraw.draws import Draws
from firstdraw.roles import Layout
from firstdraw.rules import check_non_negative

__all__ = ["NormalizedRows"]


@DISTRIBUTIONS.register("normalized_rows")
@dataclass(frozen=True, slots=True)
class NormalizedRows(WholeDistribution):
    """The weights of each unit are r u/|u|, with r = `radius` and u uniform in a cube around 0.

    By symmetry the variance is r^2/(n k), n k the number of a unit's weights; the kurtosis is known only for n k = 1.

    Args:
        layout: the parameter's.
        radius: r, at least 0.
    """

    layout: Layout
    radius: float = 1.0

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "rows of one length")
        check_non_negative("radius", self.radius)

    @property
    def _length(self) -> int:
        return self.layout.columns * self.layout.taps

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return self.radius * self.radius / self._length

    @property
    def kurtosis(self) -> float:
        return 1.0 if self._length == 1 and self.radius else math.nan

    @property
    def support(self) -> tuple[float, float]:
        return -self.radius, self.radius

    def blocks(self, draws: Draws, name: str) -> Floats:
        *stack, rows, _ = self.layout.block_shape[: -len(self.layout.kernel) or None]
        u = draws.uniform(name, (*stack, rows, self._length), scale=2.0, shift=-1.0)
        u *= self.radius / np.linalg.norm(u, axis=-1, keepdims=True)
        return np.clip(u, -self.radius, self.radius).reshape(self.layout.block_shape)

    def __str__(self) -> str:
        return f"each unit's weights on a sphere of radius {self.radius:.6g}"
