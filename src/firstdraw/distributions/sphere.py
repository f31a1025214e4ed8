"""Rows of one length: uniform on a sphere, or from a cube."""

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

__all__ = ["NormalizedRows", "SphereRows"]


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


@DISTRIBUTIONS.register("sphere_rows")
@dataclass(frozen=True, slots=True)
class SphereRows(WholeDistribution):
    """The weights of each unit are r v/|v|, v Gaussian, less its mean if `centered`; r = `radius`.

    Uniform on a sphere of D dimensions: the N = n k weights of a unit, or one less where their sum is 0. An element has
    the variance r^2/N, the kurtosis 3 D/(D + 2) and at most the size r sqrt(D/N). One weight alone, centered, is 0.

    Args:
        layout: the parameter's.
        radius: r, at least 0.
        centered: whether the weights of a unit sum to 0.

    >>> from firstdraw.draws import CounterDraws
    >>> layout = Layout(shape=(2, 3), outputs=0, inputs=1)
    >>> W = SphereRows(layout, 2.0, centered=True).sample(CounterDraws(0), "w", (2, 3))
    >>> np.round(np.linalg.norm(W, axis=1), 12), np.abs(W.sum(axis=1)).max() < 1e-12
    (array([2., 2.]), np.True_)
    """

    layout: Layout
    radius: float = 1.0
    centered: bool = False

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "rows on a sphere")
        check_non_negative("radius", self.radius)

    @property
    def _length(self) -> int:
        return self.layout.columns * self.layout.taps

    @property
    def _dimension(self) -> int:
        return self._length - 1 if self.centered else self._length

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return self.radius * self.radius / self._length if self._dimension else 0.0

    @property
    def kurtosis(self) -> float:
        return 3 * self._dimension / (self._dimension + 2) if self.variance else math.nan

    @property
    def support(self) -> tuple[float, float]:
        largest = self.radius * math.sqrt(self._dimension / self._length)
        return -largest, largest

    def blocks(self, draws: Draws, name: str) -> Floats:
        *stack, rows, _ = self.layout.block_shape[: -len(self.layout.kernel) or None]
        if not self._dimension:
            return np.zeros(self.layout.block_shape)
        v = draws.normal(name, (*stack, rows, self._length))
        if self.centered:
            v -= v.mean(axis=-1, keepdims=True)
        v *= self.radius / np.linalg.norm(v, axis=-1, keepdims=True)
        low, high = self.support
        return np.clip(v, low, high).reshape(self.layout.block_shape)

    def __str__(self) -> str:
        end = ", of sum 0" if self.centered else ""
        return f"each unit's weights uniform on a sphere of radius {self.radius:.6g}{end}"
