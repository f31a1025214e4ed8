"""Signals and gradients that grow or shrink from layer to layer at the start."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from firstdraw.diagnosis.branches import moves_from_zero
from firstdraw.diagnosis.finding import Finding, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import GRADIENT_FACTOR, LAW_LAYERS, SIGNAL_FACTOR
from firstdraw.probes import LayerState

__all__ = ["gradient_propagation", "parameters_not_finite", "signal_in_a_few_layers", "signal_over_depth"]


def parameters_not_finite(measured: StartMeasurements) -> Iterator[Finding]:
    """Find the first layer whose parameters, or else whose signal, are not numbers although the inputs are."""
    if measured.start.inputs.nonfinite:
        return
    for state in measured.start.layers:
        if not (np.isnan(state.weight_rms) or np.isnan(state.bias_rms)):
            continue
        yield Finding(
            cause="parameters not finite",
            severity=Severity.BROKEN,
            place=f"layer {state.layer}",
            sentence=f"Layer {state.layer} starts with weights or biases that are not numbers: all behind it is lost",
            evidence={"layer": state.layer, "pre-activations that are not finite": state.nonfinite},
            remedy="Look at what fills them: a standard deviation from a division by 0, or memory left as it was",
        )
        return


def signal_over_depth(measured: StartMeasurements) -> Iterator[Finding]:
    """Find what `signal_in_a_few_layers` does where it comes from depth, and is the root of what the output suffers."""
    if len(measured.start.hidden) > LAW_LAYERS:
        yield from _signal_propagation(measured)


def signal_in_a_few_layers(measured: StartMeasurements) -> Iterator[Finding]:
    """Find the first layer whose signal is far larger or smaller than the inputs, or not finite.

    In a residual branch a small signal is no fault, as the skip passes the large one on.
    """
    if len(measured.start.hidden) <= LAW_LAYERS:
        yield from _signal_propagation(measured)


def _signal_propagation(measured: StartMeasurements) -> Iterator[Finding]:
    start = measured.start
    for state in start.layers:
        if np.isnan(state.weight_rms + state.bias_rms):
            # What lies behind is no number, and another finding tells why.
            return
        if state.nonfinite and not start.inputs.nonfinite:
            yield _overflow(state, start.input_rms)
            return
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


def _overflow(state: LayerState, input_rms: float) -> Finding:
    elements = "pre-activations that are not finite"
    return Finding(
        cause="exploding signal",
        severity=Severity.BROKEN,
        place=f"layer {state.layer}",
        sentence=(
            f"The signal grows from {input_rms:.3g} at the inputs beyond the largest number in layer {state.layer}: "
            f"{state.nonfinite:,} of its pre-activations are not finite"
        ),
        evidence={"input rms": input_rms, elements: state.nonfinite},
        remedy="Use a law that counts the fan-in (`he_normal` for rectifiers), and look for one very large weight",
    )


def gradient_propagation(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a first layer that receives far more or far less gradient than the last.

    Compared are the norms over a layer's units, which a wide critical layer keeps, whatever its width. Layers in
    residual branches are left out: their gradient is the skip's times the branch's multiplier.
    """
    layers = [state for state in measured.start.layers if state.branch is None]
    first, last = layers[0], layers[-1]
    arrives, leaves = _gradient_norm(first), _gradient_norm(last)
    if first is last or leaves == 0 or arrives == 0:
        return
    factor = arrives / leaves
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
            f"The gradient {'grows' if explodes else 'shrinks'} from {leaves:.3g} at layer {last.layer} to "
            f"{arrives:.3g} at layer {first.layer}, {each:.3g} times a layer on the way back"
        ),
        evidence={
            f"gradient norm, layer {last.layer}": leaves,
            f"gradient norm, layer {first.layer}": arrives,
            "factor": factor,
        },
        remedy="Use a law that keeps the gradient's size through a layer (`he_normal` for rectifiers, `glorot_normal`)",
    )


def _gradient_norm(state: LayerState) -> float:
    """Return the norm of an example's gradient by the pre-activations, root mean square over the examples."""
    return state.gradient_rms * math.sqrt(state.units)
