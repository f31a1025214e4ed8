"""What a start costs: outputs that are certain before anything is learned, or far from every target."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from firstdraw.diagnosis.finding import Finding, Measurements, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import COST_FACTOR, HIGH_COST_FACTOR, OUTPUT_FLAT_SHARE
from firstdraw.probes import NetworkState

__all__ = ["high_initial_cost", "saturated_output"]

# Larger costs are written in scientific notation.
LARGEST_IN_FULL: Final = 1_000_000


def saturated_output(measured: StartMeasurements) -> Iterator[Finding]:
    """Find outputs that are certain, and wrong, before anything has been learned."""
    start, output = measured.start, measured.start.output
    if not _is_saturated(start):
        return
    trained = isinstance(measured, Measurements)
    textbook = float(measured.trajectory.textbook_cost[0, 0]) if trained else start.cost
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


def _is_saturated(start: NetworkState) -> bool:
    # A start that is not finite has a NaN cost, which other findings report.
    certain = start.output.flat >= OUTPUT_FLAT_SHARE * start.output.examples
    return certain and start.cost > COST_FACTOR * start.constant_cost


def _written(cost: float) -> str:
    """Return a cost with three decimals, as exercises print it, unless that makes it long."""
    return f"{cost:.3f}" if cost < LARGEST_IN_FULL else f"{cost:.4g}"


def high_initial_cost(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a start that costs far more than saying the same of every example, unless saturation says why."""
    start = measured.start
    if not start.cost > HIGH_COST_FACTOR * start.constant_cost or start.constant_cost == 0 or _is_saturated(start):
        return
    factor = start.cost / start.constant_cost
    times = f"{factor:,.0f}" if factor < LARGEST_IN_FULL else f"{factor:.3g}"
    smallest, largest = start.output.smallest, start.output.largest
    finite = math.isfinite(start.cost)
    yield Finding(
        cause="high initial cost",
        severity=Severity.WARNING,
        place=f"layer {start.layers[-1].layer}",
        sentence=(
            f"The cost starts at {start.cost:.4g}, "
            + (f"{times} times" if finite else "and not at")
            + f" the {start.constant_cost:.4g} of the best constant prediction: the outputs, {smallest:.3g} to "
            f"{largest:.3g}, are far from the targets"
        ),
        evidence={
            "cost": start.cost,
            "cost of the best constant": start.constant_cost,
            "smallest output": smallest,
            "largest output": largest,
        },
        remedy=(
            "Start the last layer at 0 or near it, its bias at the targets' mean or the classes' log shares, or "
            "standardize the targets"
        ),
    )
