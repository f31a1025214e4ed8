"""Units that are equal, and starts that give them nothing to differ by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from firstdraw.diagnosis.branches import waiting_layers
from firstdraw.diagnosis.finding import Finding, Measurements, Severity

__all__ = ["unbroken_symmetry", "zero_gradient_start"]


def unbroken_symmetry(measured: Measurements) -> Iterator[Finding]:
    """Find hidden layers whose units are all equal at every record."""
    trajectory = measured.trajectory
    records = np.isfinite(trajectory.distinct_units[0]).all(axis=1)
    for state in measured.start.hidden:
        if state.units < 2:
            continue
        most = int(trajectory.distinct_units[0, records, state.layer - 1].max(initial=1))
        difference = float(trajectory.unit_difference[0, records, state.layer - 1].max(initial=0.0))
        if most > 1 or state.distinct_units > 1:
            continue
        yield Finding(
            cause="unbroken symmetry",
            severity=Severity.BROKEN,
            place=f"layer {state.layer}",
            sentence=(
                f"Symmetry is never broken: the {state.units} units of layer {state.layer} stay identical for all "
                f"{measured.last_step:,} steps (largest difference {difference:.3g})"
            ),
            evidence={
                "units": state.units,
                "distinct units": most,
                "largest difference": difference,
                "records looked at": int(records.sum()),
            },
            remedy="Draw the weights at random: any spread above 0 makes the units different; biases may stay 0",
        )


def zero_gradient_start(measured: Measurements) -> Iterator[Finding]:
    """Find layers whose weights receive a gradient of exactly 0 at the start, and are not only waiting for one."""
    waiting = waiting_layers(measured.start)
    still = [
        state.layer for state in measured.start.layers if state.weight_gradient_rms == 0 and state.layer not in waiting
    ]
    if not still:
        return
    everywhere = len(still) == len(measured.start.layers)
    place = "every layer" if everywhere else f"layer{'s' if len(still) > 1 else ''} {', '.join(map(str, still))}"
    yield Finding(
        cause="no gradient at the start",
        severity=Severity.BROKEN if everywhere else Severity.WARNING,
        place=place,
        sentence=f"The weights of {place} receive a gradient of exactly 0 at the start",
        evidence={"layers without gradient": len(still), "layers": len(measured.start.layers)},
        remedy="Start from weights that let a signal through: `he_normal` for rectifiers, `glorot_normal` for tanh",
    )
