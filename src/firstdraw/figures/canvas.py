"""The axes to draw on: the caller's, or new ones that need no window."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from firstdraw.marks import displayed

__all__ = ["add_legend", "axes_or_new", "legend_name", "widen_log_axis"]

SMALLEST_RATIO: Final = 10.0
"""A logarithmic axis spans at least this factor: a constant must look constant, not like its own rounding errors."""


def axes_or_new(ax: Axes | None, width: float = 5.0, height: float = 3.4) -> Axes:
    """Return `ax`, or the axes of a new figure of that many inches."""
    if ax is not None:
        return ax
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def legend_name(name: str) -> str:
    """Return a name as matplotlib's legend shows it.

    >>> legend_name("_hidden")
    ' _hidden'
    """
    short = displayed(name)
    # Matplotlib leaves names that start with an underscore out of its legends.
    return f" {short}" if short.startswith("_") else short


def add_legend(ax: Axes) -> None:
    """Name the lines; a dollar sign in a name is no formula."""
    for text in ax.legend(handlelength=2.6).get_texts():
        text.set_parse_math(False)


def widen_log_axis(ax: Axes) -> None:
    """Let a logarithmic vertical axis span a factor of ten at least, with plain numbers on it."""
    low, high = ax.get_ylim()
    # A factor between two finite numbers may overflow; the difference of their logarithms does not.
    decades = math.log10(high) - math.log10(low)
    if decades < math.log10(SMALLEST_RATIO):
        middle, half = math.sqrt(low) * math.sqrt(high), math.sqrt(SMALLEST_RATIO)
        ax.set_ylim(middle / half, middle * half)
        decades = math.log10(SMALLEST_RATIO)
    plain = StrMethodFormatter("{x:g}")
    ax.yaxis.set_major_formatter(plain)
    # Over less than two decades the powers of ten alone would leave the axis with a single number.
    few_decades = decades < 2
    ax.yaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0) if few_decades else "auto"))
    ax.yaxis.set_minor_formatter(plain if few_decades else NullFormatter())
