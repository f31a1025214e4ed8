"""The Gaussian law without its tails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstdraw.arrays import Floats, Shape
from firstdraw.distributions.contract import DISTRIBUTIONS, Distribution
from firstdraw.draws import Draws, Shard
from firstdraw.lazy import LazyModule
from firstdraw.rules import check_non_negative, check_positive

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

__all__ = ["TruncatedNormal"]


@DISTRIBUTIONS.register("truncated_normal")
@dataclass(frozen=True, slots=True)
class TruncatedNormal(Distribution):
    """N(0, s^2) given that it lies within c standard deviations, with s = `scale` and c = `cut`.

    The variance is s^2 (1 - 2 c phi(c) / (2 Phi(c) - 1)), phi and Phi the density and the distribution function of
    N(0, 1): a cut at 2 leaves 0.8796 of the standard deviation. Drawn by inverting the distribution function in
    float64, so nothing falls outside the cut and small scales produce no outliers.

    >>> round(TruncatedNormal(scale=1.0, cut=2.0).standard_deviation, 12)
    0.879625661034
    """

    scale: float = 1.0
    cut: float = 2.0

    def __post_init__(self) -> None:
        check_non_negative("scale", self.scale)
        check_positive("cut", self.cut)

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return self.standard_deviation * self.standard_deviation

    @property
    def standard_deviation(self) -> float:
        # The formula above loses its digits for small c. Its two integrals are incomplete gamma functions of
        # c^2/2, whose ratio keeps them; below 1e-8 the law is uniform to the last digit.
        half = self.cut * self.cut / 2
        share = float(special.gammainc(1.5, half) / special.gammainc(0.5, half)) if self.cut > 1e-8 else 0.0
        return self.scale * (math.sqrt(share) or self.cut / math.sqrt(3))

    @property
    def kurtosis(self) -> float:
        # E z^4 is a ratio of incomplete gamma functions too; a narrow cut leaves a uniform law.
        if not self.scale:
            return math.nan
        if self.cut <= 1e-8:
            return 1.8
        half = self.cut * self.cut / 2
        zeroth, second, fourth = (float(special.gammainc(order, half)) for order in (0.5, 1.5, 2.5))
        return 3 * fourth * zeroth / (second * second)

    @property
    def support(self) -> tuple[float, float]:
        return -self.cut * self.scale, self.cut * self.scale

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        return draws.truncated_normal(name, shape, self.cut, scale=self.scale, shard=shard, out=out)

    def __str__(self) -> str:
        return f"N(0, {self.scale:.6g}²) cut at ±{self.cut:g} standard deviations"
