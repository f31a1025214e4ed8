"""A learning rate that is too large for the start it is used on."""

from __future__ import annotations

from collections.abc import Iterator

from firstdraw.diagnosis.finding import Finding, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import STABLE_STEP, UNSTABLE_STEP, UPDATE_RATIO

__all__ = ["learning_rate_too_large"]


def learning_rate_too_large(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a first step that goes too far: for the curvature of the cost, or for the size of the weights.

    Gradient descent on a quadratic multiplies the error along an eigenvector of the Hessian by 1 - eta lambda, so that
    beyond eta lambda_max = 2 the steps grow; a network's cost is no quadratic, and up to about 12 it may come down
    where it bends less. The sharpness bounds full-batch gradient descent alone; of other optimizers speaks by how much
    the first step changes a layer's weights, relative to them.
    """
    found = _steeper_than_stable(measured) or _larger_than_the_weights(measured)
    if found is not None:
        yield found


def _steeper_than_stable(measured: StartMeasurements) -> Finding | None:
    rate, sharpness = measured.learning_rate, measured.sharpness
    if rate is None or sharpness is None:
        return None
    product = rate * sharpness.largest_eigenvalue
    if not product > STABLE_STEP:
        return None
    bound = sharpness.largest_stable_rate
    return Finding(
        cause="learning rate too large",
        severity=Severity.WARNING if product > UNSTABLE_STEP else Severity.NOTE,
        place="",
        sentence=(
            f"The learning rate, {rate:.3g}, is too large for this start: the cost bends so sharply that steps beyond "
            f"{bound:.2g} overshoot and grow"
        ),
        evidence={
            "learning rate": rate,
            "largest eigenvalue of the Hessian": sharpness.largest_eigenvalue,
            "learning rate times eigenvalue": product,
            "largest stable rate": bound,
        },
        remedy=f"Use a learning rate below {bound:.2g}, or a start with a smaller curvature",
    )


def _larger_than_the_weights(measured: StartMeasurements) -> Finding | None:
    """Tell of the layer that changes most; weights of 0 change by any multiple."""
    ratios = {
        state.layer: state.update_ratio
        for state in measured.start.layers
        if state.update_ratio is not None and state.weight_rms > 0
    }
    layer = max(ratios, key=lambda number: ratios[number], default=0)
    if not layer or not ratios[layer] > UPDATE_RATIO:
        return None
    return Finding(
        cause="learning rate too large",
        severity=Severity.WARNING,
        place=f"layer {layer}",
        sentence=(
            f"The learning rate is too large for this start: the first step changes the weights of layer {layer} by "
            f"{ratios[layer]:.2g} times what they are"
        ),
        evidence={f"update ratio, layer {number}": ratio for number, ratio in ratios.items()},
        remedy=f"Divide the learning rate by {ratios[layer] / UPDATE_RATIO:.2g} or more, or let it grow from 0",
    )
