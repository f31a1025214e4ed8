"""What the members that set scales from one pass over the data are known for, measured."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from firstdraw.activations import (
    ACTIVATIONS,
    GELU,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softplus,
    Tanh,
)
from firstdraw.arrays import Floats
from firstdraw.draws import CounterDraws
from firstdraw.fitted import FITTED, Batch, Fit
from firstdraw.fitted.autoinit import activated
from firstdraw.fitted.data_dependent import change_rates
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import SquaredError
from firstdraw.networks import Branch, MultilayerPerceptron, repeated_branches

FEATURES = 20


def network(
    activation: Activation, depth: int = 8, width: int = 100, *, residual: bool = False
) -> MultilayerPerceptron:
    plain = MultilayerPerceptron((FEATURES, *[width] * (depth - 1), 10), activation)
    return replace(plain, branches=repeated_branches(depth, 2)) if residual else plain


def examples(m: int, seed: int = 0) -> Batch:
    X = np.random.default_rng(seed).normal(0.5, 2.0, size=(FEATURES, m))
    return Batch(X, np.zeros((10, m)), SquaredError())


def drawn(shape: MultilayerPerceptron, name: str = "he_normal", seed: int = 0, **options: float) -> Floats:
    return shape.draw([INITIALIZERS[name](**options).law(role) for role in shape.roles], CounterDraws(seed))


def fitted(name: str, shape: MultilayerPerceptron, theta: Floats, batch: Batch, **options: float) -> Fit:
    return FITTED[name](**options).fit(shape, theta, batch, CounterDraws(0))


shapes = pytest.mark.parametrize(
    "shape",
    [network(ReLU()), network(Tanh()), network(GELU()), network(ReLU(), residual=True), network(Tanh(), residual=True)],
    ids=["relu", "tanh", "gelu", "relu residual", "tanh residual"],
)
starts = pytest.mark.parametrize("deviation", [1e-3, 1.0], ids=["small", "large"])


# LSUV.


@shapes
@starts
def test_lsuv_gives_every_layer_unit_variance_on_a_second_batch(shape: MultilayerPerceptron, deviation: float) -> None:
    theta = drawn(shape, "normal", standard_deviation=deviation)
    m = 2000
    # A tolerance far below the sampling error leaves that alone.
    fit = fitted("lsuv", shape, theta, examples(m), tolerance=1e-9)
    assert fit.converged
    for Z in shape.forward(shape.layers(fit.theta), examples(m, seed=1).X).Z:
        # The variance is a mean over examples, on both batches, of what their own squares sum to.
        squares = np.mean((Z - Z.mean()) ** 2, axis=0)
        error = math.sqrt(2 / m) * float(squares.std())
        assert error < 0.04
        assert abs(np.var(Z) - 1) < 5 * error


def test_lsuv_divides_once_without_biases_and_leaves_alone_what_is_within_the_tolerance() -> None:
    shape = network(ReLU())
    fit = fitted("lsuv", shape, drawn(shape, "normal", standard_deviation=1.0), examples(500))
    assert [layer.iterations for layer in fit.layers] == [1] * 8
    again = fitted("lsuv", shape, fit.theta, examples(500))
    assert [layer.iterations for layer in again.layers] == [0] * 8
    np.testing.assert_array_equal(again.theta, fit.theta)


def test_lsuv_says_where_a_bias_keeps_it_from_unit_variance() -> None:
    shape = MultilayerPerceptron((FEATURES, 100, 10), ReLU())
    theta = drawn(shape)
    # The units differ by their biases alone by a variance of 4, which no scale of the weights takes away.
    shape.layers(theta)[0].b[:] = np.resize([-2.0, 2.0], (100, 1))
    fit = fitted("lsuv", shape, theta, examples(500))
    assert [layer.converged for layer in fit.layers] == [False, True]
    assert fit.layers[0].iterations == 10
    assert not fit.converged


# Standardized units.


@shapes
@starts
def test_weight_normalization_gives_every_unit_mean_zero_and_variance_one(
    shape: MultilayerPerceptron, deviation: float
) -> None:
    fit = fitted("weight_normalization", shape, drawn(shape, "normal", standard_deviation=deviation), examples(300))
    for Z in shape.forward(shape.layers(fit.theta), examples(300).X).Z:
        np.testing.assert_allclose(Z.mean(axis=1), 0, atol=1e-10)
        np.testing.assert_allclose(Z.std(axis=1), 1, rtol=1e-10)


# Krähenbühl et al.


@pytest.mark.parametrize("residual", [False, True])
def test_the_rates_of_change_are_sums_over_single_derivatives(*, residual: bool) -> None:
    shape = MultilayerPerceptron((2, 3, 4, 3, 2), Tanh(), (Branch(2, 3),) if residual else ())
    theta, X = np.random.default_rng(0).normal(size=shape.parameter_count), np.random.default_rng(1).normal(size=(2, 3))
    squares = [0.0] * 4
    for o in range(2):
        for i in range(3):
            h = 1e-6
            slope = np.empty_like(theta)
            for p in range(len(theta)):
                up, down = theta.copy(), theta.copy()
                up[p] += h
                down[p] -= h
                slope[p] = (shape.output(up, X)[o, i] - shape.output(down, X)[o, i]) / (2 * h)
            for number, layer in enumerate(shape.layers(slope)):
                squares[number] += np.mean(layer.W**2)
    expected = [math.sqrt(s / np.mean(layer.W**2)) for s, layer in zip(squares, shape.layers(theta), strict=True)]
    np.testing.assert_allclose(change_rates(shape, theta, X), expected, rtol=1e-7)


@pytest.mark.parametrize("activation", [Identity(), ReLU(), LeakyReLU(0.2)], ids=repr)
@starts
def test_a_homogeneous_network_s_layers_change_at_equal_rates_after_one_step(
    activation: Activation, deviation: float
) -> None:
    shape, batch = network(activation), examples(200)
    theta = drawn(shape, "normal", standard_deviation=deviation)
    within = fitted("weight_normalization", shape, theta, batch)
    assert np.ptp(np.log(change_rates(shape, within.theta, batch.X))) > 0.5
    fit = fitted("data_dependent", shape, theta, batch)
    rates = change_rates(shape, fit.theta, batch.X)
    np.testing.assert_allclose(rates, rates[0], rtol=1e-9)
    assert [layer.iterations for layer in fit.layers] == [1] * 8
    # The output is the one of standardized units.
    np.testing.assert_allclose(
        shape.output(fit.theta, batch.X), shape.output(within.theta, batch.X), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("shape", [network(Tanh()), network(ReLU(), residual=True)], ids=["tanh", "residual"])
def test_other_networks_layers_change_at_equal_rates_after_some_steps(shape: MultilayerPerceptron) -> None:
    batch = examples(200)
    fit = fitted("data_dependent", shape, drawn(shape), batch, iterations=100)
    assert fit.converged
    assert (
        np.abs(np.log(change_rates(shape, fit.theta, batch.X) / change_rates(shape, fit.theta, batch.X)[0])).max()
        < 0.02
    )


# AutoInit.


@pytest.mark.parametrize(
    ("activation", "mean", "second_moment"),
    # Integrals over N(0, 1), in closed form or from tables of other programs.
    [
        (Identity(), 0.0, 1.0),
        (ReLU(), 1 / math.sqrt(2 * math.pi), 0.5),
        (LeakyReLU(0.2), 0.8 / math.sqrt(2 * math.pi), 0.52),
        (Tanh(), 0.0, 0.394294),
        (Sigmoid(), 0.5, 0.293379),
        (SELU(), 0.0, 1.0),
        (GELU(), 0.282095, 0.425221),
        (Softplus(), 0.806059, 0.921246),
    ],
    ids=repr,
)
def test_the_moments_behind_an_activation(activation: Activation, mean: float, second_moment: float) -> None:
    moments = activated(activation, 1.0)
    assert moments.mean == pytest.approx(mean, abs=1e-6)
    assert moments.variance + moments.mean**2 == pytest.approx(second_moment, abs=1e-6)


@pytest.mark.parametrize("variance", [0.1, 1.0, 9.0])
@pytest.mark.parametrize("activation", [cls() for cls in ACTIVATIONS.values()], ids=repr)
def test_the_moments_behind_an_activation_are_those_of_many_draws(activation: Activation, variance: float) -> None:
    draws = activation.value(math.sqrt(variance) * np.random.default_rng(0).normal(size=400_000))
    moments, spread = activated(activation, variance), draws - draws.mean()
    assert abs(draws.mean() - moments.mean) <= 5 * draws.std() / math.sqrt(draws.size)
    assert abs(draws.var() - moments.variance) <= 5 * np.std(spread**2) / math.sqrt(draws.size)


@pytest.mark.parametrize("variance", [1.0, 4.0])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", [ReLU(), Tanh(), GELU(), Sigmoid()], ids=repr)
def test_autoinit_predicts_the_variance_of_every_layer(
    activation: Activation, variance: float, *, residual: bool
) -> None:
    shape, batch, seeds = network(activation, width=200, residual=residual), examples(50), 40
    ratios: list[list[float]] = []
    for seed in range(seeds):
        fit = fitted("autoinit", shape, drawn(shape, "normal", seed, standard_deviation=3.0), batch, variance=variance)
        Z = shape.forward(shape.layers(fit.theta), batch.X).Z
        ratios.append([float(np.mean(z**2)) / variance for z in Z])
    measured, error = np.mean(ratios, axis=0), np.std(ratios, axis=0) / math.sqrt(seeds)
    # The prediction is an expectation over weights; the error is measured over networks, and is largest for the ten
    # outputs. Beyond it, layers of finite width deviate by some multiple of 1/200 each.
    assert error.max() < 0.12
    assert (np.abs(measured - 1) < 5 * error + 0.03).all(), measured


def test_autoinit_makes_up_for_what_branches_add() -> None:
    shape = network(ReLU(), depth=42, width=200, residual=True)
    fit = fitted("autoinit", shape, drawn(shape), examples(50))
    # Twenty branches add a variance of 1 each to that of the first layer, which the weights behind them divide by.
    scales = [layer.weight_rms_after * math.sqrt(200) for layer in fit.layers]
    for branch in range(1, 20):
        mean_square = 0.5 + branch
        assert scales[1 + 2 * branch] == pytest.approx(1 / math.sqrt(mean_square), rel=1e-9)
    assert max(layer.deviation_after for layer in fit.layers[:-1]) < 1.5
