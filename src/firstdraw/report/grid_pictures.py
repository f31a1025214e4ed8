"""The figures of a grid's report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.experiments.grid_plane import AxisNames, GridPlane, labels_of, names_of, place_on
from firstdraw.experiments.grid_record import GridRecord, SeriesRecord
from firstdraw.experiments.statistics import Survival, share_interval
from firstdraw.experiments.statistics.quartiles import Quartiles, quartiles
from firstdraw.experiments.statistics.steps_to import leaving
from firstdraw.experiments.trainable_depth import DepthLine
from firstdraw.marks import displayed
from firstdraw.report.axes import Axis, NamedAxis, linear_axis, logarithmic_axis
from firstdraw.report.drawing import Panel, band, frame, heading, legend, line, picture, stairs, threads, uprights
from firstdraw.report.grid_summary import number, percent
from firstdraw.report.heat import LETTER, HeatMap, heat_map
from firstdraw.report.pictures import ABOVE, BELOW, BESIDE, WIDTH, Picture

__all__ = ["axis_picture", "bands_picture", "plane_picture", "survival_picture"]

TALL: Final = 230.0
SHORT: Final = 170.0
WIDEST_NAMES: Final = 170.0
"""Room for the names of rows at most."""
ROW, LOWEST_MAP, HIGHEST_MAP = 30.0, 90.0, 360.0
MOST_LETTERS: Final = 120
"""Of a title over a figure."""
MOST_NAMES: Final = 12
"""So many names fit under a panel of half the page."""


def bands_picture(series: Sequence[SeriesRecord], single_runs: int) -> Picture:
    """Return the cost of the runs of a cell: median and middle half on the left, single runs on the right.

    Args:
        series: those of the cell, with one run or more between them.
        single_runs: how many of each initialization are drawn alone, those with the lowest seeds.
    """
    known = [(i, one) for i, one in enumerate(series) if len(one.runs)]
    bands = {i: quartiles(one.runs.cost) for i, one in known}
    alone = {i: one.runs.cost[:single_runs] for i, one in known}
    entries, top = _legend([one.initialization.label for one in series])
    edges = [edge for found in bands.values() for edge in (found.low, found.high)]
    y = logarithmic_axis(np.concatenate([*edges, *(values.ravel() for values in alone.values())]))
    x = linear_axis(0, max(int(one.runs.steps[-1]) for _, one in known))
    left, right = (Panel(at, top + ABOVE, WIDTH / 2 - BESIDE - 12, SHORT, x, y) for at in (BESIDE, WIDTH / 2 + BESIDE))
    unit = series[0].cell.spec.training.loss.unit
    most = max(len(values) for values in alone.values())
    some = f"{most} seeds each" if any(len(one.runs) > single_runs for _, one in known) else "all seeds"
    parts = [*entries, heading(left, f"Cost ({unit}): median and middle half"), frame(left, "step")]
    parts += [heading(right, f"Single runs, {some}"), frame(right, "step")]
    for i, one in known:
        parts.append(_banded(left, one.runs.steps, bands[i], i))
        parts.append(threads((right.places(one.runs.steps, values) for values in alone[i]), i))
    return Picture(
        picture(WIDTH, left.top + left.height + BELOW, parts),
        "Cost on the training examples over the steps: the median over the seeds with the middle half of them, and "
        f"single runs ({some}). A run that diverged stands above all others from then on.",
    )


def survival_picture(curves: Mapping[str, Survival], title: str, *, intervals: bool) -> Picture:
    """Return the share of runs that have not reached a threshold yet, by initialization.

    Args:
        curves: by the label of the initialization.
        title: which runs.
        intervals: whether the intervals are drawn.
    """
    entries, top = _legend(list(curves))
    last = max((float(found.steps[-1]) for found in curves.values()), default=1.0)
    panel = Panel(BESIDE, top + ABOVE, WIDTH - BESIDE - 12, TALL, linear_axis(0, last), linear_axis(0, 1))
    parts = [*entries, heading(panel, _clipped(title)), frame(panel, "step", "still on their way")]
    for i, found in enumerate(curves.values()):
        steps = np.append(0.0, found.steps)
        if intervals:
            low, high = (stairs(panel.places(steps, np.append(1.0, edge))) for edge in (found.low, found.high))
            parts.append(band(low, high, i, 0.12))
        left = leaving(found)
        parts.append(line(stairs(panel.places(steps, np.append(1.0, found.share))), i))
        parts.append(uprights(panel.places(found.steps[left], found.share[left]), i))
    shown = " with intervals of 95 %" if intervals else ""
    return Picture(
        picture(WIDTH, panel.top + panel.height + BELOW, parts),
        f"{title}: the share of runs whose cost has not fallen yet to half of what guessing costs "
        f"(Kaplan-Meier{shown}). An upright mark stands where the training of runs ended that had not reached it.",
    )


def _clipped(title: str) -> str:
    return title if len(title) <= MOST_LETTERS else f"{title[: MOST_LETTERS - 1]}…"


def axis_picture(record: GridRecord, axis: int) -> Picture:
    """Return the last cost and the share that failed along an axis of a grid, by initialization.

    Args:
        record: the runs of the grid, all other axes of which have one point.
        axis: the number of the axis.
    """
    labels, names = labels_of(record), names_of(record.grid, axis)
    entries, top = _legend(list(labels))
    found = [[_of(series, label) for series in record.series] for label in labels]
    middles = [
        _together([quartiles(one.last("cost")) if one and len(one.runs) else None for one in row]) for row in found
    ]
    y = logarithmic_axis(np.concatenate([edge for middle in middles for edge in (middle.low, middle.high)]))
    x = _named_axis(names)
    left, right = (
        Panel(at, top + ABOVE, WIDTH / 2 - BESIDE - 12, TALL, x, own)
        for at, own in ((BESIDE, y), (WIDTH / 2 + BESIDE, linear_axis(0, 1)))
    )
    title = displayed(names.title)
    parts = [*entries, heading(left, "Last training cost: median and middle half"), frame(left, title)]
    parts += [heading(right, "Runs that failed, with intervals of 95 %"), frame(right, title)]
    places = np.arange(len(names.points))
    for i, (row, middle) in enumerate(zip(found, middles, strict=True)):
        parts.append(_banded(left, places, middle, i, marks=True))
        shares = [
            share_interval(int(one.failed.sum()), len(one.runs)) if one and len(one.runs) else None for one in row
        ]
        low, value, high = (
            np.array([getattr(share, end) if share else np.nan for share in shares]) for end in ("low", "value", "high")
        )
        parts.append(_banded(right, places, Quartiles(low, value, high), i, marks=True))
    return Picture(
        picture(WIDTH, left.top + left.height + BELOW, parts),
        f"Along {title}: the last cost on the training examples, and the share of runs that failed.",
    )


def plane_picture(
    failed: GridPlane, cost: GridPlane, depths: DepthLine | None, anchors: Callable[[int], str]
) -> Picture:
    """Return the share of runs that failed and the median last cost over two axes, side by side.

    Args:
        failed: the share.
        cost: the cost, of the same initialization over the same axes.
        depths: up to which depth theory lets networks train.
        anchors: where the number of a cell leads; empty for nowhere. Without any the cells are drawn together.
    """
    x, y, name = failed.x_names, failed.y_names, displayed(failed.label)
    beside = min(max(map(len, (*map(displayed, y.points), displayed(y.title)))) * LETTER + 14, WIDEST_NAMES)
    height = min(max(ROW * len(y.points), LOWEST_MAP), HIGHEST_MAP)
    width = WIDTH / 2 - beside - 12
    parts: list[str] = []
    scale = ""
    for plane, left, shares, written, title in (
        (failed, beside, failed.values, percent, f"{name}: runs that failed"),
        (cost, WIDTH / 2 + beside, _scaled(cost.values), _short, f"{name}: median last cost"),
    ):
        links = [[anchors(int(cell)) for cell in row] for row in plane.cells]
        linked = any(any(row) for row in links)
        titles = [
            [
                f"{x.title} {x.points[column]}, {y.title} {y.points[row]}: {written(float(plane.values[row, column]))}"
                for column in range(len(x.points))
            ]
            for row in range(len(y.points))
        ]
        drawn = HeatMap(
            left, ABOVE, width, height, plane.values, shares, written, titles if linked else (), links if linked else ()
        )
        if not drawn.writes_numbers:
            scale = f" From dark to light: from none to all, and {_ends(cost.values)}."
        panel = Panel(left, ABOVE, width, height, linear_axis(0, 1), linear_axis(0, 1))
        parts += [heading(panel, title), *heat_map(drawn, x.points, y.points, x.title, y.title)]
        if depths is not None and depths.depths.size:
            parts.append(_drawn_depths(drawn, plane, depths))
    pooled = "" if not failed.pooled else f" The runs of all values of {_listed(failed.pooled)} are taken together."
    crossed = " A cross stands where half of the runs or more diverged." if np.isinf(cost.values).any() else ""
    theory = "" if depths is None else f" {depths.sentence}"
    empty = " An empty cell has no run." if np.isnan(failed.values).any() else ""
    return Picture(
        picture(WIDTH, ABOVE + height + BELOW, parts),
        f"{displayed(failed.label)}: the share of runs that failed, and the median of the last training cost, over "
        f"{displayed(x.title)} and {displayed(y.title)}.{scale}{pooled}{crossed}{empty}{theory}",
    )


def _short(cost: float) -> str:
    return "-" if math.isnan(cost) else f"{cost:.2g}"


def _ends(costs: Floats) -> str:
    """Say from which cost to which the colors go."""
    known = costs[np.isfinite(costs)]
    return f"from {number(float(known.min()))} to {number(float(known.max()))}" if known.size else "no finite cost"


def _listed(paths: Sequence[str]) -> str:
    *others, last = map(displayed, paths)
    return f"{', '.join(others)} and {last}" if others else last


def _scaled(costs: Floats) -> Floats:
    """Return the places of costs among the colors: even in the logarithm; infinite ones at the end."""
    known = np.isfinite(costs)
    if not known.any():
        return np.where(np.isinf(costs), 1.0, np.nan)
    positive = bool((costs[known] > 0).all())
    heights = np.log(np.where(known & (costs > 0), costs, 1.0)) if positive else np.where(known, costs, 0.0)
    low, high = float(heights[known].min()), float(heights[known].max())
    shares = (heights - low) / (high - low) if high > low else np.full(costs.shape, 0.5)
    return np.where(np.isinf(costs), 1.0, np.where(known, shares, np.nan))


def _drawn_depths(drawn: HeatMap, plane: GridPlane, depths: DepthLine) -> str:
    """Return the line of theory over a map, with a light seam so that it is seen on every color; cut at the edges."""
    place = place_on(plane.y)
    if place is None:
        return ""
    width, height = drawn.size
    across = drawn.left + width * (depths.places + 0.5)
    up = np.array([place(depth) + 0.5 for depth in depths.depths.tolist()])
    # An infinite depth is beyond the upper edge, and the way there leads over it.
    rows = float(len(plane.y))
    inside = _cut(across, np.clip(up, -1.0, 2 * rows), rows)
    path = "".join(
        "M" + "L".join(f"{x:.1f} {drawn.top + drawn.height - height * y:.1f}" for x, y in piece) for piece in inside
    )
    style = 'fill="none" pointer-events="none" stroke-linejoin="round"'
    return (
        f'<path d="{path}" {style} stroke="#fff" stroke-width="5"/>'
        f'<path d="{path}" {style} stroke="#d00000" stroke-width="2.2"/>'
    )


def _cut(across: Floats, up: Floats, rows: float) -> list[list[tuple[float, float]]]:
    """Return the pieces of a line that lie between 0 and `rows`, cut where it crosses these."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for i in range(len(across)):
        here = (float(across[i]), float(up[i]))
        if i:
            before = (float(across[i - 1]), float(up[i - 1]))
            crossings = [edge for edge in (0.0, rows) if (before[1] - edge) * (here[1] - edge) < 0]
            for edge in sorted(crossings, reverse=here[1] < before[1]):
                share = (edge - before[1]) / (here[1] - before[1])
                pieces[-1].append((before[0] + share * (here[0] - before[0]), edge))
                if not 0 <= here[1] <= rows:
                    pieces.append([])
        if 0 <= here[1] <= rows:
            pieces[-1].append(here)
    return [piece for piece in pieces if len(piece) > 1]


def _named_axis(names: AxisNames) -> Axis:
    """Return an axis with a place for each point of an axis of a grid, of which as many are named as have room."""
    shown = [displayed(name) for name in names.points]
    longest = max(map(len, shown))
    every = math.ceil(len(shown) * max(1.0, longest / 5) / MOST_NAMES)
    ticks = tuple(float(i) for i in range(0, len(shown), every))
    return NamedAxis(-0.3, len(shown) - 0.7, ticks, names=tuple(shown[::every]))


def _of(series: Sequence[SeriesRecord], label: str) -> SeriesRecord | None:
    return next((one for one in series if one.initialization.label == label), None)


def _together(found: Sequence[Quartiles | None]) -> Quartiles:
    """Return quartiles at one place after the other as those at all of them; NaN where there are none."""
    ends = [
        [math.nan if one is None else float(getattr(one, end)) for one in found] for end in ("low", "median", "high")
    ]
    low, median, high = (np.array(end) for end in ends)
    return Quartiles(low, median, high)


def _banded(panel: Panel, x: Floats | np.ndarray, found: Quartiles, i: int, *, marks: bool = False) -> str:
    """Return a band and its middle; a band that ends at infinity goes to the upper edge of the panel."""
    low, high = panel.places(x, found.low), panel.places(x, found.high)
    high[np.isposinf(found.high) & np.isfinite(low).all(axis=1)] = [np.nan, panel.top]
    high[:, 0] = low[:, 0]
    return band(low, high, i) + line(panel.places(x, found.median), i, marks=marks)


def _legend(labels: Sequence[str]) -> tuple[list[str], float]:
    if len(labels) < 2:
        return [], 0.0
    return legend(BESIDE, WIDTH - BESIDE, [displayed(label) for label in labels], line)
