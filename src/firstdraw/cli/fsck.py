"""`firstdraw fsck`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from firstdraw.cli.exits import Exit
from firstdraw.errors import StoreError

if TYPE_CHECKING:
    from firstdraw.experiments.store import Salvaged

__all__ = ["check_the_store"]

SCHEMA: Final = "firstdraw.fsck/1"


def check_the_store(path: Path, into: Path | None, *, as_json: bool) -> None:
    """Print all damage of a store, and copy what is whole into a new one if that is asked for.

    Raises:
        StoreError: if it is no store, or cannot be opened and nothing is to be salvaged.
        click.exceptions.Exit: with the code of a store that is damaged, if it is.
    """
    from firstdraw.experiments.store import check, salvage

    try:
        found = check(path)
        runs, damage = found.runs, found.damage
    except StoreError as error:
        if into is None:
            raise
        runs, damage = None, (str(error),)
    result = None if into is None else salvage(path, into)
    if as_json:
        document: dict[str, Any] = {"schema": SCHEMA, "runs": runs, "damage": damage}
        if result is not None:
            document["salvaged"] = {"path": str(into), "runs": result.runs, "lost": result.lost}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print(path, runs, damage)
        if result is not None:
            _print_the_salvage(into, result)
    if damage:
        raise click.exceptions.Exit(Exit.OUTPUT)


def _print(path: Path, runs: int | None, damage: tuple[str, ...]) -> None:
    for sentence in damage:
        click.echo(f"Damage: {sentence}.")
    if not damage:
        click.echo(f"{path}: all {runs:,} runs are whole.")
    elif runs is not None:
        click.echo(f"{path}: {runs:,} runs are whole.")


def _print_the_salvage(into: Path | None, result: Salvaged) -> None:
    for sentence in result.lost:
        click.echo(f"Lost: {sentence}.")
    click.echo(f"{into}: {result.runs:,} runs salvaged.")
