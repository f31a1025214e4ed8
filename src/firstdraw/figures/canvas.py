"""The axes to draw on: the caller's, or new ones that need no window."""

from __future__ import annotations

import math
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

__all__ = ["axes_or_new", "widen_log_axis"]

SMALLEST_RATIO: Final = 10.0
"""A logarithmic axis spans at least this factor: a constant must look constant, not like its own rounding errors."""


def axes_or_new(ax: Axes | None, width: float = 5.0, height: float = 3.4) -> Axes:
    """Return `ax`, or the axes of a new figure of that many inches."""
    if ax is not None:
        return ax
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def widen_log_axis(ax: Axes) -> None:
    """Let a logarithmic vertical axis span a factor of ten at least, with plain numbers on it."""
    low, high = ax.get_ylim()
    if high / low < SMALLEST_RATIO:
        middle, half = math.sqrt(low * high), math.sqrt(SMALLEST_RATIO)
        ax.set_ylim(middle / half, middle * half)
        high, low = middle * half, middle / half
    plain = StrMethodFormatter("{x:g}")
    ax.yaxis.set_major_formatter(plain)
    # Over less than two decades the powers of ten alone would leave the axis with a single number.
    few_decades = high / low < 100
    ax.yaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0) if few_decades else "auto"))
    ax.yaxis.set_minor_formatter(plain if few_decades else NullFormatter())
