"""How a quantity of a layer grows along an axis: the slope of its logarithm, with an interval over the seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from firstdraw.arrays import Floats

__all__ = ["LEVEL", "Slope", "slope_of"]

LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope with its interval.

    Args:
        value: the mean over the seeds.
        low: the lower end of the interval at the level 0.95.
        high: the upper end.
    """

    value: float
    low: float
    high: float

    def less(self, value: float) -> Slope:
        """Return the slope with its interval moved down."""
        return Slope(self.value - value, self.low - value, self.high - value)

    def __str__(self) -> str:
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def slope_of(sizes: Floats, quantity: Floats) -> Slope | None:
    """Return the slope of log q over log n.

    With b_s the slope by least squares over the sizes n_i for each seed s of S by itself,

        b_s = sum_i (log n_i - m) log q_is / sum_i (log n_i - m)^2,   m = mean_i log n_i,
        b = mean_s b_s,   b +- t sqrt(sum_s (b_s - b)^2/(S (S - 1))),

    t the 97.5 % point of Student's distribution with S - 1 degrees of freedom. Seeds are independent repeats of the
    whole scan, so that this asks neither that log q lies on a line nor that it varies alike at all sizes: the interval
    is one for the slope of the best line through the expectations. It is exact where the b_s are normal.

    Args:
        sizes: n, `[i]`.
        quantity: q, `[i, s]`; a seed with a nan is left out.

    Returns:
        None where fewer than two seeds are left, or one of them has a 0.

    >>> import numpy as np
    >>> str(slope_of(np.array([64, 128, 256]), np.array([[1.0, 1.0], [1.9, 2.0], [4.0, 4.4]])))
    '+1.03 (+0.60 to +1.47)'
    """
    q = quantity[:, np.isfinite(quantity).all(axis=0)]
    seeds = q.shape[1]
    if seeds < 2 or not (q > 0).all():
        return None
    x = np.log(sizes)
    x -= x.mean()
    slopes = x @ np.log(q) / (x @ x)
    mean, spread = float(slopes.mean()), float(slopes.std(ddof=1))
    half = float(special.stdtrit(float(seeds - 1), (1 + LEVEL) / 2)) * spread / math.sqrt(seeds)
    return Slope(mean, mean - half, mean + half)
