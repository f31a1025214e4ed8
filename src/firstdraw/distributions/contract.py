"""What every law of a parameter promises: it knows its moments and how to be drawn.

Theory reads a law without sampling it; a report prints what was asked for beside what was drawn.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from firstdraw.arrays import Floats, Shape
from firstdraw.catalogue import Catalogue
from firstdraw.draws import Draws, Shard

__all__ = ["DISTRIBUTIONS", "Distribution"]


class Distribution(ABC):
    """The law of the elements of one parameter.

    Where the elements do not all have one law, the moments are those of an element chosen at random; where none is
    known in closed form, they are NaN.
    """

    entrywise: ClassVar[bool] = True
    """Whether the elements are independent, so that a shard is drawn without the rest."""

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
    def kurtosis(self) -> float:
        """The fourth central moment of an element over the variance's square, 3 for a Gaussian; NaN for a constant."""

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

        >>> import numpy as np
        >>> from firstdraw.distributions import Normal
        >>> from firstdraw.draws import CounterDraws
        >>> law, draws = Normal(scale=0.02), CounterDraws(seed=0)
        >>> lower = law.sample(draws, "layers.1.weight", (4, 3), shard=slice(2, 4), out=np.empty((2, 3), "float32"))
        >>> (lower == law.sample(draws, "layers.1.weight", (4, 3))[2:4].astype(np.float32)).all()
        np.True_
        """

    @abstractmethod
    def __str__(self) -> str:
        """The law as a formula writes it."""


DISTRIBUTIONS: Catalogue[Distribution] = Catalogue("distribution")
