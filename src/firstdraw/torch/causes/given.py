"""Numbers that no start can make up for: those that the model is given, and parameters that are none."""

from __future__ import annotations

import math
from collections.abc import Iterator

from firstdraw.diagnosis import Finding, Severity
from firstdraw.diagnosis.thresholds import LARGEST_INPUTS, OFFSET_FACTOR, SMALLEST_INPUTS
from firstdraw.torch.layers import ModelState

__all__ = ["constant_inputs", "inputs_not_finite", "parameters_not_finite", "unscaled_inputs"]


def inputs_not_finite(state: ModelState) -> Iterator[Finding]:
    """Find numbers among the inputs that are none."""
    for item in state.inputs:
        if item.nonfinite:
            elements = math.prod(item.shape)
            yield Finding(
                cause="inputs not finite",
                severity=Severity.BROKEN,
                place=item.name,
                sentence=(
                    f"Of the {elements:,} numbers in `{item.name}`, {item.nonfinite:,} "
                    f"{'is' if item.nonfinite == 1 else 'are'} infinite or no number at all, as is every sum with it"
                ),
                evidence={"not finite": item.nonfinite, "numbers": elements},
                remedy="Leave out the examples they belong to, or fill in what is missing, before training",
            )


def parameters_not_finite(state: ModelState) -> Iterator[Finding]:
    """Find the first parameter, in the order of execution, that holds numbers that are none."""
    parameters = [item for item in state.parameters if not math.isfinite(item.rms)]
    if not parameters:
        return
    order = {name: layer.number for layer in reversed(state.layers) for name in layer.parameters}
    first = min(parameters, key=lambda item: order.get(item.name, len(state.layers) + 1))
    others = len(parameters) - 1
    more = f", and {others:,} other parameter{'s' if others > 1 else ''} too" if others else ""
    yield Finding(
        cause="parameters not finite",
        severity=Severity.BROKEN,
        place=first.name,
        sentence=f"`{first.name}` starts with numbers that are infinite or none{more}: all behind it is lost",
        evidence={"parameters that are not finite": len(parameters), "parameters": len(state.parameters)},
        remedy="Look at what fills them: a standard deviation from a division by 0, or memory left as it was",
    )


def constant_inputs(state: ModelState) -> Iterator[Finding]:
    """Find inputs that are the same for every example."""
    constant = [item for item in state.inputs if item.constant]
    if constant and len(constant) == len(state.inputs):
        examples = constant[0].shape[0]
        yield Finding(
            cause="constant inputs",
            severity=Severity.BROKEN,
            place=constant[0].name,
            sentence=f"All {examples:,} examples in `{constant[0].name}` are equal: only a constant can be learned",
            evidence={"examples": examples},
            remedy="Look at how the data are read: what tells the examples apart was lost on the way",
        )


def unscaled_inputs(state: ModelState) -> Iterator[Finding]:
    """Find inputs whose size or offset is far from what the laws of weights count on."""
    for item in state.inputs:
        if item.nonfinite or item.constant:
            continue
        extent = item.largest - item.smallest
        if not SMALLEST_INPUTS <= item.rms <= LARGEST_INPUTS:
            what = f"their root mean square is {item.rms:.3g}, and the laws of weights count on about 1"
        elif abs(item.mean) > OFFSET_FACTOR * extent > 0:
            what = f"they lie around {item.mean:.3g} and range over only {extent:.3g}, so that all examples look alike"
        else:
            continue
        yield Finding(
            cause="unscaled inputs",
            severity=Severity.WARNING,
            place=item.name,
            sentence=f"The numbers in `{item.name}` are not scaled: {what}",
            evidence={"rms": item.rms, "mean": item.mean, "smallest": item.smallest, "largest": item.largest},
            remedy="Standardize each feature: subtract its mean, divide by its standard deviation",
        )
