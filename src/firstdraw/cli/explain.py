"""`firstdraw explain`."""

from __future__ import annotations

import click

from firstdraw.cli.tables import print_table
from firstdraw.errors import InputError

__all__ = ["print_the_explanation"]


def print_the_explanation(name: str, shape: str | None, activation: str | None, *, as_json: bool) -> None:
    """Print what an initializer, or the default of a framework's layer, does."""
    from firstdraw.explanations import explain
    from firstdraw.explanations.telling import as_table

    explanation = explain(name, shape=None if shape is None else _read_shape(shape), activation=activation)
    if as_json:
        click.echo(explanation.to_json(), nl=False)
    else:
        print_table(as_table(explanation))


def _read_shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(length) for length in text.split(","))
    except ValueError:
        raise InputError("--shape", "must be integers with commas between them, like 256,128,3,3", text) from None
