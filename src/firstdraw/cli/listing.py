"""`firstdraw list`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

import click

from firstdraw.catalogue import Catalogue
from firstdraw.cli.tables import print_table
from firstdraw.errors import InputError

__all__ = ["list_the_catalogues"]


# Where each catalogue is; only what is listed is imported.
CATALOGUES: Final[Mapping[str, tuple[str, str]]] = {
    "initializers": ("firstdraw.initializers", "INITIALIZERS"),
    "fitted": ("firstdraw.fitted", "FITTED"),
    "activations": ("firstdraw.activations", "ACTIVATIONS"),
    "losses": ("firstdraw.losses", "LOSSES"),
    "optimizers": ("firstdraw.engine", "OPTIMIZERS"),
    "datasets": ("firstdraw.datasets", "DATASETS"),
    "draws": ("firstdraw.draws", "DRAWS"),
    "papers": ("firstdraw.papers", "PAPERS"),
}


def _catalogue(kind: str) -> Catalogue[object]:
    module, name = CATALOGUES[kind]
    return getattr(importlib.import_module(module), name)


def list_the_catalogues(kind: str | None) -> None:
    """Print the names of every catalogue, or one catalogue in full."""
    if kind is None:
        for name in CATALOGUES:
            click.echo(f"{name}: {', '.join(_catalogue(name))}")
        return
    if kind not in CATALOGUES:
        raise InputError("kind", f"must be one of {', '.join(CATALOGUES)}", kind)
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("Name", "What it is", "Source", box=box.SIMPLE, pad_edge=False)
    catalogue = _catalogue(kind)
    for name, member in catalogue.items():
        names = ", ".join((name, *catalogue.aliases_of(name)))
        source = getattr(member, "source", None)
        table.add_row(
            Text(names), Text(_what(member)), Text("" if source is None else f"{source.authors} {source.year}")
        )
    print_table(table)


def _what(member: type) -> str:
    """Return a member's formula, its description, or the first line of its docstring, and whether it is unverified."""
    for attribute in ("formula", "description", "title"):
        text = getattr(member, attribute, None)
        if isinstance(text, str):
            return text if getattr(member, "verified", True) else f"{text} (unverified)"
    return (member.__doc__ or "").partition("\n")[0]
