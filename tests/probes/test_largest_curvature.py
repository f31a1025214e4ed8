"""The largest eigenvalue of the Hessian: by its whole spectrum, and by the rate at which descent diverges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS, Activation, Identity, Tanh
from firstdraw.arrays import Floats
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.losses import LOSSES, Loss, SquaredError
from firstdraw.networks import Branch, MultilayerPerceptron
from firstdraw.probes import gradient, hessian_product, sharpness
from firstdraw.probes.lanczos import largest_eigenvalue

losses = pytest.mark.parametrize("loss", [cls() for cls in LOSSES.values()], ids=repr)
activations = pytest.mark.parametrize("activation", [cls() for cls in ACTIVATIONS.values()], ids=repr)


def case(activation: Activation, loss: Loss) -> tuple[MultilayerPerceptron, Floats, Floats, Floats]:
    outputs = 1 if loss.outputs("classification", 3) is None else 3
    network = MultilayerPerceptron((2, 4, 3, 4, outputs), activation, (Branch(2, 3),))
    stream = np.random.default_rng(6)
    theta, X = stream.normal(0, 0.7, network.parameter_count), stream.normal(size=(2, 12))
    classes = outputs if outputs > 1 else 2
    return network, theta, X, loss.encode(stream.integers(0, classes, 12), classes)


@losses
@activations
def test_the_sharpness_is_the_largest_eigenvalue_of_the_whole_hessian(activation: Activation, loss: Loss) -> None:
    network, theta, X, Y = case(activation, loss)
    H = np.stack([hessian_product(network, theta, loss, X, Y, v) for v in np.eye(len(theta))])
    expected = np.linalg.eigvalsh((H + H.T) / 2)[-1]
    found = sharpness(network, theta, loss, X, Y, CounterDraws(1), tolerance=1e-9)
    assert found.converged
    assert found.largest_eigenvalue == pytest.approx(expected, rel=1e-8)
    assert found.largest_stable_rate == pytest.approx(2 / expected, rel=1e-8)
    assert found.products < len(theta) + 5
    rough = sharpness(network, theta, loss, X, Y, CounterDraws(1), tolerance=0.05)
    assert rough.products <= found.products
    assert abs(rough.largest_eigenvalue - expected) <= max(rough.error, 0.05 * expected)


def test_gradient_descent_on_a_quadratic_converges_below_the_stable_rate_and_diverges_above() -> None:
    network, loss = MultilayerPerceptron((3, 2), Identity()), SquaredError()
    stream = np.random.default_rng(2)
    X, Y, start = stream.normal(size=(3, 9)), stream.normal(size=(2, 9)), stream.normal(size=network.parameter_count)
    rate = sharpness(network, start, loss, X, Y, CounterDraws(0), tolerance=1e-10).largest_stable_rate
    lengths = []
    for factor in (0.99, 1.01):
        theta = start.copy()
        for _ in range(2000):
            theta -= factor * rate * gradient(network, theta, loss, X, Y)
        lengths.append(float(np.linalg.norm(gradient(network, theta, loss, X, Y))))
    assert lengths[0] < 1e-8
    assert lengths[1] > 1e8


def test_a_cost_that_bends_nowhere_has_no_largest_rate() -> None:
    network = MultilayerPerceptron((1, 2, 1), Tanh())
    found = sharpness(
        network, np.zeros(network.parameter_count), SquaredError(), np.zeros((1, 2)), np.zeros((1, 2)), CounterDraws(0)
    )
    # The last bias alone counts: its second derivative is 2.
    assert found.largest_eigenvalue == pytest.approx(2, rel=1e-12)
    flat = type(found)(largest_eigenvalue=0.0, error=0.0, products=1, converged=True)
    assert flat.largest_stable_rate == math.inf


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_has_a_sharpness_of_nan_without_a_warning(value: float) -> None:
    network, theta, X, Y = case(Tanh(), SquaredError())
    theta[0] = value
    found = sharpness(network, theta, SquaredError(), X, Y, CounterDraws(0))
    assert math.isnan(found.largest_eigenvalue)
    assert math.isnan(found.largest_stable_rate)
    assert not found.converged


def test_float32_has_the_sharpness_of_float64() -> None:
    network, *arrays = case(Tanh(), SquaredError())
    exact = sharpness(network, arrays[0], SquaredError(), *arrays[1:], CounterDraws(1))
    theta, X, Y = (array.astype(np.float32) for array in arrays)
    found = sharpness(network, theta, SquaredError(), X, Y, CounterDraws(1))
    assert found.converged
    assert found.largest_eigenvalue == pytest.approx(exact.largest_eigenvalue, rel=1e-3)


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_the_largest_eigenvalue_is_found_whatever_the_others_are(eigenvalues: list[int], seed: int) -> None:
    stream, n = np.random.default_rng(seed), len(eigenvalues)
    Q = np.linalg.qr(stream.normal(size=(n, n)))[0]
    M = Q * np.array(eigenvalues) @ Q.T
    found = largest_eigenvalue(lambda v: M @ v, stream.normal(size=n), tolerance=1e-6, most_products=200)
    assert found.converged
    assert found.value == pytest.approx(max(eigenvalues), abs=2e-4 * max(map(abs, eigenvalues)) + 1e-12)


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_an_eigenvalue_lies_within_the_error_however_few_the_products(products: int, seed: int) -> None:
    stream = np.random.default_rng(seed)
    A = stream.normal(size=(40, 40))
    M = A + A.T
    found = largest_eigenvalue(lambda v: M @ v, stream.normal(size=40), tolerance=0, most_products=products)
    assert (found.products, found.converged) == (products, False)
    assert abs(np.linalg.eigvalsh(M) - found.value).min() <= found.error * (1 + 1e-9)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tolerance": 1.0}, "`tolerance` must be a number of at least 0 and below 1, got 1.0"),
        ({"most_products": 0}, "`most_products` must be a positive integer, got 0"),
    ],
)
def test_a_search_has_a_tolerance_and_an_end(options: dict[str, float], sentence: str) -> None:
    network, theta, X, Y = case(Tanh(), SquaredError())
    with pytest.raises(InputError) as caught:
        sharpness(network, theta, SquaredError(), X, Y, CounterDraws(0), **options)
    assert str(caught.value) == sentence
