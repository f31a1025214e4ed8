"""The gradient of the cost by theta, and its derivative along a direction: the Hessian times a vector, exactly.

The product is Pearlmutter's: the operator R, which takes the derivative along a direction v of theta, is applied to
every line of the forward and the backward pass. With V_l and c_l the parts of v that belong to W_l and b_l,

    R Z_l = V_l A_(l-1) + W_l R A_(l-1) + c_l,        R A_l = phi'(Z_l) * R Z_l,
    R dA_(l-1) = V_l^T dZ_l + W_l^T R dZ_l,           R dZ_l = R dA_l * phi'(Z_l) + dA_l * phi''(Z_l) * R Z_l,
    R dW_l = R dZ_l A_(l-1)^T + dZ_l R A_(l-1)^T,     R db_l = sum over examples of R dZ_l,

and the last layer starts from the loss: R dZ_L = (d^2 C/dZ_L^2) R Z_L. A branch's multiplier alpha with direction beta
adds R A_last = R A_(first-1) + beta F + alpha R F, and its mirror on the way back. At kinks of phi the product leaves
out the jumps of phi', as automatic differentiation does.

Source: Pearlmutter (1994), Fast Exact Multiplication by the Hessian, https://doi.org/10.1162/neco.1994.6.1.147
"""

from __future__ import annotations

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.losses import Loss
from firstdraw.networks import Layer, MultilayerPerceptron, Taps

__all__ = ["gradient", "gradient_quotient", "hessian_product"]


def gradient(network: MultilayerPerceptron, theta: Floats, loss: Loss, X: Floats, Y: Floats) -> Floats:
    """Return the gradient of the cost by theta, `[P]`.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        loss: the cost.
        X: inputs `[d, m]`.
        Y: encoded targets `[k, m]`.
    """
    layers, g = network.layers(theta), np.empty_like(theta)
    taps = network.forward(layers, X)
    network.backward(layers, taps, loss.gradient(taps.Z[-1], Y), network.layers(g))
    return g


def hessian_product(
    network: MultilayerPerceptron, theta: Floats, loss: Loss, X: Floats, Y: Floats, v: Floats
) -> Floats:
    """Return H v, the derivative of the gradient by theta along v, `[P]`.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        loss: the cost.
        X: inputs `[d, m]`.
        Y: encoded targets `[k, m]`.
        v: the direction `[P]`.

    >>> from firstdraw.activations import Identity
    >>> from firstdraw.losses import SquaredError
    >>> network = MultilayerPerceptron((1, 1), Identity())
    >>> X, Y = np.array([[1.0, 3.0]]), np.zeros((1, 2))
    >>> hessian_product(network, np.zeros(2), SquaredError(), X, Y, np.array([1.0, 0.0]))
    array([10.,  4.])
    """
    layers, directions, product = network.layers(theta), network.layers(v), np.empty_like(theta)
    taps = network.forward(layers, X)
    R = _forward(network, layers, directions, taps)
    dZ = loss.gradient(taps.Z[-1], Y)
    RdZ = loss.hessian_product(taps.Z[-1], Y, R.Z[-1])
    products = network.layers(product)
    skipped: dict[int, tuple[Floats, Floats]] = {}
    for before in range(network.depth - 1, -1, -1):
        out = products[before]
        out.W[:] = RdZ @ taps.A[before].T + dZ @ R.A[before].T
        out.b[:] = RdZ.sum(axis=1, keepdims=True)
        if before == 0:
            break
        dA = layers[before].W.T @ dZ
        RdA = directions[before].W.T @ dZ + layers[before].W.T @ RdZ
        if before in skipped:
            dA, RdA = dA + skipped[before][0], RdA + skipped[before][1]
        alpha, beta, Ralpha = (part[before - 1].alpha for part in (layers, directions, products))
        if alpha is not None and beta is not None and Ralpha is not None:
            Ralpha[:] = np.sum(RdA * taps.F[before] + dA * R.F[before])
            skipped[network.skips[before]] = dA, RdA
            dA, RdA = alpha * dA, beta * dA + alpha * RdA
        activation = network.activations[before - 1]
        if activation is None:
            dZ, RdZ = dA, RdA
        else:
            Z = taps.Z[before - 1]
            slope = activation.derivative(Z)
            dZ, RdZ = dA * slope, RdA * slope + dA * activation.second_derivative(Z) * R.Z[before - 1]
    return product


def gradient_quotient(
    network: MultilayerPerceptron, theta: Floats, loss: Loss, X: Floats, Y: Floats, epsilon: float = 1e-5
) -> float:
    """Return Dauphin and Schoenholz's gradient quotient: by which share of itself a step along g changes the gradient.

        GQ = (1/P) sum_i |(g_i - (H g)_i)/(g_i + epsilon s_i) - 1|,    s_i = 1 if g_i >= 0 else -1,

    with g the gradient by theta and H the Hessian; 0 where the cost is linear along its gradient.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        loss: the cost.
        X: inputs `[d, m]`.
        Y: encoded targets `[k, m]`.
        epsilon: keeps the quotient finite where a gradient vanishes.

    Source: Dauphin & Schoenholz (2019), MetaInit: Initializing learning by learning to initialize,
    https://papers.nips.cc/paper/2019/hash/876e8108f87eb61877c6263228b67256-Abstract.html
    """
    g = gradient(network, theta, loss, X, Y)
    Hg = hessian_product(network, theta, loss, X, Y, g)
    return float(np.mean(np.abs((g - Hg) / (g + np.where(g >= 0, epsilon, -epsilon)) - 1)))


def _forward(network: MultilayerPerceptron, layers: list[Layer], directions: list[Layer], taps: Taps) -> Taps:
    """Return R of every tap."""
    R = Taps(Z=[], A=[np.zeros_like(taps.A[0])], F={})
    for number, (layer, direction) in enumerate(zip(layers, directions, strict=True), start=1):
        RZ = direction.W @ taps.A[number - 1] + layer.W @ R.A[-1] + direction.b
        R.Z.append(RZ)
        activation = network.activations[number - 1]
        out = RZ if activation is None else activation.derivative(taps.Z[number - 1]) * RZ
        if layer.alpha is not None and direction.alpha is not None:
            R.F[number] = out
            out = R.A[network.skips[number]] + direction.alpha * taps.F[number] + layer.alpha * out
        R.A.append(out)
    return R
