"""NumPy's legacy global stream, for exercises that printed their numbers with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Shape
from firstdraw.draws.contract import DRAWS
from firstdraw.draws.destination import destination, write
from firstdraw.draws.elements import Shard, elements_of
from firstdraw.draws.quantile import truncated_normal
from firstdraw.errors import InputError
from firstdraw.rules import check_finite, check_positive, is_integer

__all__ = ["NumpyLegacyDraws"]

LARGEST_SEED: Final = 2**32 - 1


@DRAWS.register("numpy_legacy")
class NumpyLegacyDraws:
    """The numbers of `np.random.seed(seed)` followed by `np.random.randn` and `np.random.random_sample`.

    The Mersenne Twister is one stream: a parameter's values depend on everything drawn before it, so they change
    when a layer is added, and a shard costs as much as the whole parameter, which is drawn and cut. Use it to reproduce
    numbers that were printed with it.

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

    def uniform(
        self,
        name: str,  # noqa: ARG002  # one stream serves every name
        shape: Shape,
        *,
        scale: float = 1.0,
        shift: float = 0.0,
        shard: Shard | None = None,
        out: Floats | None = None,
    ) -> Floats:
        """Return the stream's next draws from U[0, 1)."""
        return self._draw(self._stream.random_sample, shape, scale, shift, shard, out)

    def normal(
        self,
        name: str,  # noqa: ARG002
        shape: Shape,
        *,
        scale: float = 1.0,
        shift: float = 0.0,
        shard: Shard | None = None,
        out: Floats | None = None,
    ) -> Floats:
        """Return the stream's next draws from N(0, 1)."""
        return self._draw(self._stream.standard_normal, shape, scale, shift, shard, out)

    def truncated_normal(
        self,
        name: str,  # noqa: ARG002
        shape: Shape,
        cut: float,
        *,
        scale: float = 1.0,
        shift: float = 0.0,
        shard: Shard | None = None,
        out: Floats | None = None,
    ) -> Floats:
        """Return the quantiles, within `cut`, of the stream's next draws from U[0, 1)."""
        check_positive("cut", cut)

        def law(whole: Shape) -> Floats:
            return truncated_normal(np.asarray(self._stream.random_sample(whole)), cut)

        return self._draw(law, shape, scale, shift, shard, out)

    def _draw(
        self,
        law: Callable[[Shape], Floats | float],
        shape: Shape,
        scale: float,
        shift: float,
        shard: Shard | None,
        out: Floats | None,
    ) -> Floats:
        # Everything that can be refused is, before the stream moves.
        filled = destination(out, elements_of(shape, shard).shape)
        check_finite("scale", scale)
        check_finite("shift", shift)
        whole = np.asarray(law(shape))
        write(whole if shard is None else np.asarray(whole[shard]), scale, shift, filled)
        return filled
