"""Gaussian weights of which an exact number of each unit's, or each input's, are 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import WholeDistribution, check_with_inputs
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_non_negative, check_non_negative_integer

__all__ = ["Sparse"]


@DISTRIBUTIONS.register("sparse")
@dataclass(frozen=True, slots=True)
class Sparse(WholeDistribution):
    """N(0, s^2) with exactly z zeros, in places drawn at random, among the weights of each unit or each input.

    Seen as a matrix, m outputs by n k inputs with all taps of the kernel, z zeros stand in each row ("unit") or in each
    column ("input"). With p the share that is not 0: variance p s^2, kurtosis 3/p.

    Args:
        layout: the parameter's.
        zeros: z, at most the length of a row or a column.
        of: whose weights are counted.
        scale: s, at least 0.
    """

    layout: Layout
    zeros: int = 0
    of: Literal["unit", "input"] = "unit"
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "a sparse weight")
        check_non_negative_integer("zeros", self.zeros)
        check_non_negative("scale", self.scale)
        if self.of not in ("unit", "input"):
            raise InputError("of", "must be 'unit' or 'input'", self.of)
        if self.zeros > self._length:
            raise InputError("zeros", f"must be at most the {self._length} weights of a {self.of}", self.zeros)

    @property
    def _length(self) -> int:
        return self.layout.rows if self.of == "input" else self.layout.columns * self.layout.taps

    @property
    def _share(self) -> float:
        return 1 - self.zeros / self._length

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return self._share * self.scale * self.scale

    @property
    def kurtosis(self) -> float:
        return 3 / self._share if self._share and self.scale else math.nan

    @property
    def support(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self._share and self.scale else (0.0, 0.0)

    def blocks(self, draws: Draws, name: str) -> Floats:
        *stack, rows, columns = self.layout.block_shape[: -len(self.layout.kernel) or None]
        matrix = (*stack, rows, columns * self.layout.taps)
        W = draws.normal(name, matrix, scale=self.scale)
        axis = -2 if self.of == "input" else -1
        order = np.argsort(draws.uniform(f"{name}/zeros", matrix), axis=axis, kind="stable")
        np.put_along_axis(W, np.take(order, range(self.zeros), axis=axis), 0.0, axis=axis)
        return W.reshape(self.layout.block_shape)

    def __str__(self) -> str:
        return f"N(0, {self.scale:.6g}²) with {self.zeros} zeros in each {self.of}'s {self._length} weights"
