"""Units that are equal, nearly equal or mirrored, and starts that give them nothing to differ by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.diagnosis.branches import waiting_layers
from firstdraw.diagnosis.finding import Finding, Measurements, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import ALIKE_SHARE
from firstdraw.engine import Trajectory
from firstdraw.probes import LayerState
from firstdraw.probes.state import SIMILAR

__all__ = ["mirrored_units", "nearly_equal_units", "unbroken_symmetry", "zero_gradient_start"]

# Where an odd function shows: phi(-z) = -phi(z) at a few places of each order of magnitude decides.
PLACES: Floats = np.linspace(0, 4, 9)


def unbroken_symmetry(measured: StartMeasurements) -> Iterator[Finding]:
    """Find hidden layers whose units are all equal, at every record where there are any."""
    for state in measured.start.hidden:
        if state.units < 2 or state.distinct_units > 1:
            continue
        told = _stays_equal(state, measured.trajectory) if isinstance(measured, Measurements) else _equal(state)
        if told is None:
            continue
        sentence, evidence = told
        yield Finding(
            cause="unbroken symmetry",
            severity=Severity.BROKEN,
            place=f"layer {state.layer}",
            sentence=sentence,
            evidence=evidence,
            remedy="Draw the weights at random: any spread above 0 makes the units different; biases may stay 0",
        )


def _equal(state: LayerState) -> tuple[str, dict[str, float]]:
    what = f"The {state.units} units of layer {state.layer} are identical, and receive the same gradient at every step"
    return what, {
        "units": state.units,
        "distinct units": state.distinct_units,
        "largest difference": state.unit_difference,
    }


def _stays_equal(state: LayerState, trajectory: Trajectory) -> tuple[str, dict[str, float]] | None:
    """Tell of units that are equal at every record; None if they differ at one."""
    records = np.isfinite(trajectory.distinct_units[0]).all(axis=1)
    most = int(trajectory.distinct_units[0, records, state.layer - 1].max(initial=1))
    difference = float(trajectory.unit_difference[0, records, state.layer - 1].max(initial=0.0))
    if most > 1:
        return None
    what = (
        f"Symmetry is never broken: the {state.units} units of layer {state.layer} stay identical for all "
        f"{trajectory.steps[-1]:,} steps (largest difference {difference:.3g})"
    )
    return what, {
        "units": state.units,
        "distinct units": most,
        "largest difference": difference,
        "records looked at": int(records.sum()),
    }


def nearly_equal_units(measured: StartMeasurements) -> Iterator[Finding]:
    """Find hidden layers in which most units have a double, or one that is nearly their double.

    With a single input a unit without a bias is one number, and near ones are no fault.
    """
    for state in measured.start.hidden:
        copies = state.units - state.distinct_units
        similar = state.similar_units if state.fan_in > 1 and state.weight_rms > 0 else 0
        if state.distinct_units == 1 or max(copies, similar) < ALIKE_SHARE * state.units:
            continue
        exactly = f"only {state.distinct_units} of its {state.units} units differ, and equal ones stay equal"
        nearly = (
            f"{similar} of its {state.units} units have another one within {SIMILAR:.0%} of their weights, and compute "
            f"the same until training has told them apart"
        )
        yield Finding(
            cause="nearly equal units",
            severity=Severity.WARNING,
            place=f"layer {state.layer}",
            sentence=(f"Layer {state.layer} is narrower than it looks: {exactly if copies >= similar else nearly}"),
            evidence={
                "units": state.units,
                "distinct units": state.distinct_units,
                "similar units": similar,
                "largest cosine of two units": state.weight_cosine,
            },
            remedy="Draw every weight by itself, with a spread that is not small beside the weights' mean",
        )


def mirrored_units(measured: StartMeasurements) -> Iterator[Finding]:
    """Find hidden layers most of whose units are another's negative, before an odd activation.

    For an odd phi such a unit says what the other one says; for a rectifier it says what the other one leaves out.
    """
    activations = measured.activations
    if activations is None:
        return
    for state, activation in zip(measured.start.hidden, activations, strict=False):
        mirrored = state.mirrored_units if state.fan_in > 1 and state.weight_rms > 0 else 0
        if mirrored < ALIKE_SHARE * state.units or not _is_odd(activation):
            continue
        yield Finding(
            cause="mirrored units",
            severity=Severity.WARNING,
            place=f"layer {state.layer}",
            sentence=(
                f"Of the {state.units} units of layer {state.layer}, {mirrored} are another one's negative: before an "
                f"odd activation such a pair computes one thing, but for the sign"
            ),
            evidence={"units": state.units, "mirrored units": mirrored},
            remedy="Draw every weight by itself; mirrored units serve rectifiers, which drop the negative half",
        )


def _is_odd(activation: Activation | None) -> bool:
    return activation is None or bool(np.allclose(activation.value(-PLACES), -activation.value(PLACES)))


def zero_gradient_start(measured: StartMeasurements) -> Iterator[Finding]:
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
