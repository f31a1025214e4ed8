"""What the engine and the diagnosis measure, recomputed here from the definitions."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS, Activation, ReLU, Sigmoid, Tanh
from firstdraw.arrays import Floats, Integers
from firstdraw.losses import LOSSES, BinaryCrossEntropy, Loss, SoftmaxCrossEntropy, SquaredError
from firstdraw.networks import Branch, Layer, MultilayerPerceptron
from firstdraw.probes import NetworkState, distinct_units, probe, unit_difference

small = st.sampled_from([-1.0, 0.0, 0.5])


def descriptions(layers: list[Layer], number: int) -> list[tuple[float, ...]]:
    """Return each unit's weights in, its bias and its weights out, read one by one."""
    layer = layers[number]
    units = []
    for j in range(len(layer.W)):
        parts = [*layer.W[j].tolist(), layer.b[j, 0].item()]
        if number + 1 < len(layers):
            parts += [row[j].item() for row in layers[number + 1].W]
        units.append(tuple(parts))
    return units


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.data())
def test_distinct_units_and_their_difference_are_what_comparing_them_one_by_one_gives(
    widths: list[int], data: st.DataObject
) -> None:
    network = MultilayerPerceptron(tuple(widths), ReLU())
    count = network.parameter_count
    layers = network.layers(np.array(data.draw(st.lists(small, min_size=count, max_size=count))))
    for number in range(network.depth):
        units = descriptions(layers, number)
        assert distinct_units(layers)[number] == len(set(units))
        largest = max(abs(x - y) for a in units for b in units for x, y in zip(a, b, strict=True))
        assert unit_difference(layers)[number] == largest


@given(st.data())
def test_units_on_a_stream_are_different_if_anything_on_it_tells_them_apart(data: st.DataObject) -> None:
    # Layers 1, 3 and 4 share a stream; layer 2 is inside a branch, layer 5 after all of them.
    network = MultilayerPerceptron((1, 3, 2, 3, 3, 2), ReLU(), (Branch(2, 3), Branch(4, 4, activated=True)))
    count = network.parameter_count
    theta = np.array(data.draw(st.lists(st.sampled_from([0.0] * 9 + [0.5]), min_size=count, max_size=count)))
    W1, b1, W2, b2, W3, b3, _, W4, b4, _, W5, b5 = network.parameters(theta)
    told = [np.concatenate([W1[j], b1[j], W2[:, j], W3[j], b3[j], W4[:, j], W4[j], b4[j], W5[:, j]]) for j in range(3)]
    inside = [np.concatenate([W2[j], b2[j], W3[:, j]]) for j in range(2)]
    last = [np.concatenate([W5[j], b5[j]]) for j in range(2)]
    units = [told, inside, told, told, last]
    layers = network.layers(theta)
    expected = [len({tuple(unit) for unit in layer}) for layer in units]
    assert distinct_units(layers, network.branches) == expected
    largest = [max(float(abs(a - b).max()) for a in layer for b in layer) for layer in units]
    assert unit_difference(layers, network.branches) == largest
    # Equal units compute the same, all along the stream.
    A = network.forward(layers, np.array([[-1.0, 0.5, 2.0]])).A
    for a, b in itertools.combinations(range(3), 2):
        if (told[a] == told[b]).all():
            assert all((A[layer][a] == A[layer][b]).all() for layer in (1, 3, 4))


def test_units_that_differ_only_in_what_they_feed_are_different() -> None:
    network = MultilayerPerceptron((1, 2, 1), ReLU())
    theta = np.zeros(network.parameter_count)
    assert distinct_units(network.layers(theta)) == [1, 1]
    network.layers(theta)[1].W[0, 0] = 0.25
    assert distinct_units(network.layers(theta)) == [2, 1]
    assert unit_difference(network.layers(theta)) == [0.25, 0.0]


@pytest.mark.parametrize(("dtype", "rounding", "difference"), [(np.float64, 1e-10, 1e-7), (np.float32, 1e-5, 1e-3)])
def test_a_difference_of_rounding_does_not_tell_units_apart(dtype: type, rounding: float, difference: float) -> None:
    # Half of a format's digits: 1.5e-8 of the largest number in float64, 3.5e-4 in float32.
    network = MultilayerPerceptron((1, 2, 1), ReLU())
    theta = np.full(network.parameter_count, 100, dtype)
    theta[0] *= 1 + rounding
    assert theta[0] != theta[1]
    assert distinct_units(network.layers(theta)) == [1, 1]
    theta[0] = 100 * (1 + difference)
    assert distinct_units(network.layers(theta)) == [2, 1]
    assert unit_difference(network.layers(theta))[0] == pytest.approx(100 * difference, rel=0.1)


@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_copies_of_random_units_are_counted_once_in_any_order(units: int, kinds: int, seed: int) -> None:
    stream = np.random.default_rng(seed)
    network = MultilayerPerceptron((3, units, 2), ReLU())
    layers = network.layers(np.zeros(network.parameter_count))
    which = stream.integers(0, kinds, units)
    patterns = stream.normal(size=(kinds, 6))
    layers[0].W[:] = patterns[which, :3]
    layers[0].b[:] = patterns[which, 3:4]
    layers[1].W[:] = patterns[which, 4:].T
    assert distinct_units(layers)[0] == len(set(which.tolist()))


def test_units_with_the_same_numbers_in_another_order_are_different() -> None:
    network = MultilayerPerceptron((2, 4, 1), ReLU())
    theta = np.zeros(network.parameter_count)
    network.layers(theta)[0].W[:] = [[1, 0], [0, 1], [1, 0], [0, 1]]
    assert distinct_units(network.layers(theta))[0] == 2


def measured(
    activation: Activation, loss: Loss, scale: float = 1.0
) -> tuple[MultilayerPerceptron, Floats, Floats, Floats, Integers, NetworkState]:
    """Return a random network on random data with three classes (two for the binary loss), and its state."""
    classes = 3 if loss.outputs("classification", 3) else 2
    stream = np.random.default_rng(8)
    network = MultilayerPerceptron((2, 6, 5, loss.outputs("classification", classes) or 0), activation)
    theta = stream.normal(0, scale, network.parameter_count)
    X, labels = stream.normal(size=(2, 9)), stream.integers(0, classes, 9)
    Y = loss.encode(labels, classes)
    return network, theta, X, Y, labels, probe(network, theta, loss, X, Y, labels)


def rms(values: Floats) -> float:
    return math.sqrt(sum(float(x) ** 2 for x in values.flat) / values.size)


@pytest.mark.parametrize("activation", [cls() for cls in ACTIVATIONS.values()], ids=repr)
@pytest.mark.parametrize("loss", [cls() for cls in LOSSES.values()], ids=repr)
def test_signals_and_gradients_are_those_of_one_forward_and_one_backward_pass(
    activation: Activation, loss: Loss
) -> None:
    network, theta, X, Y, _, state = measured(activation, loss)
    W1, b1, W2, b2, W3, b3 = network.parameters(theta)
    Z1 = W1 @ X + b1
    Z2 = W2 @ activation.value(Z1) + b2
    Z3 = W3 @ activation.value(Z2) + b3
    dZ3 = loss.gradient(Z3, Y)
    dZ2 = W3.T @ dZ3 * activation.derivative(Z2)
    dZ1 = W2.T @ dZ2 * activation.derivative(Z1)
    inputs = [X, activation.value(Z1), activation.value(Z2)]
    for layer, Z, dZ, A in zip(state.layers, (Z1, Z2, Z3), (dZ1, dZ2, dZ3), inputs, strict=True):
        assert layer.signal_rms == pytest.approx(rms(Z), rel=1e-12)
        # m dC/dZ: what a single example sends back, the cost being a mean over the 9 of them.
        assert layer.gradient_rms == pytest.approx(9 * rms(dZ), rel=1e-12)
        assert layer.weight_gradient_rms == pytest.approx(rms(dZ @ A.T), rel=1e-12)
    assert state.input_rms == pytest.approx(rms(X), rel=1e-13)
    assert state.cost == loss.value(Z3, Y)
    assert state.constant_cost == loss.constant_cost(Y)
    assert [(layer.layer, layer.hidden, layer.units) for layer in state.layers] == [
        (1, True, 6),
        (2, True, 5),
        (3, False, len(Y)),
    ]
    assert state.hidden == state.layers[:2]


def test_the_state_of_the_symmetry_is_that_of_the_symmetry_probes() -> None:
    network, theta, _, _, _, state = measured(Tanh(), BinaryCrossEntropy())
    layers = network.layers(theta)
    assert [layer.distinct_units for layer in state.layers] == distinct_units(layers)
    assert [layer.unit_difference for layer in state.layers] == unit_difference(layers)


def test_the_state_of_a_branch_is_its_multiplier_its_output_and_its_gradient() -> None:
    network = MultilayerPerceptron((2, 3, 4, 3, 1), Tanh(), (Branch(2, 3),))
    stream = np.random.default_rng(4)
    theta, X, Y = stream.normal(size=network.parameter_count), stream.normal(size=(2, 5)), stream.normal(size=(1, 5))
    W1, b1, W2, b2, W3, b3, alpha, W4, b4 = network.parameters(theta)
    state = probe(network, theta, SquaredError(), X, Y, None)
    A1 = np.tanh(W1 @ X + b1)
    F = W3 @ np.tanh(W2 @ A1 + b2) + b3
    dZ = SquaredError().gradient(W4 @ (A1 + alpha * F) + b4, Y)
    (branch,) = state.branches
    assert (branch.branch, branch.first, branch.last, branch.multiplier) == (1, 2, 3, alpha.item())
    assert branch.output_rms == pytest.approx(rms(F), rel=1e-12)
    assert branch.multiplier_gradient == pytest.approx(float(np.sum(W4.T @ dZ * F)), rel=1e-12)
    assert [layer.branch for layer in state.layers] == [None, 1, 1, None]
    assert [layer.weight_rms for layer in state.layers] == pytest.approx([rms(W) for W in (W1, W2, W3, W4)], rel=1e-12)


def test_no_unit_is_dead_or_flat_where_no_activation_follows() -> None:
    network = MultilayerPerceptron((1, 2, 2, 1), Sigmoid(), (Branch(2, 2),))
    theta = np.full(network.parameter_count, -1e4)
    X, labels = np.array([[1.0, 2.0]]), np.array([0, 1])
    activated = replace(network, branches=(Branch(2, 2, activated=True),))
    states = [
        probe(shape, theta, SquaredError(), X, labels[np.newaxis] * 1.0, labels) for shape in (network, activated)
    ]
    assert [(state.layers[1].dead_units, state.layers[1].flat_share) for state in states] == [(0, 0), (2, 1)]
    assert [state.layers[0].dead_units for state in states] == [2, 2]


def test_a_unit_is_dead_that_passes_no_gradient_on_any_example() -> None:
    network = MultilayerPerceptron((1, 3, 1), ReLU())
    theta = np.zeros(network.parameter_count)
    layer = network.layers(theta)[0]
    layer.W[:, 0] = [1.0, 1.0, 1.0]
    # On the inputs -1 and 1: alive on one of them; never; always.
    layer.b[:, 0] = [0.0, -1.0, 2.0]
    X, labels = np.array([[-1.0, 1.0]]), np.array([0, 1])
    state = probe(network, theta, BinaryCrossEntropy(), X, labels[np.newaxis].astype(float), labels)
    assert state.layers[0].dead_units == 1
    assert state.layers[1].dead_units == 0


@pytest.mark.parametrize(
    ("activation", "edge"),
    # Where 1 - tanh^2 is a hundredth of 1, and p (1 - p) a hundredth of 1/4.
    [(Tanh(), math.atanh(math.sqrt(0.99))), (Sigmoid(), math.acosh(199))],
)
def test_a_bounded_unit_is_flat_where_its_derivative_is_below_a_hundredth_of_its_largest(
    activation: Activation, edge: float
) -> None:
    network = MultilayerPerceptron((1, 1, 1), activation)
    theta = np.array([1.0, 0.0, 1.0, 0.0])
    X = np.array([[-edge - 1e-6, -edge + 1e-6, 0.0, edge + 1e-6]])
    labels = np.array([0, 1, 0, 1])
    state = probe(network, theta, BinaryCrossEntropy(), X, labels[np.newaxis].astype(float), labels)
    assert state.layers[0].flat_share == 0.5


def test_an_unbounded_activation_is_never_flat() -> None:
    network, theta, X, Y, labels, _ = measured(ReLU(), BinaryCrossEntropy())
    state = probe(network, 1e6 * theta, BinaryCrossEntropy(), X, Y, labels)
    assert [layer.flat_share for layer in state.layers] == [0, 0, 0]


def output_of(loss: Loss, Z: Floats, labels: Integers, classes: int) -> NetworkState:
    """Return the state of a network that passes its inputs on, so that its outputs are Z."""
    k = len(Z)
    network = MultilayerPerceptron((k, k), ReLU())
    theta = np.concatenate([np.eye(k).ravel(), np.zeros(k)])
    return probe(network, theta, loss, Z, loss.encode(labels, classes), labels)


def test_the_predictions_of_a_single_output_are_counted() -> None:
    # sigmoid(40) is 1 exactly, sigmoid(-800) is 0 exactly, sigmoid(6.1) (1 - sigmoid(6.1)) is 0.0022.
    Z = np.array([[40.0, -800.0, 40.0, 6.1, 5.9, 0.0]])
    output = output_of(BinaryCrossEntropy(), Z, np.array([1, 0, 0, 0, 1, 1]), 2).output
    assert output.examples == 6
    assert (output.smallest, output.largest) == (-800, 40)
    assert output.flat == 4
    assert output.certain == 3
    assert output.certain_and_wrong == 1
    assert output.predicted == (2, 4)
    assert output.right == 3


def test_the_predictions_of_several_outputs_are_counted() -> None:
    Z = np.array([[800.0, 0.0, 0.0, 1.0], [0.0, 800.0, 0.0, 2.0], [0.0, 0.0, 7.0, 1.5]])
    output = output_of(SoftmaxCrossEntropy(), Z, np.array([0, 2, 2, 1]), 3).output
    assert output.predicted == (1, 2, 1)
    assert output.right == 3
    assert output.certain == 2
    assert output.certain_and_wrong == 1
    # The third example's probability is 0.9982, whose p (1 - p) is 0.0018.
    assert output.flat == 3


def test_outputs_that_are_not_squashed_are_never_certain() -> None:
    output = output_of(SquaredError(), np.array([[1e6, -1e6]]), np.array([1, 0]), 2).output
    assert (output.flat, output.certain, output.certain_and_wrong) == (0, 0, 0)
    assert output.right == 2


def test_regression_has_no_predicted_classes() -> None:
    network = MultilayerPerceptron((1, 1), ReLU())
    X, Y = np.array([[1.0, 2.0]]), np.array([[1.0, 3.0]])
    state = probe(network, np.array([1.0, 0.5]), SquaredError(), X, Y, None)
    assert state.output.predicted == ()
    assert state.output.right is None
    assert state.cost == pytest.approx((0.5**2 + 0.5**2) / 2)
    assert state.constant_cost == pytest.approx(1.0)


def test_a_state_of_parameters_that_overflow_is_measured_without_a_warning() -> None:
    network, theta, X, Y, labels, _ = measured(ReLU(), SquaredError())
    state = probe(network, 1e150 * theta, SquaredError(), X, Y, labels)
    assert state.cost == math.inf
    # Of probing itself nothing stays behind: the caller's settings for floating-point errors are back.
    with pytest.warns(RuntimeWarning, match="overflow"):
        np.multiply(np.full(1, 1e300), 1e300)
