"""Units that cannot learn: dead ones and saturated ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from firstdraw.diagnosis.finding import Finding, Measurements, Severity
from firstdraw.diagnosis.thresholds import (
    COST_FACTOR,
    DEAD_SHARE_WARNED,
    FLAT_SHARE_WARNED,
    OUTPUT_FLAT_SHARE,
)

# Larger costs are written in scientific notation.
LARGEST_IN_FULL: Final = 1_000_000

__all__ = ["dead_units", "saturated_hidden_units", "saturated_output"]


def dead_units(measured: Measurements) -> Iterator[Finding]:
    """Find units that no training example reaches, at the start and at the end."""
    for start, end in zip(measured.start.hidden, measured.end.hidden, strict=True):
        if max(start.dead_units, end.dead_units) == 0:
            continue
        # Around a residual branch without living units the skip leads.
        if end.dead_units == end.units:
            severity = Severity.BROKEN if end.branch is None else Severity.WARNING
        elif start.dead_units >= DEAD_SHARE_WARNED * start.units:
            severity = Severity.WARNING
        else:
            severity = Severity.NOTE
        yield Finding(
            cause="dead units",
            severity=severity,
            place=f"layer {start.layer}",
            sentence=(
                f"In layer {start.layer}, {start.dead_units} of {start.units} units are dead at the start and "
                f"{end.dead_units} at the end: no training example passes a gradient through them"
            ),
            evidence={"units": start.units, "dead at the start": start.dead_units, "dead at the end": end.dead_units},
            remedy="Use a smaller learning rate or spread, a wider layer, or a leaky rectifier",
        )


def saturated_hidden_units(measured: Measurements) -> Iterator[Finding]:
    """Find layers of a bounded activation that are flat on most units and examples at the start."""
    for state in measured.start.hidden:
        if state.flat_share <= FLAT_SHARE_WARNED:
            continue
        yield Finding(
            cause="saturated hidden units",
            severity=Severity.WARNING,
            place=f"layer {state.layer}",
            sentence=(
                f"Layer {state.layer} is saturated at the start: its activation is flat on {state.flat_share:.0%} of "
                f"units and examples"
            ),
            evidence={"flat share": state.flat_share, "pre-activation rms": state.signal_rms},
            remedy="Shrink the weights until the pre-activations are of order 1 (`glorot_normal` or `lecun_normal`)",
        )


def saturated_output(measured: Measurements) -> Iterator[Finding]:
    """Find outputs that are certain, and wrong, before anything has been learned."""
    start, output = measured.start, measured.start.output
    # A diverged start has a NaN cost, which the divergence reports.
    if output.flat < OUTPUT_FLAT_SHARE * output.examples or not start.cost > COST_FACTOR * start.constant_cost:
        return
    textbook = float(measured.trajectory.textbook_cost[0, 0])
    costs = f"{start.cost:.6g}" if textbook == start.cost else f"{textbook:.6g} ({_written(start.cost)} overflow-safe)"
    exactly = f"{output.certain:,} of {output.examples:,} output probabilities round to exactly 0 or 1"
    flat = f"{output.flat:,} of {output.examples:,} output probabilities are flat"
    wrong = f", {output.certain_and_wrong:,} of them wrong" if output.certain else ""
    yield Finding(
        cause="saturated output",
        severity=Severity.WARNING,
        place=f"layer {start.layers[-1].layer}",
        sentence=(
            f"The output starts saturated: {exactly if output.certain else flat}{wrong}, so the cost starts at {costs}"
        ),
        evidence={
            "flat": output.flat,
            "exactly 0 or 1": output.certain,
            "exactly 0 or 1 and wrong": output.certain_and_wrong,
            "smallest output": output.smallest,
            "largest output": output.largest,
            "cost": start.cost,
            "textbook cost": textbook,
            "cost of the best constant": start.constant_cost,
        },
        remedy="Shrink the weights, of the last layer above all, until the outputs before the sigmoid are of order 1",
    )


def _written(cost: float) -> str:
    """Return a cost with three decimals, as exercises print it, unless that makes it long."""
    return f"{cost:.3f}" if cost < LARGEST_IN_FULL else f"{cost:.4g}"
