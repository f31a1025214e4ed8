"""What the first step meets: parameters without a gradient, a loss far from a constant's, an update too large."""

from __future__ import annotations

import math
from collections.abc import Iterator

from firstdraw.diagnosis import Finding, Severity
from firstdraw.diagnosis.thresholds import COST_FACTOR, HIGH_COST_FACTOR, OUTPUT_FLAT_SHARE, UPDATE_RATIO
from firstdraw.torch.causes.reading import all_after, called, is_moving_zero, listed, moves_from_zero
from firstdraw.torch.layers import ModelState

__all__ = ["high_cost", "large_update", "no_gradient", "saturated_output", "unreached"]


def unreached(state: ModelState) -> Iterator[Finding]:
    """Find trainable parameters that are not on the way to the loss."""
    names = [item.name for item in state.parameters if item.trainable and item.gradient_rms is None]
    if names:
        several = len(names) > 1
        sentence = (
            f"No gradient leads to {listed(names)}, which {'are' if several else 'is'} not on the way to the loss: "
            f"training leaves {'them as they are' if several else 'it as it is'}"
        )
        yield _without_gradient(state, names, sentence, "Use them in the forward pass, freeze them, or leave them out")


def no_gradient(state: ModelState) -> Iterator[Finding]:
    """Find parameters that receive a gradient of exactly 0, and not only until a zero behind them has moved."""
    waiting = _waiting(state)
    still = [item for item in state.parameters if item.gradient_rms == 0 and math.prod(item.shape)]
    names = [item.name for item in still if item.name not in waiting]
    if names:
        sentence = f"A gradient of exactly 0 is all that {listed(names)} {'receive' if len(names) > 1 else 'receives'}"
        remedy = "Start from weights that let a signal through: `he_normal` for rectifiers, `glorot_normal` for tanh"
        yield _without_gradient(state, names, sentence, remedy)


def _without_gradient(state: ModelState, names: list[str], sentence: str, remedy: str) -> Finding:
    trainable = sum(item.trainable for item in state.parameters)
    everywhere = len(names) == trainable
    return Finding(
        cause="no gradient at the start",
        severity=Severity.BROKEN if everywhere else Severity.WARNING,
        place=names[0],
        sentence=sentence,
        evidence={"parameters without gradient": len(names), "trainable parameters": trainable},
        remedy=remedy,
    )


def _waiting(state: ModelState) -> set[str]:
    """Return the parameters that receive no gradient only as long as a zero behind them has not moved.

    What such a zero holds back need not be a layer: a multiplier or a normalization's scale stands in any module.
    """
    if not any(is_moving_zero(item) for item in state.parameters):
        return set()
    after = all_after(state)
    zeros = {layer.number for layer in state.layers if moves_from_zero(state, layer)}
    in_layers = {name for layer in state.layers for name in layer.parameters}
    bare = any(is_moving_zero(item) and item.name not in in_layers for item in state.parameters)
    held_back = {name for layer in state.layers if bare or after[layer.number - 1] & zeros for name in layer.parameters}
    own = {name for layer in state.layers if layer.number in zeros for name in layer.parameters}
    others = {item.name for item in state.parameters} - in_layers
    return held_back | own | others


def saturated_output(state: ModelState) -> Iterator[Finding]:
    """Find outputs of a bounded activation that are certain, and wrong, before anything has been learned."""
    constant = state.constant_loss
    if not constant or constant < 0 or not state.loss > COST_FACTOR * constant:
        return
    for layer in state.layers:
        if layer.feeds or layer.flat_share < OUTPUT_FLAT_SHARE:
            continue
        yield Finding(
            cause="saturated output",
            severity=Severity.WARNING,
            place=layer.name,
            sentence=(
                f"The output starts saturated: {called(layer)} is flat on {layer.flat_share:.0%} of its numbers, and "
                f"the loss is {state.loss:.4g} where saying the same of every example costs {constant:.4g}"
            ),
            evidence={"flat share": layer.flat_share, "loss": state.loss, "loss of a constant": constant},
            remedy=f"Shrink the weights, the last layer's above all, until {called(layer)} is given numbers of order 1",
        )


def high_cost(state: ModelState) -> Iterator[Finding]:
    """Find a loss that is no number, or far above that of saying the same of every example."""
    constant = state.constant_loss
    if not math.isfinite(state.loss):
        if _is_finite(state):
            yield _no_loss(state)
        return
    if not constant or constant < 0 or not state.loss > HIGH_COST_FACTOR * constant:
        return
    yield Finding(
        cause="high initial cost",
        severity=Severity.WARNING,
        place="loss",
        sentence=(
            f"The loss starts at {state.loss:.4g}, {state.loss / constant:,.3g} times the {constant:.4g} of saying the "
            "same of every example: the outputs are far from the targets"
        ),
        evidence={"loss": state.loss, "loss of a constant": constant},
        remedy=(
            "Start the last layer at 0 or near it, its bias at the targets' mean or the classes' log shares, or "
            "standardize the targets"
        ),
    )


def _is_finite(state: ModelState) -> bool:
    """Whether everything before the loss is finite; what is not is found where it begins."""
    return not any(item.nonfinite for item in (*state.inputs, *state.layers))


def _no_loss(state: ModelState) -> Finding:
    what = "infinite" if math.isinf(state.loss) else "as no number"
    return Finding(
        cause="high initial cost",
        severity=Severity.BROKEN,
        place="loss",
        sentence=f"The loss starts {what}: so are some of the outputs, or what the loss makes of them",
        evidence={"loss": state.loss},
        remedy="Look for a division by 0, or a logarithm or an exponential of what the last layer returns",
    )


def large_update(state: ModelState) -> Iterator[Finding]:
    """Find the weights that the first step changes most, if by more than they are."""
    ratios = {
        item.name: item.update_ratio
        for item in state.parameters
        if item.update_ratio is not None and item.rms > 0 and len(item.shape) > 1
    }
    name = max(ratios, key=lambda key: ratios[key], default=None)
    if name is None or not ratios[name] > UPDATE_RATIO:
        return
    yield Finding(
        cause="learning rate too large",
        severity=Severity.WARNING,
        place=name,
        sentence=(
            f"The learning rate is too large for this start: the first step changes `{name}` by {ratios[name]:.2g} "
            f"times what it is"
        ),
        evidence={f"update ratio, {key}": ratio for key, ratio in ratios.items()},
        remedy=f"Divide the learning rate by {ratios[name] / UPDATE_RATIO:.2g} or more, or let it grow from 0",
    )
