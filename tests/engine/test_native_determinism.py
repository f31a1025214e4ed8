"""The same bits, however a network is trained: on how many threads, in what company, in one go or in two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firstdraw.engine import OPTIMIZERS, Batches, Problem, Recording, Trajectory, native, reference

pytestmark = pytest.mark.skipif(not native.is_built(), reason="the native engine was not compiled here")

MakeProblem = Callable[..., Problem]
RandomParameters = Callable[..., np.ndarray]
RECORDS = (
    "cost",
    "textbook_cost",
    "test_cost",
    "train_accuracy",
    "test_accuracy",
    "activation_rms",
    "gradient_rms",
    "weight_rms",
    "distinct_units",
    "unit_difference",
    "snapshots",
    "final",
)


def assert_same_bits(found: Trajectory, expected: Trajectory) -> None:
    assert found.outcomes == expected.outcomes
    for name in RECORDS:
        # As integers: NaN equals itself, and 0 differs from -0.
        bits = [np.ascontiguousarray(getattr(part, name)).view(np.uint8) for part in (found, expected)]
        np.testing.assert_array_equal(*bits, err_msg=name)


@pytest.fixture(params=native.targets())
def target(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("batch", [None, 10])
def test_one_of_a_thousand_has_the_bits_it_has_alone(
    make_problem: MakeProblem, random_parameters: RandomParameters, batch: int | None, precision: Any, target: Any
) -> None:
    problem = in_precision(
        make_problem(batches=Batches(batch), recording=Recording(every=5, snapshots=(3,))), precision
    )
    n = 1000
    start, seeds = random_parameters(problem.network, n), tuple(range(n))
    together = native.train(problem, start, seeds, threads=1, target=target)
    for threads in (2, 7):
        assert_same_bits(native.train(problem, start, seeds, threads=threads, target=target), together)
    for k in (0, 1, 499, 998, 999):
        alone = native.train(problem, start[k : k + 1], (k,), threads=1, target=target)
        assert_same_bits(alone, together.one(k))
    order = np.random.default_rng(1).permutation(n)
    shuffled = native.train(problem, start[order], tuple(order.tolist()), threads=3, target=target)
    for place in (0, 17, 999):
        assert_same_bits(shuffled.one(place), together.one(int(order[place])))


def test_a_network_that_diverges_changes_nothing_for_its_neighbors(
    make_problem: MakeProblem, random_parameters: RandomParameters, target: Any
) -> None:
    problem = make_problem(recording=Recording(every=5))
    start = random_parameters(problem.network, 9)
    healthy = native.train(problem, start, tuple(range(9)), target=target)
    start[4] = np.inf
    mixed = native.train(problem, start, tuple(range(9)), threads=2, target=target)
    assert mixed.outcomes[4].diverged
    for k in (0, 3, 5, 8):
        assert_same_bits(mixed.one(k), healthy.one(k))


def in_precision(problem: Problem, precision: Any) -> Problem:
    def part(columns: Any) -> Any:
        return replace(columns, X=columns.X.astype(precision), Y=columns.Y.astype(precision))

    return replace(problem, train=part(problem.train), test=part(problem.test), precision=precision)


def in_two_parts(problem: Problem, start: np.ndarray, middle: int, train: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the final parameters of a run in one go, and of one that goes on from the snapshot at `middle`."""
    seeds = tuple(range(len(start)))
    whole = train(replace(problem, recording=Recording(every=10**6, snapshots=(middle,))), start, seeds)
    rest = train(replace(problem, steps=problem.steps - middle), whole.snapshots[:, 0], seeds)
    return rest.final, whole.final


@pytest.mark.parametrize("train", [native.train, reference.train], ids=["native", "reference"])
@pytest.mark.parametrize("middle", [0, 1, 13, 20])
def test_gradient_descent_goes_on_from_a_snapshot_as_if_never_interrupted(
    make_problem: MakeProblem, random_parameters: RandomParameters, train: Any, middle: int
) -> None:
    problem = make_problem()
    rest, whole = in_two_parts(problem, random_parameters(problem.network, 2), middle, train)
    np.testing.assert_array_equal(rest, whole)


@pytest.mark.parametrize("train", [native.train, reference.train], ids=["native", "reference"])
@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name != "sgd"])
def test_an_optimizer_with_a_state_starts_anew_at_a_snapshot(
    make_problem: MakeProblem, random_parameters: RandomParameters, train: Any, optimizer: str
) -> None:
    """Its averages are no part of a trajectory: going on is exact from the start alone, and else another run."""
    problem = make_problem(optimizer=OPTIMIZERS[optimizer](learning_rate=0.01))
    start = random_parameters(problem.network, 2)
    rest, whole = in_two_parts(problem, start, 0, train)
    np.testing.assert_array_equal(rest, whole)
    rest, whole = in_two_parts(problem, start, 13, train)
    assert np.abs(rest - whole).max() > 1e-6


@pytest.mark.parametrize("train", [native.train, reference.train], ids=["native", "reference"])
def test_mini_batches_begin_anew_at_a_snapshot(
    make_problem: MakeProblem, random_parameters: RandomParameters, train: Any
) -> None:
    """A run counts its epochs from its own start: from a snapshot it sees the first epoch's batches again."""
    problem = make_problem(batches=Batches(10))
    start = random_parameters(problem.network, 2)
    rest, whole = in_two_parts(problem, start, 6, train)
    assert np.abs(rest - whole).max() > 1e-6
