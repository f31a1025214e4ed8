"""A sign and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats, Shape
from firstdraw.distributions.contract import DISTRIBUTIONS, Distribution
from firstdraw.draws import Draws, Shard
from firstdraw.draws.destination import destination
from firstdraw.draws.elements import elements_of
from firstdraw.rules import check_non_negative

__all__ = ["Rademacher"]


@DISTRIBUTIONS.register("rademacher")
@dataclass(frozen=True, slots=True)
class Rademacher(Distribution):
    """-s or s, each with the probability 1/2, with s = `scale`; of all laws of its variance the lightest tails.

    >>> Rademacher(0.5).variance, Rademacher(0.5).kurtosis
    (0.25, 1.0)
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        check_non_negative("scale", self.scale)

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return self.scale * self.scale

    @property
    def standard_deviation(self) -> float:
        return self.scale

    @property
    def kurtosis(self) -> float:
        return 1.0 if self.scale else math.nan

    @property
    def support(self) -> tuple[float, float]:
        return -self.scale, self.scale

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        filled = destination(out, elements_of(shape, shard).shape)
        # The sign of 2 u - 1 survives any rounding.
        signs = draws.uniform(name, shape, scale=2.0, shift=-1.0, shard=shard, out=filled)
        return np.copysign(filled.dtype.type(self.scale), signs, out=filled)

    def __str__(self) -> str:
        return f"±{self.scale:.6g}"
