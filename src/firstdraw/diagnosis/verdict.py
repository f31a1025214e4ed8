"""The findings about a run in one or two sentences: what it was, and what came of it."""

from __future__ import annotations

import math
from typing import Final

from firstdraw.diagnosis.finding import Finding, Measurements, StartMeasurements

__all__ = ["verdict"]

NOT_FINITE: Final = "The cost is not finite, even before the first step."


def verdict(findings: tuple[Finding, ...], measured: StartMeasurements, classes: tuple[str, ...]) -> str:
    """Return the first finding, and what the network predicts in the end, or costs at the start, with its numbers.

    Args:
        findings: what `diagnose` found, the worst first.
        measured: what it was found from.
        classes: the names of the classes; empty for regression.
    """
    return f"{findings[0].sentence}. {_result(findings, measured, classes)}"


def _result(findings: tuple[Finding, ...], measured: StartMeasurements, classes: tuple[str, ...]) -> str:
    if not isinstance(measured, Measurements):
        return _beginning(measured)
    output, outcome = measured.end.output, measured.trajectory.outcomes[0]
    if outcome.diverged and outcome.step == 0:
        return NOT_FINITE
    # The first finding may be what brought the divergence about.
    told = not outcome.diverged or findings[0].cause == "divergence"
    diverges = "" if told else f"Training diverges at step {outcome.step:,}; "
    if outcome.diverged and not math.isfinite(measured.end.cost):
        return _begun(f"{diverges}the last finite parameters give no finite cost.")
    before = f"{diverges}before that, at step {outcome.step - 1:,},"
    when = _begun(before) if outcome.diverged else f"After {measured.last_step:,} steps"
    if output.right is None:
        return f"{when} the cost is {measured.end.cost:.4g}."
    only = [name for name, count in zip(classes, output.predicted, strict=True) if count == output.examples]
    if only:
        return f"{when} every prediction is class {only[0]}."
    improving = ", and still improving" if any(f.cause == "still improving" for f in findings[1:]) else ""
    return (
        f"{when} {output.right:,} of {output.examples:,} training examples are right, at a cost of "
        f"{measured.end.cost:.4g}{improving}."
    )


def _begun(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _beginning(measured: StartMeasurements) -> str:
    cost, constant = measured.start.cost, measured.start.constant_cost
    if not math.isfinite(cost):
        return NOT_FINITE
    return f"Before the first step the cost is {cost:.4g}; the best constant prediction's is {constant:.4g}."
