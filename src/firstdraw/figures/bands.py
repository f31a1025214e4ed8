"""Curves of many runs: the median and the middle half of each initialization, and single runs on request."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes

from firstdraw.arrays import Floats, Integers
from firstdraw.errors import InputError, either
from firstdraw.experiments.grid_record import SeriesRecord
from firstdraw.experiments.statistics.quartiles import quartiles
from firstdraw.figures.canvas import add_legend, axes_or_new, legend_name, widen_log_axis
from firstdraw.marks import LINE_STYLES, SERIES_COLORS

__all__ = ["CURVES", "Band", "draw_bands", "plot_bands"]

SMALLEST, LARGEST = 1e-250, 1e250
Curve = Literal["cost", "test_cost", "train_accuracy", "test_accuracy"]
CURVES: Final = {
    "cost": "training cost",
    "test_cost": "test cost",
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
}


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """The curves of one initialization.

    Args:
        label: its name.
        steps: the recorded steps `[R]`.
        values: of each run `[n, R]`; NaN after a divergence.
    """

    label: str
    steps: Integers
    values: Floats


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
    bands = [Band(one.initialization.label, one.runs.steps, getattr(one.runs, curve)) for one in series]
    share = curve.endswith("accuracy")
    return draw_bands(bands, label=CURVES[curve], share=share, single_runs=single_runs, ax=ax)


def draw_bands(
    bands: Sequence[Band], *, label: str, share: bool = False, single_runs: int = 0, ax: Axes | None = None
) -> Axes:
    """Draw the median and the middle half of curves; see `plot_bands`.

    The vertical axis is logarithmic, unless a median or a quartile is below 0.

    Args:
        bands: the curves of each initialization.
        label: of the vertical axis.
        share: whether they are shares, of which more is better.
        single_runs: how many runs of each are drawn as thin lines, too.
        ax: where to draw; by default on a new figure.

    Returns:
        The axes.
    """
    ax = axes_or_new(ax)
    numbered = [(number, one) for number, one in enumerate(bands) if np.isfinite(one.values).any()]
    halves = [quartiles(one.values, higher_is_better=share) for _, one in numbered]
    edges = np.concatenate([np.stack([half.low, half.high]).ravel() for half in halves]) if halves else np.zeros(0)
    linear = share or bool((edges < 0).any())
    ax.set(xlabel="step", ylabel=label, yscale="linear" if linear else "log")
    known = edges[np.isfinite(edges) & (share | (abs(edges) < LARGEST))]
    lowest, highest = (0.0, 1.0) if share or not known.size else (float(known.min()), float(known.max()))

    def drawable(values: Floats) -> Floats:
        there = np.isfinite(values) if linear else (values > SMALLEST) & (values < LARGEST)
        return np.where(there, values, np.nan)

    for (number, one), half in zip(numbered, halves, strict=True):
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        for values in one.values[:single_runs]:
            ax.plot(one.steps, drawable(values), color=color, linewidth=0.6, alpha=0.5)
        low, high = (drawable(edge.clip(lowest, highest)) for edge in (half.low, half.high))
        ax.fill_between(one.steps, low, high, color=color, alpha=0.2, linewidth=0)
        ax.plot(
            one.steps,
            drawable(half.median),
            color=color,
            linestyle=LINE_STYLES[number % len(LINE_STYLES)],
            label=legend_name(one.label),
        )
    if share:
        ax.set_ylim(-0.02, 1.02)
    elif known.size and highest > 0 and not linear:
        widen_log_axis(ax)
    if len(halves) > 1:
        add_legend(ax)
    return ax
