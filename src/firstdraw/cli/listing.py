"""`firstdraw list`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from firstdraw.cli.tables import print_table
from firstdraw.errors import InputError

__all__ = ["list_the_catalogues"]


def _catalogues() -> Mapping[str, Any]:
    from firstdraw.activations import ACTIVATIONS
    from firstdraw.datasets import DATASETS
    from firstdraw.draws import DRAWS
    from firstdraw.engine import OPTIMIZERS
    from firstdraw.initializers import INITIALIZERS
    from firstdraw.losses import LOSSES
    from firstdraw.papers import PAPERS

    return {
        "initializers": INITIALIZERS,
        "activations": ACTIVATIONS,
        "losses": LOSSES,
        "optimizers": OPTIMIZERS,
        "datasets": DATASETS,
        "draws": DRAWS,
        "papers": PAPERS,
    }


def list_the_catalogues(kind: str | None) -> None:
    """Print the names of every catalogue, or one catalogue in full."""
    catalogues = _catalogues()
    if kind is None:
        for name, catalogue in catalogues.items():
            click.echo(f"{name}: {', '.join(catalogue)}")
        return
    if kind not in catalogues:
        raise InputError("kind", f"must be one of {', '.join(catalogues)}", kind)
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("Name", "What it is", "Source", box=box.SIMPLE, pad_edge=False)
    catalogue = catalogues[kind]
    for name, member in catalogue.items():
        names = ", ".join((name, *catalogue.aliases_of(name)))
        source = getattr(member, "source", None)
        table.add_row(
            Text(names), Text(_what(member)), Text("" if source is None else f"{source.authors} {source.year}")
        )
    print_table(table)


def _what(member: type) -> str:
    """Return a member's formula, its description, or the first line of its docstring."""
    for attribute in ("formula", "description", "title"):
        text = getattr(member, attribute, None)
        if isinstance(text, str):
            return text if getattr(member, "verified", True) else f"{text} (unverified)"
    return (member.__doc__ or "").partition("\n")[0]
