"""Floor 1. The laws of single parameters: frozen values that know their moments and how to be drawn.

Theory reads a law without sampling it; a report prints what was asked for beside what was drawn.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats, Shape
from firstdraw.catalogue import Catalogue
from firstdraw.draws import Draws, Shard
from firstdraw.draws.destination import destination, write
from firstdraw.draws.elements import elements_of
from firstdraw.errors import InputError
from firstdraw.rules import check_finite, check_non_negative, check_positive

__all__ = ["DISTRIBUTIONS", "Constant", "Distribution", "Normal", "TruncatedNormal", "Uniform"]


class Distribution(ABC):
    """The law of the elements of one parameter."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """The expectation of an element."""

    @property
    @abstractmethod
    def variance(self) -> float:
        """The variance of an element."""

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """The smallest and the largest value an element can take."""

    @property
    def standard_deviation(self) -> float:
        """The square root of the variance."""
        return math.sqrt(self.variance)

    @property
    def second_moment(self) -> float:
        """The expectation of an element's square."""
        return self.mean * self.mean + self.variance

    @abstractmethod
    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        """Draw the parameter called `name`, or a shard of it.

        Args:
            draws: the source of random numbers.
            name: the parameter.
            shape: the shape of the whole parameter.
            shard: a slice, or a tuple of slices for the leading axes, in steps of 1: `sample(..., shard=shard)` equals
                `sample(...)[shard]`.
            out: the array to fill and return, float64 or float32, contiguous, of the shape of what is drawn; by default
                a new one of float64. Numbers are defined in float64, and float32 holds their roundings.

        Raises:
            InputError: if the shard is none of the shape, or `out` cannot be filled.

        >>> from firstdraw.draws import CounterDraws
        >>> law, draws = Normal(scale=0.02), CounterDraws(seed=0)
        >>> lower = law.sample(draws, "layers.1.weight", (4, 3), shard=slice(2, 4), out=np.empty((2, 3), np.float32))
        >>> (lower == law.sample(draws, "layers.1.weight", (4, 3))[2:4].astype(np.float32)).all()
        np.True_
        """

    @abstractmethod
    def __str__(self) -> str:
        """The law as a formula writes it."""


DISTRIBUTIONS: Catalogue[Distribution] = Catalogue("distribution")


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
    def support(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self.scale else (self.center, self.center)

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        return draws.normal(name, shape, scale=self.scale, shift=self.center, shard=shard, out=out)

    def __str__(self) -> str:
        return f"N({self.center:.6g}, {self.scale:.6g}²)"


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
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        return draws.uniform(name, shape, scale=self.high - self.low, shift=self.low, shard=shard, out=out)

    def __str__(self) -> str:
        return f"U[{self.low:.6g}, {self.high:.6g})"


@DISTRIBUTIONS.register("truncated_normal")
@dataclass(frozen=True, slots=True)
class TruncatedNormal(Distribution):
    """N(0, s^2) given that it lies within c standard deviations, with s = `scale` and c = `cut`.

    The variance is s^2 (1 - 2 c phi(c) / (2 Phi(c) - 1)), phi and Phi the density and the distribution function of
    N(0, 1): a cut at 2 leaves 0.8796 of the standard deviation. Drawn by inverting the distribution function in
    float64, so nothing falls outside the cut and small scales produce no outliers; while a float32 array is filled,
    the same numbers stand in a float64 array beside it.

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
        from scipy import special

        # The formula above loses its digits for small c. Its two integrals are incomplete gamma functions of
        # c^2/2, whose ratio keeps them; below 1e-8 the law is uniform to the last digit.
        half = self.cut * self.cut / 2
        share = float(special.gammainc(1.5, half) / special.gammainc(0.5, half)) if self.cut > 1e-8 else 0.0
        return self.scale * (math.sqrt(share) or self.cut / math.sqrt(3))

    @property
    def support(self) -> tuple[float, float]:
        return -self.cut * self.scale, self.cut * self.scale

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        from scipy import special

        below = float(special.ndtr(-self.cut))
        filled = destination(out, elements_of(shape, shard).shape)
        wide = filled if filled.dtype == np.float64 else None
        z = draws.uniform(name, shape, scale=1 - 2 * below, shift=below, shard=shard, out=wide)
        special.ndtri(z, out=z)
        np.clip(z, -self.cut, self.cut, out=z)
        write(z, self.scale, 0.0, filled)
        return filled

    def __str__(self) -> str:
        return f"N(0, {self.scale:.6g}²) cut at ±{self.cut:g} standard deviations"
