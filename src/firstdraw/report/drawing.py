"""Figures as SVG, written directly: a panel with axes, and what is drawn in it.

A page of these takes milliseconds, and it takes its ink and its type from the page: one picture serves light, dark and
print. Coordinates are pixels of the width that the page gives a figure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, cast

import numpy as np
from contourpy import ContourGenerator, contour_generator
from markupsafe import Markup, escape

from firstdraw.arrays import Floats, Integers
from firstdraw.marks import CLASS_MARKERS, LINE_STYLES, SERIES_COLORS
from firstdraw.report.axes import Axis

__all__ = [
    "Panel",
    "band",
    "certainties",
    "dots",
    "frame",
    "heading",
    "legend",
    "line",
    "picture",
    "regions",
    "stairs",
    "threads",
    "uprights",
]

DASHES: Final = dict(zip(LINE_STYLES, ("", "7 3", "8 3 2 3", "2 2.6"), strict=True))
LEGEND_HEIGHT: Final = 22.0
LETTER: Final = 6.6
"""The width of a letter of the page's type at 12 pixels, on average and a little more."""
MOST_POINTS: Final = 1200
"""A line of more points is drawn through the lowest and the highest of each column of pixels or so."""
LEVELS: Final = tuple(i / 9 for i in range(1, 9))
"""The probabilities between which a region is equally deep; none of them is one half, where an undecided network would
draw its rounding errors."""
HIGHEST: Final = 1e9
"""Outputs beyond this are drawn as this: certain."""
FAINT, DEEP, SEVERAL = 0.1, 0.55, 0.32
"""How opaque a region is where its class is barely predicted, where it is certain, and where there are many classes."""
SHAPES: Final[dict[str, str]] = {
    "^": "m0-{r}l{w} {h}h-{d}z",
    "s": "m-{w}-{w}h{d}v{d}h-{d}z",
    "D": "m0-{r}l{r} {r}-{r} {r}-{r}-{r}z",
    "v": "m0 {r}l{w}-{h}h-{d}z",
    "P": "m-{t}-{r}h{r}v{t}h{t}v{r}h-{t}v{t}h-{r}v-{t}h-{t}v-{r}h{t}z",
}
"""Marks as paths around their middle; r is the radius, w = 0.9 r, h = 1.6 r, d = 2 w, t = r/2."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle of the page with an axis along its bottom and its left.

    Args:
        left: its left edge.
        top: its upper edge.
        width: from left to right.
        height: from top to bottom.
        x: the axis along the bottom.
        y: the axis along the left.
    """

    left: float
    top: float
    width: float
    height: float
    x: Axis
    y: Axis

    def places(self, x: Floats | Integers, y: Floats) -> Floats:
        """Return the pixels of some points `[n, 2]`; NaN for those that have no place."""
        across, up = self.x.share(x), self.y.share(y)
        return np.stack([self.left + self.width * across, self.top + self.height * (1 - up)], axis=-1)


def picture(width: float, height: float, parts: Iterable[str]) -> Markup:
    """Return an SVG element that is as wide as the page lets it be."""
    return Markup(  # noqa: S704  # what comes from outside is escaped where it enters
        f'<svg viewBox="0 0 {width:g} {height:g}" font-size="12" fill="currentColor" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(parts)}</svg>"
    )


def heading(panel: Panel, text: str) -> str:
    """Return a title above a panel's left edge."""
    return _text(panel.left, panel.top - 9, text, "start")


def frame(panel: Panel, x_name: str = "", y_name: str = "", *, grid: bool = True) -> str:
    """Return a panel's axes: ticks with their numbers, a faint grid, the name of x below and that of y beside."""
    left, top, right, bottom = panel.left, panel.top, panel.left + panel.width, panel.top + panel.height
    rows = [(bottom - panel.height * share, text) for share, text in panel.y.written()]
    columns = [(left + panel.width * share, text) for share, text in panel.x.written()]
    lines = "".join(f"M{left:.1f} {y:.1f}H{right:.1f}" for y, _ in rows) if grid else ""
    numbers = [_text(left - 7, y + 4, text, "end") for y, text in rows]
    numbers += [_text(x, bottom + 17, text, "middle") for x, text in columns]
    ticks = "".join(f"M{x:.1f} {bottom:.1f}v4" for x, _ in columns)
    names = _text((left + right) / 2, bottom + 34, x_name, "middle") if x_name else ""
    if y_name:
        middle = (top + bottom) / 2
        turned = f'transform="rotate(-90 {left - 44:.1f} {middle:.1f})"'
        names += _text(left - 44, middle, y_name, "middle", turned)
    return (
        f'<path d="{lines}" stroke="var(--grid)"/>'
        f'<path d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}{ticks}" fill="none" stroke="var(--axis)"/>'
        f'<g fill="var(--faint)">{"".join(numbers)}{names}</g>'
    )


def line(places: Floats, number: int, *, width: float = 1.8, opacity: float = 1.0, marks: bool = False) -> str:
    """Return a line through points `[n, 2]`, broken where one has no place.

    Args:
        places: where.
        number: of the series, which chooses color, line style and mark.
        width: of the line.
        opacity: of the line.
        marks: whether each point is marked, too.
    """
    color = f"var(--series-{number % len(SERIES_COLORS)})"
    dash = DASHES[LINE_STYLES[number % len(LINE_STYLES)]]
    more = f' stroke-dasharray="{dash}"' if dash else ""
    more += f' opacity="{opacity:g}"' if opacity < 1 else ""
    path = "".join(f"M{_joined(part)}" for part in _unbroken(_thinned(places)))
    drawn = f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{width:g}" stroke-linejoin="round"{more}/>'
    there = places[np.isfinite(places).all(axis=1)]
    return drawn + (dots(there, number, 3.5) if marks else "")


def band(lower: Floats, upper: Floats, number: int, opacity: float = 0.18) -> str:
    """Return the area between two lines through points `[n, 2]`, left out where one of both has no place."""
    there = np.isfinite(lower).all(axis=1) & np.isfinite(upper).all(axis=1)
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False)).reshape(-1, 2).tolist()
    outlines = [_joined(np.concatenate([lower[start:end], upper[start:end][::-1]])) for start, end in edges]
    path = "".join(f"M{outline}Z" for outline in outlines)
    color = f"var(--series-{number % len(SERIES_COLORS)})"
    return f'<path d="{path}" fill="{color}" opacity="{opacity:g}"/>' if path else ""


def stairs(places: Floats) -> Floats:
    """Return points `[2 n - 1, 2]` of a line that goes level to where the next of `[n, 2]` stands, then to it."""
    doubled = np.repeat(places, 2, axis=0)[:-1]
    doubled[1::2, 0] = places[1:, 0]
    return doubled


def threads(lines: Iterable[Floats], number: int) -> str:
    """Return many thin lines of one series, each through points `[n, 2]`, broken where one has no place."""
    path = "".join(f"M{_joined(part)}" for places in lines for part in _unbroken(_thinned(places)))
    color = f"var(--series-{number % len(SERIES_COLORS)})"
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width=".7" opacity=".6"/>' if path else ""


def uprights(places: Floats, number: int) -> str:
    """Return a short upright mark at each of some points `[n, 2]`."""
    color = f"var(--series-{number % len(SERIES_COLORS)})"
    path = "".join(f"M{x:.1f} {y - 5:.1f}v10" for x, y in places.tolist())
    return f'<path d="{path}" stroke="{color}" stroke-width="1.6"/>' if path else ""


def dots(places: Floats, number: int, radius: float) -> str:
    """Return a mark at each of some points `[n, 2]`, the mark and the color of the class of that number."""
    color = f"var(--series-{number % len(SERIES_COLORS)})"
    marker = CLASS_MARKERS[number % len(CLASS_MARKERS)]
    spots = places.round(1).tolist()
    if marker == "o":
        # A line of no length with round ends is a disk, and takes a few letters.
        path = "".join(f"M{x:g} {y:g}h0" for x, y in spots)
        return f'<path d="{path}" stroke="{color}" stroke-width="{2 * radius:g}" stroke-linecap="round"/>'
    w = 0.9 * radius
    sizes = {"r": radius, "w": w, "h": 1.6 * radius, "d": 2 * w, "t": radius / 2}
    shape = SHAPES[marker].format(**{name: f"{size:g}" for name, size in sizes.items()})
    return f'<path d="{"".join(f"M{x:g} {y:g}{shape}" for x, y in spots)}" fill="{color}"/>'


def legend(
    left: float, width: float, names: Sequence[str], mark: Callable[[Floats, int], str]
) -> tuple[list[str], float]:
    """Return rows of names, each behind its mark, and how high they are together.

    Args:
        left: where they begin.
        width: how wide a row may be.
        names: of the series or classes, by number.
        mark: from the ends of a short line `[2, 2]` and a number to what is drawn there.
    """
    parts: list[str] = []
    x, y = left, LEGEND_HEIGHT / 2
    for number, name in enumerate(names):
        needed = 34 + _width(name) + 20
        if x > left and x + needed > left + width:
            x, y = left, y + LEGEND_HEIGHT
        parts.append(mark(np.array([[x, y], [x + 26, y]]), number) + _text(x + 33, y + 4, name, "start"))
        x += needed
    return parts, y + LEGEND_HEIGHT / 2


def regions(panel: Panel, P: Floats) -> str:
    """Return the plane colored by the one of several classes that is predicted.

    Args:
        panel: what is filled to its edges.
        P: the probabilities `[k, n, n]`, rows from the bottom up.
    """
    x, y = _grid(panel, P[0])
    known = np.nan_to_num(np.clip(P, 0, 1), nan=0.5)
    parts: list[str] = []
    for number, own in enumerate(known):
        # Positive exactly where this class is more probable than every other.
        lead = own - np.delete(known, number, axis=0).max(axis=0)
        parts.append(_filled(_contours(x, y, lead), 0.0, 2.0, number, SEVERAL))
    return "".join(parts)


def certainties(panel: Panel, z: Floats, height: Callable[[float], float]) -> str:
    """Return the plane colored by the one of two classes that is predicted, deeper where it is more certain.

    A line runs where both are equally probable. Levels of the network's output are followed, not of the probability:
    between two samples the output changes evenly, while the probability may jump from 0 to 1.

    Args:
        panel: what is filled to its edges.
        z: the network's output `[n, n]`, rows from the bottom up.
        height: from a probability between 0 and 1 to the output that stands for it.
    """
    x, y = _grid(panel, z)
    half = height(0.5)
    z = np.clip(np.nan_to_num(z, nan=half), -HIGHEST, HIGHEST)
    lowest, highest = float(z.min()), float(z.max())
    contours = _contours(x, y, z)
    parts: list[str] = []
    border = ""
    if lowest < half < highest:
        parts += [_filled(contours, lowest - 1, half, 0, FAINT), _filled(contours, half, highest + 1, 1, FAINT)]
        path = "".join(map(_outline, cast("list[Floats]", contours.lines(half))))
        border = f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.3"/>'
    else:
        rectangle = f'x="{panel.left:.1f}" y="{panel.top:.1f}" width="{panel.width:.1f}" height="{panel.height:.1f}"'
        parts.append(f'<rect {rectangle} fill="var(--series-{int(highest > half)})" opacity="{FAINT}"/>')
    inner = [height(level) for level in LEVELS]
    edges = [min(lowest, inner[0]) - 1, *inner, max(highest, inner[-1]) + 1]
    for number, (low, high) in enumerate(pairwise(edges)):
        opacity = (DEEP - FAINT) * abs(2 * number / len(LEVELS) - 1)
        if opacity > 0 and lowest < high and highest > low:
            parts.append(_filled(contours, low, high, int(2 * number > len(LEVELS)), opacity))
    return "".join(parts) + border


def _grid(panel: Panel, z: Floats) -> tuple[Floats, Floats]:
    """Return the pixels of the columns and rows of a grid that fills a panel."""
    return (
        np.linspace(panel.left, panel.left + panel.width, z.shape[1]),
        np.linspace(panel.top + panel.height, panel.top, z.shape[0]),
    )


def _contours(x: Floats, y: Floats, z: Floats) -> ContourGenerator:
    return contour_generator(x, y, z, line_type="Separate", fill_type="OuterOffset")


def _filled(contours: ContourGenerator, low: float, high: float, number: int, opacity: float) -> str:
    """Return the region between two levels, in the color of the class of that number."""
    # The polygons with their holes, and where in its points each of these begins and ends.
    polygons, offsets = cast("tuple[list[Floats], list[Integers]]", contours.filled(low, high))
    path = "".join(
        _outline(points[start:end])
        for points, ends in zip(polygons, offsets, strict=True)
        for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    )
    if not path:
        return ""
    return f'<path d="{path}" fill="var(--series-{number})" opacity="{opacity:.2f}" fill-rule="evenodd"/>'


def _outline(points: Floats) -> str:
    """Return a path through points, in steps of a tenth of a pixel, without those that do not move it."""
    tenths = np.rint(points * 10).astype(np.int64)
    moves = np.diff(tenths, axis=0)
    moves = moves[(moves != 0).any(axis=1)]
    if len(moves) == 0:
        return ""
    x, y = tenths[0] / 10
    return f"M{x:g} {y:g}l" + " ".join([f"{move / 10:g}" for move in moves.ravel().tolist()])


def _thinned(places: Floats) -> Floats:
    """Return a long line's lowest and highest point in each of its parts, in order."""
    if len(places) <= MOST_POINTS:
        return places
    height = np.nan_to_num(places[:, 1], nan=0.0)
    edges = np.linspace(0, len(places), MOST_POINTS // 2 + 1).astype(int)
    kept = {0, len(places) - 1}
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        kept |= {start + int(height[start:end].argmin()), start + int(height[start:end].argmax())}
    return places[sorted(kept)]


def _unbroken(places: Floats) -> list[Floats]:
    """Return the parts of a line between the points that have no place."""
    lost = np.flatnonzero(~np.isfinite(places).all(axis=1))
    parts = np.split(places, lost)
    return [part for part in (part[~np.isnan(part).any(axis=1)] for part in parts) if len(part)]


def _joined(points: Floats) -> str:
    if len(points) == 1:
        x, y = points[0]
        return f"{x:.1f} {y:.1f}h0"
    return "L".join([f"{x:.1f} {y:.1f}" for x, y in points.tolist()])


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{anchored}{f" {more}" if more else ""}>{escape(text)}</text>'


def _width(name: str) -> float:
    """Return about how wide a name is: letters of East Asian scripts are as wide as two others."""
    return LETTER * sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name)
