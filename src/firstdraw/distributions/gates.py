"""Laws of gates' biases: images of uniform numbers, and several laws packed side by side."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Shape
from firstdraw.distributions.contract import DISTRIBUTIONS, Distribution
from firstdraw.distributions.whole import WholeDistribution
from firstdraw.draws import Draws, Shard
from firstdraw.draws.destination import destination
from firstdraw.draws.elements import elements_of
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_positive

__all__ = ["LogOfUniform", "LogitOfUniform", "Packed", "StepBias", "part_layout"]

NODES: Final = 400


class _Image(Distribution):
    """A smooth increasing function of a uniform number.

    The moments are integrals over the support's own variable, in which the integrands are smooth; Gauss and Legendre's
    rule takes them to rounding.
    """

    @abstractmethod
    def quantile(self, u: Floats) -> Floats:
        """Return the value below which the share u of the law lies."""

    @abstractmethod
    def _weighted(self) -> tuple[Floats, Floats]:
        """Return values of the law, and weights that sum to 1."""

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        filled = destination(out, elements_of(shape, shard).shape)
        u = draws.uniform(name, shape, shard=shard, out=filled if filled.dtype == np.float64 else None)
        low, high = self.support
        filled[...] = np.clip(self.quantile(u), low, high)
        return filled

    @property
    def mean(self) -> float:
        values, weights = self._weighted()
        return float(weights @ values)

    @property
    def variance(self) -> float:
        values, weights = self._weighted()
        return float(weights @ (values - self.mean) ** 2)

    @property
    def kurtosis(self) -> float:
        values, weights = self._weighted()
        return float(weights @ (values - self.mean) ** 4) / self.variance**2

    @property
    def support(self) -> tuple[float, float]:
        low, high = self.quantile(np.array([0.0, 1.0]))
        return float(low), float(high)


def _nodes(low: float, high: float) -> tuple[Floats, Floats]:
    """Return the nodes and weights of Gauss and Legendre's rule between two bounds."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (low + high) / 2 + (high - low) / 2 * nodes, (high - low) / 2 * weights


def _normalized(weights: Floats) -> Floats:
    return weights / weights.sum()


def _check_range(low: float, high: float) -> None:
    if low >= high:
        raise InputError("low", f"must be below `high`, which is {high}", low)


@DISTRIBUTIONS.register("log_of_uniform")
@dataclass(frozen=True, slots=True)
class LogOfUniform(_Image):
    """ln u with u ~ U[a, b), a = `low` and b = `high`: the density exp(x)/(b - a) on [ln a, ln b).

    Args:
        low: a, above 0.
        high: b, above a.

    >>> round(LogOfUniform(1.0, math.e).mean, 12)  # 1/(e - 1)
    0.581976706869
    """

    low: float = 1.0
    high: float = 100.0

    def __post_init__(self) -> None:
        check_positive("low", self.low)
        check_positive("high", self.high)
        _check_range(self.low, self.high)

    def quantile(self, u: Floats) -> Floats:
        return np.log(self.low + (self.high - self.low) * u)

    def _weighted(self) -> tuple[Floats, Floats]:
        x, weights = _nodes(math.log(self.low), math.log(self.high))
        return x, _normalized(weights * np.exp(x - x.max()))

    def __str__(self) -> str:
        return f"ln U[{self.low:.6g}, {self.high:.6g})"


@DISTRIBUTIONS.register("logit_of_uniform")
@dataclass(frozen=True, slots=True)
class LogitOfUniform(_Image):
    """-ln(1/u - 1) with u ~ U[a, b), a = `low` and b = `high`: a sigmoid of it is uniform.

    Args:
        low: a, above 0.
        high: b, above a and below 1.
    """

    low: float = 0.01
    high: float = 0.99

    def __post_init__(self) -> None:
        check_positive("low", self.low)
        check_positive("high", self.high)
        _check_range(self.low, self.high)
        if self.high >= 1:
            raise InputError("high", "must be below 1", self.high)

    def quantile(self, u: Floats) -> Floats:
        share = self.low + (self.high - self.low) * u
        return np.log(share) - np.log1p(-share)

    def _weighted(self) -> tuple[Floats, Floats]:
        x, weights = _nodes(*(math.log(bound) - math.log1p(-bound) for bound in (self.low, self.high)))
        # The density of a logistic number: u (1 - u).
        return x, _normalized(weights / (2 + 2 * np.cosh(x)))

    def __str__(self) -> str:
        return f"logit U[{self.low:.6g}, {self.high:.6g})"


@DISTRIBUTIONS.register("step_bias")
@dataclass(frozen=True, slots=True)
class StepBias(_Image):
    """ln(exp(d) - 1) with ln d ~ U[ln a, ln b), a = `low` and b = `high`: a softplus of it is a step d.

    Args:
        low: a, above 0.
        high: b, above a.
    """

    low: float = 0.001
    high: float = 0.1

    def __post_init__(self) -> None:
        check_positive("low", self.low)
        check_positive("high", self.high)
        _check_range(self.low, self.high)

    def quantile(self, u: Floats) -> Floats:
        d = np.exp(math.log(self.low) + (math.log(self.high) - math.log(self.low)) * u)
        # ln(exp(d) - 1) without overflow for large d and without loss for small.
        return d + np.log(-np.expm1(-d))

    def _weighted(self) -> tuple[Floats, Floats]:
        u, weights = _nodes(0.0, 1.0)
        return self.quantile(u), _normalized(weights)

    def __str__(self) -> str:
        return f"inverse softplus of exp U[ln {self.low:.6g}, ln {self.high:.6g})"


def part_layout(layout: Layout) -> Layout:
    """Return the layout of one part of a packed weight or bias, in the order of axes of its `view`.

    >>> part_layout(Layout(shape=(4, 12), outputs=1, inputs=0, parts=3)).shape
    (4, 4)
    """
    axes = len(layout.stacked)
    shape = (*layout.block_shape[:axes], *layout.block_shape[axes + 1 :])
    return Layout(
        shape=shape,
        outputs=axes,
        inputs=axes + 1,
        kernel=tuple(range(axes + 2, len(shape))),
        stacked=tuple(range(axes)),
    )


@DISTRIBUTIONS.register("packed")
@dataclass(frozen=True, slots=True)
class Packed(WholeDistribution):
    """The parts of a packed parameter, each from a law of its own, or the negative of another part.

    Args:
        layout: with as many parts as there are laws.
        laws: the law of each part: entrywise, or of a whole parameter with the layout `part_layout`.
        opposite: pairs (i, j): part i is minus part j, whose law `laws[i]` must be too.
    """

    layout: Layout
    laws: tuple[Distribution, ...]
    opposite: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if len(self.laws) != self.layout.parts:
            raise InputError("laws", f"must be one for each of the {self.layout.parts} parts", len(self.laws))
        part = part_layout(self.layout)
        if not all(law.entrywise or getattr(law, "layout", None) == part for law in self.laws):
            raise InputError("laws", "must be entrywise, or made for one part", [str(law) for law in self.laws])

    def _signs(self) -> list[float]:
        negative = {i for i, _ in self.opposite}
        return [-1.0 if i in negative else 1.0 for i in range(len(self.laws))]

    @property
    def mean(self) -> float:
        return math.fsum(sign * law.mean for sign, law in zip(self._signs(), self.laws, strict=True)) / len(self.laws)

    @property
    def variance(self) -> float:
        mean = self.mean
        return math.fsum(
            law.variance + (sign * law.mean - mean) ** 2 for sign, law in zip(self._signs(), self.laws, strict=True)
        ) / len(self.laws)

    @property
    def kurtosis(self) -> float:
        constant = all(law.variance == 0 for law in self.laws)
        if not self.variance:
            return math.nan
        if constant:
            fourth = math.fsum(
                (sign * law.mean - self.mean) ** 4 for sign, law in zip(self._signs(), self.laws, strict=True)
            )
            return fourth / len(self.laws) / self.variance**2
        # The third moments of the parts, which their contract does not tell, would enter.
        return math.nan

    @property
    def support(self) -> tuple[float, float]:
        ends = [sign * end for sign, law in zip(self._signs(), self.laws, strict=True) for end in law.support]
        return min(ends), max(ends)

    def blocks(self, draws: Draws, name: str) -> Floats:
        shape, axis = self.layout.block_shape, len(self.layout.stacked)
        part = (*shape[:axis], *shape[axis + 1 :])
        sources = dict(self.opposite)
        drawn: dict[int, Floats] = {
            i: law.sample(draws, f"{name}/{i}", part) for i, law in enumerate(self.laws) if i not in sources
        }
        return np.stack([-drawn[sources[i]] if i in sources else drawn[i] for i in range(len(self.laws))], axis=axis)

    def __str__(self) -> str:
        parts = [
            f"minus part {dict(self.opposite)[i] + 1}" if i in dict(self.opposite) else str(law)
            for i, law in enumerate(self.laws)
        ]
        return "parts: " + "; ".join(parts)
