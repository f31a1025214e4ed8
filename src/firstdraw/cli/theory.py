"""`firstdraw theory`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from firstdraw.cli.pictures import check_figure, write_figure
from firstdraw.errors import InputError, located

if TYPE_CHECKING:
    from rich.table import Table

    from firstdraw.activations import Activation
    from firstdraw.theory import Limit, Propagation

__all__ = ["TOLD", "Asked", "activation_named", "asked_for", "number", "print_the_prediction"]

SCHEMA: Final = "firstdraw.theory/1"
# The layers told in the table: these, and the last.
TOLD: Final = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

PHASES: Final = {
    "ordered": "ordered: gradients vanish on their way back, and all inputs end up alike",
    "critical": "critical, on the edge of chaos: gradients keep their variance",
    "chaotic": "chaotic: gradients explode on their way back, and similar inputs end up different",
    "diverging": "none: the variance of pre-activations grows without end",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be predicted, as the command line gives it."""

    activation: str
    weight_variance: float
    bias_variance: float
    depth: int
    input_variance: float
    input_correlation: float


def asked_for(
    activation: str | None,
    weight_variance: float | None,
    bias_variance: float,
    depth: int,
    input_variance: float,
    input_correlation: float,
) -> Asked:
    """Return what is to be predicted where no spec says it.

    Raises:
        InputError: if the activation or the weight variance is missing.
    """
    if activation is None:
        raise InputError("--activation", "must be given where there is no spec to take it from")
    if weight_variance is None:
        raise InputError("--weight-variance", "must be given where there is no spec to take it from")
    return Asked(activation, weight_variance, bias_variance, depth, input_variance, input_correlation)


def print_the_prediction(asked: Asked, figure: Path | None, *, as_json: bool) -> None:
    """Print what the theory of wide networks predicts, and draw it where a figure is asked for."""
    check_figure(figure)
    from firstdraw.theory import WideLayer, propagate

    layer = WideLayer(
        activation=activation_named(asked.activation),
        weight_variance=asked.weight_variance,
        bias_variance=asked.bias_variance,
    )
    predicted = propagate(layer, depth=asked.depth, q0=asked.input_variance, c0=asked.input_correlation)
    if as_json:
        document = {"schema": SCHEMA, **predicted.to_dict()}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print_the_tables(predicted)
    if figure is not None:
        _draw(predicted, figure)
        click.echo(f"Figure: {figure.resolve()}", err=True)


def activation_named(name: str) -> Activation:
    """Return the activation that `--activation` names."""
    from firstdraw.activations import ACTIVATIONS

    with located("--activation"):
        return ACTIVATIONS[name]()


def number(value: float | None) -> str:
    """Write a number in a few digits; infinity in a word, and what is not there as a dash."""
    if value is None:
        return "-"
    return "infinite" if math.isinf(value) else f"{value:.6g}"


def _print_the_tables(predicted: Propagation) -> None:
    from firstdraw.cli.tables import print_table

    print_table(_by_layer(predicted))
    print_table(_summary(predicted))


def _by_layer(predicted: Propagation) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for header in ("layer", "variance", "correlation", "chi_1", "gradient ratio"):
        table.add_column(header, justify="right", no_wrap=True)
    for layer in [layer for layer in TOLD if layer < predicted.depth] + [predicted.depth]:
        curves = (predicted.variance, predicted.correlation, predicted.gradient_factor, predicted.gradient_ratio)
        table.add_row(str(layer), *(number(float(curve[layer])) for curve in curves))
    return table


def _summary(predicted: Propagation) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _lines(predicted):
        table.add_row(Text(label, style="cyan"), Text(value))
    return table


def _lines(predicted: Propagation) -> Iterable[tuple[str, str]]:
    limit = predicted.limit
    yield "phase", PHASES[limit.phase]
    if limit.keeps_every_variance:
        yield "fixed points", "every variance: the layers keep what they are given"
    elif not limit.fixed_points:
        yield "fixed points", "none"
    for point in limit.fixed_points:
        steady = "stable" if point.stable else "not stable"
        yield "fixed point", f"variance {number(point.variance)}, {steady}, chi_1 {number(point.gradient_factor)}"
    yield "reached", _reached(limit)
    yield "variance scale", _scale(limit.variance_scale, "|ln(dq'/dq)|")
    if limit.correlation_scale is not None:
        yield "correlation scale", _scale(limit.correlation_scale, "|ln(dc'/dc)|")
    yield "gradient scale", _scale(limit.gradient_scale, "|ln chi_1|")
    if limit.trainable_depth is not None:
        depth = "any depth" if math.isinf(limit.trainable_depth) else f"about {limit.trainable_depth:.4g} layers"
        yield "trains to", f"{depth}, by the rule of 6 correlation scales (Schoenholz et al. 2017)"


def _scale(layers: float, rate: str) -> str:
    return "infinite: slower than exponentially" if math.isinf(layers) else f"{layers:.4g} layers = 1/{rate}"


def _reached(limit: Limit) -> str:
    if math.isinf(limit.variance):
        return "none: the variance grows without end"
    toward = "every correlation stays" if limit.correlation is None else f"correlation {number(limit.correlation)}"
    return f"variance {number(limit.variance)}, {toward}"


def _draw(predicted: Propagation, path: Path) -> None:
    from matplotlib.figure import Figure

    from firstdraw.figures import plot_propagation, quiet_style

    with quiet_style():
        figure = Figure(figsize=(13, 3.6), layout="constrained")
        axes = figure.subplots(1, 3)  # pyright: ignore[reportUnknownMemberType]
        plot_propagation(predicted, quantity="variance", ax=axes[0])
        plot_propagation(predicted, quantity="correlation", ax=axes[1])
        plot_propagation(predicted, quantity="gradient", ax=axes[2])
        write_figure(figure, path)
