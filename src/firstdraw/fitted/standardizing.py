"""Each unit's weights and bias such that its pre-activation has a given mean, and standard deviation 1, on a batch."""

from __future__ import annotations

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.fitted.contract import ROUNDING
from firstdraw.networks import Layer, MultilayerPerceptron, Taps

__all__ = ["standardize"]


def standardize(network: MultilayerPerceptron, theta: Floats, X: Floats, mean: float) -> None:
    """Change theta layer by layer: w <- w/sigma, b <- mean - mu/sigma for each unit.

    mu and sigma are the mean and the standard deviation of t = w A over the batch, w the unit's row of W; what the
    unit's bias was is forgotten.

    Args:
        network: its shape.
        theta: its parameters `[P]`, overwritten.
        X: the inputs `[d, m]`.
        mean: the mean of each unit's Z afterwards.

    Raises:
        InputError: if a unit gives every example the same, or overflows.
    """
    taps = Taps(Z=[], A=[X], F={})
    for number, layer in enumerate(network.layers(theta), start=1):
        _standardize(layer, taps.A[-1], number, mean)
        network.advance(layer, taps)


def _standardize(layer: Layer, A: Floats, number: int, mean: float) -> None:
    T = layer.W @ A
    mu, sigma = T.mean(axis=1, keepdims=True), T.std(axis=1, keepdims=True)
    if not np.isfinite(sigma).all():
        raise InputError("", f"layer {number} overflows on the batch, and cannot be fitted")
    constant = int(np.sum(sigma <= ROUNDING * np.abs(T).max(axis=1, keepdims=True)))
    if constant:
        raise InputError(
            "",
            f"{constant} of the {len(T)} units of layer {number} give every example the same output, which no scale of "
            "their weights changes",
        )
    layer.W[:] /= sigma
    layer.b[:] = mean - mu / sigma
