"""What enters a network, and what leaves it."""

from __future__ import annotations

from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.losses import Loss
from firstdraw.probes.state import FLAT, InputState, OutputState
from firstdraw.probes.statistics import sums

__all__ = ["input_state", "output_state"]

STEEPEST_SQUASHING: Final = 0.25
"""The largest derivative of a sigmoid, and of a softmax by its own input: p (1 - p) at p = 1/2."""


def input_state(X: Floats) -> InputState:
    """Measure the inputs `[d, m]`."""
    found = sums(X)
    smallest, largest = X.min(axis=1), X.max(axis=1)
    return InputState(
        features=X.shape[0],
        examples=X.shape[1],
        rms=found.rms,
        mean=found.moments.mean,
        smallest=float(smallest.min()),
        largest=float(largest.max()),
        nonfinite=X.size - int(np.count_nonzero(np.isfinite(X))),
        feature_means=tuple((found.scale * found.unit_means).tolist()),
        feature_ranges=tuple((largest - smallest).tolist()),
    )


def output_state(loss: Loss, Z: Floats, labels: Integers | None) -> OutputState:
    """Measure the outputs Z_L `[k, m]` against the class numbers `[m]`, None for regression."""
    m = Z.shape[1]
    flat = certain = certain_and_wrong = 0
    predicted: tuple[int, ...] = ()
    right: int | None = None
    if labels is not None:
        classes = loss.classify(Z)
        predicted = tuple(np.bincount(classes, minlength=max(2, len(Z))).tolist())
        wrong = classes != labels
        right = int(m - np.sum(wrong))
        if loss.squashes:
            P = loss.predict(Z)
            confidence = np.maximum(P[0], 1 - P[0]) if len(P) == 1 else P.max(axis=0)
            flat = int(np.sum(confidence * (1 - confidence) < FLAT * STEEPEST_SQUASHING))
            certain = int(np.sum(confidence == 1))
            certain_and_wrong = int(np.sum((confidence == 1) & wrong))
    return OutputState(m, float(Z.min()), float(Z.max()), flat, certain, certain_and_wrong, predicted, right)
