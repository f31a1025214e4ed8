"""Krähenbühl et al.'s rule: units standardized within each layer, then layers balanced to change at the same rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.fitted.contract import FITTED, Adjustment, Batch, Fitted
from firstdraw.fitted.standardizing import standardize
from firstdraw.networks import MultilayerPerceptron, Taps
from firstdraw.rules import check_finite, check_positive, check_positive_integer

__all__ = ["DataDependent", "change_rates"]


@FITTED.register("data_dependent", aliases=("krahenbuhl",))
@dataclass(frozen=True, slots=True)
class DataDependent(Fitted):
    """w <- w/sigma and b <- beta - mu/sigma for each unit; then W_l <- r_l W_l with r_l = (C_l/C)^(a/2), repeatedly.

    mu and sigma are a unit's mean and standard deviation over the batch, beta is `bias`. C_l is the rate at which
    layer l changes relative to its size (`change_rates`), C the geometric mean of all C_l, a the `damping`. In a
    positively homogeneous network, such as a ReLU network, scaling W_l by r_l scales C_l by 1/r_l^2 and keeps the
    output where the product of all r_l is 1: one step with a = 1 makes all rates equal. Biases follow the scale of
    their layer. Layers end within ln(C_l/C) < t, t = `tolerance`, or after `iterations` steps.

    Known confusion: the exponent's sign. The authors' code multiplies by sqrt(C_l/C), as the derivation wants; where a
    network is not homogeneous it also moves the output's standard deviation towards 1, which is left out here.

    Args:
        bias: beta, any finite number.
        damping: a, above 0; below 1 where layers are far from homogeneous.
        iterations: the largest number of steps between layers.
        tolerance: t, above 0.

    Raises:
        InputError: if an option breaks its rule.
    """

    bias: float = 0.0
    damping: float = 1.0
    iterations: int = 10
    tolerance: float = 0.01
    formula: ClassVar[str] = "w/sigma, b = bias - mu/sigma for each unit; W (C_l/C)^(damping/2) for each layer"
    source: ClassVar[Source | None] = Source(
        "Krähenbühl, Doersch, Donahue & Darrell",
        2016,
        "Data-dependent Initializations of Convolutional Neural Networks",
        "https://arxiv.org/abs/1511.06856",
    )

    def __post_init__(self) -> None:
        check_finite("bias", self.bias)
        check_positive("damping", self.damping)
        check_positive_integer("iterations", self.iterations)
        check_positive("tolerance", self.tolerance)

    def adjust(self, network: MultilayerPerceptron, theta: Floats, batch: Batch, draws: Draws) -> Adjustment:  # noqa: ARG002
        standardize(network, theta, batch.X, self.bias)
        imbalance = _imbalance(network, theta, batch.X)
        record = [float(np.abs(imbalance).max())]
        while record[-1] >= self.tolerance and len(record) <= self.iterations:
            _rescale(network, theta, batch.X, np.exp(self.damping / 2 * imbalance))
            imbalance = _imbalance(network, theta, batch.X)
            record.append(float(np.abs(imbalance).max()))
        converged = tuple(bool(value < self.tolerance) for value in np.abs(imbalance))
        return Adjustment(theta, (len(record) - 1,) * network.depth, converged)


def change_rates(network: MultilayerPerceptron, theta: Floats, X: Floats) -> Floats:
    """Return C_l of every layer, the rate at which its weights change relative to their size.

    C_l = sqrt(E mean((dN/dW_l)^2)/mean(W_l^2)), with N = sum over outputs o and examples i of eta_oi Z_L,oi a random
    function of the output and eta_oi independent N(0, 1). The expectation over eta is taken exactly: the mean square is
    the sum over o and i of the squares of each single output's derivative.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        X: the inputs `[d, m]`.
    """
    layers, scratch = network.layers(theta), network.layers(np.empty_like(theta))
    taps = network.forward(layers, X)
    squares = np.zeros(network.depth)
    for output in range(network.widths[-1]):
        dZ = np.zeros_like(taps.Z[-1])
        dZ[output] = 1
        for number, dZ_l in enumerate(network.backward(layers, taps, dZ, scratch)):
            squares[number] += np.mean(dZ_l**2 @ (taps.A[number] ** 2).T)
    return np.sqrt(squares / np.array([np.mean(layer.W**2) for layer in layers]))


def _imbalance(network: MultilayerPerceptron, theta: Floats, X: Floats) -> Floats:
    """Return ln(C_l/C) of every layer."""
    rates = change_rates(network, theta, X)
    for number, rate in enumerate(rates.tolist(), start=1):
        if not (np.isfinite(rate) and rate > 0):
            raise InputError("", f"layer {number} must change at a positive rate to be balanced with the others", rate)
    logarithms = np.log(rates)
    return logarithms - logarithms.mean()


def _rescale(network: MultilayerPerceptron, theta: Floats, X: Floats, factors: Floats) -> None:
    """Multiply each layer's weights by its factor, and its bias by that and by what has become of the input's scale."""
    layers = network.layers(theta)
    old = [float(np.mean(np.abs(A))) for A in network.forward(layers, X).A]
    taps = Taps(Z=[], A=[X], F={})
    for number, (layer, factor) in enumerate(zip(layers, factors, strict=True)):
        layer.W[:] *= factor
        layer.b[:] *= factor * (np.mean(np.abs(taps.A[-1])) / old[number] if old[number] else 1.0)
        network.advance(layer, taps)
