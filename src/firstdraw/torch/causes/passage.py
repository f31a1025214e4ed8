"""Signals and gradients that grow, shrink or lose their differences from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from firstdraw.diagnosis import Finding, Severity
from firstdraw.diagnosis.thresholds import COLLAPSE_FACTOR, GRADIENT_FACTOR, HIGH_COST_FACTOR, SIGNAL_FACTOR
from firstdraw.torch.causes.reading import (
    called,
    is_normalized,
    main_way,
    moves_from_zero,
    reference,
    stands_alone,
    trunk,
)
from firstdraw.torch.layers import LayerState, ModelState

__all__ = ["collapse", "gradient", "signal"]


def signal(state: ModelState) -> Iterator[Finding]:
    """Find the first layer whose signal is not finite, or far larger or smaller than what the model is given."""
    if any(item.nonfinite for item in state.inputs) or any(not math.isfinite(item.rms) for item in state.parameters):
        return
    overflow = next((layer for layer in state.layers if layer.nonfinite), None)
    start = reference(state)
    passed = {layer.number for layer in trunk(state)}
    for layer in state.layers:
        if layer is overflow:
            yield _overflow(layer)
            return
        if start is None or layer.number not in passed or is_normalized(state, layer):
            continue
        where, size = start
        factor = layer.rms / size
        explodes = factor > SIGNAL_FACTOR and not _is_as_wanted(state, layer)
        vanishes = factor < 1 / SIGNAL_FACTOR and bool(layer.feeds) and not _from_zeros(state, layer)
        if explodes or vanishes:
            yield _changed(layer, where, size, factor)
            return


def _is_as_wanted(state: ModelState, layer: LayerState) -> bool:
    """Whether a layer returns outputs that are near to the targets, however large these are."""
    constant = state.constant_loss
    return not layer.feeds and constant is not None and state.loss <= HIGH_COST_FACTOR * constant


def _from_zeros(state: ModelState, layer: LayerState) -> bool:
    """Whether a layer is small because weights of exactly 0 that will move stand right before it."""
    before = [state.layers[number - 1] for number in layer.fed_by]
    return any(moves_from_zero(state, item) for item in (layer, *before))


def _overflow(layer: LayerState) -> Finding:
    elements = math.prod(layer.shape)
    return Finding(
        cause="exploding signal",
        severity=Severity.BROKEN,
        place=layer.name,
        sentence=(
            f"The first numbers that are not finite are returned by {called(layer)}, {layer.nonfinite:,} of "
            f"{elements:,}, from inputs and parameters that all are"
        ),
        evidence={"not finite": layer.nonfinite, "numbers": elements},
        remedy=(
            "Use a law that counts the fan-in (`he_normal` for rectifiers), and look for a division or a logarithm of 0"
        ),
    )


def _changed(layer: LayerState, where: str, size: float, factor: float) -> Finding:
    explodes, depth = factor > 1, max(layer.depth, 1)
    each = factor ** (1 / depth)
    return Finding(
        cause="exploding signal" if explodes else "vanishing signal",
        severity=Severity.WARNING,
        place=layer.name,
        sentence=(
            f"The signal {'grows' if explodes else 'shrinks'} from {size:.3g} {where} to {layer.rms:.3g} after "
            f"{called(layer)}, {each:.3g} times a layer over {depth}"
            if factor
            else f"No signal passes {called(layer)}: all that it returns is 0"
        ),
        evidence={"rms at the start": size, "rms": layer.rms, "factor": factor, "layers": depth},
        remedy=(
            f"Scale the weights' standard deviation by {1 / each:.2g}, or use a law that counts the fan-in "
            f"(`he_normal` for rectifiers)"
            if factor
            else "Start from weights that let a signal through"
        ),
    )


def collapse(state: ModelState) -> Iterator[Finding]:
    """Find inputs that the layers have made parallel: 1 - c, c their mean cosine, has all but gone."""
    layers = [layer for layer in main_way(state) if layer.feeds and not math.isnan(layer.correlation)]
    if len(layers) < 2:
        return
    first, last = layers[0], layers[-1]
    # Rounding alone leads beyond 1.
    left = max(0.0, 1 - last.correlation)
    if not left < COLLAPSE_FACTOR * (1 - first.correlation):
        return
    yield Finding(
        cause="collapse to one correlation",
        severity=Severity.WARNING,
        place=last.name,
        sentence=(
            f"All inputs become alike: two examples have the cosine {first.correlation:.3f} after {called(first)} and "
            f"{f'1 - {left:.2g}' if left else 'exactly 1'} after {called(last)}, {last.depth} layers deep, so that "
            f"what follows cannot tell them apart"
        ),
        evidence={
            "1 - cosine, first": 1 - first.correlation,
            "1 - cosine, last": left,
            "varying share, last": last.example_variance / last.second_moment if last.second_moment else math.nan,
            "layers": last.depth,
        },
        remedy="Use larger weights with smaller biases (`he_normal` and zeros for rectifiers), or fewer layers",
    )


def gradient(state: ModelState) -> Iterator[Finding]:
    """Find a first layer that receives far more or far less gradient than the last; compared are norms of an example.

    Layers inside residual branches, and others that a way leads around, are left out, as their gradient is that of the
    other way times what they make of it; so are layers that a normalization follows: the larger their weights grow, the
    smaller their gradients become. A module that is called several times learns from the largest of its gradients.
    """
    layers = [layer for layer in main_way(state) if layer.gradient_norm and not is_normalized(state, layer)]
    is_alone = stands_alone(state)
    first, last = next(filter(is_alone, layers), None), next(filter(is_alone, reversed(layers)), None)
    if first is None or last is None or first is last:
        return
    arrives, leaves = _learned_from(state, first), last.gradient_norm or 0.0
    factor = arrives / leaves
    if not math.isfinite(factor) or 1 / GRADIENT_FACTOR <= factor <= GRADIENT_FACTOR:
        return
    explodes, depth = factor > 1, max(last.depth - first.depth, 1)
    each = factor ** (1 / depth)
    yield Finding(
        cause="exploding gradient" if explodes else "vanishing gradient",
        severity=Severity.WARNING,
        place=first.name,
        sentence=(
            f"The gradient {'grows' if explodes else 'shrinks'} from {leaves:.3g} at {called(last)} to {arrives:.3g} "
            f"at {called(first)}, {each:.3g} times a layer on the way back over {depth}"
        ),
        evidence={"gradient norm, last": leaves, "gradient norm, first": arrives, "factor": factor, "layers": depth},
        remedy="Use a law that keeps the gradient's size through a layer (`he_normal` for rectifiers, `glorot_normal`)",
    )


def _learned_from(state: ModelState, layer: LayerState) -> float:
    calls = [item for item in state.layers if (item.name, item.kind) == (layer.name, layer.kind)]
    return max(item.gradient_norm or 0.0 for item in calls)
