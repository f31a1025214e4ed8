"""Colored tables as SVG: a color for each number, and where it fits the number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import escape

from firstdraw.arrays import Floats
from firstdraw.marks import displayed

__all__ = ["COLORS", "HeatMap", "color_of", "heat_map"]

COLORS: Final = (
    "#00224e",
    "#123570",
    "#3b496c",
    "#575d6d",
    "#707173",
    "#8a8678",
    "#a59c74",
    "#c3b369",
    "#e1cc55",
    "#fee838",
)
"""Of the color map cividis, from low to high: in even steps of lightness, and the same to eyes without red or green.

Source: Nuñez, Anderton & Renslow (2018), Optimizing colormaps with consideration for color vision deficiency,
https://doi.org/10.1371/journal.pone.0199239
"""
LEVELS: Final = 64
"""So many colors are told apart; cells of one of them are one path."""
NARROWEST, LOWEST = 34.0, 15.0
"""Of cells in which a number of four letters has room."""
LETTER: Final = 6.4
HALF: Final = 0.45
"""Of the lightness of a color, below which white letters are read better than black ones."""


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A colored table.

    Args:
        left: its left edge.
        top: its upper edge.
        width: of all columns.
        height: of all rows.
        values: NaN where there is nothing, infinite where runs diverged; rows from the bottom up, `[rows, columns]`.
        shares: the place of each value among the colors, from 0 to 1, `[rows, columns]`.
        written: each number in a few letters.
        titles: what a cell is, in words; empty for cells without links, which are drawn together.
        links: where a cell leads; empty for nowhere.
    """

    left: float
    top: float
    width: float
    height: float
    values: Floats
    shares: Floats
    written: Callable[[float], str]
    titles: Sequence[Sequence[str]] = ()
    links: Sequence[Sequence[str]] = ()

    def edges(self, row: int, column: int) -> tuple[float, float, float, float]:
        """Return the left, upper, right and lower edge of a cell, in tenths of a pixel: a neighbor has the same."""
        rows, columns = self.values.shape
        left, right = (round(self.left + self.width * at / columns, 1) for at in (column, column + 1))
        top, bottom = (round(self.top + self.height * (1 - at / rows), 1) for at in (row + 1, row))
        return left, top, right, bottom

    @property
    def writes_numbers(self) -> bool:
        """Whether a number has room in a cell."""
        width, height = self.size
        return width >= NARROWEST and height >= LOWEST

    @property
    def size(self) -> tuple[float, float]:
        """How wide and how high a cell is."""
        rows, columns = self.values.shape
        return self.width / columns, self.height / rows


def color_of(share: float) -> tuple[int, int, int]:
    """Return the color of a place from 0 to 1 as red, green and blue from 0 to 255.

    >>> color_of(0.0), color_of(1.0)
    ((0, 34, 78), (254, 232, 56))
    """
    place = min(max(share, 0.0), 1.0) * (len(COLORS) - 1)
    i = min(int(place), len(COLORS) - 2)
    stops = [[int(COLORS[k][at : at + 2], 16) for at in (1, 3, 5)] for k in (i, i + 1)]
    red, green, blue = (round(low + (high - low) * (place - i)) for low, high in zip(*stops, strict=True))
    return red, green, blue


def heat_map(drawn: HeatMap, x_names: Sequence[str], y_names: Sequence[str], x_title: str, y_title: str) -> list[str]:
    """Return a colored table with the names of its columns below and of its rows on the left."""
    parts = _cells_alone(drawn) if drawn.links else _cells_together(drawn)
    # Without it the paper shines through between cells.
    crisp = ['<g shape-rendering="crispEdges">', *parts, "</g>"]
    return [*crisp, *_numbers(drawn), *_names(drawn, x_names, y_names, x_title, y_title)]


def _css(share: float) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color_of(round(share * LEVELS) / LEVELS))


def _cells_alone(drawn: HeatMap) -> list[str]:
    parts: list[str] = []
    for row, column in np.ndindex(drawn.values.shape):
        left, top, right, bottom = drawn.edges(row, column)
        share = float(drawn.shares[row, column])
        fill = "var(--raised)" if math.isnan(share) else _css(share)
        cell = (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" fill="{fill}">'
            f"<title>{escape(drawn.titles[row][column])}</title></rect>"
        )
        link = drawn.links[row][column]
        parts.append(f'<a href="{escape(link)}">{cell}</a>' if link else cell)
    return parts


def _cells_together(drawn: HeatMap) -> list[str]:
    paths: dict[str, list[str]] = {}
    for row, column in np.ndindex(drawn.values.shape):
        share = float(drawn.shares[row, column])
        if not math.isnan(share):
            left, top, right, bottom = drawn.edges(row, column)
            paths.setdefault(_css(share), []).append(f"M{left:.1f} {top:.1f}H{right:.1f}V{bottom:.1f}H{left:.1f}z")
    return [f'<path d="{"".join(cells)}" fill="{color}"/>' for color, cells in paths.items()]


def _numbers(drawn: HeatMap) -> list[str]:
    """Return the numbers where they have room, and a cross where runs diverged."""
    crosses: list[str] = []
    texts: dict[str, list[str]] = {"#fff": [], "#000": []}
    fits = drawn.writes_numbers
    for row, column in np.ndindex(drawn.values.shape):
        value, share = float(drawn.values[row, column]), float(drawn.shares[row, column])
        left, top, right, bottom = drawn.edges(row, column)
        x, y = (left + right) / 2, (top + bottom) / 2
        if math.isinf(value):
            crosses.append(f"M{x - 4:.1f} {y - 4:.1f}l8 8m0-8l-8 8")
        elif fits and not math.isnan(value):
            red, green, blue = color_of(share)
            light = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
            texts["#fff" if light < HALF else "#000"].append(
                f'<text x="{x:.1f}" y="{y + 4:.1f}">{escape(drawn.written(value))}</text>'
            )
    groups = [
        f'<g fill="{ink}" text-anchor="middle" font-size="11" pointer-events="none">{"".join(own)}</g>'
        for ink, own in texts.items()
        if own
    ]
    if crosses:
        groups.append(f'<path d="{"".join(crosses)}" fill="none" stroke="currentColor" pointer-events="none"/>')
    return groups


def _names(drawn: HeatMap, x_names: Sequence[str], y_names: Sequence[str], x_title: str, y_title: str) -> list[str]:
    width, height = drawn.size
    bottom = drawn.top + drawn.height
    longest = max(len(displayed(name)) for name in x_names) * LETTER + 8
    every, rows = math.ceil(longest / width), math.ceil(14 / height)
    below = [
        f'<text x="{drawn.left + width * (i + 0.5):.1f}" y="{bottom + 16:.1f}" text-anchor="middle">'
        f"{escape(displayed(x_names[i]))}</text>"
        for i in range(0, len(x_names), every)
    ]
    beside = [
        f'<text x="{drawn.left - 6:.1f}" y="{bottom - height * (i + 0.5) + 4:.1f}" text-anchor="end">'
        f"{escape(displayed(y_names[i]))}</text>"
        for i in range(0, len(y_names), rows)
    ]
    middle = drawn.left + drawn.width / 2
    titles = [
        f'<text x="{middle:.1f}" y="{bottom + 33:.1f}" text-anchor="middle">{escape(displayed(x_title))}</text>',
        f'<text x="{drawn.left - 6:.1f}" y="{drawn.top - 8:.1f}" text-anchor="end">{escape(displayed(y_title))}</text>',
    ]
    return ['<g fill="var(--faint)">', *below, *beside, *titles, "</g>"]
