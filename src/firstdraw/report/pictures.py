"""The figures of the report."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from firstdraw.experiments import ExperimentRecord, RunRecord
from firstdraw.figures import is_planar, plot_accuracy, plot_boundary, plot_cost, plot_layers, plot_points
from firstdraw.report.svg import as_svg, page_ink

__all__ = ["Picture", "cost_picture", "data_picture", "film_picture", "layers_picture", "run_picture"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure with what it shows in words, for those who cannot see it."""

    svg: Markup
    caption: str


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def data_picture(record: ExperimentRecord) -> Picture | None:
    """Return the training and the test examples side by side, or None if they are not points in the plane."""
    dataset = record.dataset
    if not is_planar(dataset):
        return None
    with page_ink():
        figure = _figure(8.2, 3.8)
        left, right = figure.subplots(1, 2, sharex=True, sharey=True)
        plot_points(dataset, ax=left).set_title(f"{len(dataset.train)} training examples")
        plot_points(dataset, part="test", ax=right).set_title(f"{len(dataset.test)} test examples")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=len(dataset.classes))
        return Picture(
            as_svg(figure, "data"),
            f"The data: {len(dataset.train)} training and {len(dataset.test)} test examples of {len(dataset.classes)} "
            f"classes.",
        )


def cost_picture(record: ExperimentRecord) -> Picture:
    """Return all cost curves, and the training accuracies for classification."""
    with page_ink():
        if record.dataset.task == "classification":
            figure = _figure(9.4, 3.6)
            left, right = figure.subplots(1, 2)
            plot_accuracy(record.runs, ax=right)
            if (legend := right.get_legend()) is not None:
                legend.remove()
        else:
            figure = _figure(6.4, 3.6)
            left = figure.subplots()
        plot_cost(record.runs, unit=record.problem.loss.unit, ax=left)
        return Picture(
            as_svg(figure, "curves"),
            "Cost on the training examples, and the share of them that is right, over the steps.",
        )


def layers_picture(runs: Sequence[RunRecord]) -> Picture:
    """Return signal and gradient by layer at the start."""
    with page_ink():
        figure = _figure(9.4, 3.4)
        left, right = figure.subplots(1, 2)
        plot_layers(runs, ax=left)
        plot_layers(runs, quantity="gradient", ax=right)
        if (legend := right.get_legend()) is not None:
            legend.remove()
        return Picture(
            as_svg(figure, "layers"),
            "At the start: how large the signal is before each layer's activation, and how large the gradient "
            "that comes "
            "back to it. A healthy start keeps both within a factor of ten or so; zeros have no place on this axis.",
        )


def run_picture(record: ExperimentRecord, run: RunRecord, name: str) -> Picture:
    """Return a run's cost curve, beside its decision boundary where there is one."""
    with page_ink():
        planar = is_planar(record.dataset)
        figure = _figure(9.4 if planar else 6.0, 3.8)
        axes = figure.subplots(1, 2, width_ratios=[1.25, 1], squeeze=False)[0] if planar else [figure.subplots()]
        plot_cost([run], unit=record.problem.loss.unit, ax=axes[0])
        caption = f"{run.label}: the cost on the training examples"
        if planar:
            plot_boundary(record, run, ax=axes[1])
            axes[1].grid(visible=False)
            caption += ", and what the trained network predicts over the plane; the line is where it is undecided"
        return Picture(as_svg(figure, name), f"{caption}.")


def film_picture(record: ExperimentRecord, run: RunRecord, name: str) -> Picture | None:
    """Return the decision boundary at each snapshot, or None without two of them or without a plane."""
    steps = run.trajectory.snapshot_steps.tolist()
    if len(steps) < 2 or len(steps) > 8 or not is_planar(record.dataset):
        return None
    with page_ink():
        figure = _figure(9.4, 9.4 / len(steps) + 0.2)
        for step, ax in zip(steps, figure.subplots(1, len(steps)), strict=True):
            plot_boundary(record, run, step=step, ax=ax, resolution=60, size=5, most_points=100)
            ax.set(xticks=[], yticks=[], xlabel="", ylabel="", title=f"step {step:,}")
            ax.grid(visible=False)
        return Picture(
            as_svg(figure, name),
            f"{run.label}: the prediction on the way, at steps {', '.join(f'{s:,}' for s in steps)}.",
        )
