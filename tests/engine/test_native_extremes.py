"""Infinities, NaN and numbers near the largest travel through the native engine as they do through NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS
from firstdraw.engine import OPTIMIZERS, SGD, Columns, Problem, Recording, Trajectory, native, reference
from firstdraw.losses import LOSSES, SquaredError
from firstdraw.networks import MultilayerPerceptron

pytestmark = pytest.mark.skipif(not native.is_built(), reason="the native engine was not compiled here")

activations = st.sampled_from(sorted(ACTIVATIONS))
optimizers = st.sampled_from(sorted(OPTIMIZERS))
targets = st.sampled_from(native.targets() or ("baseline",))
not_finite = st.sampled_from([np.inf, -np.inf, np.nan])
extreme = st.sampled_from([1e308, -1e308, 1e200, -1e200, 1e150, 1e30, -1e30, 1e-200, 1e-310, -0.0, 0.0])


def problem_of(widths: tuple[int, ...], activation: str, loss: str, optimizer: str, m: int, every: int = 1) -> Problem:
    stream = np.random.default_rng(3)

    def part(m: int) -> Columns:
        X = stream.normal(size=(widths[0], m))
        if loss == "squared_error":
            return Columns(X, stream.normal(size=(widths[-1], m)), None)
        labels = stream.integers(0, max(widths[-1], 2), m)
        return Columns(X, LOSSES[loss]().encode(labels, max(widths[-1], 2)), labels)

    return Problem(
        network=MultilayerPerceptron(widths, ACTIVATIONS[activation]()),
        train=part(m),
        test=part(m + 1),
        loss=LOSSES[loss](),
        optimizer=OPTIMIZERS[optimizer](learning_rate=0.1),
        steps=5,
        recording=Recording(every=every),
    )


def changed(problem: Problem, changes: list[tuple[int, float]], seed: int) -> np.ndarray:
    P = problem.network.parameter_count
    start = np.random.default_rng(seed).normal(0.0, 0.5, (1, P))
    for i, value in changes:
        start[0, i % P] = value
    return start


def assert_same_outcome(found: Trajectory, expected: Trajectory) -> None:
    assert found.outcomes == expected.outcomes
    for name in ("cost", "textbook_cost", "test_cost", "activation_rms", "gradient_rms", "weight_rms", "final"):
        numbers = [getattr(part, name) for part in (found, expected)]
        np.testing.assert_array_equal(*map(np.isnan, numbers), err_msg=name)
        np.testing.assert_array_equal(*map(np.isinf, numbers), err_msg=name)


@settings(max_examples=300)
@given(
    activation=activations,
    loss=st.sampled_from(sorted(LOSSES)),
    optimizer=optimizers,
    changes=st.lists(st.tuples(st.integers(0, 60), not_finite), min_size=1, max_size=3),
    target=targets,
    seed=st.integers(0, 9),
)
def test_a_start_that_is_not_finite_shows_in_the_same_layer(
    activation: str, loss: str, optimizer: str, changes: list[tuple[int, float]], target: Any, seed: int
) -> None:
    k = {"binary_cross_entropy": 1, "softmax_cross_entropy": 3, "squared_error": 2}[loss]
    problem = problem_of((2, 5, 4, k), activation, loss, optimizer, 11)
    start = changed(problem, changes, seed)
    assert_same_outcome(native.train(problem, start, (0,), target=target), reference.train(problem, start, (0,)))


@settings(max_examples=600)
@given(
    # The sine of a huge number depends on its last bit.
    activation=activations.filter(lambda name: name != "sin"),
    loss=st.sampled_from(["binary_cross_entropy", "squared_error"]),
    optimizer=optimizers,
    every=st.sampled_from([1, 5]),
    changes=st.lists(st.tuples(st.integers(0, 5), extreme), min_size=1, max_size=4),
    target=targets,
    seed=st.integers(0, 9),
)
def test_what_overflows_does_so_at_the_same_step_and_layer(
    activation: str,
    loss: str,
    optimizer: str,
    every: int,
    changes: list[tuple[int, float]],
    target: Any,
    seed: int,
) -> None:
    # One unit a layer and one example: whether a sum of more terms overflows depends on their order, and on whether
    # a product is rounded before it is added.
    problem = problem_of((1, 1, 1, 1), activation, loss, optimizer, 1, every)
    start = changed(problem, changes, seed)
    assert_same_outcome(native.train(problem, start, (0,), target=target), reference.train(problem, start, (0,)))


@pytest.mark.parametrize("target", native.targets())
def test_what_fills_a_vector_overflows_only_where_an_example_does(target: Any) -> None:
    """The examples cancel a bias of 1e160 before it is squared; zeros in their place would not."""
    problem = Problem(
        MultilayerPerceptron((1, 1, 1, 1), ACTIVATIONS["identity"]()),
        Columns(np.ones((1, 3)), np.zeros((1, 3)), None),
        None,
        SquaredError(),
        SGD(learning_rate=1e-300),
        steps=2,
    )
    start = np.array([[-1e160, 1e160, 1e160, 0.0, 1e-300, 1.0]])
    expected = reference.train(problem, start, (0,))
    assert not expected.outcomes[0].diverged
    assert_same_outcome(native.train(problem, start, (0,), target=target), expected)


def test_what_float32_cannot_hold_is_infinite_and_diverges(make_problem: Callable[..., Problem]) -> None:
    base = make_problem()
    parts = [Columns(p.X.astype(np.float32), p.Y.astype(np.float32), p.labels) for p in (base.train, base.test) if p]
    problem = make_problem(train=parts[0], test=parts[1], precision="float32")
    start = np.full((1, base.network.parameter_count), 0.1)
    start[0, 3] = 1e300
    found = native.train(problem, start, (0,))
    assert found.outcomes == reference.train(problem, start, (0,)).outcomes
    assert found.outcomes[0].diverged
