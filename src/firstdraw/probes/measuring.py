"""The one door to what is measured of a network on a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.errors import InputError
from firstdraw.losses import Loss
from firstdraw.networks import Layer, MultilayerPerceptron
from firstdraw.probes.ends import input_state, output_state
from firstdraw.probes.passes import Passes
from firstdraw.probes.responses import Response, response_of
from firstdraw.probes.signals import Pair, Signal, signal_of
from firstdraw.probes.state import BranchState, LayerState, NetworkState
from firstdraw.probes.statistics import rms
from firstdraw.probes.symmetry import distinct_units, similarity, unit_difference
from firstdraw.rules import is_integer

if TYPE_CHECKING:
    # At run time it is the engine that imports the probes.
    from firstdraw.engine.optimizers import Optimizer

__all__ = ["probe"]

MEMORY: Final = 2**29
"""Half a gigabyte: what a hundred layers of 256 units hold of a thousand examples, with room to spare."""


def probe(
    network: MultilayerPerceptron,
    theta: Floats,
    loss: Loss,
    X: Floats,
    Y: Floats,
    labels: Integers | None,
    *,
    optimizer: Optimizer | None = None,
    pair: Pair | None = None,
    effective_rank: bool = False,
    memory: int = MEMORY,
) -> NetworkState:
    """Measure a network on a batch, in one forward and one backward pass.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        loss: what the gradient is of.
        X: inputs `[d, m]`.
        Y: encoded targets `[k, m]`.
        labels: class numbers `[m]`, or None for regression.
        optimizer: whose first step is compared with the weights; each of its rules acts on every element by itself.
        pair: two examples, counted from 0, whose correlation is followed through the layers.
        effective_rank: whether the effective rank of each layer is measured; it costs a singular value decomposition.
        memory: how many bytes all Z_l and A_l may take to be kept; beyond it they are computed twice, and only about
            sqrt(2 L) of L layers are in memory at a time.

    Raises:
        InputError: if theta, X or Y has not the network's shape, the batch is empty, or the pair is none of it.

    >>> from firstdraw.activations import ReLU
    >>> from firstdraw.losses import SquaredError
    >>> network = MultilayerPerceptron((2, 2, 1), ReLU())
    >>> theta = np.array([1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.5])
    >>> X, Y = np.array([[1.0, 2.0], [1.0, 3.0]]), np.array([[1.0, 2.0]])
    >>> first, last = probe(network, theta, SquaredError(), X, Y, None, pair=(0, 1)).layers
    >>> first.dead_units, first.chi, last.signal.mean
    (1, 1.0, 2.0)
    """
    _check(network, theta, X, Y, pair)
    layers = network.layers(theta)
    with np.errstate(all="ignore"):
        passes, outputs = Passes(network, layers, X, memory), X
        signals: list[Signal] = []
        for forward in passes.forward():
            signals.append(signal_of(forward, pair, rank=effective_rank))
            outputs = forward.Z
        firsts = {branch.first for branch in network.branches}
        responses = [
            response_of(
                backward,
                layers,
                network.activations[backward.forward.layer - 1],
                optimizer,
                begins_a_branch=backward.forward.layer in firsts,
            )
            for backward in passes.backward(loss.gradient(outputs, Y))
        ][::-1]
        return NetworkState(
            inputs=input_state(X),
            layers=_layers(network, layers, signals, responses, m=X.shape[1]),
            branches=_branches(network, layers, signals, responses),
            output=output_state(loss, outputs, labels),
            cost=loss.value(outputs, Y),
            constant_cost=loss.constant_cost(Y),
        )


def _check(network: MultilayerPerceptron, theta: Floats, X: Floats, Y: Floats, pair: Pair | None) -> None:
    if theta.shape != (network.parameter_count,):
        raise InputError("theta", f"must be {network.parameter_count:,} numbers, one a parameter", theta.shape)
    d, k = network.widths[0], network.widths[-1]
    if X.ndim != 2 or len(X) != d:
        raise InputError("X", f"must have {d} rows, one a feature, and one column an example", X.shape)
    m = X.shape[1]
    if m == 0:
        raise InputError("X", "must have one example or more", X.shape)
    if Y.shape != (k, m):
        raise InputError("Y", f"must have the shape {(k, m)}, one row an output and one column an example", Y.shape)
    if pair is None:
        return
    if len(set(pair)) != 2 or not all(is_integer(i) and 0 <= i < m for i in pair):
        raise InputError("pair", f"must be two different examples out of {m}, counted from 0", pair)


def _layers(
    network: MultilayerPerceptron,
    layers: Sequence[Layer],
    signals: Sequence[Signal],
    responses: Sequence[Response],
    m: int,
) -> tuple[LayerState, ...]:
    distinct = distinct_units(layers, network.branches)
    difference = unit_difference(layers, network.branches)
    return tuple(
        LayerState(
            layer=i + 1,
            hidden=i + 1 < network.depth,
            branch=place.number if (place := network.branch_places.get(i + 1)) else None,
            fan_in=network.widths[i],
            units=network.widths[i + 1],
            signal_rms=signal.signal_rms,
            signal=signal.signal,
            activation=signal.activation,
            nonfinite=signal.nonfinite,
            correlation=signal.correlation,
            pair_correlation=signal.pair_correlation,
            participation_ratio=signal.spread.participation_ratio,
            effective_rank=signal.effective_rank,
            unit_correlation=signal.spread.largest_correlation,
            weight_cosine=(near := similarity(layer)).largest_cosine,
            similar_units=near.similar_units,
            mirrored_units=near.mirrored_units,
            gradient_rms=response.signal_gradient_norm * m / math.sqrt(network.widths[i + 1] * m),
            weight_rms=rms(layer.W),
            bias_rms=rms(layer.b),
            weight_gradient_rms=response.weight_gradient_rms,
            bias_gradient_rms=response.bias_gradient_rms,
            update_ratio=response.update_ratio,
            chi=response.chi if _leads_on(network, i + 1) else None,
            backward_chi=_squared_ratio(response.signal_gradient_norm, responses[i + 1].signal_gradient_norm)
            if _leads_on(network, i + 1)
            else None,
            dead_units=response.dead_units,
            dead_inputs=response.dead_inputs,
            flat_share=response.flat_share,
            distinct_units=distinct[i],
            unit_difference=difference[i],
        )
        for i, (layer, signal, response) in enumerate(zip(layers, signals, responses, strict=True))
    )


def _leads_on(network: MultilayerPerceptron, layer: int) -> bool:
    """Whether all that a layer hands on goes through the next layer, and nothing is added to it."""
    return layer < network.depth and layer not in network.skips and layer not in network.skips.values()


def _branches(
    network: MultilayerPerceptron, layers: Sequence[Layer], signals: Sequence[Signal], responses: Sequence[Response]
) -> tuple[BranchState, ...]:
    return tuple(
        BranchState(
            branch=number,
            first=branch.first,
            last=branch.last,
            multiplier=float(alpha.item()),
            multiplier_gradient=responses[branch.last - 1].multiplier_gradient,
            output_rms=signals[branch.last - 1].output_rms,
            backward_chi=_squared_ratio(
                responses[branch.first - 1].input_gradient_norm, responses[branch.last - 1].output_gradient_norm
            ),
        )
        for number, (branch, alpha) in enumerate(
            zip(network.branches, (layer.alpha for layer in layers if layer.alpha is not None), strict=True), start=1
        )
    )


def _squared_ratio(above: float, below: float) -> float:
    ratio = np.divide(above, below)
    return float(ratio * ratio)
