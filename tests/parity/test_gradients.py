"""The network's forward and backward pass, by plain loops and by finite differences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS, Activation, LeakyReLU, ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.losses import LOSSES, Loss
from firstdraw.networks import MultilayerPerceptron

H = 1e-5
activations = pytest.mark.parametrize(
    "activation", [*(cls() for cls in ACTIVATIONS.values()), LeakyReLU(0.3)], ids=repr
)
losses = pytest.mark.parametrize("loss", [cls() for cls in LOSSES.values()], ids=repr)


def analytic_gradient(
    network: MultilayerPerceptron, theta: Floats, loss: Loss, X: Floats, Y: Floats
) -> tuple[Floats, list[Floats]]:
    """Return the gradient by theta, and those by every Z."""
    layers, g = network.layers(theta), np.full_like(theta, np.nan)
    taps = network.forward(layers, X)
    dZ = network.backward(layers, taps, loss.gradient(taps.Z[-1], Y), network.layers(g))
    return g, dZ


def measured_gradient(network: MultilayerPerceptron, theta: Floats, loss: Loss, X: Floats, Y: Floats) -> Floats:
    measured = np.empty_like(theta)
    for i in range(len(theta)):
        up, down = theta.copy(), theta.copy()
        up[i] += H
        down[i] -= H
        measured[i] = (loss.value(network.output(up, X), Y) - loss.value(network.output(down, X), Y)) / (2 * H)
    return measured


def targets(loss: Loss, outputs: int, m: int, stream: np.random.Generator) -> Floats:
    """Return targets of a loss on a network with that many outputs."""
    if "regression" in loss.tasks:
        return stream.normal(size=(outputs, m))
    classes = outputs if outputs > 1 else 2
    return loss.encode(stream.integers(0, classes, m), classes)


@activations
@losses
@given(
    hidden=st.lists(st.integers(1, 4), max_size=3),
    features=st.integers(1, 3),
    outputs=st.integers(2, 3),
    m=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=12)
def test_the_gradient_equals_central_finite_differences(
    *, activation: Activation, loss: Loss, hidden: list[int], features: int, outputs: int, m: int, seed: int
) -> None:
    if loss.outputs("classification", 3) is None:
        outputs = 1  # this loss reads a single output
    network = MultilayerPerceptron((features, *hidden, outputs), activation)
    stream = np.random.default_rng(seed)
    theta, X = stream.normal(0, 0.7, network.parameter_count), stream.normal(size=(features, m))
    Y = targets(loss, outputs, m, stream)
    # Finite differences across a kink measure neither side: a step of H moves Z by some multiples of H only.
    Z = network.forward(network.layers(theta), X).Z[:-1]
    assume(all(abs(z - kink).min() > 100 * H for z in Z for kink in activation.kinks))
    g, _ = analytic_gradient(network, theta, loss, X, Y)
    measured = measured_gradient(network, theta, loss, X, Y)
    # Relative to the whole gradient; where that vanishes, as with dead rectifiers, rounding is left: 1e-16/H.
    assert np.linalg.norm(g - measured) <= 1e-6 * np.linalg.norm(measured) + 1e-10


@pytest.mark.parametrize("widths", [(3, 1), (2, 5, 1), (2, 4, 3, 2)])
def test_the_gradients_by_every_pre_activation_are_right_too(widths: tuple[int, ...]) -> None:
    # A bias shifts its unit's Z on all examples: with one example the two gradients are the same.
    network, loss = MultilayerPerceptron(widths, Tanh()), LOSSES["squared_error"]()
    stream = np.random.default_rng(1)
    theta, X = stream.normal(size=network.parameter_count), stream.normal(size=(widths[0], 1))
    g, dZ = analytic_gradient(network, theta, loss, X, stream.normal(size=(widths[-1], 1)))
    assert len(dZ) == network.depth
    for layer, gradient in zip(network.layers(g), dZ, strict=True):
        np.testing.assert_allclose(gradient, layer.b, rtol=1e-15)


@given(
    widths=st.lists(st.integers(1, 4), min_size=2, max_size=5),
    m=st.integers(0, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_forward_pass_equals_plain_loops(widths: list[int], m: int, seed: int) -> None:
    network = MultilayerPerceptron(tuple(widths), ReLU())
    stream = np.random.default_rng(seed)
    theta, X = stream.normal(size=network.parameter_count), stream.normal(size=(widths[0], m))
    taps = network.forward(network.layers(theta), X)
    rest = iter(theta.tolist())
    before = X.tolist()
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        W = [[next(rest) for _ in range(fan_in)] for _ in range(fan_out)]
        b = [next(rest) for _ in range(fan_out)]
        Z = [[sum(W[j][k] * before[k][i] for k in range(fan_in)) + b[j] for i in range(m)] for j in range(fan_out)]
        np.testing.assert_allclose(taps.Z[layer - 1], np.reshape(Z, (fan_out, m)), rtol=1e-12, atol=1e-13)
        before = Z if layer == network.depth else [[max(z, 0.0) for z in row] for row in Z]
        np.testing.assert_allclose(taps.A[layer], np.reshape(before, (fan_out, m)), rtol=1e-12, atol=1e-13)
    assert next(rest, None) is None
    np.testing.assert_array_equal(network.output(theta, X), taps.Z[-1])


def test_the_layers_are_views_into_theta() -> None:
    network = MultilayerPerceptron((2, 3, 1), ReLU())
    theta = np.zeros(network.parameter_count)
    for number, layer in enumerate(network.layers(theta), start=1):
        layer.W[:] = 10 * number
        layer.b[:] = 10 * number + 1
    assert theta.tolist() == [10] * 6 + [11] * 3 + [20] * 3 + [21]


def test_the_roles_tell_fans_layers_and_what_follows() -> None:
    network = MultilayerPerceptron((2, 10, 5, 1), ReLU())
    told = [(role.name, role.kind, role.shape, role.fan_in, role.fan_out, role.layer) for role in network.roles]
    assert told == [
        ("layers.1.weight", "weight", (10, 2), 2, 10, 1),
        ("layers.1.bias", "bias", (10, 1), 2, 10, 1),
        ("layers.2.weight", "weight", (5, 10), 10, 5, 2),
        ("layers.2.bias", "bias", (5, 1), 10, 5, 2),
        ("layers.3.weight", "weight", (1, 5), 5, 1, 3),
        ("layers.3.bias", "bias", (1, 1), 5, 1, 3),
    ]
    assert [role.activation for role in network.roles] == [ReLU()] * 4 + [None] * 2
    assert {role.depth for role in network.roles} == {3}
