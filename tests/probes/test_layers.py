"""What the probe measures of every layer, recomputed from the definitions with all of the network at once."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS, Activation, Identity, ReLU, Sigmoid, Tanh
from firstdraw.arrays import Floats
from firstdraw.draws import CounterDraws
from firstdraw.engine.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from firstdraw.errors import InputError
from firstdraw.losses import LOSSES, Loss, SquaredError
from firstdraw.moments import gaussian_moments
from firstdraw.networks import Branch, MultilayerPerceptron, repeated_branches
from firstdraw.probes import Moments, effective_rank, gradient, probe, similarity
from firstdraw.probes.passes import Passes

activations = pytest.mark.parametrize("activation", [cls() for cls in ACTIVATIONS.values()], ids=repr)
RESIDUAL = ((3, 4, 5, 4, 4, 2), (Branch(2, 3), Branch(4, 4, activated=True)))
FROM_THE_INPUTS = ((4, 3, 4, 4, 2), (Branch(1, 2), Branch(3, 3)))
PLAIN = ((3, 6, 5, 4, 2), ())
layouts = pytest.mark.parametrize(
    ("widths", "branches"), [PLAIN, RESIDUAL, FROM_THE_INPUTS], ids=["plain", "residual", "from the inputs"]
)
LOSS = SquaredError()


def data(network: MultilayerPerceptron, m: int = 9, seed: int = 5) -> tuple[Floats, Floats, Floats]:
    stream = np.random.default_rng(seed)
    theta = stream.normal(0, 0.8, network.parameter_count)
    return theta, stream.normal(size=(network.widths[0], m)), stream.normal(size=(network.widths[-1], m))


def moments(x: Floats) -> list[float]:
    return [x.mean(), np.mean(x**2), x.var(), x.var(axis=1).mean()]


def values(found: Moments) -> list[float]:
    return [getattr(found, field.name) for field in fields(found)]


@layouts
@activations
def test_signals_are_those_of_the_whole_forward_pass(
    activation: Activation, widths: tuple[int, ...], branches: tuple[Branch, ...]
) -> None:
    network = MultilayerPerceptron(widths, activation, branches)
    theta, X, Y = data(network)
    taps = network.forward(network.layers(theta), X)
    state = probe(network, theta, LOSS, X, Y, None, pair=(7, 2), effective_rank=True)
    for layer, parameters, Z, A in zip(state.layers, network.layers(theta), taps.Z, taps.A[1:], strict=True):
        assert values(layer.signal) == pytest.approx(moments(Z), rel=1e-12)
        assert values(layer.activation) == pytest.approx(moments(A), rel=1e-12)
        cosines = np.corrcoef(np.vstack([np.zeros(len(Z.T)), Z, -Z, np.zeros(len(Z.T))]), rowvar=False)
        # Of a column beside its negative the mean is 0, so that correlations are cosines.
        pairs = [cosines[i, j] for i, j in itertools.combinations(range(9), 2)]
        assert layer.correlation == pytest.approx(np.mean(pairs), rel=1e-9, abs=1e-12)
        assert layer.pair_correlation == pytest.approx(cosines[7, 2], rel=1e-9, abs=1e-12)
        C = np.cov(A, bias=True)
        assert layer.participation_ratio == pytest.approx(np.trace(C) ** 2 / np.trace(C @ C), rel=1e-9)
        varying = A[np.ptp(A, axis=1) > 0]
        assert layer.unit_correlation == pytest.approx(
            np.abs(np.corrcoef(varying) - np.eye(len(varying))).max(), rel=1e-9
        )
        assert layer.effective_rank == effective_rank(A)
        near = similarity(parameters)
        assert (layer.weight_cosine, layer.similar_units, layer.mirrored_units) == (
            near.largest_cosine,
            near.similar_units,
            near.mirrored_units,
        )
        assert layer.bias_rms == pytest.approx(math.sqrt(np.mean(parameters.b**2)), rel=1e-12)
        assert layer.fan_in == parameters.W.shape[1]
        assert layer.nonfinite == 0


@layouts
@activations
def test_chi_is_the_mean_squared_singular_value_of_the_step_to_the_next_layer(
    activation: Activation, widths: tuple[int, ...], branches: tuple[Branch, ...]
) -> None:
    network = MultilayerPerceptron(widths, activation, branches)
    theta, X, Y = data(network)
    layers, g = network.layers(theta), np.empty_like(theta)
    taps = network.forward(layers, X)
    dZ = network.backward(layers, taps, LOSS.gradient(taps.Z[-1], Y), network.layers(g))
    state = probe(network, theta, LOSS, X, Y, None)
    # A skip begins after a branch's first layer less one, and ends with its last.
    skipped = {end for branch in branches for end in (branch.first - 1, branch.last)} | {network.depth}
    for layer in state.layers:
        number = layer.layer
        if number in skipped:
            assert layer.chi is None
            assert layer.backward_chi is None
            continue
        W = layers[number].W
        squares = [
            np.sum(np.linalg.svd(W * activation.derivative(z), compute_uv=False) ** 2) / len(W)
            for z in taps.Z[number - 1].T
        ]
        assert layer.chi == pytest.approx(np.mean(squares), rel=1e-11)
        assert layer.backward_chi == pytest.approx(np.sum(dZ[number - 1] ** 2) / np.sum(dZ[number] ** 2), rel=1e-11)
        # The Jacobian by central differences of what the layer makes of its Z.
        h, z = 1e-6, taps.Z[number - 1][:, :1]
        steps = h * np.eye(len(z))
        J = W @ (activation.value(z + steps) - activation.value(z - steps)) / (2 * h)
        if abs(z).min() > h:
            assert np.sum(J**2) / len(W) == pytest.approx(squares[0], rel=1e-6)


@layouts
def test_gradients_are_those_of_the_whole_backward_pass(widths: tuple[int, ...], branches: tuple[Branch, ...]) -> None:
    network = MultilayerPerceptron(widths, Tanh(), branches)
    theta, X, Y = data(network)
    g = network.layers(gradient(network, theta, LOSS, X, Y))
    state = probe(network, theta, LOSS, X, Y, None)
    for layer, slopes in zip(state.layers, g, strict=True):
        assert layer.weight_gradient_rms == pytest.approx(math.sqrt(np.mean(slopes.W**2)), rel=1e-12)
        assert layer.bias_gradient_rms == pytest.approx(math.sqrt(np.mean(slopes.b**2)), rel=1e-12)
    dalphas = [layer.alpha.item() for layer in g if layer.alpha is not None]
    assert [branch.multiplier_gradient for branch in state.branches] == pytest.approx(dalphas, rel=1e-12)


def test_the_chi_of_a_block_is_that_of_the_branch_and_its_skip_together() -> None:
    # One linear unit a layer: the block multiplies by 1 + alpha w2 w1, here from the inputs on and behind a layer.
    for first in (1, 2):
        network = MultilayerPerceptron((1, *[1] * (first + 2)), Identity(), (Branch(first, first + 1),))
        theta = np.zeros(network.parameter_count)
        for layer in network.layers(theta):
            layer.W[:] = 1
        layers = network.layers(theta)
        layers[first - 1].W[:], layers[first].W[:] = 0.5, -3.0
        network.multipliers(theta)[0][:] = 0.2
        (branch,) = probe(network, theta, LOSS, np.array([[1.0, 2.0]]), np.array([[5.0, 7.0]]), None).branches
        assert branch.backward_chi == pytest.approx((1 + 0.2 * 0.5 * -3.0) ** 2, rel=1e-13)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
@layouts
def test_the_update_ratio_is_that_of_the_first_step_of_the_whole_network(
    name: str, widths: tuple[int, ...], branches: tuple[Branch, ...]
) -> None:
    optimizer: Optimizer = OPTIMIZERS[name]()
    network = MultilayerPerceptron(widths, Tanh(), branches)
    theta, X, Y = data(network)
    after, g = theta.copy(), gradient(network, theta, LOSS, X, Y)
    optimizer.update(after, g, optimizer.start(after), 1)
    state = probe(network, theta, LOSS, X, Y, None, optimizer=optimizer)
    for layer, old, new in zip(state.layers, network.layers(theta), network.layers(after), strict=True):
        ratio = np.linalg.norm(new.W - old.W) / np.linalg.norm(old.W)
        assert layer.update_ratio == pytest.approx(ratio, rel=1e-9)
    assert all(layer.update_ratio is None for layer in probe(network, theta, LOSS, X, Y, None).layers)


def test_the_update_ratios_of_gradient_descent_and_of_adam_are_those_of_their_formulas() -> None:
    network = MultilayerPerceptron(PLAIN[0], Tanh())
    theta, X, Y = data(network)
    for layer in probe(network, theta, LOSS, X, Y, None, optimizer=SGD(0.3)).layers:
        assert layer.update_ratio == pytest.approx(0.3 * layer.weight_gradient_rms / layer.weight_rms, rel=1e-9)
    # Adam's first step is the rate for every element, whatever its gradient.
    for layer in probe(network, theta, LOSS, X, Y, None, optimizer=Adam(0.01)).layers:
        assert layer.update_ratio == pytest.approx(0.01 / layer.weight_rms, rel=1e-5)
    network.layers(theta)[0].W[:] = 0
    assert probe(network, theta, LOSS, X, Y, None, optimizer=Adam(0.01)).layers[0].update_ratio == math.inf


def test_an_input_is_dead_that_no_unit_of_a_layer_answers() -> None:
    network = MultilayerPerceptron((1, 2, 1), ReLU())
    theta = np.array([1.0, 1.0, -1.0, -2.0, 1.0, 1.0, 0.0])
    state = probe(network, theta, LOSS, np.array([[0.0, 1.5, 3.0, -4.0]]), np.zeros((1, 4)), None)
    assert [(layer.dead_inputs, layer.dead_units) for layer in state.layers] == [(2, 0), (0, 0)]


def test_the_inputs_are_told_feature_by_feature() -> None:
    network = MultilayerPerceptron((3, 1), ReLU())
    X = np.array([[1.0, 3.0], [5.0, 5.0], [-200.0, 100.0]])
    inputs = probe(network, np.ones(4), LOSS, X, np.zeros((1, 2)), None).inputs
    assert (inputs.features, inputs.examples) == (3, 2)
    assert inputs.feature_means == (2.0, 5.0, -50.0)
    assert inputs.feature_ranges == (2.0, 0.0, 300.0)
    assert (inputs.smallest, inputs.largest, inputs.mean) == (-200.0, 100.0, pytest.approx(X.mean()))
    assert (inputs.constant_features, inputs.constant, inputs.nonfinite) == (1, False, 0)


@activations
def test_constant_inputs_are_data_on_which_nothing_depends(activation: Activation) -> None:
    network = MultilayerPerceptron((2, 5, 1), activation)
    theta, _, Y = data(network)
    X = np.repeat(np.array([[0.3], [-1.2]]), 9, axis=1)
    state = probe(network, theta, LOSS, X, Y, None, pair=(0, 1))
    assert state.inputs.constant
    for layer in state.layers:
        assert layer.signal.varying_share == 0
        assert layer.correlation == pytest.approx(1, abs=1e-12)
        assert layer.pair_correlation == pytest.approx(1, abs=1e-12)
        assert math.isnan(layer.participation_ratio)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("loss", [cls() for cls in LOSSES.values()], ids=repr)
@activations
def test_what_is_not_finite_is_data(activation: Activation, loss: Loss, value: float) -> None:
    outputs = loss.outputs("classification", 3) or 1
    network = MultilayerPerceptron((2, 4, 4, 4, outputs), activation, (Branch(2, 3),))
    theta, X, _ = data(network, m=6)
    classes = 3 if outputs > 1 else 2
    labels = np.arange(6) % classes
    X[1, 4] = value
    state = probe(
        network,
        theta,
        loss,
        X,
        loss.encode(labels, classes),
        labels,
        optimizer=Adam(),
        pair=(3, 4),
        effective_rank=True,
    )
    assert state.inputs.nonfinite == 1
    # The first layer is a sum of the inputs: all of its units, on this example.
    assert state.layers[0].nonfinite == 4
    assert not math.isfinite(state.layers[0].signal_rms)
    assert not math.isfinite(state.inputs.rms)
    assert probe(network, np.full_like(theta, value), loss, X, loss.encode(labels, classes), labels).layers[0].nonfinite


def test_a_single_example_has_no_pairs() -> None:
    network = MultilayerPerceptron(PLAIN[0], Tanh())
    theta, X, Y = data(network, m=1)
    for layer in probe(network, theta, LOSS, X, Y, None, effective_rank=True).layers:
        assert math.isnan(layer.correlation)
        assert math.isnan(layer.participation_ratio)
        assert layer.effective_rank is not None
        assert math.isnan(layer.effective_rank)
        assert layer.signal.example_variance == 0


def test_the_state_of_float32_is_near_that_of_float64() -> None:
    network = MultilayerPerceptron(PLAIN[0], Tanh())
    arrays = data(network)
    exact = probe(network, arrays[0], LOSS, *arrays[1:], None, pair=(0, 1), effective_rank=True)
    theta, X, Y = (array.astype(np.float32) for array in arrays)
    found = probe(network, theta, LOSS, X, Y, None, pair=(0, 1), effective_rank=True)
    for ours, theirs in zip(found.hidden, exact.hidden, strict=True):
        for field in fields(ours):
            if field.name not in {"signal", "activation", "branch", "update_ratio"}:
                expected = pytest.approx(getattr(theirs, field.name), rel=1e-4)
                assert getattr(ours, field.name) == expected, field.name


@given(
    lengths=st.lists(st.integers(0, 3), max_size=6),
    activated=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40)
def test_layers_that_are_computed_twice_are_measured_the_same(
    lengths: list[int], seed: int, *, activated: bool
) -> None:
    branches: list[Branch] = []
    depth = 1
    for length in lengths:
        if length:
            branches.append(Branch(depth, depth + length - 1, activated))
        depth += max(length, 1)
    network = MultilayerPerceptron((3,) * (depth + 1), Tanh(), tuple(branches))
    theta, X, Y = data(network, m=4, seed=seed)
    kept, twice = (probe(network, theta, LOSS, X, Y, None, optimizer=SGD(), memory=memory) for memory in (2**29, 0))
    assert repr(kept) == repr(twice)


@layouts
@pytest.mark.parametrize("memory", [0, 2**29])
def test_the_passes_are_those_of_the_network_bit_by_bit(
    widths: tuple[int, ...], branches: tuple[Branch, ...], memory: int
) -> None:
    network = MultilayerPerceptron(widths, Sigmoid(), branches)
    theta, X, Y = data(network)
    layers, g = network.layers(theta), np.empty_like(theta)
    taps = network.forward(layers, X)
    dZ = network.backward(layers, taps, LOSS.gradient(taps.Z[-1], Y), network.layers(g))
    passes = Passes(network, layers, X, memory)
    for number, step in enumerate(passes.forward(), start=1):
        assert step.layer == number
        np.testing.assert_array_equal(step.Z, taps.Z[number - 1])
        np.testing.assert_array_equal(step.A, taps.A[number])
    steps = list(passes.backward(LOSS.gradient(taps.Z[-1], Y)))[::-1]
    for step, expected, slopes in zip(steps, dZ, network.layers(g), strict=True):
        np.testing.assert_array_equal(step.signal_gradient, expected)
        for ours, theirs in zip(step.gradient, slopes, strict=True):
            assert (ours is None) == (theirs is None)
            np.testing.assert_array_equal(ours, theirs) if theirs is not None else None
    begins = any(branch.first == 1 for branch in branches)
    assert (steps[0].input_gradient is not None) == begins


def peak(depth: int, branches: tuple[Branch, ...], memory: int) -> int:
    """The most bytes that the probe of a network of 8 units on 2,000 examples holds at a time."""
    network = MultilayerPerceptron((8,) * (depth + 1), ReLU(), branches)
    theta = CounterDraws(0).normal("theta", (network.parameter_count,), scale=0.5)
    X = CounterDraws(0).normal("X", (8, 2000))
    tracemalloc.start()
    try:
        probe(network, theta, LOSS, X, X, None, memory=memory)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_thousand_layers_are_measured_in_the_memory_of_a_hundred() -> None:
    layer = 8 * 2000 * 8
    peaks = {depth: peak(depth, (), memory=0) for depth in (100, 1000)}
    # Of a segment of sqrt(L/2) layers both Z and A, and the entries of as many segments: sqrt(8 L) of 2 L, at 1,000
    # layers 90 of 2,000; on top comes what one layer's measurement takes, and what has been measured of the others.
    assert peaks[1000] < (90 + 40) * layer
    assert peaks[1000] < 4 * peaks[100]
    assert peak(100, (), memory=2**40) > 200 * layer
    # A segment that begins in the middle of a branch keeps what the branch's skip carries, too.
    assert peak(300, repeated_branches(300, 2), memory=0) < (49 + 13 + 30) * layer


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "erf", "sin", "selu", "softplus"])
def test_chi_in_a_wide_layer_is_that_of_the_theory(name: str) -> None:
    """chi = sigma_w^2 E[phi'(z)^2] for z ~ N(0, q); the units are independent, and their spread shows the error."""
    activation, width, sigma = ACTIVATIONS[name](), 2000, 1.3
    network = MultilayerPerceptron((10, width, width, 1), activation)
    draws = CounterDraws(7)
    theta = np.zeros(network.parameter_count)
    first, second, _ = layers = network.layers(theta)
    first.W[:] = draws.normal("first", first.W.shape)
    second.W[:] = draws.normal("second", second.W.shape, scale=sigma / math.sqrt(width))
    # Inputs of one length: all pre-activations of the first layer have the variance q = 1.5.
    X = draws.normal("X", (10, 20))
    X *= np.sqrt(1.5 / np.sum(X**2, axis=0))
    state = probe(network, theta, LOSS, X, np.zeros((1, 20)), None)
    predicted = sigma**2 * gaussian_moments(activation, variance=1.5).slope_second_moment
    slopes = activation.derivative(layers[0].W @ X)
    by_unit = np.sum(second.W**2, axis=0) * np.mean(slopes**2, axis=1)
    assert state.layers[0].chi == pytest.approx(by_unit.mean(), rel=1e-12)
    assert abs(by_unit.mean() - predicted) < 3 * by_unit.std(ddof=1) / math.sqrt(width)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"theta": np.zeros(3)}, "`theta` must be 5 numbers, one a parameter, got (3,)"),
        ({"X": np.zeros(4)}, "`X` must have 4 rows, one a feature, and one column an example, got (4,)"),
        ({"X": np.zeros((3, 2))}, "`X` must have 4 rows, one a feature, and one column an example, got (3, 2)"),
        ({"X": np.zeros((4, 0)), "Y": np.zeros((1, 0))}, "`X` must have one example or more, got (4, 0)"),
        (
            {"Y": np.zeros((1, 3))},
            "`Y` must have the shape (1, 2), one row an output and one column an example, got (1, 3)",
        ),
        ({"pair": (1, 1)}, "`pair` must be two different examples out of 2, counted from 0, got (1, 1)"),
        ({"pair": (0, 2)}, "`pair` must be two different examples out of 2, counted from 0, got (0, 2)"),
        ({"pair": (0, -1)}, "`pair` must be two different examples out of 2, counted from 0, got (0, -1)"),
        ({"pair": (0, 0.5)}, "`pair` must be two different examples out of 2, counted from 0, got (0, 0.5)"),
        (
            {"pair": (0, 1), "X": np.zeros((4, 1)), "Y": np.zeros((1, 1))},
            "`pair` must be two different examples out of 1, counted from 0, got (0, 1)",
        ),
    ],
)
def test_what_does_not_fit_the_network_is_refused(change: dict[str, Any], sentence: str) -> None:
    given = {"theta": np.zeros(5), "X": np.zeros((4, 2)), "Y": np.zeros((1, 2)), "pair": None} | change
    with pytest.raises(InputError) as caught:
        probe(
            MultilayerPerceptron((4, 1), ReLU()), given["theta"], LOSS, given["X"], given["Y"], None, pair=given["pair"]
        )
    assert str(caught.value) == sentence
