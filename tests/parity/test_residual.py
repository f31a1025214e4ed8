"""Residual branches, by plain loops over the layers, by finite differences, and by what must be so for some alpha."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.activations import ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.losses import SoftmaxCrossEntropy
from firstdraw.networks import Branch, MultilayerPerceptron, repeated_branches

H = 1e-5
LOSS = SoftmaxCrossEntropy()


@dataclass(frozen=True)
class Case:
    """A residual network with parameters and data."""

    network: MultilayerPerceptron
    theta: Floats
    X: Floats
    Y: Floats


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any layout: branches of any lengths and forms, side by side or with plain layers between, from the inputs on."""
    widths = [draw(st.integers(1, 4))]
    branches: list[Branch] = []
    for length in draw(st.lists(st.integers(0, 3), max_size=4)):
        if length == 0:
            widths.append(draw(st.integers(1, 4)))
            continue
        first, enters = len(widths), widths[-1]
        widths += [*draw(st.lists(st.integers(1, 4), min_size=length - 1, max_size=length - 1)), enters]
        branches.append(Branch(first, first + length - 1, activated=draw(st.booleans())))
    network = MultilayerPerceptron((*widths, 3), Tanh(), tuple(branches))
    stream, m = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.integers(1, 5))
    theta, X = stream.normal(0, 0.7, network.parameter_count), stream.normal(size=(widths[0], m))
    return Case(network, theta, X, LOSS.encode(stream.integers(0, 3, m), 3))


def one_by_one(network: MultilayerPerceptron, theta: Floats, X: Floats) -> tuple[list[Floats], list[Floats]]:
    """Return every Z_l and A_l, with theta read from its start to its end."""
    rest = iter(theta.tolist())
    Zs: list[Floats] = []
    As = [X]
    for layer in range(1, network.depth + 1):
        fan_in, fan_out = network.widths[layer - 1 : layer + 1]
        W = np.array([[next(rest) for _ in range(fan_in)] for _ in range(fan_out)])
        b = np.array([[next(rest)] for _ in range(fan_out)])
        Z = W @ As[-1] + b
        A = Z if layer == network.depth else np.tanh(Z)
        for branch in network.branches:
            if branch.last == layer:
                A = As[branch.first - 1] + next(rest) * (np.tanh(Z) if branch.activated else Z)
        Zs.append(Z)
        As.append(A)
    assert next(rest, None) is None
    return Zs, As


@given(cases())
def test_the_forward_pass_is_that_of_the_formulas_layer_by_layer(case: Case) -> None:
    taps = case.network.forward(case.network.layers(case.theta), case.X)
    Zs, As = one_by_one(case.network, case.theta, case.X)
    for ours, theirs in zip([*taps.Z, *taps.A], [*Zs, *As], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-14)
    assert taps.F.keys() == {branch.last for branch in case.network.branches}


def cost(network: MultilayerPerceptron, theta: Floats, X: Floats, Y: Floats) -> float:
    return LOSS.value(network.output(theta, X), Y)


def gradient(network: MultilayerPerceptron, theta: Floats, X: Floats, Y: Floats) -> tuple[Floats, list[Floats]]:
    layers, g = network.layers(theta), np.full_like(theta, np.nan)
    taps = network.forward(layers, X)
    dZ = network.backward(layers, taps, LOSS.gradient(taps.Z[-1], Y), network.layers(g))
    return g, dZ


@given(cases())
@settings(max_examples=60)
def test_the_gradient_equals_central_finite_differences_multipliers_included(case: Case) -> None:
    network, theta, X, Y = case.network, case.theta, case.X, case.Y
    g, dZ = gradient(network, theta, X, Y)
    steps = H * np.eye(len(theta))
    measured = np.array([(cost(network, theta + h, X, Y) - cost(network, theta - h, X, Y)) / (2 * H) for h in steps])
    assert np.linalg.norm(g - measured) <= 1e-6 * np.linalg.norm(measured) + 1e-10
    for ours, theirs in zip(network.multipliers(g), network.multipliers(measured), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-9)
    # A bias shifts its unit's Z on all examples.
    for layer, slopes in zip(network.layers(g), dZ, strict=True):
        np.testing.assert_allclose(slopes.sum(axis=1, keepdims=True), layer.b, rtol=1e-12, atol=1e-15)


@given(cases())
def test_the_roles_tell_the_parameters_in_the_order_of_theta_and_their_place_in_a_branch(case: Case) -> None:
    network = case.network
    names: list[str] = []
    for layer in range(1, network.depth + 1):
        names += [f"layers.{layer}.weight", f"layers.{layer}.bias"]
        names += [f"branches.{k}.multiplier" for k, b in enumerate(network.branches, start=1) if b.last == layer]
    assert [role.name for role in network.roles] == names
    assert [view.shape for view in network.parameters(case.theta)] == [role.shape for role in network.roles]
    np.testing.assert_array_equal(np.concatenate([view.ravel() for view in network.parameters(case.theta)]), case.theta)
    for role in network.roles:
        owners = [(k, b) for k, b in enumerate(network.branches, start=1) if b.first <= role.layer <= b.last]
        if not owners:
            assert role.branch is None
            assert role.kind != "scalar"
            continue
        ((number, branch),) = owners
        place = role.branch
        assert place is not None
        assert (place.number, place.count) == (number, len(network.branches))
        assert (place.position, place.length) == (role.layer - branch.first + 1, branch.last - branch.first + 1)
        assert place.is_last == (role.layer == branch.last)
        if role.kind == "scalar":
            assert (role.shape, role.fan_in, role.fan_out, place.is_last) == ((1, 1), 1, 1, True)
        follows = role.layer < network.depth and role.kind != "scalar" and (not place.is_last or branch.activated)
        assert (role.activation is None) == (not follows)


@given(cases())
def test_a_multiplier_of_zero_takes_the_branch_out(case: Case) -> None:
    """What is left is the network of the layers that lie in no branch."""
    network, theta = case.network, case.theta.copy()
    for alpha in network.multipliers(theta):
        alpha[:] = 0
    kept = [layer for layer in range(1, network.depth + 1) if layer not in network.branch_places]
    plain = MultilayerPerceptron((network.widths[0], *(network.widths[layer] for layer in kept)), network.activation)
    layers = network.layers(theta)
    rest = np.concatenate([part.ravel() for layer in kept for part in (layers[layer - 1].W, layers[layer - 1].b)])
    np.testing.assert_array_equal(network.output(theta, case.X), plain.output(rest, case.X))
    # The branches' weights have no influence then, and receive none; the others the plain network's.
    g, _ = gradient(network, theta, case.X, case.Y)
    slopes = network.layers(g)
    for layer in network.branch_places:
        assert not slopes[layer - 1].W.any()
        assert not slopes[layer - 1].b.any()
    expected, _ = gradient(plain, rest, case.X, case.Y)
    ours = np.concatenate([part.ravel() for layer in kept for part in (slopes[layer - 1].W, slopes[layer - 1].b)])
    np.testing.assert_allclose(ours, expected, rtol=1e-13, atol=1e-16)


@given(cases())
def test_a_branch_that_ends_with_zeros_is_the_identity_whatever_its_multiplier(case: Case) -> None:
    network, theta = case.network, case.theta.copy()
    layers = network.layers(theta)
    for branch in network.branches:
        layers[branch.last - 1].W[:] = 0
        layers[branch.last - 1].b[:] = 0
    A = network.forward(layers, case.X).A
    for branch in network.branches:
        np.testing.assert_array_equal(A[branch.last], A[branch.first - 1])


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_a_hundred_layers_with_multipliers_of_zero_keep_the_signal_and_the_gradient_exactly(length: int) -> None:
    depth = 101 if length == 3 else 102
    network = MultilayerPerceptron((3, *[8] * (depth - 1), 3), ReLU(), repeated_branches(depth, length))
    stream = np.random.default_rng(0)
    theta, X = stream.normal(0, 5, network.parameter_count), stream.normal(size=(3, 7))
    for alpha in network.multipliers(theta):
        alpha[:] = 0
    layers, g = network.layers(theta), np.empty_like(theta)
    taps = network.forward(layers, X)
    for branch in network.branches:
        np.testing.assert_array_equal(taps.A[branch.last], taps.A[1])
    dZ = network.backward(layers, taps, LOSS.gradient(taps.Z[-1], LOSS.encode(np.arange(7) % 3, 3)), network.layers(g))
    np.testing.assert_array_equal(dZ[0], layers[-1].W.T @ dZ[-1] * (taps.Z[0] > 0))


def test_a_multiplier_of_one_is_the_plain_sum() -> None:
    network = MultilayerPerceptron((2, 2, 2, 1), ReLU(), (Branch(1, 2),))
    theta = np.random.default_rng(3).normal(size=network.parameter_count)
    (alpha,) = network.multipliers(theta)
    alpha[:] = 1
    X = np.array([[0.3, -0.7], [1.5, 0.2]])
    layers = network.layers(theta)
    F = layers[1].W @ np.maximum(layers[0].W @ X + layers[0].b, 0) + layers[1].b
    np.testing.assert_allclose(network.output(theta, X), layers[2].W @ (X + F) + layers[2].b, rtol=1e-14)


def test_the_multipliers_are_views_into_theta_and_lie_after_their_branch() -> None:
    network = MultilayerPerceptron((1, 1, 1, 1), ReLU(), (Branch(1, 1), Branch(2, 2, activated=True)))
    theta = np.zeros(network.parameter_count)
    for number, alpha in enumerate(network.multipliers(theta), start=1):
        alpha[:] = number
    assert theta.tolist() == [0, 0, 1, 0, 0, 2, 0, 0]
    assert [None if layer.alpha is None else layer.alpha.item() for layer in network.layers(theta)] == [1, 2, None]


def test_a_network_without_branches_is_the_one_it_was() -> None:
    network = MultilayerPerceptron((2, 3, 1), ReLU())
    assert network == replace(network, branches=())
    assert network.multipliers(np.zeros(network.parameter_count)) == []
    assert all(layer.alpha is None for layer in network.layers(np.zeros(network.parameter_count)))


def test_branches_of_one_length_leave_no_hidden_layer_over() -> None:
    assert repeated_branches(4, 1, activated=True) == (Branch(2, 2, activated=True), Branch(3, 3, activated=True))
    with pytest.raises(InputError) as caught:
        repeated_branches(5, 2)
    assert str(caught.value) == (
        "`length` must divide the number of hidden layers after the first, 3, without a rest, got 2"
    )
