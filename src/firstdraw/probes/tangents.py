"""The tangent kernel of a network: what gradient descent would make of the targets if the network were linear.

With J_ci the derivative of output c at example i by theta, the kernel averaged over the k outputs is

    K_ij = (1/k) sum_c J_ci . J_cj = sum_l K_l,    K_l = (A_(l-1)^T A_(l-1) + 1) * (1/k) sum_c D_lc^T D_lc,

`*` by elements, where D_lc `[N_l, m]` holds the derivatives of output c by Z_l: a layer's share takes its inputs and
one backward pass an output, never the m k P numbers of J. The share of a residual branch's multiplier, a single
parameter, is left out.

What is to be learned is counted from the best constant prediction, which the last biases alone can reach: there the
residuals R `[k, m]`, dC/dZ, have the mean 0 over the examples, and only the inputs can explain them. While the outputs
move little, steps of gradient descent of size eta multiply what R has along an eigenvector of K by 1 - eta lambda each,
with lambda its eigenvalue times h/m, h being the curvature of an example's loss.

Source: Jacot, Gabriel & Hongler (2018), Neural Tangent Kernel, https://arxiv.org/abs/1806.07572
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.losses import Loss
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.statistics import rms

__all__ = ["Spectrum", "TangentState", "layer_kernels", "tangent"]

# Adam's epsilon: a layer whose gradients are smaller is not made faster by dividing by their size.
SMALLEST_SIZE: Final = 1e-8


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A kernel as the residuals see it.

    Args:
        rates: the eigenvalues lambda `[m]`, the smallest first; nan where the kernel is not finite.
        energies: the share of the sum of squares of R that lies along each eigenvector `[m]`.
    """

    rates: tuple[float, ...]
    energies: tuple[float, ...]

    @property
    def rate(self) -> float:
        """How fast R shrinks at first, sum_i energies_i rates_i."""
        return float(np.dot(self.energies, self.rates))

    @property
    def largest_rate(self) -> float:
        """The largest eigenvalue: steps of more than 2 / largest_rate overshoot along it."""
        return self.rates[-1]

    @property
    def alignment(self) -> float:
        """The rate over the sum of all rates: 1 where the kernel moves nothing but R; 0 for a kernel of zeros."""
        total = float(np.sum(self.rates))
        return self.rate / total if total else 0.0

    def remaining(self, amount: float) -> float:
        """Return the share of the squares of R that is left, sum_i energies_i exp(-2 amount rates_i).

        Args:
            amount: the sum of all step sizes eta.
        """
        with np.errstate(over="ignore"):
            return float(np.dot(self.energies, np.exp(-2 * amount * np.array(self.rates))))


@dataclass(frozen=True, slots=True)
class TangentState:
    """The two kernels that the common optimizers have.

    Args:
        plain: K, that of gradient descent.
        layerwise: sum_l K_l / r_l, r_l the root mean square of dC/dW_l for the residuals R: an optimizer that divides
            the gradient by its size, as Adam does element by element, has nearly this one.
    """

    plain: Spectrum
    layerwise: Spectrum


def tangent(network: MultilayerPerceptron, theta: Floats, loss: Loss, X: Floats, Y: Floats) -> TangentState:
    """Measure how fast the linearized network learns the targets.

    It takes k + 1 backward passes, and the eigenvalues of two `[m, m]` matrices: a few hundred examples are enough.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        loss: what is minimized.
        X: inputs `[d, m]`.
        Y: encoded targets `[k, m]`.

    >>> from firstdraw.activations import Identity
    >>> from firstdraw.losses import SquaredError
    >>> network = MultilayerPerceptron((1, 1), Identity())
    >>> X, Y = np.array([[1.0, -1.0]]), np.array([[3.0, -3.0]])
    >>> found = tangent(network, np.zeros(2), SquaredError(), X, Y).plain
    >>> round(found.rate, 12), round(found.remaining(0.25), 6)
    (2.0, 0.367879)
    """
    with np.errstate(all="ignore"):
        R = loss.gradient(loss.constant_output(Y), Y)
        curvature = _curvature(loss, Y)
        sizes = _gradient_sizes(network, theta, X, R)
        kernels = layer_kernels(network, theta, X)
        scale = curvature / X.shape[1]
        layerwise = [kernel / (size + SMALLEST_SIZE) for kernel, size in zip(kernels, sizes, strict=True)]
        return TangentState(_spectrum(kernels, scale, R), _spectrum(layerwise, scale, R))


def layer_kernels(network: MultilayerPerceptron, theta: Floats, X: Floats) -> list[Floats]:
    """Return each layer's share of the kernel, `[m, m]`, from the first layer to the last.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        X: inputs `[d, m]`.
    """
    layers, gradients = network.layers(theta), network.layers(np.empty_like(theta))
    taps = network.forward(layers, X)
    k, m = taps.Z[-1].shape
    signals = [np.zeros((m, m), theta.dtype) for _ in layers]
    for output in range(k):
        dZ = np.zeros((k, m), theta.dtype)
        dZ[output] = 1
        for layer, D in enumerate(network.backward(layers, taps, dZ, gradients)):
            signals[layer] += D.T @ D
    return [(A.T @ A + 1) * signal / k for A, signal in zip(taps.A[:-1], signals, strict=True)]


def _curvature(loss: Loss, Y: Floats) -> float:
    """Return the mean second derivative of an example's loss by its outputs, at the best constant prediction.

    Softmax does not see what all outputs share, so that one of its k directions has none.
    """
    k, m = Y.shape
    constant = np.ascontiguousarray(loss.constant_output(Y))
    total = 0.0
    for output in range(k):
        V = np.zeros((k, m))
        V[output] = 1
        total += float(np.sum(loss.hessian_product(constant, Y, V)[output]))
    return total / max(k - 1, 1) if loss.squashes else total / k


def _gradient_sizes(network: MultilayerPerceptron, theta: Floats, X: Floats, R: Floats) -> list[float]:
    """Return the root mean square of each layer's weight gradient for residuals R."""
    layers, gradients = network.layers(theta), network.layers(np.empty_like(theta))
    network.backward(layers, network.forward(layers, X), R, gradients)
    return [rms(gradient.W) for gradient in gradients]


def _spectrum(kernels: Sequence[Floats], scale: float, R: Floats) -> Spectrum:
    kernel = scale * np.sum(kernels, axis=0)
    m = len(kernel)
    if not np.isfinite(kernel).all():
        return Spectrum((float("nan"),) * m, (float("nan"),) * m)
    rates, vectors = np.linalg.eigh(kernel)
    energies = np.sum((R @ vectors) ** 2, axis=0)
    # Rounding may leave an eigenvalue of 0 below it.
    return Spectrum(tuple(np.maximum(rates, 0).tolist()), tuple((energies / energies.sum()).tolist()))
