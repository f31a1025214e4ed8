"""Points that a formula has placed, shuffled and blurred as scikit-learn does it: from NumPy's legacy stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.datasets.contract import Examples
from firstdraw.errors import InputError
from firstdraw.rules import check_non_negative_integer

__all__ = ["check_legacy_seed", "two_curves"]

LARGEST_SEED: Final = 2**32 - 1


def check_legacy_seed(name: str, seed: int) -> int:
    """Refuse what NumPy's legacy stream, from which scikit-learn draws, does not take for a seed."""
    check_non_negative_integer(name, seed)
    if seed > LARGEST_SEED:
        raise InputError(name, "must be at most 2^32 - 1 for NumPy's legacy stream", seed)
    return seed


def two_curves(
    size: int, seed: int, noise: float, first: Callable[[int], Floats], second: Callable[[int], Floats]
) -> Examples:
    """Return points of two curves in the plane, half of them on each, in random order and with Gaussian noise.

    The order is drawn before the noise, from one stream: bit for bit what scikit-learn's makers return.

    Args:
        size: how many points; of an odd number the second curve has one more.
        seed: the seed of the stream.
        noise: the standard deviation of the noise on each coordinate.
        first: from a number n to n points `[n, 2]`, of class 0.
        second: the same for class 1.
    """
    stream = np.random.RandomState(seed)
    on_first = size // 2
    points = np.concatenate([first(on_first), second(size - on_first)])
    order: Integers = np.arange(size)
    stream.shuffle(order)
    return Examples(points[order] + stream.normal(scale=noise, size=points.shape), (order >= on_first).astype(np.int64))
