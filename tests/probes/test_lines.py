"""The cost along the first step, against the steps of the engine."""

from __future__ import annotations

import numpy as np
import pytest

from firstdraw.activations import Identity, Tanh
from firstdraw.draws import CounterDraws
from firstdraw.engine import OPTIMIZERS, SGD, Columns, Problem, engine_named
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import SquaredError
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.curvature import gradient
from firstdraw.probes.lines import line

NETWORK = MultilayerPerceptron((2, 6, 1), Tanh())
X = np.random.default_rng(2).normal(size=(2, 9))
Y = np.sin(X[:1]) + X[1:]
THETA = NETWORK.draw([INITIALIZERS["torch_default"]().law(role) for role in NETWORK.roles], CounterDraws(1))


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_the_cost_one_step_along_is_the_cost_after_one_step(name: str) -> None:
    optimizer = OPTIMIZERS[name](learning_rate=0.05)
    found = line(NETWORK, THETA, SquaredError(), X, Y, optimizer=optimizer, distance=10)
    problem = Problem(NETWORK, Columns(X, Y, None), None, SquaredError(), optimizer, steps=1)
    trajectory = engine_named("reference").train(problem, THETA[np.newaxis], (0,), None)
    assert found.first == pytest.approx(trajectory.cost[0, -1], rel=1e-12)


@pytest.mark.parametrize(
    ("distance", "distances"),
    [(1, (1 / 16, 1 / 4, 1)), (10, (1 / 16, 1 / 4, 1, 4, 10)), (16, (1 / 16, 1 / 4, 1, 4, 16))],
)
def test_distances_grow_fourfold_up_to_the_last(distance: float, distances: tuple[float, ...]) -> None:
    found = line(NETWORK, THETA, SquaredError(), X, Y, optimizer=SGD(0.1), distance=distance)
    assert found.distances == distances
    assert found.lowest == min(found.costs)


def test_what_overflows_on_the_way_is_no_lowest_cost() -> None:
    network = MultilayerPerceptron((1, 1, 1), Identity())
    theta = np.array([1.0, 0.0, 1.0, 0.0])
    with np.errstate(all="ignore"):
        found = line(
            network, theta, SquaredError(), np.array([[1.0, 2.0]]), np.zeros((1, 2)), optimizer=SGD(1e160), distance=4
        )
    assert not np.isfinite(found.first)
    assert found.lowest == np.inf


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_the_overshoot_is_that_of_the_parabola_through_costs_on_both_sides(name: str) -> None:
    # A small step: the cost along it is its parabola, but for the fourth power of its length.
    optimizer = OPTIMIZERS[name](learning_rate=1e-3)
    found = line(NETWORK, THETA, SquaredError(), X, Y, optimizer=optimizer, distance=1)
    after = THETA.copy()
    optimizer.update(after, gradient(NETWORK, THETA, SquaredError(), X, Y), optimizer.start(after), 1)
    before, at, beyond = (
        SquaredError().value(NETWORK.output(THETA + s * (after - THETA), X), Y) for s in (-1.0, 0.0, 1.0)
    )
    assert found.overshoot == pytest.approx((before - 2 * at + beyond) / abs(beyond - before), rel=1e-4)


def test_the_overshoot_grows_with_the_rate_and_is_nothing_where_no_gradient_is() -> None:
    one, two = (
        line(NETWORK, THETA, SquaredError(), X, Y, optimizer=SGD(rate), distance=1).overshoot for rate in (0.01, 0.02)
    )
    assert two == pytest.approx(2 * one)
    still = line(NETWORK, THETA, SquaredError(), X, NETWORK.output(THETA, X), optimizer=SGD(0.1), distance=1)
    assert np.isnan(still.overshoot)


def test_less_than_one_step_is_refused() -> None:
    with pytest.raises(InputError, match="`distance` must be at least 1, the first step, got"):
        line(NETWORK, THETA, SquaredError(), X, Y, optimizer=SGD(0.1), distance=0.5)
