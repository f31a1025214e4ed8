"""The decision boundary: what a network predicts at every point of the plane, over the data."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.experiments import ExperimentRecord, RunRecord
from firstdraw.figures.palette import boundary_colors
from firstdraw.figures.points import plot_points
from firstdraw.marks import CLASS_COLORS

__all__ = ["plot_boundary"]

# An even number of levels: none of them at one half, where an undecided network would draw its rounding errors.
LEVELS: Final = np.linspace(0, 1, 10)


def plot_boundary(
    record: ExperimentRecord,
    run: RunRecord,
    *,
    step: int | None = None,
    ax: Axes | None = None,
    resolution: int = 120,
    size: float = 14.0,
    most_points: int = 2000,
) -> Axes:
    """Draw what a run predicts over the plane of its two features, with the training examples on top.

    Each region has the color of the class predicted there. For two classes it deepens with the probability, and a line
    runs where that is one half.

    Args:
        record: the experiment.
        run: one of its runs.
        step: a step whose parameters were kept by `recording.snapshots`; by default the last.
        ax: where to draw; by default on a new figure.
        resolution: how many points the plane is sampled at along each side.
        size: of a marker, in square points.
        most_points: of more training examples than this only the first are drawn.

    Returns:
        The axes.

    Raises:
        InputError: if the data are not classes of points in the plane, or the step was not kept.
    """
    ax = plot_points(record.dataset, ax=ax, size=size, most_points=most_points)
    theta = _parameters(run, step)
    inputs = record.dataset.train.inputs
    margin = 0.12 * np.ptp(inputs, axis=0)
    low, high = inputs.min(axis=0) - margin, inputs.max(axis=0) + margin
    x, y = np.linspace(low[0], high[0], resolution), np.linspace(low[1], high[1], resolution)
    plane = np.stack([axis.ravel() for axis in np.meshgrid(x, y)]).astype(theta.dtype)
    loss, network = record.problem.loss, record.problem.network
    with np.errstate(over="ignore", invalid="ignore"):
        Z = network.output(theta, plane)
    classes = loss.classify(Z).reshape(resolution, resolution)
    several = len(Z) > 1
    regions = np.arange(max(2, len(Z)) + 1) - 0.5
    ax.contourf(x, y, classes, levels=regions, colors=CLASS_COLORS, alpha=0.3 if several else 0.1, zorder=0)
    if not several:
        p = np.clip(loss.predict(Z)[0], 0, 1).reshape(resolution, resolution)
        certainty = boundary_colors(CLASS_COLORS[0], CLASS_COLORS[1])
        ax.contourf(x, y, p, levels=LEVELS, cmap=certainty, vmin=0, vmax=1, zorder=1)
        if p.min() < 0.5 < p.max():
            ax.contour(x, y, p, levels=[0.5], colors=[ax.xaxis.label.get_color()], linewidths=1.2, zorder=2)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    return ax


def _parameters(run: RunRecord, step: int | None) -> Floats:
    trajectory = run.trajectory
    if step is None:
        return trajectory.final[0]
    kept = trajectory.snapshot_steps.tolist()
    if step not in kept:
        raise InputError("step", f"must be one of the kept snapshots {kept}", step)
    return trajectory.snapshots[0, kept.index(step)]
