"""What every source of random numbers promises."""

from __future__ import annotations

from typing import Protocol

from firstdraw.arrays import Floats, Shape
from firstdraw.catalogue import Catalogue

__all__ = ["DRAWS", "Draws"]


class Draws(Protocol):
    """A source of random numbers for the parameters of one network, always in float64.

    Args:
        seed: a non-negative integer; the same seed gives the same numbers.
    """

    def __init__(self, seed: int) -> None: ...

    def uniform(self, name: str, shape: Shape) -> Floats:
        """Return independent draws from U[0, 1) for the parameter called `name`."""
        ...

    def normal(self, name: str, shape: Shape) -> Floats:
        """Return independent draws from N(0, 1) for the parameter called `name`."""
        ...


DRAWS: Catalogue[Draws] = Catalogue("source of draws")
