"""Curves of many runs: the median and the middle half of each initialization, and single runs on request."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes

from firstdraw.arrays import Floats
from firstdraw.errors import InputError, either
from firstdraw.experiments.grid_record import SeriesRecord
from firstdraw.experiments.statistics.quartiles import quartiles
from firstdraw.figures.canvas import add_legend, axes_or_new, legend_name, widen_log_axis
from firstdraw.marks import LINE_STYLES, SERIES_COLORS

__all__ = ["CURVES", "plot_bands"]

SMALLEST, LARGEST = 1e-250, 1e250
Curve = Literal["cost", "test_cost", "train_accuracy", "test_accuracy"]
CURVES: Final = {
    "cost": "training cost",
    "test_cost": "test cost",
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
}


def plot_bands(
    series: Sequence[SeriesRecord], *, curve: Curve = "cost", single_runs: int = 0, ax: Axes | None = None
) -> Axes:
    """Draw the median and the middle half of a curve over the seeds of each initialization.

    At each step a run that diverged stands behind all others; from where half of the runs have diverged, there is no
    median. A band that reaches up to such runs goes to the upper edge. Of accuracies such runs stand below all others.

    Args:
        series: the runs of one cell of a grid, an initialization each.
        curve: which records.
        single_runs: how many runs of each initialization are drawn as thin lines, too, those with the lowest seeds.
        ax: where to draw; by default on a new figure.

    Returns:
        The axes.

    Raises:
        InputError: if there is no such curve.
    """
    if curve not in CURVES:
        raise InputError("curve", f"must be {either(list(CURVES))}", curve)
    ax = axes_or_new(ax)
    share = curve.endswith("accuracy")
    ax.set(xlabel="step", ylabel=CURVES[curve], yscale="linear" if share else "log")
    numbered = [(number, one) for number, one in enumerate(series) if np.isfinite(getattr(one.runs, curve)).any()]
    bands = [quartiles(getattr(one.runs, curve), higher_is_better=share) for _, one in numbered]
    edges = np.concatenate([np.stack([band.low, band.high]).ravel() for band in bands]) if bands else np.zeros(0)
    known = edges[np.isfinite(edges) & (share | (abs(edges) < LARGEST))]
    lowest, highest = (0.0, 1.0) if share or not known.size else (float(known.min()), float(known.max()))

    def drawable(values: Floats) -> Floats:
        there = np.isfinite(values) if share else (values > SMALLEST) & (values < LARGEST)
        return np.where(there, values, np.nan)

    for (number, one), band in zip(numbered, bands, strict=True):
        color, steps = SERIES_COLORS[number % len(SERIES_COLORS)], one.runs.steps
        for values in getattr(one.runs, curve)[:single_runs]:
            ax.plot(steps, drawable(values), color=color, linewidth=0.6, alpha=0.5)
        low, high = (drawable(edge.clip(lowest, highest)) for edge in (band.low, band.high))
        ax.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0)
        ax.plot(
            steps,
            drawable(band.median),
            color=color,
            linestyle=LINE_STYLES[number % len(LINE_STYLES)],
            label=legend_name(one.initialization.label),
        )
    if share:
        ax.set_ylim(-0.02, 1.02)
    elif known.size and highest > 0:
        widen_log_axis(ax)
    if len(bands) > 1:
        add_legend(ax)
    return ax
