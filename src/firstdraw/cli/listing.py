"""`firstdraw list`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import click

from firstdraw.errors import InputError, located

if TYPE_CHECKING:
    from firstdraw.initializers import Initializer

__all__ = ["Wanted", "list_the_catalogues"]

# Where each catalogue is: one that is not asked for is not imported.
HOMES: Final = {
    "initializers": ("firstdraw.initializers", "INITIALIZERS"),
    "parametrizations": ("firstdraw.initializers.parametrizations", "PARAMETRIZATIONS"),
    "fitted": ("firstdraw.fitted", "FITTED"),
    "activations": ("firstdraw.activations", "ACTIVATIONS"),
    "losses": ("firstdraw.losses", "LOSSES"),
    "optimizers": ("firstdraw.engine", "OPTIMIZERS"),
    "datasets": ("firstdraw.datasets", "DATASETS"),
    "draws": ("firstdraw.draws", "DRAWS"),
    "papers": ("firstdraw.papers", "PAPERS"),
}
SHORT: Final = {"conv": "convolution"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which initializers are asked for.

    Args:
        activation: the name of an activation; None for all.
        kind: a kind of layer; None for all.
        residual: only those for networks with residual branches.
    """

    activation: str | None = None
    kind: str | None = None
    residual: bool = False

    def filters(self) -> bool:
        """Whether anything is left out."""
        return self != Wanted()


def list_the_catalogues(kind: str | None, wanted: Wanted) -> None:
    """Print the names of every catalogue, or one catalogue in full, or of the initializers those that are wanted."""
    if wanted.filters() and kind != "initializers":
        raise InputError(
            "kind", "must be initializers where `--for`, `--kind` or `--residual` chooses among them", kind
        )
    if kind is None:
        for name in HOMES:
            click.echo(f"{name}: {', '.join(_catalogue(name))}")
        return
    if kind not in HOMES:
        raise InputError("kind", f"must be one of {', '.join(HOMES)}", kind)
    catalogue = _catalogue(kind)
    members = _chosen(catalogue, wanted) if wanted.filters() else catalogue
    if not members:
        click.echo("No initializer of the catalogue is for all of that.")
        return
    _print_members(members, catalogue)


def _catalogue(kind: str) -> Any:  # noqa: ANN401  # a catalogue of whatever
    module, name = HOMES[kind]
    return getattr(importlib.import_module(module), name)


def _chosen(catalogue: Mapping[str, type[Initializer]], wanted: Wanted) -> dict[str, type[Initializer]]:
    """Return the initializers that are for all of what is wanted."""
    activation, kind = wanted.activation, wanted.kind
    if activation is not None:
        from firstdraw.activations import ACTIVATIONS

        with located("--for"):
            activation = ACTIVATIONS.canonical(activation)
    if kind is not None:
        kind = SHORT.get(kind, kind)
        kinds = {one for member in catalogue.values() for one in member.kinds}
        if kind not in kinds:
            raise InputError("--kind", f"must be one of {', '.join(sorted(kinds))}", wanted.kind)
    return {
        name: member
        for name, member in catalogue.items()
        if (activation is None or member.activations is None or activation in member.activations)
        and (kind is None or kind in member.kinds)
        and (member.residual or not wanted.residual)
    }


def _print_members(members: Mapping[str, type], catalogue: Any) -> None:  # noqa: ANN401
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from firstdraw.cli.tables import print_table

    table = Table("Name", "What it is", "Source", box=box.SIMPLE, pad_edge=False)
    with_rates = catalogue.kind == "parametrization"
    for name, member in members.items():
        names = ", ".join((name, *catalogue.aliases_of(name)))
        source = getattr(member, "source", None)
        published = "" if source is None else f"{source.authors} {source.year}"
        doubt = "" if getattr(member, "verified", True) else " (unverified)"
        # The same class is an initializer in another catalogue, where its learning rates have no part.
        rates = f"; learning rates: {cast('Any', member).learning_rates}" if with_rates else ""
        table.add_row(Text(names), Text(_what(member) + rates + doubt), Text(published))
    print_table(table)


def _what(member: type) -> str:
    """Return a member's formula, its description, or the first line of its docstring."""
    for attribute in ("formula", "description", "title"):
        text = getattr(member, attribute, None)
        if isinstance(text, str):
            return text
    return (member.__doc__ or "").partition("\n")[0]
