"""Costs and accuracies over the steps, one color and line style an initialization."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from firstdraw.experiments import RunRecord
from firstdraw.figures.canvas import add_legend, axes_or_new, legend_name, widen_log_axis
from firstdraw.marks import LINE_STYLES, SERIES_COLORS

__all__ = ["plot_accuracy", "plot_cost"]


def plot_cost(
    runs: Sequence[RunRecord],
    *,
    unit: str = "nats",
    ax: Axes | None = None,
    scale: Literal["log", "linear"] = "log",
) -> Axes:
    """Draw the overflow-safe cost on the training examples over the steps.

    Runs of one initialization share a color; each curve is named at its end.

    Args:
        runs: what to draw.
        unit: what the cost is measured in, as the loss says.
        ax: where; by default on a new figure.
        scale: of the cost axis.

    Returns:
        The axes.
    """
    ax = _plot(runs, [run.trajectory.cost[0] for run in runs], axes_or_new(ax))
    ax.set(xlabel="step", ylabel=f"cost ({unit})", yscale=scale)
    if scale == "log":
        widen_log_axis(ax)
    return ax


def plot_accuracy(runs: Sequence[RunRecord], *, ax: Axes | None = None) -> Axes:
    """Draw the share of training examples classified rightly over the steps.

    Args:
        runs: what to draw.
        ax: where; by default on a new figure.

    Returns:
        The axes.
    """
    ax = _plot(runs, [run.trajectory.train_accuracy[0] for run in runs], axes_or_new(ax))
    ax.set(xlabel="step", ylabel="training accuracy", ylim=(-0.02, 1.02))
    return ax


def _plot(runs: Sequence[RunRecord], series: Sequence[np.ndarray], ax: Axes) -> Axes:
    labels = list(dict.fromkeys(run.label for run in runs))
    single = len(runs) == len(labels)
    for run, values in zip(runs, series, strict=True):
        number = labels.index(run.label)
        ax.plot(
            run.trajectory.steps,
            values,
            color=SERIES_COLORS[number % len(SERIES_COLORS)],
            linestyle=LINE_STYLES[number % len(LINE_STYLES)],
            linewidth=1.8 if single else 0.8,
            alpha=1.0 if single else 0.6,
            label=legend_name(run.label) if run is next(other for other in runs if other.label == run.label) else None,
        )
    if len(labels) > 1:
        add_legend(ax)
    return ax
