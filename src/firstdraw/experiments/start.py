"""What is measured of a network before its first step, for the diagnosis."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.diagnosis import StartMeasurements
from firstdraw.draws import CounterDraws
from firstdraw.engine import SGD, Problem
from firstdraw.probes import NetworkState, Sharpness, gradient, hessian_product, probe, sharpness

__all__ = ["measure_start"]

# Of the learning rate times the curvature along the gradient: a tenth of where the diagnosis would begin to warn.
NEAR_THE_BOUND: Final = 0.2
# An eigenvalue within 5 % decides; a spectrum that needs more products than this is not worth the wait.
TOLERANCE: Final = 0.05
MOST_PRODUCTS: Final = 30


def measure_start(problem: Problem, theta: Floats) -> StartMeasurements:
    """Return what a diagnosis may look at of a network, on all training examples, before it is trained.

    Args:
        problem: the training task.
        theta: where the parameters start, `[P]`.
    """
    return StartMeasurements(
        start=_state(problem, theta),
        activations=problem.network.activations,
        sharpness=_sharpness(problem, theta),
        learning_rate=_descent_rate(problem),
    )


def _state(problem: Problem, theta: Floats) -> NetworkState:
    """Probe the start, with the first step where there is one: every rule's first change is in proportion to eta."""
    examples, optimizer = problem.train, problem.optimizer if problem.steps else None
    state = probe(problem.network, theta, problem.loss, examples.X, examples.Y, examples.labels, optimizer=optimizer)
    if problem.learning_rate_factors is None:
        return state
    roles = zip(problem.network.roles, problem.learning_rate_factors, strict=True)
    factors = [factor for role, factor in roles if role.kind == "weight"]
    layers = tuple(
        replace(layer, update_ratio=None if layer.update_ratio is None else factor * layer.update_ratio)
        for layer, factor in zip(state.layers, factors, strict=True)
    )
    return replace(state, layers=layers)


def _descent_rate(problem: Problem) -> float | None:
    """The learning rate of plain gradient descent on all examples, if there is one."""
    optimizer = problem.optimizer
    if not isinstance(optimizer, SGD) or not problem.batches.is_full(problem.train.X.shape[1]):
        return None
    return optimizer.learning_rate if problem.steps and problem.learning_rate_factors is None else None


def _sharpness(problem: Problem, theta: Floats) -> Sharpness | None:
    """The sharpness at the start, where it may bound the learning rate: else its many products are spared.

    The curvature along the gradient costs a single product and is a lower bound, mostly within a factor of ten.
    """
    rate, network, loss, X, Y = _descent_rate(problem), problem.network, problem.loss, problem.train.X, problem.train.Y
    if rate is None:
        return None
    with np.errstate(all="ignore"):
        g = gradient(network, theta, loss, X, Y)
        along = np.divide(g @ hessian_product(network, theta, loss, X, Y, g), g @ g)
    # Without a gradient it is no number.
    if not NEAR_THE_BOUND < rate * float(along) < np.inf:
        return None
    return sharpness(network, theta, loss, X, Y, CounterDraws(0), tolerance=TOLERANCE, most_products=MOST_PRODUCTS)
