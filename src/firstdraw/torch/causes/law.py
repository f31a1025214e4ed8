"""Weights whose variance does not fit the activation before them.

With v_l = n <W_l^2>, n the fan-in, and what was measured on both sides of the activation phi between two layers,
q_(l-1) = <z^2> and <phi(z)^2>, layer l keeps the second moment if v_l is

    g^2 = q_(l-1) / <phi(z)^2>.

By v_l/g^2 the law is off at layer l, and by the product over the layers it is off over the depth: for the signal, but
for what biases add, and about so for the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from firstdraw.diagnosis import Finding, Severity
from firstdraw.diagnosis.thresholds import EXPLAINED_SHARE, LAW_LAYERS, SIGNAL_FACTOR
from firstdraw.torch.causes.reading import called, main_way, parameters_by_name
from firstdraw.torch.layers import LayerState, ModelState

__all__ = ["wrong_law"]


@dataclass(frozen=True, slots=True)
class _Step:
    """From one layer with weights to the next: v, the v that would keep the signal, and the activation between."""

    layer: LayerState
    activation: LayerState
    weight_variance: float
    needed: float

    @property
    def off(self) -> float:
        """ln(v/g^2)/2, by which the signal's size changes."""
        return math.log(self.weight_variance / self.needed) / 2


def wrong_law(state: ModelState) -> Iterator[Finding]:
    """Find a signal or a gradient that vanishes or explodes mostly because of the variance of the weights.

    A small error in a shallow model is none: judged is what comes of it over the depth.
    """
    steps = list(_steps(state))
    if len(steps) < LAW_LAYERS:
        return
    off = sum(step.off for step in steps)
    seen = max((math.copysign(1, off) * change for change in _changes(state)), default=0.0)
    if seen <= math.log(SIGNAL_FACTOR) or abs(off) < EXPLAINED_SHARE * seen:
        return
    size, verb = ("small", "shrink") if off < 0 else ("large", "grow")
    each = math.exp(2 * abs(off) / len(steps))
    v, needed = (
        math.exp(sum(math.log(part) for part in parts) / len(steps))
        for parts in zip(*((step.weight_variance, step.needed) for step in steps), strict=True)
    )
    first, last = steps[0], steps[-1]
    yield Finding(
        cause="wrong law for the activation",
        severity=Severity.WARNING,
        place=first.layer.name,
        sentence=(
            f"The weights are too {size} for {first.activation.kind}: from {called(first.layer)} to "
            f"{called(last.layer)} their variance is {each:.3g} times too {size} in each of {len(steps)} layers, so "
            f"that signals and gradients {verb}"
        ),
        evidence={
            "fan-in times weight variance": v,
            "the one that keeps the signal": needed,
            "factor of the variance, a layer": v / needed,
            "layers": len(steps),
        },
        remedy=(
            f"Multiply the weights' standard deviation by {math.sqrt(needed / v):.3g}, to {math.sqrt(needed):.3g} over "
            f"the square root of the fan-in"
        ),
    )


def _changes(state: ModelState) -> Iterator[float]:
    """Yield by how much the signal grew between the ends, and the gradient on the way back, as logarithms."""
    layers = main_way(state)
    first, last = layers[0], layers[-1]
    hidden = [layer for layer in layers if layer.feeds]
    pairs = [(hidden[-1].rms, state.inputs[0].rms if state.inputs else first.rms)] if hidden else []
    if first.gradient_norm is not None and last.gradient_norm is not None:
        pairs.append((first.gradient_norm, last.gradient_norm))
    for after, before in pairs:
        if 0 < after < math.inf and 0 < before < math.inf:
            yield math.log(after / before)


def _steps(state: ModelState) -> Iterator[_Step]:
    """Yield the steps between layers that nothing leads around, with one activation between and no normalization."""
    parameters = parameters_by_name(state)
    for layer in state.layers:
        chain = _chain_before(state, layer)
        if layer.sort != "weight" or chain is None:
            continue
        activation, before = chain
        weights = [parameters[name] for name in layer.parameters if len(parameters[name].shape) > 1]
        if len(weights) != 1 or not weights[0].fan_in:
            continue
        v = weights[0].fan_in * weights[0].rms ** 2
        if all(0 < value < math.inf for value in (v, activation.second_moment, before.second_moment)):
            yield _Step(layer, activation, v, before.second_moment / activation.second_moment)


def _chain_before(state: ModelState, layer: LayerState) -> tuple[LayerState, LayerState] | None:
    """Return the activation before a layer, and the layer with weights before that, where all three are in a row."""
    found: list[LayerState] = []
    for sort in ("activation", "weight"):
        here = found[-1] if found else layer
        if len(here.fed_by) != 1 or here.bypassed:
            return None
        before = state.layers[here.fed_by[0] - 1]
        if before.sort != sort or before.bypassed:
            return None
        found.append(before)
    return found[0], found[1]
