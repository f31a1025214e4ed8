"""How many runs have not reached a threshold yet, over the steps."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from firstdraw.experiments.statistics import Survival
from firstdraw.experiments.statistics.steps_to import leaving
from firstdraw.figures.canvas import add_legend, axes_or_new, legend_name
from firstdraw.marks import LINE_STYLES, SERIES_COLORS

__all__ = ["plot_survival"]


def plot_survival(curves: Mapping[str, Survival], *, intervals: bool = True, ax: Axes | None = None) -> Axes:
    """Draw the Kaplan-Meier steps of each initialization, with their intervals.

    An upright mark stands where runs are no longer watched that have not reached the threshold.

    Args:
        curves: the share that has not reached it, by the name of the initialization.
        intervals: whether the intervals are drawn.
        ax: where to draw; by default on a new figure.

    Returns:
        The axes.
    """
    ax = axes_or_new(ax)
    for number, (label, found) in enumerate(curves.items()):
        color = SERIES_COLORS[number % len(SERIES_COLORS)]
        steps, share = np.append(0.0, found.steps), np.append(1.0, found.share)
        ax.plot(
            steps,
            share,
            drawstyle="steps-post",
            color=color,
            linestyle=LINE_STYLES[number % len(LINE_STYLES)],
            label=legend_name(label),
        )
        if intervals:
            low, high = np.append(1.0, found.low), np.append(1.0, found.high)
            ax.fill_between(steps, low, high, step="post", color=color, alpha=0.15, linewidth=0)
        left = leaving(found)
        ax.plot(found.steps[left], found.share[left], color=color, marker="|", markersize=8, linestyle="")
    ax.set(xlabel="step", ylabel="runs that have not reached it", ylim=(-0.02, 1.02))
    if len(curves) > 1:
        add_legend(ax)
    return ax
