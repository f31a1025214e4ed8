"""Gaussian noise on points that a formula has placed."""

from __future__ import annotations

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.draws import CounterDraws

__all__ = ["with_noise"]


def with_noise(points: Floats, deviation: float, draws: CounterDraws, part: str) -> Floats:
    """Return x + s z: x the points `[m, d]`, s the deviation, z ~ N(0, I) drawn for this part of the data.

    >>> with_noise(np.ones((1, 2)), 0.0, CounterDraws(0), "train")
    array([[1., 1.]])
    """
    # A deviation near the largest float64 overflows; the data set refuses what is not finite in a sentence.
    with np.errstate(over="ignore"):
        return points + deviation * draws.normal(f"data.{part}.noise", points.shape)
