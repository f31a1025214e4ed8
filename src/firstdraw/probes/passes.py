"""One forward and one backward pass, layer by layer, that keep only what fits.

The backward pass needs every Z_l and A_l again. Where those of all layers fit into the given memory they are kept;
where not, the layers are cut into segments of about sqrt(L/2), of which only the entries are kept, and the backward
pass computes one segment after the other anew: sqrt(2 L) layers in memory instead of L, for one forward pass more.

Source: Chen, Xu, Zhang & Guestrin (2016), Training Deep Nets with Sublinear Memory Cost,
https://arxiv.org/abs/1604.06174
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.networks import Layer, MultilayerPerceptron

__all__ = ["BackwardStep", "ForwardStep", "Passes"]


class ForwardStep(NamedTuple):
    """What the forward pass makes of layer l: Z_l, A_l, and F where the layer ends a branch; A_(l-1) entered it."""

    layer: int
    entering: Floats
    Z: Floats
    A: Floats
    F: Floats | None


class BackwardStep(NamedTuple):
    """What the backward pass makes of layer l.

    Args:
        forward: what the forward pass made of it.
        slope: phi'(Z_l), or None where no activation follows.
        output_gradient: dC/dA_l, through the next layer and the skip around it together.
        signal_gradient: dC/dZ_l.
        input_gradient: dC/dA_(l-1), likewise; None for the first layer if no branch begins with it.
        gradient: dC/dW_l, dC/db_l, and dC/dalpha where the layer ends a branch.
    """

    forward: ForwardStep
    slope: Floats | None
    output_gradient: Floats
    signal_gradient: Floats
    input_gradient: Floats | None
    gradient: Layer


class _Entry(NamedTuple):
    """What a segment starts from: A_(l-1) of its first layer l, and what the branch around it, if any, will add."""

    A: Floats
    skipped: Floats | None


class Passes:
    """A forward pass over a batch, and after it a backward pass, each once.

    Args:
        network: its shape.
        layers: its parameters.
        X: inputs `[d, m]`.
        memory: how many bytes all Z_l and A_l may take to be kept; beyond it they are computed twice.
    """

    def __init__(self, network: MultilayerPerceptron, layers: Sequence[Layer], X: Floats, memory: int) -> None:
        self._network = network
        self._layers = layers
        self._X = X
        self._firsts = {branch.first for branch in network.branches}
        length = network.depth if self._bytes() <= memory else math.ceil(math.sqrt(network.depth / 2))
        self._segments = [
            range(first, min(first + length, network.depth + 1)) for first in range(1, network.depth + 1, length)
        ]
        self._entries: list[_Entry] = []
        self._kept: list[ForwardStep] = []

    def _bytes(self) -> int:
        layers = zip(self._network.widths[1:], self._network.activations, strict=True)
        units = sum(width if activation is None else 2 * width for width, activation in layers)
        return units * self._X.shape[1] * self._X.itemsize

    def forward(self) -> Iterator[ForwardStep]:
        """Yield what the forward pass makes of each layer, from the first to the last."""
        entry = _Entry(self._X, skipped=None)
        for segment in self._segments:
            self._entries.append(entry)
            self._kept = []
            for layer in segment:
                step, entry = self._advance(layer, entry)
                self._kept.append(step)
                yield step

    def _advance(self, layer: int, entry: _Entry) -> tuple[ForwardStep, _Entry]:
        W, b, alpha = self._layers[layer - 1]
        skipped = entry.A if layer in self._firsts else entry.skipped
        Z = W @ entry.A
        np.add(Z, b, out=Z)
        activation = self._network.activations[layer - 1]
        out = Z if activation is None else activation.value(Z)
        if alpha is None or skipped is None:
            return ForwardStep(layer, entry.A, Z, out, None), _Entry(out, skipped)
        total = skipped + alpha * out
        return ForwardStep(layer, entry.A, Z, total, out), _Entry(total, skipped=None)

    def backward(self, dZ: Floats) -> Iterator[BackwardStep]:
        """Yield what the backward pass makes of each layer, from the last to the first.

        Args:
            dZ: dC/dZ_L, `[k, m]`.
        """
        dA, skipped = dZ, None
        for segment in reversed(self._segments):
            entry = self._entries.pop()
            if not self._kept:
                for layer in segment:
                    step, entry = self._advance(layer, entry)
                    self._kept.append(step)
            while self._kept:
                step, skipped = self._retreat(self._kept.pop(), dA, skipped)
                yield step
                if step.input_gradient is not None:
                    dA = step.input_gradient

    def _retreat(self, forward: ForwardStep, dA: Floats, skipped: Floats | None) -> tuple[BackwardStep, Floats | None]:
        """Return what the backward pass makes of a layer, and the gradient that a skip around the next one carries."""
        layer = forward.layer
        W, _, alpha = self._layers[layer - 1]
        dalpha, through = None, dA
        if alpha is not None and forward.F is not None:
            dalpha, through, skipped = np.array([[np.sum(dA * forward.F)]]), alpha * dA, dA
        activation = self._network.activations[layer - 1]
        slope = None if activation is None else activation.derivative(forward.Z)
        dZ = through if slope is None else through * slope
        gradient = Layer(dZ @ forward.entering.T, dZ.sum(axis=1, keepdims=True), dalpha)
        dX = None
        if layer > 1 or layer in self._firsts:
            dX = W.T @ dZ
            if layer in self._firsts and skipped is not None:
                dX += skipped
                skipped = None
        return BackwardStep(forward, slope, dA, dZ, dX, gradient), skipped
