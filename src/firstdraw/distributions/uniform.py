"""The uniform law."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firstdraw.arrays import Floats, Shape
from firstdraw.distributions.contract import DISTRIBUTIONS, Distribution
from firstdraw.draws import Draws, Shard
from firstdraw.errors import InputError
from firstdraw.rules import check_finite

__all__ = ["Uniform"]


@DISTRIBUTIONS.register("uniform")
@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """U[a, b), with a = `low` and b = `high`; the variance is (b - a)^2 / 12.

    >>> round(Uniform(-3.0, 3.0).variance, 12)
    3.0
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        check_finite("low", self.low)
        check_finite("high", self.high)
        if self.low > self.high:
            raise InputError("low", f"must be at most `high`, which is {self.high}", self.low)
        if not math.isfinite(self.high - self.low):
            raise InputError("low", f"must be so near to `high`, {self.high}, that the difference is finite", self.low)

    @property
    def mean(self) -> float:
        return self.low / 2 + self.high / 2

    @property
    def variance(self) -> float:
        return (self.high - self.low) * (self.high - self.low) / 12

    @property
    def standard_deviation(self) -> float:
        return (self.high / 2 - self.low / 2) / math.sqrt(3)

    @property
    def kurtosis(self) -> float:
        return 1.8 if self.high > self.low else math.nan

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        return draws.uniform(name, shape, scale=self.high - self.low, shift=self.low, shard=shard, out=out)

    def __str__(self) -> str:
        return f"U[{self.low:.6g}, {self.high:.6g})"
