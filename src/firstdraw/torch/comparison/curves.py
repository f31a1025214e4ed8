"""Losses without the noise of single batches."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from firstdraw.arrays import Floats

__all__ = ["LAST_SHARE", "running_mean", "window"]

LAST_SHARE: Final = 0.05
"""The share of the steps that a run is judged by: of 200 steps the last 10."""


def window(steps: int) -> int:
    """Return how many losses are taken together: 5 % of the steps, rounded up.

    >>> window(200), window(10)
    (10, 1)
    """
    return math.ceil(LAST_SHARE * steps)


def running_mean(loss: Floats) -> Floats:
    """Return at each of T steps the mean of the last w losses, of all if there are fewer; w is 5 % of T, rounded up.

    Args:
        loss: `[T]`; where one of the w is not finite, the mean is not either.

    >>> running_mean(np.array([4.0, 2.0])), running_mean(np.arange(40.0))[-3:]
    (array([4., 2.]), array([36.5, 37.5, 38.5]))
    """
    w = window(len(loss))
    with np.errstate(invalid="ignore", over="ignore"):
        first = [loss[:i].mean() for i in range(1, w)]
        return np.concatenate([first, np.lib.stride_tricks.sliding_window_view(loss, w).mean(axis=1)])
