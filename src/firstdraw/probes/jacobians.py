"""The Jacobian of a network's outputs by its inputs, J = dZ_L/dx, `[k, d]` at each example, and its singular values.

With dots for derivatives along a direction v of the inputs, and the layers' slopes phi'(Z_l) from one forward pass,

    J v:    dA_0 = v,    dZ_l = W_l dA_(l-1),    dA_l = phi'(Z_l) * dZ_l,
    J^T u:  gZ_L = u,    gA_(l-1) = W_l^T gZ_l,  gZ_l = phi'(Z_l) * gA_l,

and where a branch ends with multiplier alpha, dA_last = dA_(first-1) + alpha dF and its mirror on the way back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.lanczos import LargestEigenvalue, largest_eigenvalue
from firstdraw.rules import check_positive_integer

__all__ = [
    "Estimate",
    "Linearization",
    "estimated_jacobian_mean_square",
    "jacobian",
    "jacobian_mean_square",
    "jacobian_singular_values",
    "largest_jacobian_singular_value",
]

# What the slopes of all layers may take; more examples are looked at some at a time.
MEMORY: Final = 2**28


class Linearization:
    """A network as its inputs' small changes see it: the products of J with vectors.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        X: where it is linearized, `[d, m]`.
    """

    def __init__(self, network: MultilayerPerceptron, theta: Floats, X: Floats) -> None:
        self._network = network
        self._layers = network.layers(theta)
        self._slopes: list[Floats | None] = []
        self._firsts = {branch.first for branch in network.branches}
        with np.errstate(all="ignore"):
            inputs = skipped = X
            for number, (layer, activation) in enumerate(zip(self._layers, network.activations, strict=True), start=1):
                skipped = inputs if number in self._firsts else skipped
                Z = layer.W @ inputs + layer.b
                self._slopes.append(None if activation is None else activation.derivative(Z))
                out = Z if activation is None else activation.value(Z)
                inputs = out if layer.alpha is None else skipped + layer.alpha * out

    def forward(self, V: Floats) -> Floats:
        """Return J v for every column.

        Args:
            V: one direction v an example, or any number of directions at a single example, `[d, n]`.
        """
        with np.errstate(all="ignore"):
            dA = skipped = V
            for number, (layer, slope) in enumerate(zip(self._layers, self._slopes, strict=True), start=1):
                skipped = dA if number in self._firsts else skipped
                dF = layer.W @ dA
                if slope is not None:
                    dF *= slope
                dA = dF if layer.alpha is None else skipped + layer.alpha * dF
            return dA

    def backward(self, U: Floats) -> Floats:
        """Return J^T u for every column.

        Args:
            U: one direction u an example, or any number of directions at a single example, `[k, n]`.
        """
        with np.errstate(all="ignore"):
            gA = skipped = U
            for number in range(len(self._layers), 0, -1):
                layer, slope = self._layers[number - 1], self._slopes[number - 1]
                gZ = gA
                if layer.alpha is not None:
                    skipped, gZ = gA, layer.alpha * gA
                gA = layer.W.T @ (gZ if slope is None else gZ * slope)
                if number in self._firsts:
                    gA = gA + skipped
            return gA


def jacobian(network: MultilayerPerceptron, theta: Floats, x: Floats) -> Floats:
    """Return J at one input, `[k, d]`, by min(k, d) products at once.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        x: the input `[d]`.

    Raises:
        InputError: if x is not one number a feature.

    >>> from firstdraw.activations import ReLU
    >>> network = MultilayerPerceptron((2, 2, 1), ReLU())
    >>> jacobian(network, np.array([1.0, 2, 3, 4, 0, 0, 10, 100, 0]), np.array([1.0, -0.6]))
    array([[300., 400.]])
    """
    d, k = network.widths[0], network.widths[-1]
    linear = Linearization(network, theta, _column(network, x))
    if d <= k:
        return linear.forward(np.eye(d, dtype=theta.dtype))
    return linear.backward(np.eye(k, dtype=theta.dtype)).T


def _column(network: MultilayerPerceptron, x: Floats) -> Floats:
    if x.shape != network.widths[:1]:
        raise InputError("x", f"must be {network.widths[0]} numbers, one a feature", x.shape)
    return x[:, np.newaxis]


def jacobian_singular_values(network: MultilayerPerceptron, theta: Floats, x: Floats) -> Floats:
    """Return the singular values of J at one input, the largest first, `[min(k, d)]`; nan where J is not finite.

    All of J is computed: its smallest singular values need all of it, and min(k, d) columns cost a pass over as many
    examples.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        x: the input `[d]`.

    Raises:
        InputError: if x is not one number a feature.
    """
    J = jacobian(network, theta, x)
    if not np.isfinite(J).all():
        return np.full(min(network.widths[0], network.widths[-1]), np.nan)
    singular_values: Floats = np.linalg.svd(J, compute_uv=False)
    return singular_values


def largest_jacobian_singular_value(
    network: MultilayerPerceptron,
    theta: Floats,
    x: Floats,
    draws: Draws,
    *,
    tolerance: float = 1e-3,
    most_products: int = 100,
) -> LargestEigenvalue:
    """Return the largest singular value of J at one input, by Lanczos on J J^T, or on J^T J where that is smaller.

    For networks with so many inputs and outputs that J itself is too large.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        x: the input `[d]`.
        draws: where the first vector comes from.
        tolerance: how large the error may be relative to the squared singular value, at least 0 and below 1.
        most_products: how many products with J J^T may be made.

    Returns:
        The singular value, the square root of an eigenvalue; `error` is the square root's, too.

    Raises:
        InputError: if x is not one number a feature, or the tolerance or the number of products breaks its rule.
    """
    d, k = network.widths[0], network.widths[-1]
    linear = Linearization(network, theta, _column(network, x))

    def product(v: Floats) -> Floats:
        column = v[:, np.newaxis]
        image = linear.backward(linear.forward(column)) if d <= k else linear.forward(linear.backward(column))
        return image[:, 0]

    start = draws.normal("jacobian", (min(d, k),)).astype(theta.dtype)
    found = largest_eigenvalue(product, start, tolerance=tolerance, most_products=most_products)
    root = math.sqrt(max(found.value, 0.0))
    # An eigenvalue within e of s^2 is the square of a singular value within e/s of s.
    error = found.error / root if root else math.sqrt(found.error)
    return LargestEigenvalue(root, error, found.products, found.converged)


def jacobian_mean_square(network: MultilayerPerceptron, theta: Floats, X: Floats) -> float:
    """Return tr(J J^T)/k, the mean squared singular value, in the mean over the examples, exactly.

    It takes min(k, d) passes over the examples. Of k > d singular values k - d are 0, and count: in a wide network at
    the start this is the product of the layers' chi (`LayerState.chi`) and of |W_1|^2/N_1.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        X: inputs `[d, m]`.
    """
    d, k = network.widths[0], network.widths[-1]
    n, forward = min(d, k), d <= k
    total = 0.0
    for some in _portions(network, X):
        linear = Linearization(network, theta, some)
        for i in range(n):
            directions = np.zeros((n, some.shape[1]), theta.dtype)
            directions[i] = 1
            image = linear.forward(directions) if forward else linear.backward(directions)
            total += float(np.sum(np.square(image, dtype=np.float64)))
    return total / (k * X.shape[1])


def _portions(network: MultilayerPerceptron, X: Floats) -> list[Floats]:
    examples = max(1, MEMORY // (sum(network.widths) * X.itemsize))
    return [X[:, start : start + examples] for start in range(0, X.shape[1], examples)]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of random samples.

    Args:
        value: the mean.
        standard_error: its standard deviation, as the samples show it.
    """

    value: float
    standard_error: float


def estimated_jacobian_mean_square(
    network: MultilayerPerceptron, theta: Floats, X: Floats, draws: Draws, samples: int = 10
) -> Estimate:
    """Return tr(J J^T)/k in the mean over the examples, by Hutchinson's estimator.

    E |J^T u|^2 = tr(J J^T) for random signs u; each sample takes a sign for every output and example, in one pass.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        X: inputs `[d, m]`.
        draws: where the signs come from.
        samples: how many, two or more.

    Raises:
        InputError: if there are less than two samples.

    Source: Hutchinson (1990), A stochastic estimator of the trace of the influence matrix for Laplacian smoothing
    splines, https://doi.org/10.1080/03610919008812866
    """
    check_positive_integer("samples", samples)
    if samples < 2:
        raise InputError("samples", "must be two or more, so that they show their spread", samples)
    k, m = network.widths[-1], X.shape[1]
    U = np.where(draws.uniform("hutchinson", (samples, k, m)) < 0.5, -1, 1).astype(theta.dtype)
    sums = np.zeros(samples)
    start = 0
    for some in _portions(network, X):
        linear, stop = Linearization(network, theta, some), start + some.shape[1]
        for i in range(samples):
            sums[i] += np.sum(np.square(linear.backward(U[i, :, start:stop]), dtype=np.float64))
        start = stop
    means = sums / (k * m)
    return Estimate(float(means.mean()), float(means.std(ddof=1)) / math.sqrt(samples))
