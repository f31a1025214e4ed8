"""Signals and gradients that grow or shrink from layer to layer at the start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from firstdraw.diagnosis.branches import moves_from_zero
from firstdraw.diagnosis.finding import Finding, Measurements, Severity
from firstdraw.diagnosis.thresholds import GRADIENT_FACTOR, SIGNAL_FACTOR

__all__ = ["gradient_propagation", "signal_propagation"]


def signal_propagation(measured: Measurements) -> Iterator[Finding]:
    """Find the first layer whose signal is far larger or smaller than the inputs.

    In a residual branch a small signal is no fault, as the skip passes the large one on.
    """
    start = measured.start
    for state in start.layers:
        factor = state.signal_rms / start.input_rms if start.input_rms else np.nan
        explodes, vanishes = factor > SIGNAL_FACTOR, factor < 1 / SIGNAL_FACTOR
        if not explodes and (not vanishes or state.branch is not None or moves_from_zero(state)):
            continue
        verb = "grows" if explodes else "shrinks"
        each = factor ** (1 / state.layer)
        yield Finding(
            cause="exploding signal" if explodes else "vanishing signal",
            severity=Severity.WARNING,
            place=f"layer {state.layer}",
            sentence=(
                f"The signal {verb} from {start.input_rms:.3g} at the inputs to {state.signal_rms:.3g} before the "
                f"activation of layer {state.layer}, {each:.3g} times a layer"
                if factor
                else f"No signal reaches layer {state.layer}: all of its pre-activations are 0"
            ),
            evidence={"input rms": start.input_rms, "pre-activation rms": state.signal_rms, "factor": float(factor)},
            remedy=(
                f"Scale the weights' standard deviation by {1 / each:.2g}, or use a law that counts the fan-in "
                f"(`he_normal` for rectifiers)"
                if factor
                else "Start from weights that let a signal through"
            ),
        )
        return


def gradient_propagation(measured: Measurements) -> Iterator[Finding]:
    """Find a first layer that receives far more or far less gradient than the last.

    Layers in residual branches are left out: their gradient is the skip's times the branch's multiplier.
    """
    layers = [state for state in measured.start.layers if state.branch is None]
    first, last = layers[0], layers[-1]
    if first is last or last.gradient_rms == 0 or first.gradient_rms == 0:
        return
    factor = first.gradient_rms / last.gradient_rms
    # Gradients that are not finite say nothing about size; the divergence reports them.
    if not np.isfinite(factor) or 1 / GRADIENT_FACTOR <= factor <= GRADIENT_FACTOR:
        return
    explodes = factor > 1
    each = factor ** (1 / (last.layer - first.layer))
    yield Finding(
        cause="exploding gradient" if explodes else "vanishing gradient",
        severity=Severity.WARNING,
        place=f"layer {first.layer}",
        sentence=(
            f"The gradient {'grows' if explodes else 'shrinks'} from {last.gradient_rms:.3g} at layer {last.layer} to "
            f"{first.gradient_rms:.3g} at layer {first.layer}, {each:.3g} times a layer on the way back"
        ),
        evidence={
            f"gradient rms, layer {last.layer}": last.gradient_rms,
            f"gradient rms, layer {first.layer}": first.gradient_rms,
            "factor": factor,
        },
        remedy="Use a law that keeps the gradient's size through a layer (`he_normal` for rectifiers, `glorot_normal`)",
    )
