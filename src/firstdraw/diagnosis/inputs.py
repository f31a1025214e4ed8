"""Inputs that no initialization can make up for: not finite, all alike, or far from the scale that laws count on."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from firstdraw.diagnosis.finding import Finding, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import INPUT_FACTOR, LARGEST_INPUTS, OFFSET_FACTOR, SMALLEST_INPUTS
from firstdraw.probes import InputState

__all__ = ["constant_inputs", "inputs_not_finite", "unscaled_inputs"]


def inputs_not_finite(measured: StartMeasurements) -> Iterator[Finding]:
    """Find numbers among the inputs that are none."""
    inputs = measured.start.inputs
    if not inputs.nonfinite:
        return
    elements = inputs.features * inputs.examples
    yield Finding(
        cause="inputs not finite",
        severity=Severity.BROKEN,
        place="inputs",
        sentence=(
            f"Of the {elements:,} numbers among the inputs, {inputs.nonfinite:,} "
            f"{'is' if inputs.nonfinite == 1 else 'are'} infinite or no number at all, and so is every sum with it"
        ),
        evidence={"not finite": inputs.nonfinite, "numbers": elements},
        remedy="Leave out the examples they belong to, or fill in what is missing, before training",
    )


def constant_inputs(measured: StartMeasurements) -> Iterator[Finding]:
    """Find features that have one value on all examples: of all features it is the end, of some worth a note."""
    inputs = measured.start.inputs
    count = inputs.constant_features
    if inputs.examples < 2 or not count:
        return
    evidence: dict[str, float] = {
        "features": inputs.features,
        "constant features": count,
        "examples": inputs.examples,
    }
    if inputs.constant:
        yield Finding(
            cause="constant inputs",
            severity=Severity.BROKEN,
            place="inputs",
            sentence=(
                f"All {inputs.examples:,} examples are one and the same input: nothing but a constant can be learned "
                f"from them"
            ),
            evidence=evidence,
            remedy="Look at how the data are read: what tells the examples apart was lost on the way",
        )
        return
    one = count == 1
    yield Finding(
        cause="constant features",
        severity=Severity.NOTE,
        place="inputs",
        sentence=(
            f"Of {inputs.features:,} input features {count:,} {'has' if one else 'have'} one value on all examples, so "
            f"that {'its' if one else 'their'} weights learn what a bias can"
        ),
        evidence=evidence,
        remedy=f"Leave {'it' if one else 'them'} out",
    )


def unscaled_inputs(measured: StartMeasurements) -> Iterator[Finding]:
    """Find inputs whose size, offset or features' ranges are far from what the laws of weights count on."""
    inputs = measured.start.inputs
    if inputs.constant or inputs.nonfinite:
        return
    ranges = np.array([extent for extent in inputs.feature_ranges if extent])
    told = _size(inputs) or _offset(inputs, ranges) or _ranges(ranges)
    if told is None:
        return
    what, evidence = told
    yield Finding(
        cause="unscaled inputs",
        severity=Severity.WARNING,
        place="inputs",
        sentence=f"The inputs are not scaled: {what}",
        evidence=evidence,
        remedy="Standardize each feature: subtract its mean, divide by its standard deviation (`standardize = true`)",
    )


Told = tuple[str, dict[str, float]] | None


def _size(inputs: InputState) -> Told:
    if SMALLEST_INPUTS <= inputs.rms <= LARGEST_INPUTS:
        return None
    return (
        f"their root mean square is {inputs.rms:.3g}, and the laws of weights count on about 1",
        {"input rms": inputs.rms},
    )


def _offset(inputs: InputState, ranges: np.ndarray) -> Told:
    """Tell of features that lie far from 0 for how much they vary: of inputs that are all nearly parallel."""
    offset, extent = (math.sqrt(float(np.mean(np.square(part)))) for part in (inputs.feature_means, ranges))
    if offset <= OFFSET_FACTOR * extent:
        return None
    return (
        f"they lie around {offset:.3g} and range over only {extent:.3g}, so that all examples look alike",
        {"rms of the features' means": offset, "rms of the features' ranges": extent},
    )


def _ranges(ranges: np.ndarray) -> Told:
    narrowest, widest = float(ranges.min()), float(ranges.max())
    if widest <= INPUT_FACTOR * narrowest:
        return None
    what = f"one feature ranges over {widest:.3g}, another over {narrowest:.3g}, and no learning rate serves both"
    return what, {"widest range": widest, "narrowest range": narrowest}
