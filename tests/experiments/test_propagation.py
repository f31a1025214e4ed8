"""Theory beside networks that are drawn: the measured quantities by their definitions, and where the two part."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from firstdraw.activations import Activation, ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.distributions import Constant, Distribution, Normal, Rademacher
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.experiments.propagation import PropagationComparison, compare_propagation, typical_pair
from firstdraw.initializers import INITIALIZERS
from firstdraw.networks import Branch, MultilayerPerceptron

PAIR = np.array([[1.0, 0.6], [0.0, 0.8]])
WIDTHS = (2, 60, 40, 50, 3)


def _laws(network: MultilayerPerceptron, name: str = "he_normal") -> list[Distribution]:
    initializer = INITIALIZERS[name]()
    return [initializer.law(role) for role in network.roles]


def _compare(
    widths: Sequence[int] = WIDTHS,
    activation: Activation | None = None,
    laws: Sequence[Distribution] | None = None,
    networks: int = 20,
    first: int = 1,
) -> PropagationComparison:
    network = MultilayerPerceptron(tuple(widths), activation or ReLU())
    draws = [(seed, CounterDraws(seed)) for seed in range(networks)]
    return compare_propagation("He", network, laws or _laws(network), PAIR, draws, first=first)


def test_what_is_measured_is_what_is_defined() -> None:
    second, correlation, gradient = _compare(networks=2).quantities
    network = MultilayerPerceptron(WIDTHS, ReLU())
    theta = network.draw(_laws(network), CounterDraws(1))
    layers = network.layers(theta)
    A = PAIR
    for i, layer in enumerate(layers):
        Z = layer.W @ A + layer.b
        assert second.measured[1, i] == pytest.approx(np.mean(Z[:, 0] ** 2), rel=1e-14)
        cosine = Z[:, 0] @ Z[:, 1] / np.linalg.norm(Z[:, 0]) / np.linalg.norm(Z[:, 1])
        assert correlation.measured[1, i] == pytest.approx(cosine, rel=1e-13)
        if i + 1 < len(layers):
            J = layers[i + 1].W * (Z[:, 0] > 0)
            assert gradient.measured[1, i] == pytest.approx(np.trace(J @ J.T) / len(J), rel=1e-13)
        A = np.maximum(Z, 0.0)
    assert (second.layers, correlation.layers, gradient.layers) == ((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3))


@pytest.mark.parametrize(("name", "activation"), [("he_normal", ReLU()), ("glorot_uniform", Tanh())])
def test_networks_follow_the_laws_they_are_drawn_from(name: str, activation: Activation) -> None:
    network = MultilayerPerceptron((2, *(100,) * 10, 3), activation)
    found = _compare(network.widths, activation, _laws(network, name), networks=60)
    for item in found.quantities:
        assert item.parts_at is None
        # Of 60 networks in 10 layers that lean on each other; three standard errors of independent networks.
        assert item.within.mean() > 0.95 - 3 * math.sqrt(0.05 * 0.95 / 60)


def test_each_layer_has_the_variances_of_its_own_laws() -> None:
    network = MultilayerPerceptron(WIDTHS, ReLU())
    laws = [Normal(0.1 * (i + 1)) for i in range(8)]
    layers = compare_propagation("own", network, laws, PAIR, [(0, CounterDraws(0))]).layers
    for i, layer in enumerate(layers):
        assert layer.weight_variance == pytest.approx(WIDTHS[i] * laws[2 * i].variance, rel=1e-14)
        assert layer.bias_variance == laws[2 * i + 1].variance


def test_the_layer_where_they_part_is_told() -> None:
    second = _compare((2, 20, 20, 20, 3)).quantities[0]
    measured = second.measured.copy()
    measured[:11, 2:] *= 100
    parted = replace(second, measured=measured)
    assert second.parts_at is None
    assert parted.parts_at == 3
    assert parted.within[2] <= 9 / 20
    assert replace(parted, layers=(0, 1, 2, 3)).parts_at == 2


def test_correlations_end_before_a_layer_of_a_single_unit() -> None:
    _, correlation, _ = _compare((2, 30, 30, 1)).quantities
    assert correlation.layers == (1, 2)
    assert correlation.measured.shape == (20, 2)
    assert [item.quantity for item in _compare((2, 1)).quantities] == ["second moment"]


def test_layers_are_counted_from_where_they_should() -> None:
    assert _compare(first=0).quantities[0].layers == (0, 1, 2, 3)


def test_json_holds_all_of_it() -> None:
    told = json.loads(json.dumps(_compare(networks=3).to_dict(), allow_nan=False))
    assert told["widths"] == list(WIDTHS)
    assert (len(told["second_moment"]["measured"]), len(told["gradient_factor"]["predicted"])) == (3, 3)
    assert told["correlation"]["parts_at"] is None


@pytest.mark.parametrize("seed", range(5))
def test_a_typical_pair_has_the_norm_and_nearly_the_cosine_of_all(seed: int) -> None:
    X = np.random.default_rng(seed).normal(0.5, 1.0, (6, 80))
    pair = typical_pair(X)
    norms = np.linalg.norm(X, axis=0)
    assert np.linalg.norm(pair, axis=0) == pytest.approx(np.full(2, math.sqrt(np.mean(norms**2))), rel=1e-14)
    cosines = (X / norms).T @ (X / norms)
    mean = (cosines.sum() - 80) / (80 * 79)
    assert pair[:, 0] @ pair[:, 1] / np.mean(norms**2) == pytest.approx(mean, abs=0.05)
    assert any(
        np.allclose(pair[:, 0] / np.linalg.norm(pair[:, 0]), x / norm) for x, norm in zip(X.T, norms, strict=True)
    )


@pytest.mark.parametrize("X", [np.ones((2, 1)), np.zeros((2, 3)), np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0]])])
def test_no_two_examples_are_no_pair(X: Floats) -> None:
    with pytest.raises(InputError) as caught:
        typical_pair(X)
    assert str(caught.value) == "`data` must have two examples that are neither 0 nor parallel, for them to be compared"


def test_what_theory_says_nothing_of_is_refused() -> None:
    branched = MultilayerPerceptron((2, 4, 4, 1), ReLU(), (Branch(2, 2),))
    with pytest.raises(InputError) as caught:
        compare_propagation("x", branched, [Normal(1.0)] * len(branched.roles), PAIR, [])
    assert str(caught.value) == "`network` must have no residual branches, of which this theory says nothing, got 1"
    network = MultilayerPerceptron((2, 4, 1), ReLU())
    cases: list[tuple[list[Distribution], str]] = [
        (
            [Constant(0.5)] * 4,
            "`layers.1.weight` must have a law of mean 0 and finite variance for theory, got '0.5'",
        ),
        (
            [Constant(0.0)] * 4,
            "`layers.1.weight` must have a variance, or its biases: the layer's pre-activations are all 0, got '0'",
        ),
    ]
    for laws, sentence in cases:
        with pytest.raises(InputError) as caught:
            compare_propagation("x", network, laws, PAIR, [])
        assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        (np.array([[1.0, 2.0], [0.0, 0.0]]), r"^`pair` must be two inputs of one norm above 0, got \(1\.0, 2\.0\)$"),
        (np.zeros((2, 2)), r"^`pair` must be two inputs of one norm above 0, got \(0\.0, 0\.0\)$"),
        (np.array([[1.0, -1.0], [1.0, -1.0]]), r"^`pair` must be two inputs that are not parallel, got -(1|0\.9+)"),
    ],
)
def test_a_pair_that_shows_nothing_is_refused(pair: Floats, sentence: str) -> None:
    network = MultilayerPerceptron((2, 4, 1), ReLU())
    with pytest.raises(InputError, match=sentence):
        compare_propagation("x", network, [Rademacher(0.5), Normal(1.0)] * 2, pair, [])
