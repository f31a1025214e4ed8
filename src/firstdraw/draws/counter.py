"""The default draws: each number depends on the seed, the parameter's name and the element's index alone."""

from __future__ import annotations

import hashlib
import math
from typing import Final, Literal

import numpy as np

from firstdraw.arrays import Floats, Shape
from firstdraw.draws.contract import DRAWS
from firstdraw.draws.gaussian import box_muller
from firstdraw.draws.philox import HALF, LOW, Words, philox
from firstdraw.errors import InputError
from firstdraw.rules import is_integer

__all__ = ["CounterDraws", "key_of"]

UNIT: Final = 2.0**-53
LARGEST_SEED: Final = 2**64 - 1


def key_of(name: str, law: Literal["uniform", "normal"]) -> tuple[int, int]:
    """Return the 64-bit key of a parameter; the law is part of it, so that a name's two streams are independent."""
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=law.encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def _unit_interval(low: Words, high: Words) -> Floats:
    """Return the upper 53 of the 64 bits (high, low) as a float64 in [0, 1)."""
    bits = (high << HALF | low) >> np.uint64(11)
    return bits.astype(np.float64) * UNIT


@DRAWS.register("counter", aliases=("philox",))
class CounterDraws:
    """Counter-based draws: a parameter's values do not depend on other parameters, order, device or sharding.

    Elements 2i and 2i+1 of a parameter come from block i of Philox4x32-10, whose counter is (i, seed), 64 bits each,
    and whose key is BLAKE2b of the parameter's name and of the law. A block's 128 bits give two float64 in [0, 1).

    Args:
        seed: an integer from 0 to 2^64 - 1.

    Raises:
        InputError: if the seed is no integer or outside that range.

    >>> draws = CounterDraws(seed=0)
    >>> draws.normal("layers.1.weight", (2, 3)).ravel()[:2] == draws.normal("layers.1.weight", (2,))
    array([ True,  True])
    """

    def __init__(self, seed: int) -> None:
        if not (is_integer(seed) and 0 <= seed <= LARGEST_SEED):
            raise InputError("seed", "must be an integer from 0 to 2^64 - 1", seed)
        self.seed = int(seed)

    def _pairs(self, name: str, law: Literal["uniform", "normal"], count: int) -> tuple[Floats, Floats]:
        block = np.arange((count + 1) // 2, dtype=np.uint64)
        seed_low, seed_high = (np.uint64(self.seed & 0xFFFFFFFF), np.uint64(self.seed >> 32))
        words = philox(
            (block & LOW, block >> HALF, np.full_like(block, seed_low), np.full_like(block, seed_high)),
            key_of(name, law),
        )
        return _unit_interval(words[0], words[1]), _unit_interval(words[2], words[3])

    def uniform(self, name: str, shape: Shape) -> Floats:
        """Return draws from U[0, 1) for the parameter called `name`."""
        count = math.prod(shape)
        return _interleaved(*self._pairs(name, "uniform", count), count).reshape(shape)

    def normal(self, name: str, shape: Shape) -> Floats:
        """Return draws from N(0, 1) for the parameter called `name`."""
        count = math.prod(shape)
        first, second = self._pairs(name, "normal", count)
        return _interleaved(*box_muller(1.0 - first, second), count).reshape(shape)


def _interleaved(first: Floats, second: Floats, count: int) -> Floats:
    return np.stack((first, second), axis=-1).ravel()[:count]
