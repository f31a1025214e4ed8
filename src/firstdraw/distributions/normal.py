"""The Gaussian law."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firstdraw.arrays import Floats, Shape
from firstdraw.distributions.contract import DISTRIBUTIONS, Distribution
from firstdraw.draws import Draws, Shard
from firstdraw.rules import check_finite, check_non_negative

__all__ = ["Normal"]


@DISTRIBUTIONS.register("normal")
@dataclass(frozen=True, slots=True)
class Normal(Distribution):
    """N(mu, sigma^2), with mu = `center` and sigma = `scale`.

    >>> Normal(scale=2.0).variance
    4.0
    """

    scale: float = 1.0
    center: float = 0.0

    def __post_init__(self) -> None:
        check_non_negative("scale", self.scale)
        check_finite("center", self.center)

    @property
    def mean(self) -> float:
        return self.center

    @property
    def variance(self) -> float:
        return self.scale * self.scale

    @property
    def standard_deviation(self) -> float:
        return self.scale

    @property
    def kurtosis(self) -> float:
        return 3.0 if self.scale else math.nan

    @property
    def support(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self.scale else (self.center, self.center)

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        return draws.normal(name, shape, scale=self.scale, shift=self.center, shard=shard, out=out)

    def __str__(self) -> str:
        return f"N({self.center:.6g}, {self.scale:.6g}²)"
