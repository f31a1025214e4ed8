"""NumPy's legacy global stream, for exercises that printed their numbers with it."""

from __future__ import annotations

from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Shape
from firstdraw.draws.contract import DRAWS
from firstdraw.errors import InputError
from firstdraw.rules import is_integer

__all__ = ["NumpyLegacyDraws"]

LARGEST_SEED: Final = 2**32 - 1


@DRAWS.register("numpy_legacy")
class NumpyLegacyDraws:
    """The numbers of `np.random.seed(seed)` followed by `np.random.randn` and `np.random.random_sample`.

    The Mersenne Twister is one stream: a parameter's values depend on everything drawn before it, so they change
    when a layer is added. Use it to reproduce numbers that were printed with it.

    Args:
        seed: an integer from 0 to 2^32 - 1.

    Raises:
        InputError: if the seed is no integer or outside that range.

    >>> print(NumpyLegacyDraws(seed=3).normal("layers.1.weight", (1,)))
    [1.78862847]
    """

    def __init__(self, seed: int) -> None:
        if not (is_integer(seed) and 0 <= seed <= LARGEST_SEED):
            raise InputError("seed", "must be an integer from 0 to 2^32 - 1 for NumPy's legacy stream", seed)
        self._stream = np.random.RandomState(seed)  # the legacy stream is the point

    def uniform(self, name: str, shape: Shape) -> Floats:  # noqa: ARG002  # one stream serves every name
        """Return the stream's next draws from U[0, 1)."""
        return np.asarray(self._stream.random_sample(shape))

    def normal(self, name: str, shape: Shape) -> Floats:  # noqa: ARG002
        """Return the stream's next draws from N(0, 1)."""
        return np.asarray(self._stream.standard_normal(shape))
