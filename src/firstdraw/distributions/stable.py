"""Symmetric stable laws: sums of them are of their kind, with tails heavier than a Gaussian's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats, Shape
from firstdraw.distributions.contract import DISTRIBUTIONS, Distribution
from firstdraw.draws import Draws, Shard
from firstdraw.draws.destination import destination
from firstdraw.draws.elements import elements_of
from firstdraw.errors import InputError
from firstdraw.rules import check_non_negative, check_positive

__all__ = ["Stable"]


@DISTRIBUTIONS.register("stable")
@dataclass(frozen=True, slots=True)
class Stable(Distribution):
    """The law with the characteristic function exp(-|s t|^a), with a = `index` and s = `scale`.

    a = 2 is N(0, 2 s^2), a = 1 Cauchy's law. Below 2 the variance is infinite, at most at 1 there is no mean. Drawn by
    the formula of Chambers, Mallows & Stuck (1976), https://doi.org/10.1080/01621459.1976.10480344: with V uniform in
    (-pi/2, pi/2) and E exponential,

        s sin(a V)/cos(V)^(1/a) (cos((1 - a) V)/E)^((1 - a)/a).

    Args:
        scale: s, at least 0.
        index: a, above 0 and at most 2.
    """

    scale: float = 1.0
    index: float = 1.5

    def __post_init__(self) -> None:
        check_non_negative("scale", self.scale)
        check_positive("index", self.index)
        if self.index > 2:
            raise InputError("index", "must be at most 2, where the stable law is the Gaussian", self.index)

    @property
    def mean(self) -> float:
        return 0.0 if self.index > 1 or not self.scale else math.nan

    @property
    def variance(self) -> float:
        if not self.scale:
            return 0.0
        return 2 * self.scale * self.scale if self.index == 2 else math.inf

    @property
    def kurtosis(self) -> float:
        return 3.0 if self.index == 2 and self.scale else math.nan

    @property
    def support(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self.scale else (0.0, 0.0)

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        filled = destination(out, elements_of(shape, shard).shape)
        a = self.index
        V = draws.uniform(name, shape, scale=math.pi, shift=-math.pi / 2, shard=shard)
        # 1 - u lies in (0, 1], whose logarithm is finite; where it is 0, the least positive number stands for it.
        E = -np.log1p(-draws.uniform(f"{name}/exponential", shape, shard=shard))
        np.maximum(E, np.finfo(np.float64).tiny, out=E)
        with np.errstate(over="ignore"):
            x = np.sin(a * V) / np.cos(V) ** (1 / a) * (np.cos((1 - a) * V) / E) ** ((1 - a) / a)
            filled[...] = self.scale * x
        return filled

    def __str__(self) -> str:
        return f"stable of index {self.index:g}, scale {self.scale:.6g}"
