"""Mirrored weights: a network of rectifiers that computes a linear map."""

from __future__ import annotations

import numpy as np
import pytest

from firstdraw.activations import ReLU
from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes import distinct_units


@pytest.mark.parametrize("widths", [(3, 2, 2), (5, 8, 8, 8, 3), (4, 7, 5, 9, 2), (6, 3, 10, 1), (20, 64, 64, 64, 20)])
def test_the_network_is_linear_at_the_start(widths: tuple[int, ...]) -> None:
    network = MultilayerPerceptron(widths, ReLU())
    theta = network.draw([INITIALIZERS["looks_linear"]().law(role) for role in network.roles], CounterDraws(3))
    x, y = np.random.default_rng(0).normal(size=(2, widths[0], 40))
    fx, fy, both, negative = (network.output(theta, inputs) for inputs in (x, y, 3 * x - 2 * y, -x))
    assert abs(fx).max() > 0.01
    np.testing.assert_allclose(both, 3 * fx - 2 * fy, rtol=0, atol=1e-13)
    np.testing.assert_allclose(negative, -fx, rtol=0, atol=1e-14)
    # The map is its Jacobian, the same at every input.
    J = network.output(theta, np.eye(widths[0]))
    np.testing.assert_allclose(J @ x, fx, rtol=0, atol=1e-13)


def test_with_enough_units_it_is_an_isometry_that_rectifiers_alone_are_not() -> None:
    network = MultilayerPerceptron((20, *[64] * 30, 20), ReLU())
    spread: dict[str, float] = {}
    for name in ("looks_linear", "orthogonal"):
        theta = network.draw([INITIALIZERS[name]().law(role) for role in network.roles], CounterDraws(0))
        values = np.linalg.svd(network.output(theta, np.eye(20)), compute_uv=False)
        spread[name] = float(values.max() / values.min())
        if name == "looks_linear":
            first = network.layers(theta)[0].W[:32]
            last = network.layers(theta)[-1].W[:, :32]
            # Between an orthonormal embedding of the features and the projection onto the outputs stand rotations.
            assert np.linalg.norm(first, 2) == pytest.approx(1, rel=1e-12)
            assert np.linalg.norm(last, 2) == pytest.approx(1, rel=1e-12)
            assert values.max() <= 1 + 1e-12
    assert spread["orthogonal"] > spread["looks_linear"]


def test_the_units_of_a_pair_are_different() -> None:
    network = MultilayerPerceptron((4, 8, 8, 2), ReLU())
    theta = network.draw([INITIALIZERS["looks_linear"]().law(role) for role in network.roles], CounterDraws(3))
    assert distinct_units(network.layers(theta))[:-1] == [8, 8]
