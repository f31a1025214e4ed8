"""From numbers to places on a page: linear and logarithmic axes with their ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Integers

__all__ = ["Axis", "NamedAxis", "linear_axis", "logarithmic_axis"]

SMALLEST_RATIO: Final = 10.0
"""A logarithmic axis spans at least this factor: a constant must look constant, not like its own rounding errors."""
MARGIN: Final = 0.04
"""The share of an axis that is left free at either end."""
PARTS: Final = 7.5
"""A step between ticks is a part of an axis or the next larger of 1, 2 and 5 times a power of ten, up to 2.5 times as
large: an axis has three to eight ticks."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from `low` to `high`.

    Args:
        low: what stands at its beginning; its decimal logarithm on a logarithmic axis.
        high: what stands at its end.
        ticks: the values that are written beside it.
        logarithmic: whether equal distances are equal factors.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, values: Floats | Integers) -> Floats:
        """Return how far along the axis values stand, from 0 to 1; NaN for those that have no place on it."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            places = np.log10(values) if self.logarithmic else values
            shares = (places - self.low) / (self.high - self.low)
        return np.where(np.isfinite(shares), shares, np.nan)

    def written(self) -> list[tuple[float, str]]:
        """Return each tick as its place, from 0 to 1, and its text."""
        shares = self.share(np.array(self.ticks, np.float64)).tolist()
        return [(share, _text(tick)) for share, tick in zip(shares, self.ticks, strict=True)]


@dataclass(frozen=True, slots=True)
class NamedAxis(Axis):
    """An axis whose ticks have names.

    Args:
        names: one for each tick.
    """

    names: tuple[str, ...] = ()

    def written(self) -> list[tuple[float, str]]:
        shares = self.share(np.array(self.ticks, np.float64)).tolist()
        return list(zip(shares, self.names, strict=True))


def _text(tick: float) -> str:
    """Return a number as short as it goes, with commas between thousands and a true minus sign."""
    plain = f"{tick:,.0f}" if tick == round(tick) and abs(tick) < 1e6 else f"{tick:.4g}"
    return plain.replace("-", "\N{MINUS SIGN}", 1) if tick < 0 else plain


def linear_axis(low: float, high: float, margin: float = MARGIN) -> Axis:
    """Return an axis that has room for values from `low` to `high`, with ticks at multiples of 1, 2 or 5.

    >>> linear_axis(0, 15_000, margin=0).ticks
    (0.0, 2000.0, 4000.0, 6000.0, 8000.0, 10000.0, 12000.0, 14000.0)
    """
    # Halves, because a difference between two finite numbers may overflow.
    half = high / 2 - low / 2
    if not half > 0:
        half = abs(low) / 20 or 0.5
    middle = low / 2 + high / 2
    first, last = middle - half * (1 + 2 * margin), middle + half * (1 + 2 * margin)
    rough = 2 * (half * (1 + 2 * margin) / PARTS)
    power = 10.0 ** math.floor(math.log10(rough)) if rough < 1e300 else 1e300
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    count = math.floor(last / step * (1 + 1e-12)) - math.ceil(first / step * (1 - 1e-12))
    start = math.ceil(first / step - 1e-9)
    return Axis(first, last, tuple(step * (start + i) for i in range(count + 2) if step * (start + i) <= last))


def logarithmic_axis(values: Floats) -> Axis:
    """Return an axis that has room for the values above 0, a factor of ten at least, with ticks at powers of ten.

    Over less than two decades it has ticks at 2 and 5, too; over many, not at every power.

    >>> logarithmic_axis(np.array([0.5, 300.0])).ticks
    (1.0, 10.0, 100.0)
    """
    placed = values[np.isfinite(values) & (values > 0)]
    low, high = (float(np.log10(placed.min())), float(np.log10(placed.max()))) if len(placed) else (-0.5, 0.5)
    if high - low < math.log10(SMALLEST_RATIO):
        middle = (low + high) / 2
        low, high = middle - math.log10(SMALLEST_RATIO) / 2, middle + math.log10(SMALLEST_RATIO) / 2
    margin = MARGIN * (high - low)
    low, high = low - margin, high + margin
    factors = (1, 2, 5) if high - low < 2 else (1,)
    every = max(1, math.ceil((high - low) / PARTS))
    powers = range(math.floor(low), math.floor(high) + 1)
    # Python's own powers: the largest and the smallest doubles end at 1e308 and 1e-323.
    ticks = [float(f"{factor}e{power}") for power in powers if power % every == 0 for factor in factors]
    inside = [tick for tick in ticks if 0 < tick < math.inf and low <= math.log10(tick) <= high]
    return Axis(low, high, tuple(inside), logarithmic=True)
