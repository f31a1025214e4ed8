"""`firstdraw phase`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from firstdraw.cli.pictures import check_figure, write_figure
from firstdraw.cli.theory import activation_named, number
from firstdraw.rules import check_positive

if TYPE_CHECKING:
    from rich.table import Table

    from firstdraw.activations import Activation
    from firstdraw.theory import EdgePoint

__all__ = ["print_the_edge_of_chaos"]

SCHEMA: Final = "firstdraw.edge_of_chaos/1"
BIASES: Final = (0.0, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
RESOLUTION: Final = 200
# As many times the weight variance of the edge where it is widest among the biases; and where there is no edge.
MARGIN, WITHOUT_EDGE = 1.5, 4.0


def print_the_edge_of_chaos(
    name: str, weight_variance: float | None, bias_variance: float, figure: Path | None, *, as_json: bool
) -> None:
    """Print the edge of chaos of an activation by its bias variances, and draw the plane around it if asked to."""
    check_figure(figure)
    if weight_variance is not None:
        check_positive("--weight-variance", weight_variance)
    check_positive("--bias-variance", bias_variance)
    from firstdraw.theory import edge_of_chaos, edge_points

    activation = activation_named(name)
    kind = edge_of_chaos(activation).kind
    points = [point for bias in BIASES for point in edge_points(activation, bias)]
    if as_json:
        click.echo(json.dumps(_document(name, kind, points), indent=2, allow_nan=False))
    else:
        _print(name, kind, points)
    if figure is not None:
        widest = max((point.weight_variance for point in points), default=WITHOUT_EDGE / MARGIN)
        _draw(activation, weight_variance or MARGIN * widest, bias_variance, figure)
        click.echo(f"Figure: {figure.resolve()}", err=True)


def _document(name: str, kind: str, points: list[EdgePoint]) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "activation": name,
        "kind": kind,
        "points": [
            {
                "bias_variance": point.bias_variance,
                "weight_variance": point.weight_variance,
                "variance": None if kind == "single point" else point.variance,
                "slope": point.slope,
                "stable": point.stable,
            }
            for point in points
        ],
    }


def _print(name: str, kind: str, points: list[EdgePoint]) -> None:
    from firstdraw.cli.tables import print_table

    if kind == "none":
        click.echo(f"{name} has no edge of chaos: chi_1 = 1 would take a negative bias variance.")
    elif kind == "single point":
        (point,) = points
        click.echo(
            f"The edge of chaos of {name} is the point of the weight variance {number(point.weight_variance)} and no "
            "bias: every variance of pre-activations is then kept."
        )
    else:
        print_table(_table(points))


def _table(points: list[EdgePoint]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for header in ("bias variance", "weight variance", "variance q", "dq'/dq", "fixed point"):
        table.add_column(header, justify="right", no_wrap=True)
    for point in points:
        numbers = (point.bias_variance, point.weight_variance, point.variance, point.slope)
        table.add_row(*map(number, numbers), "stable" if point.stable else "not stable")
    return table


def _draw(activation: Activation, weight_variance: float, bias_variance: float, path: Path) -> None:
    import numpy as np
    from matplotlib.figure import Figure

    from firstdraw.figures import plot_phase_plane, quiet_style
    from firstdraw.theory import edge_of_chaos, phase_plane

    plane = phase_plane(
        activation,
        weight_variances=np.linspace(0, weight_variance, RESOLUTION),
        bias_variances=np.linspace(0, bias_variance, RESOLUTION),
    )
    with quiet_style():
        figure = Figure(figsize=(5.4, 4.6), layout="constrained")
        plot_phase_plane(plane, edge=edge_of_chaos(activation), ax=figure.add_subplot())
        write_figure(figure, path)
