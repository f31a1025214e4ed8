"""One value for every element."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firstdraw.arrays import Floats, Shape
from firstdraw.distributions.contract import DISTRIBUTIONS, Distribution
from firstdraw.draws import Draws, Shard
from firstdraw.draws.destination import destination
from firstdraw.draws.elements import elements_of
from firstdraw.rules import check_finite

__all__ = ["Constant"]


@DISTRIBUTIONS.register("constant")
@dataclass(frozen=True, slots=True)
class Constant(Distribution):
    """Every element equals `value`; nothing is drawn.

    >>> Constant(0.0).variance
    0.0
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        check_finite("value", self.value)

    @property
    def mean(self) -> float:
        return self.value

    @property
    def variance(self) -> float:
        return 0.0

    @property
    def kurtosis(self) -> float:
        return math.nan

    @property
    def support(self) -> tuple[float, float]:
        return self.value, self.value

    def sample(
        self,
        draws: Draws,  # noqa: ARG002
        name: str,  # noqa: ARG002
        shape: Shape,
        *,
        shard: Shard | None = None,
        out: Floats | None = None,
    ) -> Floats:
        filled = destination(out, elements_of(shape, shard).shape)
        filled[...] = self.value
        return filled

    def __str__(self) -> str:
        return f"{self.value:.6g}"
