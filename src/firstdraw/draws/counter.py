"""The default draws: each number depends on the seed, the parameter's name and the element's index alone."""

from __future__ import annotations

import hashlib
import math
from typing import Final

from firstdraw import compiled
from firstdraw.arrays import Floats, Shape
from firstdraw.draws import native, reference
from firstdraw.draws.contract import DRAWS
from firstdraw.draws.destination import destination
from firstdraw.draws.elements import Shard, elements_of
from firstdraw.draws.stream import DrawsLaw, Stream
from firstdraw.errors import InputError
from firstdraw.rules import check_finite, check_positive, is_integer

__all__ = ["CounterDraws", "key_of"]

LARGEST_SEED: Final = 2**64 - 1


def key_of(name: str, law: DrawsLaw) -> tuple[int, int]:
    """Return the 64-bit key of a parameter; the law is part of it, so that a name's two streams are independent."""
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=law.encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


@DRAWS.register("counter", aliases=("philox",))
class CounterDraws:
    """Counter-based draws: a parameter's values do not depend on other parameters, order, device or sharding.

    Elements 2i and 2i+1 of a parameter come from block i of Philox4x32-10, whose counter is (i, seed), 64 bits each,
    and whose key is BLAKE2b of the parameter's name and of the law. A block's 128 bits give two float64 in [0, 1).
    Compiled or in NumPy, on every instruction set and with any number of threads, the bits are the same.

    Args:
        seed: an integer from 0 to 2^64 - 1.

    Raises:
        InputError: if the seed is no integer or outside that range.

    >>> draws = CounterDraws(seed=0)
    >>> draws.normal("layers.1.weight", (2, 3)).ravel()[:2] == draws.normal("layers.1.weight", (2,))
    array([ True,  True])
    >>> shard = draws.normal("layers.1.weight", (2, 3), shard=slice(1, 2))
    >>> (shard == draws.normal("layers.1.weight", (2, 3))[1:2]).all()
    np.True_
    """

    def __init__(self, seed: int) -> None:
        if not (is_integer(seed) and 0 <= seed <= LARGEST_SEED):
            raise InputError("seed", "must be an integer from 0 to 2^64 - 1", seed)
        self.seed = int(seed)

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
        """Return draws from U[0, 1) for the parameter called `name`; of a shard, nothing else is drawn."""
        return self._draw("uniform", name, shape, scale, shift, shard, out)

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
        """Return draws from N(0, 1) for the parameter called `name`; of a shard, nothing else is drawn."""
        return self._draw("normal", name, shape, scale, shift, shard, out)

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
        """Return draws from N(0, 1) within `cut` for the parameter; of a shard, nothing else is drawn."""
        return self._draw("truncated_normal", name, shape, scale, shift, shard, out, check_positive("cut", cut))

    def _draw(
        self,
        law: DrawsLaw,
        name: str,
        shape: Shape,
        scale: float,
        shift: float,
        shard: Shard | None,
        out: Floats | None,
        cut: float = math.inf,
    ) -> Floats:
        elements = elements_of(shape, shard)
        stream = Stream(
            law,
            key_of(name, law),
            self.seed,
            float(check_finite("scale", scale)),
            float(check_finite("shift", shift)),
            float(cut),
        )
        filled = destination(out, elements.shape)
        (native if compiled.is_built() else reference).fill(filled, stream, elements)
        return filled
