"""Laws whose elements depend on each other, and laws that draw nothing: both know the layout of their parameter."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import numpy as np

from firstdraw.arrays import Floats, Shape
from firstdraw.distributions.contract import Distribution
from firstdraw.draws import Draws, Shard
from firstdraw.draws.destination import destination
from firstdraw.draws.elements import elements_of
from firstdraw.errors import InputError
from firstdraw.roles import Layout

__all__ = ["FixedDistribution", "WholeDistribution", "check_square", "check_with_inputs"]


class WholeDistribution(Distribution):
    """A law of a whole parameter; a shard is cut from the whole.

    What is drawn are the layout's blocks, `[stacked..., groups or parts, m, n, kernel...]` whatever the order of the
    parameter's axes, so that frameworks which order them differently get the same numbers in the same places.
    """

    entrywise: ClassVar[bool] = False
    layout: Layout

    @abstractmethod
    def blocks(self, draws: Draws, name: str) -> Floats:
        """Return the parameter called `name` as its layout's `view` shows it, in float64."""

    def sample(
        self, draws: Draws, name: str, shape: Shape, *, shard: Shard | None = None, out: Floats | None = None
    ) -> Floats:
        elements = elements_of(shape, shard)
        if tuple(shape) != self.layout.shape:
            raise InputError("shape", f"must be {self.layout.shape}, for which this law was made", shape)
        filled = destination(out, elements.shape)
        if shard is None:
            self.layout.view(filled)[...] = self.blocks(draws, name)
        else:
            whole = np.empty(shape)
            self.layout.view(whole)[...] = self.blocks(draws, name)
            filled[...] = whole[shard]
        return filled


class FixedDistribution(WholeDistribution):
    """A law that draws nothing: every element has one value, and the moments are those over the elements."""

    @abstractmethod
    def values(self) -> Floats:
        """Return the blocks."""

    def blocks(self, draws: Draws, name: str) -> Floats:  # noqa: ARG002
        return self.values()

    @property
    def mean(self) -> float:
        return float(self.values().mean())

    @property
    def variance(self) -> float:
        return float(self.values().var())

    @property
    def kurtosis(self) -> float:
        values = self.values()
        centered = values - values.mean()
        variance = float((centered**2).mean())
        # What is left of equal values is rounding.
        if variance <= 1e-30 * float((values**2).mean()):
            return math.nan
        return float((centered**4).mean()) / variance**2

    @property
    def support(self) -> tuple[float, float]:
        values = self.values()
        return float(values.min()), float(values.max())


def check_with_inputs(layout: Layout, law: str) -> None:
    """Refuse the layout of a bias where a matrix is drawn."""
    if layout.inputs is None:
        raise InputError(
            "layout", f"must have inputs, which a bias has not, for {law}", layout.shape, hint="'zeros' serves a bias"
        )


def check_square(layout: Layout, law: str) -> None:
    """Refuse what is no square matrix without a kernel."""
    check_with_inputs(layout, law)
    if layout.rows != layout.columns or layout.taps > 1:
        raise InputError(
            "layout",
            f"must be that of a square weight without a kernel for {law}",
            layout.shape,
            hint="'orthogonal' serves other shapes",
        )
