"""The figures of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup

from firstdraw.arrays import Floats
from firstdraw.datasets import Dataset, Examples
from firstdraw.experiments import ExperimentRecord, RunRecord
from firstdraw.marks import displayed, is_planar
from firstdraw.report.axes import Axis, linear_axis, logarithmic_axis
from firstdraw.report.drawing import Panel, certainties, dots, frame, heading, legend, line, picture, regions
from firstdraw.sigmoid import logit

__all__ = ["Picture", "cost_picture", "data_picture", "film_picture", "layers_picture", "run_picture"]

WIDTH, NARROW = 920.0, 640.0
BELOW: Final = 46.0
"""Room for the numbers and the name under a panel."""
BESIDE: Final = 62.0
"""Room for those on its left."""
ABOVE: Final = 26.0
"""Room for a heading."""
LONGEST_SIDE: Final = 5.0
"""Planes that are longer than this many times their width are drawn out of proportion."""
FINE, COARSE = 120, 60
"""At how many points along each side a large and a small picture of the plane sample it."""
MOST_DOTS, FEW_DOTS = 2000, 100


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure with what it shows in words, for those who cannot see it."""

    svg: Markup
    caption: str


def data_picture(record: ExperimentRecord) -> Picture | None:
    """Return the training and the test examples side by side, or None if they are not points in the plane."""
    dataset = record.dataset
    if not is_planar(dataset):
        return None
    names = [f"class {displayed(name)}" for name in dataset.classes]
    entries, height = legend(
        BESIDE, NARROW - BESIDE, names, lambda ends, number: dots(ends.mean(axis=0)[None], number, 4)
    )
    parts = list(entries)
    shown = [(part, name) for part, name in ((dataset.train, "training"), (dataset.test, "test")) if len(part)]
    x, y = _plane(dataset)
    width, tall = _fitted(x, y, NARROW / 2 - BESIDE - 12, 330)
    for number, (part, name) in enumerate(shown):
        panel = Panel(BESIDE + number * (width + BESIDE + 12), height + ABOVE, width, tall, x, y)
        parts += [heading(panel, f"{len(part)} {name} examples"), _named(panel, dataset)]
        parts += _dots(panel, dataset, part, MOST_DOTS, 2.6)
    return Picture(
        picture(NARROW, height + ABOVE + tall + BELOW, parts),
        f"The data: {len(dataset.train)} training and {len(dataset.test)} test examples of {len(dataset.classes)} "
        f"classes.",
    )


def cost_picture(record: ExperimentRecord) -> Picture:
    """Return all cost curves, and the training accuracies for classification."""
    classified = record.dataset.task == "classification"
    costs = [run.trajectory.cost[0] for run in record.runs]
    entries, top = _legend_of([start.label for start in record.spec.initializations])
    x, y = linear_axis(0, record.problem.steps), logarithmic_axis(np.concatenate(costs))
    left, right = _pair(top, 250, x, y, linear_axis(0, 1))
    unit = record.problem.loss.unit
    parts = [*entries, heading(left, f"Cost ({unit})"), frame(left, "step"), *_curves(left, record, costs)]
    if classified:
        accuracies = [run.trajectory.train_accuracy[0] for run in record.runs]
        parts += [heading(right, "Training accuracy"), frame(right, "step"), *_curves(right, record, accuracies)]
    return Picture(
        picture(WIDTH, left.top + left.height + BELOW, parts),
        "Cost on the training examples, and the share of them that is right, over the steps.",
    )


def layers_picture(runs: Sequence[RunRecord]) -> Picture:
    """Return signal and gradient by layer at the start."""
    entries, top = _legend_of([run.label for run in runs], marks=True)
    layers = [state.layer for state in runs[0].measured.start.layers]
    signal, gradient = (
        [np.array([getattr(state, name) for state in run.measured.start.layers]) for run in runs]
        for name in ("signal_rms", "gradient_rms")
    )
    whole = linear_axis(layers[0], layers[-1])
    x = Axis(whole.low, whole.high, tuple(tick for tick in whole.ticks if tick == round(tick)))
    left, right = _pair(
        top, 220, x, logarithmic_axis(np.concatenate(signal)), logarithmic_axis(np.concatenate(gradient))
    )
    parts = list(entries)
    for panel, title, values in (
        (left, "Pre-activation (root mean square)", signal),
        (right, "Gradient (root mean square)", gradient),
    ):
        parts += [heading(panel, title), frame(panel, "layer")]
        parts += [
            line(panel.places(np.array(layers), series), number, marks=True) for number, series in enumerate(values)
        ]
    return Picture(
        picture(WIDTH, left.top + left.height + BELOW, parts),
        "At the start: how large the signal is before each layer's activation, and how large the gradient that comes "
        "back to it. A healthy start keeps both within a factor of ten or so; zeros have no place on this axis.",
    )


def run_picture(record: ExperimentRecord, run: RunRecord) -> Picture:
    """Return a run's cost curve, beside its decision boundary where there is one."""
    planar = is_planar(record.dataset)
    x, y = linear_axis(0, record.problem.steps), logarithmic_axis(run.trajectory.cost[0])
    tall = 290.0
    across, up = _plane(record.dataset) if planar else (x, y)
    wide, high = _fitted(across, up, 400, tall)
    curve = Panel(BESIDE, ABOVE, (WIDTH - wide - BESIDE - 12 if planar else NARROW) - BESIDE - 12, tall, x, y)
    places = curve.places(run.trajectory.steps, run.trajectory.cost[0])
    parts = [heading(curve, f"Cost ({record.problem.loss.unit})"), frame(curve, "step"), line(places, 0)]
    caption = f"{run.label}: the cost on the training examples"
    if planar:
        plane = Panel(WIDTH - wide - 12, ABOVE, wide, high, across, up)
        parts += [heading(plane, "Prediction"), _predicted(plane, record, run.trajectory.final[0], FINE)]
        parts += [_named(plane, record.dataset), *_dots(plane, record.dataset, record.dataset.train, MOST_DOTS, 2.4)]
        caption += ", and what the trained network predicts over the plane; the line is where it is undecided"
    return Picture(picture(WIDTH if planar else NARROW, ABOVE + tall + BELOW, parts), f"{caption}.")


def film_picture(record: ExperimentRecord, run: RunRecord) -> Picture | None:
    """Return the decision boundary at each snapshot, or None without two of them or without a plane."""
    steps = run.trajectory.snapshot_steps.tolist()
    if len(steps) < 2 or len(steps) > 8 or not is_planar(record.dataset):
        return None
    x, y = _plane(record.dataset)
    room = (WIDTH - 12 * (len(steps) - 1)) / len(steps)
    wide, high = _fitted(x, y, room, 230)
    parts: list[str] = []
    for number, step in enumerate(steps):
        panel = Panel(number * (room + 12), ABOVE, wide, high, x, y)
        parts += [
            heading(panel, f"step {step:,}"),
            _predicted(panel, record, run.trajectory.snapshots[0, number], COARSE),
        ]
        parts += _dots(panel, record.dataset, record.dataset.train, FEW_DOTS, 1.6)
    return Picture(
        picture(WIDTH, ABOVE + high + 4, parts),
        f"{run.label}: the prediction on the way, at steps {', '.join(f'{s:,}' for s in steps)}.",
    )


def _legend_of(labels: Sequence[str], *, marks: bool = False) -> tuple[list[str], float]:
    """Return the names of the lines, or nothing where there is one line only."""
    if len(labels) < 2:
        return [], 0.0
    names = [displayed(label) for label in labels]
    return legend(BESIDE, WIDTH - BESIDE, names, lambda ends, number: line(ends, number, marks=marks))


def _pair(top: float, height: float, x: Axis, y_left: Axis, y_right: Axis) -> tuple[Panel, Panel]:
    width = WIDTH / 2 - BESIDE - 12
    return (
        Panel(BESIDE, top + ABOVE, width, height, x, y_left),
        Panel(WIDTH / 2 + BESIDE, top + ABOVE, width, height, x, y_right),
    )


def _curves(panel: Panel, record: ExperimentRecord, series: Sequence[Floats]) -> list[str]:
    """Return one line a run; the runs of one initialization share a color."""
    labels = [start.label for start in record.spec.initializations]
    single = len(record.runs) == len(labels)
    width, opacity = (1.8, 1.0) if single else (0.8, 0.6)
    return [
        line(panel.places(run.trajectory.steps, values), labels.index(run.label), width=width, opacity=opacity)
        for run, values in zip(record.runs, series, strict=True)
    ]


def _plane(dataset: Dataset) -> tuple[Axis, Axis]:
    """Return the axes of the plane, with some room around the training examples."""
    inputs = dataset.train.inputs
    x, y = (linear_axis(float(column.min()), float(column.max()), margin=0.12) for column in inputs.T)
    return x, y


def _fitted(x: Axis, y: Axis, width: float, height: float) -> tuple[float, float]:
    """Return how wide and how high a plane is drawn in the room there is, in its own proportions if it is not long."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = float(np.float64(x.high - x.low) / (y.high - y.low))
    if not 1 / LONGEST_SIDE <= ratio <= LONGEST_SIDE:
        ratio = width / height
    return min(width, height * ratio), min(height, width / ratio)


def _named(panel: Panel, dataset: Dataset) -> str:
    return frame(panel, displayed(dataset.features[0]), displayed(dataset.features[1]), grid=False)


def _dots(panel: Panel, dataset: Dataset, examples: Examples, most: int, radius: float) -> list[str]:
    """Return the examples that lie in the panel, one color and mark a class."""
    places = panel.places(*examples.inputs[:most].T)
    inside = ((panel.left, panel.top) <= places).all(axis=1)
    inside &= (places <= (panel.left + panel.width, panel.top + panel.height)).all(axis=1)
    return [
        dots(places[inside & (examples.targets[:most] == number)], number, radius)
        for number in range(len(dataset.classes))
    ]


def _predicted(panel: Panel, record: ExperimentRecord, theta: Floats, resolution: int) -> str:
    """Return what a network with these parameters predicts over a panel."""
    x, y = (np.linspace(axis.low, axis.high, resolution) for axis in (panel.x, panel.y))
    plane = np.stack([axis.ravel() for axis in np.meshgrid(x, y)]).astype(theta.dtype)
    network, loss = record.problem.network, record.problem.loss
    with np.errstate(over="ignore", invalid="ignore"):
        Z = network.output(theta, plane)
        if len(Z) == 1:
            return certainties(panel, _squared(Z)[0], logit if loss.squashes else float)
        return regions(panel, _squared(loss.predict(Z)))


def _squared(values: Floats) -> Floats:
    """Return values over the plane `[k, n^2]` as squares `[k, n, n]`."""
    side = math.isqrt(values.shape[1])
    return values.reshape(-1, side, side).astype(np.float64)
