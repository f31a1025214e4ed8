"""The tangent kernel against the Jacobian by finite differences, and against training itself."""

from __future__ import annotations

import numpy as np
import pytest

from firstdraw.activations import ACTIVATIONS, Identity, ReLU, Tanh
from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import LOSSES, BinaryCrossEntropy, SoftmaxCrossEntropy, SquaredError
from firstdraw.networks import Branch, MultilayerPerceptron
from firstdraw.probes import gradient
from firstdraw.probes.tangents import Spectrum, layer_kernels, tangent

rng = np.random.default_rng(4)


def _drawn(network: MultilayerPerceptron, seed: int = 0) -> np.ndarray:
    laws = [INITIALIZERS["torch_default"]().law(role) for role in network.roles]
    return network.draw(laws, CounterDraws(seed))


def _jacobian(network: MultilayerPerceptron, theta: np.ndarray, X: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Return dZ_ci/dtheta_p, `[k, m, P]`, by central differences."""
    columns = []
    for p in range(len(theta)):
        moved = [theta.copy(), theta.copy()]
        moved[0][p] += step
        moved[1][p] -= step
        columns.append((network.output(moved[0], X) - network.output(moved[1], X)) / (2 * step))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_the_kernel_is_that_of_the_jacobian_by_finite_differences(activation: str) -> None:
    network = MultilayerPerceptron((3, 5, 4, 2), ACTIVATIONS[activation]())
    theta, X = _drawn(network), rng.normal(size=(3, 6))
    J = _jacobian(network, theta, X)
    np.testing.assert_allclose(sum(layer_kernels(network, theta, X)), np.einsum("cip,cjp->ij", J, J) / 2, rtol=1e-6)


def test_each_layers_share_is_that_of_its_parameters() -> None:
    network = MultilayerPerceptron((2, 4, 3, 1), Tanh())
    theta, X = _drawn(network), rng.normal(size=(2, 5))
    J = _jacobian(network, theta, X)[0]
    start = 0
    for layer, kernel in zip(network.layers(theta), layer_kernels(network, theta, X), strict=True):
        end = start + layer.W.size + layer.b.size
        np.testing.assert_allclose(kernel, J[:, start:end] @ J[:, start:end].T, rtol=1e-6)
        start = end


def test_in_a_residual_network_only_the_multipliers_share_is_left_out() -> None:
    network = MultilayerPerceptron((3, 4, 4, 1), Tanh(), (Branch(2, 2),))
    theta, X = _drawn(network), rng.normal(size=(3, 5))
    J = _jacobian(network, theta, X)[0]
    kept = np.concatenate([np.full(np.prod(role.shape, dtype=int), role.kind != "scalar") for role in network.roles])
    assert (~kept).sum() == 1
    np.testing.assert_allclose(sum(layer_kernels(network, theta, X)), J[:, kept] @ J[:, kept].T, rtol=1e-6)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_first_rate_is_what_the_gradient_says(loss: str) -> None:
    # R^T K R is the square of the gradient for residuals R, of one output; h/m of it is that of a step.
    member = LOSSES[loss]()
    k = 3 if loss == "softmax_cross_entropy" else 1
    network = MultilayerPerceptron((2, 6, k), Tanh())
    theta, X = _drawn(network), rng.normal(size=(2, 9))
    labels = np.arange(9) % max(k, 2)
    Y = member.encode(labels, max(k, 2))
    R = member.gradient(member.constant_output(Y), Y)
    kernel = sum(layer_kernels(network, theta, X))
    share = 1 / 3 * 2 / 3 * 3 / 2 if k == 3 else {"binary_cross_entropy": 5 / 9 * 4 / 9, "squared_error": 2.0}[loss]
    expected = share / 9 * np.trace(R @ kernel @ R.T) / np.sum(R**2)
    assert tangent(network, theta, member, X, Y).plain.rate == pytest.approx(expected, rel=1e-12)


def test_gradient_descent_on_a_linear_network_leaves_what_the_spectrum_says() -> None:
    network, loss = MultilayerPerceptron((3, 1), Identity()), SquaredError()
    X = rng.normal(size=(3, 12))
    Y = np.array([[1.0, -2.0, 0.5]]) @ X + 0.3
    theta = np.append(np.zeros(3), Y.mean())
    eta, steps = 1e-4, 3000
    found = tangent(network, theta, loss, X, Y).plain
    moved = theta.copy()
    for _ in range(steps):
        moved -= eta * gradient(network, moved, loss, X, Y)
    left = loss.value(network.output(moved, X), Y) / loss.constant_cost(Y)
    # Steps of a finite size shrink by 1 - eta lambda, not by its exponential.
    assert found.remaining(eta * steps) == pytest.approx(left, rel=1e-3)
    assert 0.05 < left < 0.9


def test_the_layerwise_kernel_weighs_each_layer_by_its_gradient() -> None:
    network, loss = MultilayerPerceptron((2, 5, 4, 1), Tanh()), BinaryCrossEntropy()
    theta, X = _drawn(network), rng.normal(size=(2, 8))
    Y = np.array([[0.0, 1.0] * 4])
    R = (0.5 - Y) / 8
    kernels = layer_kernels(network, theta, X)
    g, layers = np.empty_like(theta), network.layers(theta)
    network.backward(layers, network.forward(layers, X), R, network.layers(g))
    sizes = [np.sqrt(np.mean(layer.W**2)) for layer in network.layers(g)]
    weighed = sum(kernel / size for kernel, size in zip(kernels, sizes, strict=True))
    expected = 0.25 / 8 * (R @ weighed @ R.T).item() / np.sum(R**2)
    assert tangent(network, theta, loss, X, Y).layerwise.rate == pytest.approx(expected, rel=1e-5)


def test_zeros_move_nothing_that_tells_examples_apart() -> None:
    network = MultilayerPerceptron((2, 5, 1), ReLU())
    found = tangent(
        network,
        np.zeros(network.parameter_count),
        BinaryCrossEntropy(),
        rng.normal(size=(2, 8)),
        np.array([[0.0, 1.0] * 4]),
    ).plain
    # The last bias moves all alike: the one rate that is not 0.
    assert found.largest_rate == pytest.approx(0.25)
    assert found.rate == pytest.approx(0, abs=1e-15)
    assert found.remaining(1e6) == pytest.approx(1)


def test_what_overflows_is_nan_and_a_kernel_of_zeros_has_no_alignment() -> None:
    network = MultilayerPerceptron((2, 3, 3), Identity())
    theta = np.full(network.parameter_count, 1e200)
    Y = np.eye(3)
    found = tangent(network, theta, SoftmaxCrossEntropy(), np.ones((2, 3)), Y)
    assert np.isnan(found.plain.rate)
    assert np.isnan(found.layerwise.remaining(1.0))
    assert Spectrum((0.0, 0.0), (0.5, 0.5)).alignment == 0
