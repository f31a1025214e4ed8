"""The Jacobian of a whole network: by finite differences, by its singular values, and by its products with vectors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from firstdraw.activations import ACTIVATIONS, Activation, Identity, Tanh
from firstdraw.arrays import Floats
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.networks import Branch, MultilayerPerceptron
from firstdraw.probes import (
    estimated_jacobian_mean_square,
    jacobian,
    jacobian_mean_square,
    jacobian_singular_values,
    jacobians,
    largest_jacobian_singular_value,
)
from firstdraw.probes.jacobians import Linearization

H = 1e-6
LAYOUTS = [
    ((3, 6, 5, 2), ()),
    ((2, 6, 5, 4), ()),
    ((3, 4, 5, 4, 4, 2), (Branch(2, 3), Branch(4, 4, activated=True))),
    ((3, 5, 3, 3, 4), (Branch(1, 2), Branch(3, 3))),
]
layouts = pytest.mark.parametrize(
    ("widths", "branches"), LAYOUTS, ids=["more in", "more out", "residual", "from inputs"]
)
activations = pytest.mark.parametrize("activation", [cls() for cls in ACTIVATIONS.values()], ids=repr)


def drawn(network: MultilayerPerceptron, m: int) -> tuple[Floats, Floats]:
    stream = np.random.default_rng(3)
    return stream.normal(0, 0.7, network.parameter_count), stream.normal(size=(network.widths[0], m))


def by_differences(network: MultilayerPerceptron, theta: Floats, x: Floats) -> Floats:
    steps = H * np.eye(len(x))
    up, down = (network.output(theta, x[:, np.newaxis] + sign * steps) for sign in (1, -1))
    return (up - down) / (2 * H)


@layouts
@activations
def test_the_jacobian_is_that_of_central_finite_differences(
    activation: Activation, widths: tuple[int, ...], branches: tuple[Branch, ...]
) -> None:
    network = MultilayerPerceptron(widths, activation, branches)
    theta, X = drawn(network, 4)
    squares = []
    for x in X.T:
        J, expected = jacobian(network, theta, x), by_differences(network, theta, x)
        np.testing.assert_allclose(J, expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max())
        singular = jacobian_singular_values(network, theta, x)
        np.testing.assert_allclose(singular, np.linalg.svd(J, compute_uv=False), rtol=1e-12)
        assert len(singular) == min(J.shape)
        squares.append(np.trace(J @ J.T) / len(J))
        largest = largest_jacobian_singular_value(network, theta, x, CounterDraws(0), tolerance=1e-10)
        assert largest.converged
        assert largest.value == pytest.approx(singular[0], rel=1e-9)
    assert jacobian_mean_square(network, theta, X) == pytest.approx(np.mean(squares), rel=1e-12)


@layouts
def test_the_products_are_those_of_the_jacobian(widths: tuple[int, ...], branches: tuple[Branch, ...]) -> None:
    network = MultilayerPerceptron(widths, Tanh(), branches)
    theta, X = drawn(network, 5)
    linear, stream = Linearization(network, theta, X), np.random.default_rng(1)
    V, U = stream.normal(size=(widths[0], 5)), stream.normal(size=(widths[-1], 5))
    Js = [jacobian(network, theta, x) for x in X.T]
    np.testing.assert_allclose(linear.forward(V), np.stack([J @ v for J, v in zip(Js, V.T, strict=True)], axis=1))
    np.testing.assert_allclose(linear.backward(U), np.stack([J.T @ u for J, u in zip(Js, U.T, strict=True)], axis=1))


@layouts
def test_portions_of_the_examples_make_no_difference(
    monkeypatch: pytest.MonkeyPatch, widths: tuple[int, ...], branches: tuple[Branch, ...]
) -> None:
    network = MultilayerPerceptron(widths, Tanh(), branches)
    theta, X = drawn(network, 7)
    exact = jacobian_mean_square(network, theta, X)
    estimate = estimated_jacobian_mean_square(network, theta, X, CounterDraws(2))
    monkeypatch.setattr(jacobians, "MEMORY", 2 * 8 * sum(widths))
    assert jacobian_mean_square(network, theta, X) == pytest.approx(exact, rel=1e-13)
    again = estimated_jacobian_mean_square(network, theta, X, CounterDraws(2))
    assert again.value == pytest.approx(estimate.value, rel=1e-13)
    assert again.standard_error == pytest.approx(estimate.standard_error, rel=1e-10)


@layouts
def test_hutchinson_s_estimate_is_near_the_exact_value_as_its_error_says(
    widths: tuple[int, ...], branches: tuple[Branch, ...]
) -> None:
    network = MultilayerPerceptron(widths, Tanh(), branches)
    theta, X = drawn(network, 20)
    estimate = estimated_jacobian_mean_square(network, theta, X, CounterDraws(5), samples=200)
    exact = jacobian_mean_square(network, theta, X)
    assert abs(estimate.value - exact) < 3 * estimate.standard_error
    assert estimate.standard_error < 0.05 * exact


def test_of_orthogonal_layers_all_singular_values_are_one() -> None:
    network = MultilayerPerceptron((6,) * 21, Identity())
    theta = np.zeros(network.parameter_count)
    stream = np.random.default_rng(0)
    for layer in network.layers(theta):
        layer.W[:] = np.linalg.qr(stream.normal(size=(6, 6)))[0]
    x = np.ones(6)
    np.testing.assert_allclose(jacobian_singular_values(network, theta, x), 1, rtol=1e-12)
    assert largest_jacobian_singular_value(network, theta, x, CounterDraws(0)).value == pytest.approx(1, rel=1e-12)
    assert jacobian_mean_square(network, theta, x[:, np.newaxis]) == pytest.approx(1, rel=1e-12)
    # u of any signs has the length of its image: the estimate has no spread.
    estimate = estimated_jacobian_mean_square(network, theta, x[:, np.newaxis], CounterDraws(0))
    assert estimate.value == pytest.approx(1, rel=1e-12)
    assert estimate.standard_error < 1e-12


def test_a_jacobian_of_zeros_has_singular_values_of_zero() -> None:
    network = MultilayerPerceptron((3, 4, 2), Tanh())
    theta, x = np.zeros(network.parameter_count), np.ones(3)
    assert jacobian_singular_values(network, theta, x).tolist() == [0, 0]
    largest = largest_jacobian_singular_value(network, theta, x, CounterDraws(0))
    assert (largest.value, largest.error, largest.converged) == (0, 0, True)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_gives_nan_without_a_warning(value: float) -> None:
    network = MultilayerPerceptron((3, 4, 2), Tanh())
    theta = np.full(network.parameter_count, value)
    x = np.ones(3)
    assert np.isnan(jacobian_singular_values(network, theta, x)).all()
    largest = largest_jacobian_singular_value(network, theta, x, CounterDraws(0))
    assert math.isnan(largest.value)
    assert not largest.converged
    assert not math.isfinite(jacobian_mean_square(network, theta, x[:, np.newaxis]))
    assert not math.isfinite(estimated_jacobian_mean_square(network, theta, x[:, np.newaxis], CounterDraws(0)).value)


@pytest.mark.parametrize("measure", [jacobian, jacobian_singular_values])
def test_an_input_has_a_number_a_feature(measure: Callable[..., object]) -> None:
    network = MultilayerPerceptron((3, 2), Tanh())
    with pytest.raises(InputError) as caught:
        measure(network, np.zeros(8), np.zeros((3, 1)))
    assert str(caught.value) == "`x` must be 3 numbers, one a feature, got (3, 1)"


def test_an_estimate_takes_two_samples() -> None:
    network = MultilayerPerceptron((3, 2), Tanh())
    with pytest.raises(InputError) as caught:
        estimated_jacobian_mean_square(network, np.zeros(8), np.zeros((3, 1)), CounterDraws(0), samples=1)
    assert str(caught.value) == "`samples` must be two or more, so that they show their spread, got 1"
