"""`firstdraw theory` with networks to measure: those of a spec, or of a width."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from firstdraw.cli.pictures import check_figure, write_figure
from firstdraw.cli.theory import TOLD, Asked
from firstdraw.errors import InputError
from firstdraw.rules import check_positive_integer

if TYPE_CHECKING:
    from rich.table import Table

    from firstdraw.arrays import Floats
    from firstdraw.experiments.propagation import LayerComparison, PropagationComparison

__all__ = ["print_the_networks_of_a_spec", "print_the_networks_of_a_width"]

SCHEMA: Final = "firstdraw.propagation/1"
LETTERS: Final = {"second moment": "q", "correlation": "c", "gradient factor": "chi"}


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is told of one initialization: the comparison, or why there is none."""

    label: str
    comparison: PropagationComparison | None
    reason: str = ""


def print_the_networks_of_a_spec(
    spec: Path, settings: tuple[str, ...], networks: int, figure: Path | None, *, as_json: bool
) -> None:
    """Print what theory predicts of each initialization of a spec, beside networks drawn from it."""
    check_figure(figure)
    check_positive_integer("--networks", networks)
    from firstdraw.draws import DRAWS
    from firstdraw.experiments import prepare
    from firstdraw.experiments.propagation import compare_propagation, typical_pair
    from firstdraw.laboratory import read_spec

    prepared = prepare(read_spec(spec, settings))
    checked, source = prepared.spec, DRAWS[prepared.spec.draws]
    pair = typical_pair(prepared.problem.train.X.astype("float64"))
    found = [
        _compared(
            start.label,
            lambda label, laws=laws: compare_propagation(
                label, checked.network, laws, pair, [(seed, source(seed)) for seed in range(networks)]
            ),
        )
        for start, laws in zip(checked.initializations, prepared.laws, strict=True)
    ]
    _tell(found, figure, as_json=as_json)


def print_the_networks_of_a_width(
    asked: Asked, width: int, networks: int, figure: Path | None, *, as_json: bool
) -> None:
    """Print what theory predicts of layers of given variances, beside Gaussian networks of a width."""
    check_figure(figure)
    check_positive_integer("--width", width)
    check_positive_integer("--networks", networks)
    check_positive_integer("--depth", asked.depth)
    import numpy as np

    from firstdraw.cli.theory import activation_named
    from firstdraw.distributions import Constant, Normal
    from firstdraw.draws import CounterDraws
    from firstdraw.experiments.propagation import compare_propagation
    from firstdraw.networks import MultilayerPerceptron

    # A layer before the first one gives it pre-activations of the variance and the correlation that are asked for.
    network = MultilayerPerceptron((2, *(width,) * (asked.depth + 1)), activation_named(asked.activation))
    inner = Normal(math.sqrt(asked.weight_variance / width)), Normal(math.sqrt(asked.bias_variance))
    c = asked.input_correlation
    if not -1 < c < 1:
        raise InputError("--input-correlation", "must be above -1 and below 1 where networks are measured", c)
    pair = math.sqrt(2 * asked.input_variance) * np.array([[1.0, c], [0.0, math.sqrt(1 - c * c)]])
    comparison = compare_propagation(
        f"{asked.activation}, width {width}",
        network,
        (Normal(math.sqrt(0.5)), Constant(0.0), *inner * asked.depth),
        pair,
        [(seed, CounterDraws(seed)) for seed in range(networks)],
        first=0,
    )
    _tell([_Beside(comparison.label, comparison)], figure, as_json=as_json)


def _compared(label: str, compare: Callable[[str], PropagationComparison]) -> _Beside:
    """Return a comparison, or the sentence that says why theory predicts nothing here."""
    try:
        return _Beside(label, compare(label))
    except InputError as error:
        return _Beside(label, None, str(error))


def _tell(found: list[_Beside], figure: Path | None, *, as_json: bool) -> None:
    compared = [item.comparison for item in found if item.comparison is not None]
    if as_json:
        told = [
            {"label": item.label, "reason": item.reason} if item.comparison is None else item.comparison.to_dict()
            for item in found
        ]
        document = {"schema": SCHEMA, "initializations": told}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        for item in found:
            _print_one(item)
    if figure is not None:
        if not compared:
            raise InputError("--figure", "must have a prediction to be drawn, and there is none", str(figure))
        _draw(compared, figure)
        click.echo(f"Figure: {figure.resolve()}", err=True)


def _print_one(item: _Beside) -> None:
    from firstdraw.cli.tables import print_table

    if item.comparison is None:
        click.echo(f"{item.label}: no prediction, as {item.reason}.\n")
        return
    print_table(_by_layer(item.comparison))
    for sentence in _sentences(item.comparison):
        click.echo(sentence)
    click.echo()


def _by_layer(comparison: PropagationComparison) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False, title=Text(comparison.label, style="bold"), title_justify="left")
    table.add_column("layer", justify="right", no_wrap=True)
    for item in comparison.quantities:
        letter = LETTERS[item.quantity]
        for header in (letter, f"95 % of {letter}", "measured"):
            table.add_column(header, justify="right", no_wrap=True)
    layers = comparison.quantities[0].layers
    for layer in [layer for layer in TOLD if layers[0] <= layer < layers[-1]] + [layers[-1]]:
        cells = (cell for item in comparison.quantities for cell in _cells(item, layer))
        table.add_row(str(layer), *cells)
    return table


def _cells(item: LayerComparison, layer: int) -> tuple[str, str, str]:
    if layer not in item.layers:
        return "", "", ""
    place = item.layers.index(layer)
    band = item.band
    low, high = (_short(values[place], digits=2) for values in (band.lower, band.upper))
    return _short(band.predicted[place]), f"{low} to {high}", _short(_median(item.measured)[place])


def _median(measured: Floats) -> Floats:
    import numpy as np

    return np.median(measured, axis=0)


def _short(value: float, digits: int = 3) -> str:
    """Write a number in so many digits, and as few signs as it takes: 1.43e3."""
    return re.sub(r"e([-+])0*", lambda found: "e" + found[1].strip("+"), f"{value:.{digits}g}")


def _sentences(comparison: PropagationComparison) -> Iterable[str]:
    """Say of each quantity whether measurement follows theory, and where they part."""
    networks = len(comparison.seeds)
    for item in comparison.quantities:
        name = f"{item.quantity} {LETTERS[item.quantity]}"
        inside = item.within
        if item.parts_at is None:
            yield f"  {name}: agrees in all layers; {inside.mean():.0%} of {networks} networks lie within the band."
        else:
            share = inside[item.layers.index(item.parts_at)]
            yield (
                f"  {name}: parts from theory at layer {item.parts_at}, where {share:.0%} of {networks} networks lie "
                f"within the band."
            )


def _draw(compared: list[PropagationComparison], path: Path) -> None:
    from matplotlib.figure import Figure

    from firstdraw.figures import plot_layer_comparison, quiet_style

    with quiet_style():
        figure = Figure(figsize=(13, 3.5 * len(compared)), layout="constrained")
        grid = figure.subplots(len(compared), 3, squeeze=False)  # pyright: ignore[reportUnknownMemberType]
        for row, comparison in zip(grid, compared, strict=True):
            for ax in row[len(comparison.quantities) :]:
                ax.set_axis_off()
            for ax, item in zip(row, comparison.quantities, strict=False):
                plot_layer_comparison(item, ax=ax)
            row[0].set_title(comparison.label, loc="left")
        write_figure(figure, path)
