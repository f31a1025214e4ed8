"""The axes to draw on: the caller's, or new ones that need no window."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

__all__ = ["add_legend", "axes_or_new", "displayed", "widen_log_axis"]

LONGEST_NAME: Final = 40
"""Longer names leave no room for what they name."""

SMALLEST_RATIO: Final = 10.0
"""A logarithmic axis spans at least this factor: a constant must look constant, not like its own rounding errors."""


def axes_or_new(ax: Axes | None, width: float = 5.0, height: float = 3.4) -> Axes:
    """Return `ax`, or the axes of a new figure of that many inches."""
    if ax is not None:
        return ax
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def displayed(name: str) -> str:
    r"""Return a name as a legend or an axis can show it: printable, on one line, of at most 40 characters.

    >>> displayed("two\nlines"), displayed("_hidden")
    ('two lines', ' _hidden')
    """
    line = "".join(character for character in " ".join(name.split()) if character.isprintable())
    short = line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
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
