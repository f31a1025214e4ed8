"""What is measured of a layer on the backward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.networks import Layer
from firstdraw.probes.passes import BackwardStep
from firstdraw.probes.state import FLAT
from firstdraw.probes.statistics import norm, rms

if TYPE_CHECKING:
    # At run time it is the engine that imports the probes.
    from firstdraw.engine.optimizers import Optimizer

__all__ = ["Response", "response_of"]


@dataclass(frozen=True, slots=True)
class Response:
    """What a layer makes of the gradient that comes back; the fields are those of `LayerState`, but for the first four.

    Args:
        signal_gradient_norm: the norm of dC/dZ_l.
        output_gradient_norm: the norm of dC/dA_l where the layer ends a branch.
        input_gradient_norm: the norm of dC/dA_(l-1) where the layer begins one.
        multiplier_gradient: dC/dalpha where the layer ends a branch.
    """

    signal_gradient_norm: float
    output_gradient_norm: float
    input_gradient_norm: float
    multiplier_gradient: float
    weight_gradient_rms: float
    bias_gradient_rms: float
    update_ratio: float | None
    chi: float | None
    dead_units: int
    dead_inputs: int
    flat_share: float


def response_of(
    step: BackwardStep,
    layers: Sequence[Layer],
    activation: Activation | None,
    optimizer: Optimizer | None,
    *,
    begins_a_branch: bool,
) -> Response:
    """Measure a layer.

    Args:
        step: what the backward pass makes of it.
        layers: the parameters of all layers.
        activation: what follows it.
        optimizer: whose first step is wanted.
        begins_a_branch: whether a branch begins with it.
    """
    layer, gradient, slope, dX = step.forward.layer, step.gradient, step.slope, step.input_gradient
    dead_units = dead_inputs = 0
    if slope is not None:
        dead = slope == 0
        dead_units, dead_inputs = (int(np.count_nonzero(dead.all(axis=axis))) for axis in (1, 0))
    return Response(
        signal_gradient_norm=norm(step.signal_gradient),
        output_gradient_norm=math.nan if gradient.alpha is None else norm(step.output_gradient),
        input_gradient_norm=norm(dX) if begins_a_branch and dX is not None else math.nan,
        multiplier_gradient=math.nan if gradient.alpha is None else float(gradient.alpha.item()),
        weight_gradient_rms=rms(gradient.W),
        bias_gradient_rms=rms(gradient.b),
        update_ratio=None if optimizer is None else _update_ratio(optimizer, layers[layer - 1].W, gradient.W),
        chi=None if slope is None else _chi(layers[layer].W, slope),
        dead_units=dead_units,
        dead_inputs=dead_inputs,
        flat_share=_flat_share(activation, slope),
    )


def _chi(W: Floats, slope: Floats) -> float:
    """Return tr(J J^T)/N for J = W diag(phi') in the mean over the examples: sum_ij W_ij^2 <phi'_j^2> / N."""
    column_squares = np.einsum("ij,ij->j", W, W, dtype=np.float64)
    mean_squares = np.einsum("ji,ji->j", slope, slope, dtype=np.float64) / slope.shape[1]
    return float(column_squares @ mean_squares) / len(W)


def _update_ratio(optimizer: Optimizer, W: Floats, dW: Floats) -> float:
    """Return by which share of itself W changes in the first step, in float64: a small change would be rounded away."""
    start, g = W.astype(np.float64), dW.astype(np.float64)
    after = start.copy()
    optimizer.update(after, g, optimizer.start(after), 1)
    return float(np.divide(norm(after - start), norm(start)))


def _flat_share(activation: Activation | None, slope: Floats | None) -> float:
    if activation is None or slope is None or not activation.bounded:
        return 0.0
    steepest = activation.derivative(np.zeros(1))[0]
    return float(np.mean(np.less(slope, FLAT * steepest)))
