"""`firstdraw status`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from firstdraw.experiments.store import Failure, Series, SeriesSummary

__all__ = ["print_the_status"]

SCHEMA: Final = "firstdraw.status/1"
MOST_ROWS: Final = 20
"""A longer table scrolls away before it is read."""
MOST_WIDTHS: Final = 6


def print_the_status(path: Path, *, as_json: bool) -> None:
    """Print how many runs a store holds of each series, which have failed and which are being made."""
    from firstdraw.experiments.store import Store

    with Store.read(path) as store:
        found, failures = store.summary(), store.failures()
    if as_json:
        document = {
            "schema": SCHEMA,
            "runs": sum(item.runs for item in found),
            "series": [_series_as_json(item) for item in found],
            "failures": [_failure_as_json(failure) for failure in failures],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
        return
    _print_the_table(found)
    for failure in failures:
        left = "left alone" if failure.is_quarantined else "tried again"
        times = _counted(failure.attempts, "time")
        click.echo(f"Failed {times}, {left}: seed {failure.seed} of {failure.series}: {failure.message}")
    if any(failure.is_quarantined for failure in failures):
        click.echo(f"`firstdraw retry {path} --failed` has them tried again.")


def _print_the_table(found: tuple[SeriesSummary, ...]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from firstdraw.cli.tables import print_table

    runs = sum(item.runs for item in found)
    click.echo(f"{_counted(runs, 'run')} of {_counted(len(found), 'series', 'series')}.")
    if not found:
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for header in ("Task", "Start", "What"):
        table.add_column(header, no_wrap=header != "What", overflow="fold")
    for header in ("Runs", "Failed", "Left alone", "At work"):
        table.add_column(header, justify="right", no_wrap=True)
    # Those of which there is more to say come first.
    ordered = sorted(found, key=lambda item: not (item.failed or item.quarantined or item.claimed))
    for item in ordered[:MOST_ROWS]:
        names = (str(item.series.task), str(item.series.start), _what(item.series))
        counts = (item.runs, item.failed, item.quarantined, item.claimed)
        table.add_row(*map(Text, names), *(f"{count:,}" for count in counts))
    print_table(table)
    if len(found) > MOST_ROWS:
        click.echo(f"And {len(found) - MOST_ROWS:,} series more; --json has all.")


def _counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def _what(series: Series) -> str:
    """Write what a series is, in a few words."""
    task = series.task.table
    if series.is_of_model:
        return _what_of_a_model(series)
    training, network = task["training"], task["network"]
    widths = "-".join(map(str, network["widths"]))
    if len(network["widths"]) > MOST_WIDTHS:
        first, second, *_, last = network["widths"]
        widths = f"{first}-{second}-...-{last} of {len(network['widths']) - 1} layers"
    return (
        f"{series.weights}: {task['data']['name']}, {widths} {network['activation']['name']}, "
        f"{training['optimizer']['name']} {training['optimizer']['learning_rate']:g}, {training['steps']:,} steps"
    )


def _what_of_a_model(series: Series) -> str:
    task = series.task.table
    model, training, optimizer = task["model"], task["training"], task["training"]["optimizer"]
    name = f"{task['name']}, " if task["name"] else ""
    rate = "" if optimizer["rate"] is None else f" {optimizer['rate']:g}"
    return (
        f"{series.weights}: {name}{model['class']} of {model['parameters']:,} parameters, {optimizer['name']}{rate}, "
        f"{training['steps']:,} steps"
    )


def _series_as_json(item: SeriesSummary) -> dict[str, Any]:
    return {
        "task": str(item.series.task),
        "start": str(item.series.start),
        "runs": item.runs,
        "failed": item.failed,
        "quarantined": item.quarantined,
        "claimed": item.claimed,
        "task_description": item.series.task.table,
        "start_description": item.series.start.table,
    }


def _failure_as_json(failure: Failure) -> dict[str, Any]:
    return {
        "task": str(failure.series.task),
        "start": str(failure.series.start),
        "seed": failure.seed,
        "attempts": failure.attempts,
        "quarantined": failure.is_quarantined,
        "message": failure.message,
    }
