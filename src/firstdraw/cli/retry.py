"""`firstdraw retry`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

__all__ = ["forget_the_failures"]

SCHEMA: Final = "firstdraw.retry/1"


def forget_the_failures(path: Path, *, as_json: bool) -> None:
    """Forget which runs of a store have failed, so that the next `firstdraw run` tries them again."""
    from firstdraw.experiments.store import Store

    with Store.open(path) as store:
        count = store.retry()
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "forgotten": count}, indent=2))
    elif count:
        click.echo(
            f"{count:,} failed {'run is' if count == 1 else 'runs are'} tried again by the next `firstdraw run`."
        )
    else:
        click.echo("No run has failed.")
