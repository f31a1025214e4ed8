"""What every source of random numbers promises."""

from __future__ import annotations

from typing import Protocol

from firstdraw.arrays import Floats, Shape
from firstdraw.catalogue import Catalogue
from firstdraw.draws.elements import Shard

__all__ = ["DRAWS", "Draws"]


class Draws(Protocol):
    """A source of random numbers for the parameters of one network.

    Numbers are defined in float64: a draw x of the law becomes a x + b, with a = `scale` and b = `shift`, rounded after
    the multiplication and again after the addition, which is left out where b is 0. A float32 array holds the roundings
    of these numbers.

    Args:
        seed: a non-negative integer; the same seed gives the same numbers.
    """

    def __init__(self, seed: int) -> None: ...

    def uniform(
        self,
        name: str,
        shape: Shape,
        *,
        scale: float = 1.0,
        shift: float = 0.0,
        shard: Shard | None = None,
        out: Floats | None = None,
    ) -> Floats:
        """Return independent draws from U[0, 1) for the parameter called `name`.

        Args:
            name: the parameter.
            shape: the shape of the whole parameter.
            scale: multiplies every draw.
            shift: is added to every product.
            shard: a slice, or a tuple of slices for the leading axes, in steps of 1; only what it takes from the whole
                parameter is returned, `[shard]` of it.
            out: the array to fill and return, float64 or float32, contiguous, of the shape of what is drawn; by default
                a new one of float64.

        Raises:
            InputError: if the scale or the shift is not finite, the shard is none of the shape, or `out` cannot be
                filled.
        """
        ...

    def normal(
        self,
        name: str,
        shape: Shape,
        *,
        scale: float = 1.0,
        shift: float = 0.0,
        shard: Shard | None = None,
        out: Floats | None = None,
    ) -> Floats:
        """Return independent draws from N(0, 1) for the parameter called `name`; arguments as for `uniform`."""
        ...

    def truncated_normal(
        self,
        name: str,
        shape: Shape,
        cut: float,
        *,
        scale: float = 1.0,
        shift: float = 0.0,
        shard: Shard | None = None,
        out: Floats | None = None,
    ) -> Floats:
        """Return independent draws from N(0, 1) given that they lie within `cut`, above 0; the rest as for `uniform`.

        Each is the quantile of one uniform number, so that nothing lies outside the cut.
        """
        ...


DRAWS: Catalogue[Draws] = Catalogue("source of draws")
