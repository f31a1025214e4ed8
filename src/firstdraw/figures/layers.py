"""Signal and gradient by layer at the start."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from firstdraw.experiments import RunRecord
from firstdraw.figures.canvas import add_legend, axes_or_new, legend_name, widen_log_axis
from firstdraw.marks import CLASS_MARKERS, LINE_STYLES, SERIES_COLORS

__all__ = ["plot_layers"]

SMALLEST, LARGEST = 1e-250, 1e250


def plot_layers(
    runs: Sequence[RunRecord], *, quantity: Literal["signal", "gradient"] = "signal", ax: Axes | None = None
) -> Axes:
    """Draw the root mean square of each layer's pre-activations, or of the gradients that reach them, at the start.

    Zeros, and what is so large or small that matplotlib's margins around it would leave float64, have no place on the
    logarithmic axis and are left out.

    Args:
        runs: what to draw.
        quantity: "signal" for the pre-activations, "gradient" for the cost's derivative by them.
        ax: where to draw; by default on a new figure.

    Returns:
        The axes.
    """
    ax = axes_or_new(ax)
    for number, run in enumerate(runs):
        states = run.measured.start.layers
        values = np.array([state.signal_rms if quantity == "signal" else state.gradient_rms for state in states])
        values[~((values > SMALLEST) & (values < LARGEST))] = np.nan
        if np.isnan(values).all():
            continue
        ax.plot(
            [state.layer for state in states],
            values,
            color=SERIES_COLORS[number % len(SERIES_COLORS)],
            linestyle=LINE_STYLES[number % len(LINE_STYLES)],
            marker=CLASS_MARKERS[number % len(CLASS_MARKERS)],
            markersize=4,
            label=legend_name(run.label),
        )
    name = "pre-activation (rms)" if quantity == "signal" else "gradient (rms)"
    ax.set(xlabel="layer", ylabel=name, yscale="log")
    widen_log_axis(ax)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(runs) > 1 and ax.lines:
        add_legend(ax)
    return ax
