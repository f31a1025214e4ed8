"""One forward and one backward pass over a batch: what every layer holds, passes on and receives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats, Integers
from firstdraw.losses import Loss
from firstdraw.networks import MultilayerPerceptron, Taps
from firstdraw.probes.symmetry import distinct_units, unit_difference

__all__ = ["FLAT", "BranchState", "LayerState", "NetworkState", "OutputState", "probe"]

FLAT: Final = 0.01
"""A function is flat where its derivative is below this share of its largest: for tanh beyond |z| = 2.99."""
STEEPEST_SQUASHING: Final = 0.25
"""The largest derivative of a sigmoid, and of a softmax by its own input: p (1 - p) at p = 1/2."""


@dataclass(frozen=True, slots=True)
class LayerState:
    """What one layer does on a batch.

    Args:
        layer: its place, from 1.
        hidden: whether another layer follows.
        branch: the number of the residual branch that it belongs to, from 1, if it does.
        units: its width.
        signal_rms: root mean square of Z_l over units and examples.
        gradient_rms: root mean square of m dC/dZ_l over units and examples: the gradient an example sends back.
        weight_rms: root mean square of W_l over its elements.
        weight_gradient_rms: root mean square of dC/dW_l over its elements.
        dead_units: how many units have derivative 0 on every example, so that they cannot learn from any; 0 where no
            activation follows.
        flat_share: the share of units and examples on which a bounded activation is flat; 0 for others.
        distinct_units: how many different units there are.
        unit_difference: the largest difference between two units in one weight or bias.
    """

    layer: int
    hidden: bool
    branch: int | None
    units: int
    signal_rms: float
    gradient_rms: float
    weight_rms: float
    weight_gradient_rms: float
    dead_units: int
    flat_share: float
    distinct_units: int
    unit_difference: float


@dataclass(frozen=True, slots=True)
class BranchState:
    """What one residual branch adds on a batch.

    Args:
        branch: its number, from 1.
        first: the first of its layers.
        last: the last of its layers.
        multiplier: alpha.
        multiplier_gradient: dC/dalpha.
        output_rms: root mean square of F, which alpha multiplies, over units and examples.
    """

    branch: int
    first: int
    last: int
    multiplier: float
    multiplier_gradient: float
    output_rms: float


@dataclass(frozen=True, slots=True)
class OutputState:
    """What the network predicts on a batch.

    Args:
        examples: m.
        smallest: the smallest element of Z_L.
        largest: the largest.
        flat: on how many examples the output probability is flat, p (1 - p) < 0.0025.
        certain: on how many it is exactly 0 or 1 in this precision.
        certain_and_wrong: on how many of these the prediction is wrong.
        predicted: how many examples are given each class; empty for regression.
        right: how many predictions are right; None for regression.
    """

    examples: int
    smallest: float
    largest: float
    flat: int
    certain: int
    certain_and_wrong: int
    predicted: tuple[int, ...]
    right: int | None


@dataclass(frozen=True, slots=True)
class NetworkState:
    """What a network with given parameters does on a batch.

    Args:
        input_rms: root mean square of the inputs.
        layers: the layers in order.
        branches: the residual branches in order.
        output: the predictions.
        cost: the overflow-safe cost.
        constant_cost: the lowest cost of a prediction that ignores the inputs.
    """

    input_rms: float
    layers: tuple[LayerState, ...]
    branches: tuple[BranchState, ...]
    output: OutputState
    cost: float
    constant_cost: float

    @property
    def hidden(self) -> tuple[LayerState, ...]:
        """The layers that another layer follows."""
        return self.layers[:-1]


def probe(
    network: MultilayerPerceptron, theta: Floats, loss: Loss, X: Floats, Y: Floats, labels: Integers | None
) -> NetworkState:
    """Measure a network on a batch.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        loss: what the gradient is of.
        X: inputs `[d, m]`.
        Y: encoded targets `[k, m]`.
        labels: class numbers `[m]`, or None for regression.
    """
    layers = network.layers(theta)
    gradient = np.empty_like(theta)
    gradients = network.layers(gradient)
    m = X.shape[1]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        taps = network.forward(layers, X)
        dZ = network.backward(layers, taps, loss.gradient(taps.Z[-1], Y), gradients)
        distinct = distinct_units(layers, network.branches)
        difference = unit_difference(layers, network.branches)
        states = [
            LayerState(
                layer=number + 1,
                hidden=number + 1 < network.depth,
                branch=place.number if (place := network.branch_places.get(number + 1)) else None,
                units=len(Z),
                signal_rms=rms(Z),
                gradient_rms=rms(dZ[number]) * m,
                weight_rms=rms(layers[number].W),
                weight_gradient_rms=rms(gradients[number].W),
                dead_units=_dead_units(network.activations[number], Z),
                flat_share=_flat_share(network.activations[number], Z),
                distinct_units=distinct[number],
                unit_difference=difference[number],
            )
            for number, Z in enumerate(taps.Z)
        ]
        return NetworkState(
            input_rms=rms(X),
            layers=tuple(states),
            branches=_branches(network, theta, gradient, taps),
            output=_output(loss, taps.Z[-1], labels),
            cost=loss.value(taps.Z[-1], Y),
            constant_cost=loss.constant_cost(Y),
        )


def _branches(network: MultilayerPerceptron, theta: Floats, gradient: Floats, taps: Taps) -> tuple[BranchState, ...]:
    alphas, dalphas = network.multipliers(theta), network.multipliers(gradient)
    return tuple(
        BranchState(
            branch=number,
            first=branch.first,
            last=branch.last,
            multiplier=float(alpha.item()),
            multiplier_gradient=float(dalpha.item()),
            output_rms=rms(taps.F[branch.last]),
        )
        for number, (branch, alpha, dalpha) in enumerate(zip(network.branches, alphas, dalphas, strict=True), start=1)
    )


def rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _dead_units(activation: Activation | None, Z: Floats) -> int:
    if activation is None:
        return 0
    return int(np.sum(np.all(activation.derivative(Z) == 0, axis=1)))


def _flat_share(activation: Activation | None, Z: Floats) -> float:
    if activation is None or not activation.bounded:
        return 0.0
    steepest = activation.derivative(np.zeros(1))[0]
    return float(np.mean(np.less(activation.derivative(Z), FLAT * steepest)))


def _output(loss: Loss, Z: Floats, labels: Integers | None) -> OutputState:
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
