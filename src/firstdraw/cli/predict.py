"""`firstdraw predict`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from firstdraw.diagnosis import Trainability
    from firstdraw.experiments.prediction import Prediction

__all__ = ["print_the_outlook"]

SCHEMA: Final = "firstdraw.prediction/1"


def print_the_outlook(spec: Path | None, settings: tuple[str, ...], *, as_json: bool) -> None:
    """Print how likely each initialization of a spec is to train, and what is wrong with its start."""
    from firstdraw.experiments import prepare
    from firstdraw.experiments.prediction import predict
    from firstdraw.laboratory import read_spec

    prepared = prepare(read_spec(spec, settings))
    found = predict(prepared)
    if as_json:
        document = {"schema": SCHEMA, "starts": [_as_json(item) for item in found]}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
        return
    _print_the_table([[item for item in found if item.label == start.label] for start in prepared.spec.initializations])
    for reason in dict.fromkeys(reason for item in found for reason in item.trainability.outside):
        click.echo(f"A guess: {reason}.")


def _print_the_table(initializations: Sequence[Sequence[Prediction]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from firstdraw.cli.tables import print_table

    table = Table(box=box.SIMPLE, show_lines=True, pad_edge=False)
    table.add_column("Initialization", no_wrap=True)
    table.add_column("Trains with", justify="right", no_wrap=True)
    table.add_column("The start", min_width=30, overflow="fold")
    table.add_column("For and against, in nats", no_wrap=True)
    for starts in initializations:
        typical = _typical(starts)
        finding = typical.findings[0]
        table.add_row(
            Text(typical.label),
            Text(_probability(starts)),
            Text(f"{finding.sentence}."),
            Text(_contributions(typical.trainability)),
        )
    print_table(table)


def _typical(starts: Sequence[Prediction]) -> Prediction:
    """Return the start whose probability is the median."""
    return sorted(starts, key=lambda item: item.trainability.probability)[(len(starts) - 1) // 2]


def _probability(starts: Sequence[Prediction]) -> str:
    """Write the median probability, and below it the range over the seeds."""
    shares = [item.trainability.probability for item in starts]
    told = f"{median(shares):.0%}"
    return told if len(shares) == 1 else f"{told}\n{min(shares):.0%} to {max(shares):.0%}"


def _contributions(found: Trainability) -> str:
    """Write what the three weightiest features add to the less likely condition."""
    return "\n".join(f"{one.feature} {one.nats:+.1f}" for one in found.contributions[:3]) or found.reason


def _as_json(item: Prediction) -> dict[str, Any]:
    found = item.trainability
    return {
        "label": item.label,
        "seed": item.seed,
        "probability": found.probability,
        "conditions": dict(found.conditions),
        "reason": found.reason,
        "outside": list(found.outside),
        "contributions": [
            {"condition": one.condition, "feature": one.feature, "value": one.value, "nats": one.nats}
            for one in found.contributions
        ],
        "findings": [
            {
                "cause": finding.cause,
                "severity": finding.severity.name.lower(),
                "place": finding.place,
                "sentence": finding.sentence,
                "evidence": {name: value if math.isfinite(value) else None for name, value in finding.evidence.items()},
                "remedy": finding.remedy,
            }
            for finding in item.findings
        ],
    }
