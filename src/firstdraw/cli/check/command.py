"""The command: the model, what it is called with, the check, and the exit code."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from firstdraw.cli.exits import Exit
from firstdraw.cli.pictures import check_figure, write_figure
from firstdraw.errors import InputError

if TYPE_CHECKING:
    from firstdraw.cli.check.outcome import Outcome
    from firstdraw.torch.shown import Check

__all__ = ["AskedCheck", "print_the_check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCheck:
    """What is asked of `firstdraw check`.

    Args:
        model: the name of what makes the model.
        inputs: what it is called with, each as `inputs.described` reads it.
        batch: or the file that it is in.
        loss: the name of the loss; None for the projection.
        targets: what the loss compares with: described likewise, or the part of the batch.
        seed: of all random numbers, those of the model's own start included.
        training: the mode; None for that in which the model comes.
        severity: the least severity that is a failure.
        allow: causes that are none.
        identified: whether to say which tensor holds which law, too.
        repaired: whether to look for the cheapest remedy, and say it in plain PyTorch.
        every_row: whether tables are whole, however long.
        figure: where to draw it.
        as_json: whether to print data.
    """

    model: str
    inputs: tuple[str, ...]
    batch: Path | None
    loss: str | None
    targets: str | None
    seed: int
    training: bool | None
    severity: str
    allow: tuple[str, ...]
    identified: bool
    repaired: bool
    every_row: bool
    figure: Path | None
    as_json: bool


def print_the_check(asked: AskedCheck) -> None:
    """Check a model, print what was found, and draw it if asked to.

    Raises:
        click.exceptions.Exit: with the code of a failure, if something is found that is not accepted.
    """
    if bool(asked.inputs) == (asked.batch is not None):
        raise InputError(
            "firstdraw check", "must be given what the model is called with, as --input or as --batch, and not both"
        )
    check_figure(asked.figure)
    from firstdraw.torch.accepting import Acceptance

    accepted = Acceptance.of(asked.severity, asked.allow)
    # What the user's code prints is no data.
    with contextlib.redirect_stdout(sys.stderr):
        outcome = _check(asked)
    checked = outcome.checked
    if asked.as_json:
        document = json.loads(checked.to_json())
        if outcome.identification is not None:
            document["identification"] = json.loads(outcome.identification.to_json())
        if outcome.repair is not None:
            document["repair"] = json.loads(outcome.repair.to_json())
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        from firstdraw.cli.check.telling import tell

        tell(outcome, accepted, every_row=asked.every_row)
    if asked.figure is not None:
        _draw(checked, asked.figure)
        click.echo(f"Figure: {asked.figure.resolve()}", err=True)
    if accepted.refused(outcome.found):
        raise click.exceptions.Exit(Exit.FAILED)


def _check(asked: AskedCheck) -> Outcome:
    from firstdraw.cli.check.batches import batch_in, check_file
    from firstdraw.cli.check.inputs import described, drawn, drawn_inputs
    from firstdraw.cli.check.losses import loss_named, part_of_batch
    from firstdraw.cli.check.models import model_named
    from firstdraw.cli.check.outcome import Outcome
    from firstdraw.torch import check, identify, repair
    from firstdraw.torch.arguments import check_names
    from firstdraw.torch.generators import seed_all
    from firstdraw.torch.shown import Check

    # What is wrong with the command line is said before the user's code runs.
    inputs = [described("--input", text) for text in asked.inputs]
    targets: Any = None
    if asked.targets is not None and asked.loss is None:
        raise InputError("--targets", "must be given with the --loss that compares them with the outputs")
    if asked.targets is not None and asked.batch is None:
        targets = described("--targets", asked.targets)
    if asked.batch is not None:
        check_file(asked.batch)
    seed_all(asked.seed)
    model = model_named(asked.model)
    if asked.training is not None:
        model.train(asked.training)
    if asked.batch is None:
        batch = drawn_inputs(inputs, model, asked.seed)
        if targets is not None:
            targets = drawn(targets, "targets", model, asked.seed)
    else:
        batch = batch_in(asked.batch, model)
        if asked.targets is not None:
            batch, targets = part_of_batch(asked.targets, batch)
    check_names(batch)
    loss = None if asked.loss is None else loss_named(asked.loss)
    # A repair changes the model, and checks it before.
    identification = identify(model) if asked.identified else None
    act = repair if asked.repaired else check
    found = act(model, *batch.placed, loss=loss, targets=targets, seed=asked.seed, **batch.named)
    if isinstance(found, Check):
        return Outcome(found, identification, None)
    return Outcome(found.before, identification, found)


def _draw(checked: Check, path: Path) -> None:
    from matplotlib.figure import Figure

    from firstdraw.figures import quiet_style

    with quiet_style():
        figure = Figure(figsize=(5.4, 3.6), layout="constrained")
        checked.plot(ax=figure.add_subplot())
        write_figure(figure, path)
