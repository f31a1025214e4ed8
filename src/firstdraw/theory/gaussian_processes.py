"""Infinitely wide networks as Gaussian processes: their kernel before training, and the one that gradients follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.rules import check_positive, check_positive_integer
from firstdraw.theory.correlations import pair_matrices
from firstdraw.theory.maps import WideLayer

__all__ = ["Kernels", "kernels", "posterior_mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """The two kernels of a network for m1 and m2 inputs.

    Args:
        nngp: K `[m1, m2]`, the covariance of an output for two inputs over the draws of the parameters.
        ntk: Theta `[m1, m2]`, the product of an output's gradients by all parameters for two inputs.
    """

    nngp: Floats
    ntk: Floats


def kernels(layer: WideLayer, depth: int, X: Floats, others: Floats | None = None) -> Kernels:
    """Return the NNGP and the NTK of a network of L layers, all alike, whose hidden layers are infinitely wide.

        K_1 = s + v x.x'/d                        Theta_1 = K_1
        K_(l+1) = s + v E[phi(z) phi(z')]         Theta_(l+1) = K_(l+1) + v E[phi'(z) phi'(z')] Theta_l

    with (z, z') Gaussian of covariance K_l, v and s the layer's variances of weights times fan-in and of biases, phi
    its activation, which follows every layer but the last. The NTK is that of the parameterization W = sqrt(v/n) w, b =
    sqrt(s) beta with w and beta of variance 1, by which the gradients are taken. Their errors are those of
    `pair_matrices`, which the depth multiplies.

    Args:
        layer: v, s and phi.
        depth: L; 1 for a linear model.
        X: `[d, m1]`, d features, an input a column.
        others: `[d, m2]`; X by default.

    Raises:
        InputError: if L is no positive integer, or the inputs are no finite columns of one number of features.

    Sources: Lee et al. (2018), Deep Neural Networks as Gaussian Processes, https://arxiv.org/abs/1711.00165; Jacot,
    Gabriel & Hongler (2018), Neural Tangent Kernel, https://arxiv.org/abs/1806.07572

    >>> from firstdraw.activations import ReLU
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> told = kernels(WideLayer(activation=ReLU(), weight_variance=2.0), 2, X)
    >>> told.nngp.round(6), told.ntk.round(6)
    (array([[1.      , 0.31831], [0.31831, 1.      ]]), array([[2.      , 0.31831], [0.31831, 2.      ]]))
    """
    check_positive_integer("depth", depth)
    second = X if others is None else others
    for name, inputs in (("X", X), ("others", second)):
        if inputs.ndim != 2 or not inputs.size or not np.isfinite(inputs).all():
            raise InputError(name, "must be finite numbers `[d, m]`, an input a column", inputs)
    if len(second) != len(X):
        raise InputError("others", f"must have as many features as `X`, {len(X)}", len(second))
    v, s = layer.weight_variance, layer.bias_variance
    nngp = s + v * (X.T @ second) / len(X)
    ntk = nngp
    q1, q2 = (s + v * np.mean(inputs**2, axis=0) for inputs in (X, second))
    for _ in range(depth - 1):
        values, slopes = pair_matrices(layer.activation, q1, q2, _correlations(nngp, q1, q2))
        nngp, q1, q2 = s + v * values, layer.next_variance(q1), layer.next_variance(q2)
        ntk = nngp + v * slopes * ntk
    return Kernels(nngp=nngp, ntk=ntk)


def _correlations(K: Floats, q1: Floats, q2: Floats) -> Floats:
    """Return K over the roots of the variances; 0 where one is 0 and nothing depends on it."""
    product = np.outer(np.sqrt(q1), np.sqrt(q2))
    return np.divide(K, product, out=np.zeros(K.shape), where=product > 0).clip(-1, 1)


def posterior_mean(within: Floats, across: Floats, targets: Floats, *, noise: float) -> Floats:
    """Return what a Gaussian process predicts after it has seen targets, `[k, m2]` for k outputs and m2 inputs.

        Y (K + sigma^2 I)^-1 K'

    With the NTK and no noise it is what gradient descent of the mean squared error ends at, from an output of 0.

    Args:
        within: K `[m1, m1]`, the kernel among the inputs whose targets are known.
        across: K' `[m1, m2]`, the kernel from them to the inputs to predict for.
        targets: Y `[k, m1]`.
        noise: sigma^2, the variance of the targets' errors, above 0.

    Raises:
        InputError: if the noise is not above 0.

    >>> posterior_mean(np.eye(2), np.array([[1.0], [0.0]]), np.array([[3.0, 5.0]]), noise=0.5)
    array([[2.]])
    """
    check_positive("noise", noise)
    return targets @ np.linalg.solve(within + noise * np.eye(len(within)), across)
