"""What the theory of wide networks predicts: by layer, and over the plane of weight and bias variances."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.experiments.propagation import LayerComparison
from firstdraw.figures.canvas import add_legend, axes_or_new, widen_log_axis
from firstdraw.marks import LINE_STYLES, SERIES_COLORS
from firstdraw.theory import EdgeOfChaos, Phase, PhasePlane, Propagation

__all__ = ["plot_layer_comparison", "plot_phase_plane", "plot_propagation"]

Quantity = Literal["variance", "correlation", "gradient"]
NAMES: Final = {
    "variance": "variance of pre-activations",
    "correlation": "correlation of two inputs",
    "gradient": "variance of gradients / last layer's",
}
COMPARED: Final = {
    "second moment": "second moment of pre-activations, q",
    "correlation": "correlation of two inputs, c",
    "gradient factor": "gradient factor, chi",
}
# Ordered as blue, chaotic as red; where variances grow without end there is no phase, and gray.
REGIONS: Final = {
    Phase.ORDERED: ("ordered: gradients vanish", SERIES_COLORS[0]),
    Phase.CHAOTIC: ("chaotic: gradients explode", SERIES_COLORS[1]),
    Phase.DIVERGING: ("no fixed point: signals explode", "#777777"),
}
DEPTHS: Final = (10.0, 30.0, 100.0, 300.0)
TRAINABLE: Final = 6.0
# Of a slope of 1.
ROUNDING: Final = 1e-9
# Single precision ends there, and so do figures of what left it.
SMALLEST, LARGEST = 1e-38, 1e38


def plot_propagation(
    predicted: Propagation,
    *,
    quantity: Quantity = "variance",
    measured: Floats | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what the theory predicts layer by layer, over what networks of finite width measured.

    Args:
        predicted: the prediction.
        quantity: "variance" of pre-activations, "correlation" of two inputs, or the variance of the "gradient" by the
            pre-activations as a multiple of that by the last ones.
        measured: the same quantity of several networks, `[networks, depth + 1]`, drawn as the band of their middle
            nine tenths and the line of their median; by default none.
        ax: where to draw; by default on a new figure.

    Returns:
        The axes.

    Raises:
        InputError: if the quantity is unknown, or what was measured has another number of layers.
    """
    if quantity not in NAMES:
        raise InputError("quantity", "must be 'variance', 'correlation' or 'gradient'", quantity)
    curves = {
        "variance": predicted.variance,
        "correlation": predicted.correlation,
        "gradient": predicted.gradient_ratio,
    }
    curve, layers = curves[quantity], np.arange(predicted.depth + 1.0)
    ax = axes_or_new(ax)
    logarithmic = quantity != "correlation"
    if measured is not None:
        _draw_measured(ax, layers, measured)
    ax.plot(layers, _drawable(curve) if logarithmic else curve, color=SERIES_COLORS[0], label="theory of wide networks")
    limit = _limit(predicted, quantity)
    if limit is not None:
        ax.axhline(limit, color=SERIES_COLORS[1], linestyle=LINE_STYLES[1], linewidth=1, label="fixed point")
    ax.set(xlabel="layer", ylabel=NAMES[quantity])
    if logarithmic:
        ax.set_yscale("log")
        widen_log_axis(ax)
    else:
        ax.set_ylim(min(-0.02, float(curve.min()) - 0.02), 1.02)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if limit is not None or measured is not None:
        add_legend(ax)
    return ax


def _draw_measured(ax: Axes, layers: Floats, measured: Floats) -> None:
    if measured.ndim != 2 or measured.shape[1] != layers.size:
        rule = f"must have a row a network, with {layers.size} numbers: one before the first layer and one after each"
        raise InputError("measured", rule, measured.shape)
    low, median, high = np.quantile(measured, [0.05, 0.5, 0.95], axis=0)
    ax.fill_between(layers, low, high, color=SERIES_COLORS[2], alpha=0.25, linewidth=0, label="measured, middle 90 %")
    ax.plot(layers, median, color=SERIES_COLORS[2], linestyle=LINE_STYLES[2], label="measured, median")


def _drawable(curve: Floats) -> Floats:
    """Leave out what has no place on a logarithmic axis, or lies beyond single precision."""
    return np.where((curve > SMALLEST) & (curve < LARGEST), curve, np.nan)


def _limit(predicted: Propagation, quantity: Quantity) -> float | None:
    """Return the fixed point where it has a place in the figure."""
    limit = predicted.limit
    if quantity == "variance":
        return limit.variance if SMALLEST < limit.variance < LARGEST and not limit.keeps_every_variance else None
    return limit.correlation if quantity == "correlation" else None


def plot_phase_plane(plane: PhasePlane, *, edge: EdgeOfChaos | None = None, ax: Axes | None = None) -> Axes:
    """Draw the phases over weight and bias variances, the edge of chaos, and how deep networks train.

    The lines inside the phases are those where 6/|ln chi_1| is 10, 30, 100 and 300 layers. Of the edge of chaos the
    part with stable fixed points is drawn through, the rest in dots: there no depth leads to its fixed points.

    Args:
        plane: the phase plane, of at least two variances each way.
        edge: the edge of chaos of the same activation; by default none is drawn.
        ax: where to draw; by default on a new figure.

    Returns:
        The axes.

    Raises:
        InputError: if the plane is a line.
    """
    if min(plane.phase.shape) < 2:
        raise InputError("plane", "must have at least two weight and two bias variances to be drawn", plane.phase.shape)
    ax = axes_or_new(ax, 5.4, 4.2)
    v, s = plane.weight_variances, plane.bias_variances
    for phase, (name, color) in REGIONS.items():
        within = plane.phase == phase
        if within.any():
            ax.contourf(v, s, within.astype(float), levels=[0.5, 1.5], colors=[color], alpha=0.25)
            ax.fill_between([], [], [], color=color, alpha=0.25, linewidth=0, label=name)
    trainable = np.where(np.isfinite(plane.variance), TRAINABLE * plane.depth_scale, np.nan)
    trainable = np.minimum(trainable, 1e6)
    if np.nanmin(trainable, initial=np.inf) < DEPTHS[-1] and np.nanmax(trainable, initial=0.0) > DEPTHS[0]:
        ink = ax.xaxis.label.get_color()
        lines = ax.contour(v, s, trainable, levels=DEPTHS, colors=[ink], linewidths=0.6, alpha=0.6)
        ax.clabel(lines, fmt="%g", fontsize=7)
    if edge is not None:
        _draw_edge(ax, edge)
    ax.set(
        xlabel="weight variance (times fan-in)",
        ylabel="bias variance",
        xlim=(float(v.min()), float(v.max())),
        ylim=(float(s.min()), float(s.max())),
    )
    # Below: inside there is no empty place.
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small")
    return ax


def _draw_edge(ax: Axes, edge: EdgeOfChaos) -> None:
    ink = ax.xaxis.label.get_color()
    v, s, slopes = (
        np.array([getattr(point, name) for point in edge.points])
        for name in ("weight_variance", "bias_variance", "slope")
    )
    if edge.kind == "single point":
        ax.plot(v, s, color=ink, marker="o", linestyle="", clip_on=False, zorder=4, label="edge of chaos, a point")
        return
    # Where the slope is 1 to the last digits, as at a variance of 0, neighbors tell.
    unstable = abs(slopes) > 1 + ROUNDING
    between = unstable[1:] | unstable[:-1]
    for parts, style, name in ((~between, "-", "edge of chaos"), (between, ":", "edge of chaos, unstable")):
        if parts.any():
            ends = np.append(parts, False) | np.append(False, parts)
            ax.plot(np.where(ends, v, np.nan), s, color=ink, linestyle=style, linewidth=1.8, zorder=4, label=name)


def plot_layer_comparison(item: LayerComparison, *, ax: Axes | None = None) -> Axes:
    """Draw what theory predicts of one quantity layer by layer, the band of finite widths, and each network measured.

    Args:
        item: the comparison; a line in dots stands where the networks part from the prediction.
        ax: where to draw; by default on a new figure.

    Returns:
        The axes.
    """
    ax = axes_or_new(ax)
    layers, band = np.array(item.layers), item.band
    logarithmic = item.quantity != "correlation"
    lower, predicted, upper = (
        _drawable(curve) if logarithmic else curve for curve in (band.lower, band.predicted, band.upper)
    )
    ax.fill_between(layers, lower, upper, color=SERIES_COLORS[0], alpha=0.2, linewidth=0, label="95 % of networks")
    for i, network in enumerate(item.measured):
        curve = _drawable(network) if logarithmic else network
        name = "measured, each network" if i == 0 else None
        ax.plot(layers, curve, color=SERIES_COLORS[2], linewidth=0.6, alpha=0.6, label=name)
    ax.plot(layers, predicted, color=SERIES_COLORS[0], label="theory, infinite width")
    if item.parts_at is not None:
        ax.axvline(item.parts_at, color=SERIES_COLORS[1], linestyle=":", linewidth=1.2, label="they part")
    ax.set(xlabel="layer", ylabel=COMPARED[item.quantity])
    if logarithmic:
        ax.set_yscale("log")
        widen_log_axis(ax)
    else:
        ax.set_ylim(min(-0.05, float(np.nanmin(item.measured)) - 0.05), 1.02)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(ax)
    return ax
