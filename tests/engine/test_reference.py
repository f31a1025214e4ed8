"""The reference engine: independence, records, snapshots and divergence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.activations import ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.engine import OPTIMIZERS, SGD, Batches, Outcome, Problem, Recording, Trajectory
from firstdraw.engine.optimizers import Adam, Factors, State
from firstdraw.engine.reference import train
from firstdraw.errors import InputError
from firstdraw.losses import SquaredError
from firstdraw.networks import Branch, MultilayerPerceptron

MakeProblem = Callable[..., Problem]
RandomParameters = Callable[..., Floats]

PER_NETWORK = [item.name for item in fields(Trajectory) if item.name not in ("steps", "snapshot_steps")]
BY_RECORD = [
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
]


def assert_same_bits(one: Trajectory, other: Trajectory) -> None:
    for name in PER_NETWORK:
        if name == "outcomes":
            assert one.outcomes == other.outcomes
        else:
            a, b = getattr(one, name), getattr(other, name)
            assert a.dtype == b.dtype
            assert a.tobytes() == b.tobytes(), name


# A network's result is its own.


@pytest.mark.parametrize("batches", [Batches(), Batches(5)], ids=str)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_network_is_trained_the_same_alone_and_among_others_in_any_order(
    make_problem: MakeProblem, random_parameters: RandomParameters, batches: Batches, name: str
) -> None:
    problem = make_problem(optimizer=OPTIMIZERS[name](), batches=batches, recording=Recording(5, (0, 3, 20)))
    start, seeds = random_parameters(problem.network, 3), (4, 9, 4)
    together = train(problem, start, seeds)
    backwards = train(problem, start[::-1], seeds[::-1])
    for i in range(3):
        assert_same_bits(together.one(i), train(problem, start[i : i + 1], seeds[i : i + 1]))
        assert_same_bits(together.one(i), backwards.one(2 - i))


def test_the_initial_parameters_are_not_changed(make_problem: MakeProblem, random_parameters: RandomParameters) -> None:
    start = random_parameters(make_problem().network, 2)
    before = start.copy()
    trajectory = train(make_problem(), start, (0, 1))
    np.testing.assert_array_equal(start, before)
    np.testing.assert_array_equal(trajectory.initial, before)
    assert (trajectory.final != before).any()


def test_training_twice_gives_the_same_bits(make_problem: MakeProblem, random_parameters: RandomParameters) -> None:
    problem = make_problem(optimizer=Adam(), batches=Batches(4))
    start = random_parameters(problem.network)
    assert_same_bits(train(problem, start, (1,)), train(problem, start, (1,)))


# Batches.


def first_epochs(batches: Batches, examples: int, seed: int, epochs: int) -> list[list[list[int]]]:
    """Return the batches of the first epochs, a list of batches an epoch."""
    assert batches.size is not None
    steps = batches.indices(examples, seed)
    size = math.ceil(examples / batches.size)
    return [[next(steps).tolist() for _ in range(size)] for _ in range(epochs)]


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**64 - 1))
def test_every_epoch_visits_every_example_once(size: int, examples: int, seed: int) -> None:
    for epoch in first_epochs(Batches(size), examples, seed, 3):
        assert sorted(itertools.chain(*epoch)) == list(range(examples))
        assert all(len(batch) == size for batch in epoch[:-1])
        assert 1 <= len(epoch[-1]) <= size


def test_epochs_and_seeds_are_shuffled_differently() -> None:
    orders = [tuple(itertools.chain(*epoch)) for seed in (0, 1, 2) for epoch in first_epochs(Batches(4), 23, seed, 3)]
    assert len(set(orders)) == 9
    assert tuple(range(23)) not in orders


def test_shuffles_put_every_example_in_every_place_equally_often() -> None:
    m, epochs = 5, 4000
    places = np.array([list(itertools.chain(*e)) for e in first_epochs(Batches(2), m, 0, epochs)])
    counts = np.array([np.bincount(column, minlength=m) for column in places.T])
    # Binomial counts with the mean 800; five standard deviations of 25.
    assert abs(counts - epochs / m).max() < 5 * math.sqrt(epochs / m * (1 - 1 / m))


def test_one_seed_gives_every_initialization_the_same_batches_and_another_seed_others(
    make_problem: MakeProblem, random_parameters: RandomParameters
) -> None:
    problem = make_problem(batches=Batches(5))
    start = np.repeat(random_parameters(problem.network), 3, axis=0)
    trajectory = train(problem, start, (7, 7, 8))
    assert_same_bits(trajectory.one(0), trajectory.one(1))
    assert (trajectory.final[0] != trajectory.final[2]).any()


def test_the_seed_does_not_matter_for_full_batches(
    make_problem: MakeProblem, random_parameters: RandomParameters
) -> None:
    start = np.repeat(random_parameters(make_problem().network), 2, axis=0)
    trajectory = train(make_problem(), start, (7, 8))
    assert_same_bits(trajectory.one(0), trajectory.one(1))


@pytest.mark.parametrize("size", [23, 24, 10**6])
def test_a_batch_of_all_examples_is_the_full_batch_to_the_bit(
    make_problem: MakeProblem, random_parameters: RandomParameters, size: int
) -> None:
    start = random_parameters(make_problem().network)
    full = train(make_problem(), start, (0,))
    assert_same_bits(full, train(make_problem(batches=Batches(size)), start, (0,)))
    smaller = train(make_problem(batches=Batches(22)), start, (0,))
    assert (smaller.final != full.final).any()


def test_a_mini_batch_step_descends_on_the_batch_that_the_seed_names(
    make_problem: MakeProblem, random_parameters: RandomParameters
) -> None:
    problem = make_problem(batches=Batches(5), steps=7)
    network, start = problem.network, random_parameters(make_problem().network)
    theta = start[0].copy()
    for chosen in itertools.islice(Batches(5).indices(23, seed=3), 7):
        theta = theta - 0.5 * gradient(problem, theta, chosen)
    np.testing.assert_allclose(train(problem, start, (3,)).final[0], theta, rtol=1e-13, atol=1e-14)
    assert network.parameter_count == len(theta)


def gradient(problem: Problem, theta: Floats, chosen: Floats | slice = slice(None)) -> Floats:
    network, g = problem.network, np.empty_like(theta)
    layers = network.layers(theta)
    taps = network.forward(layers, problem.train.X[:, chosen])
    dZ = problem.loss.gradient(taps.Z[-1], problem.train.Y[:, chosen])
    network.backward(layers, taps, dZ, network.layers(g))
    return g


# Precision.


def test_float32_stays_near_float64(make_problem: MakeProblem, random_parameters: RandomParameters) -> None:
    start = random_parameters(make_problem().network, 2)
    wide = make_problem(steps=200)
    examples = replace(wide.train, X=wide.train.X.astype(np.float32), Y=wide.train.Y.astype(np.float32))
    narrow = replace(wide, train=examples, test=None, precision="float32")
    ours, theirs = train(narrow, start, (0, 1)), train(wide, start, (0, 1))
    for name in ("initial", "final", "snapshots"):
        assert getattr(ours, name).dtype == np.float32
        assert getattr(theirs, name).dtype == np.float64
    # 200 steps of a smooth descent: the roundings of 6e-8 grow, but stay far below a thousandth.
    np.testing.assert_allclose(ours.final, theirs.final, rtol=0, atol=1e-3)
    np.testing.assert_allclose(ours.cost, theirs.cost, rtol=1e-4)
    assert (ours.final != theirs.final).any()


# Records and snapshots.


@given(st.integers(1, 50), st.integers(0, 120))
def test_records_are_made_at_multiples_and_at_the_end(every: int, last: int) -> None:
    steps = Recording(every).steps(last).tolist()
    assert steps == sorted({*range(0, last + 1, every), last})


@given(st.lists(st.integers(0, 60), max_size=6), st.integers(0, 40))
def test_snapshots_are_kept_once_in_order_and_not_beyond_the_end(asked: list[int], last: int) -> None:
    assert Recording(1, tuple(asked)).snapshot_steps(last).tolist() == sorted({s for s in asked if s <= last})


@given(
    every=st.integers(1, 9),
    snapshots=st.lists(st.integers(0, 14), max_size=4).map(tuple),
    steps=st.integers(0, 12),
)
@settings(max_examples=20)
def test_recording_watches_and_does_not_disturb(
    make_problem: MakeProblem,
    random_parameters: RandomParameters,
    every: int,
    snapshots: tuple[int, ...],
    steps: int,
) -> None:
    start = random_parameters(make_problem().network)
    fine = train(make_problem(steps=steps, recording=Recording(1, tuple(range(13)))), start, (0,))
    coarse = train(make_problem(steps=steps, recording=Recording(every, snapshots)), start, (0,))
    np.testing.assert_array_equal(fine.final, coarse.final)
    for name in BY_RECORD:
        np.testing.assert_array_equal(getattr(coarse, name), getattr(fine, name)[:, coarse.steps])
    np.testing.assert_array_equal(coarse.snapshots, fine.snapshots[:, coarse.snapshot_steps])


def test_the_first_snapshot_is_the_start_and_the_last_one_the_end(
    make_problem: MakeProblem, random_parameters: RandomParameters
) -> None:
    start = random_parameters(make_problem().network, 2)
    trajectory = train(make_problem(recording=Recording(5, (0, 20))), start, (0, 1))
    np.testing.assert_array_equal(trajectory.snapshots[:, 0], start)
    np.testing.assert_array_equal(trajectory.snapshots[:, 1], trajectory.final)


def test_the_records_are_what_the_snapshots_give(
    make_problem: MakeProblem, random_parameters: RandomParameters
) -> None:
    problem = make_problem(recording=Recording(5, (0, 5, 10, 15, 20)))
    network, loss = problem.network, problem.loss
    trajectory = train(problem, random_parameters(network), (0,))
    for r in range(5):
        theta = trajectory.snapshots[0, r]
        layers = network.layers(theta)
        taps = network.forward(layers, problem.train.X)
        assert problem.test is not None
        Z_test = network.output(theta, problem.test.X)
        assert trajectory.cost[0, r] == loss.value(taps.Z[-1], problem.train.Y)
        assert trajectory.textbook_cost[0, r] == loss.textbook_value(taps.Z[-1], problem.train.Y)
        assert trajectory.test_cost[0, r] == loss.value(Z_test, problem.test.Y)
        right = (taps.Z[-1][0] > 0) == problem.train.labels
        assert trajectory.train_accuracy[0, r] == np.mean(right)
        assert trajectory.test_accuracy[0, r] == np.mean((Z_test[0] > 0) == problem.test.labels)
        slopes = network.layers(gradient(problem, theta))
        for layer in range(3):
            measured = [trajectory.activation_rms, trajectory.gradient_rms, trajectory.weight_rms]
            arrays = [taps.A[layer + 1], slopes[layer].W, layers[layer].W]
            expected = [math.sqrt(np.mean(array**2)) for array in arrays]
            assert [records[0, r, layer] for records in measured] == pytest.approx(expected, rel=1e-13)


def test_no_steps_measure_the_start_alone(make_problem: MakeProblem, random_parameters: RandomParameters) -> None:
    start = random_parameters(make_problem().network)
    trajectory = train(make_problem(steps=0, recording=Recording(5, (0,))), start, (0,))
    assert trajectory.steps.tolist() == [0]
    assert np.isfinite(trajectory.cost).all()
    np.testing.assert_array_equal(trajectory.final, start)
    np.testing.assert_array_equal(trajectory.snapshots[:, 0], start)
    assert trajectory.outcomes == (Outcome(diverged=False, step=0),)


def test_without_test_examples_there_are_no_test_records(
    make_problem: MakeProblem, random_parameters: RandomParameters
) -> None:
    trajectory = train(make_problem(test=None), random_parameters(make_problem().network), (0,))
    assert np.isnan(trajectory.test_cost).all()
    assert np.isnan(trajectory.test_accuracy).all()
    assert np.isfinite(trajectory.cost).all()


def test_regression_has_costs_and_no_accuracy(make_problem: MakeProblem, random_parameters: RandomParameters) -> None:
    examples = replace(make_problem().train, labels=None)
    problem = make_problem(train=examples, test=None, loss=SquaredError())
    trajectory = train(problem, random_parameters(problem.network), (0,))
    assert np.isfinite(trajectory.cost).all()
    assert np.isnan(trajectory.train_accuracy).all()


def test_step_of_finds_the_first_recorded_step(make_problem: MakeProblem, random_parameters: RandomParameters) -> None:
    trajectory = train(make_problem(), random_parameters(make_problem().network), (0,))
    assert trajectory.steps.tolist() == [0, 5, 10, 15, 20]
    assert trajectory.step_of(trajectory.steps >= 7) == 10
    assert trajectory.step_of(trajectory.steps >= 0) == 0
    assert trajectory.step_of(trajectory.steps > 20) is None


# Divergence.


def followed_by_hand(problem: Problem, theta: Floats) -> tuple[int, int, Floats]:
    """Return step and layer at which gradient descent stops being finite, and the last finite parameters."""
    network = problem.network
    recorded = set(problem.recording.steps(problem.steps).tolist())
    eta = problem.optimizer.learning_rate  # type: ignore[attr-defined]
    with np.errstate(all="ignore"):
        for step in range(problem.steps):
            taps = network.forward(network.layers(theta), problem.train.X)
            if step in recorded:
                for layer, Z in enumerate(taps.Z, start=1):
                    if not np.isfinite(Z).all():
                        return step, layer, theta
            g = gradient(problem, theta)
            following = theta - eta * g
            if not np.isfinite(following).all():
                pairs = zip(network.layers(following), network.layers(g), strict=True)
                for layer, (parts, slopes) in enumerate(pairs, start=1):
                    if not all(np.isfinite(part).all() for part in (parts.W, parts.b, slopes.W, slopes.b)):
                        return step + 1, layer, theta
            theta = following
    raise AssertionError("it stayed finite")


def diverging(make_problem: MakeProblem, every: int, learning_rate: float) -> Problem:
    network = MultilayerPerceptron((2, 4, 3, 1), ReLU())
    optimizer = SGD(learning_rate)
    recording = Recording(every)
    return make_problem(network=network, loss=SquaredError(), optimizer=optimizer, steps=400, recording=recording)


# Each row's divergence is of another kind: seen in a record or in an update, early or late, in several layers.
@pytest.mark.parametrize("learning_rate", [1e1, 1e5, 1e100, 1e300])
@pytest.mark.parametrize("every", [1, 60])
def test_divergence_is_an_outcome_with_its_step_and_layer(
    make_problem: MakeProblem, random_parameters: RandomParameters, learning_rate: float, every: int
) -> None:
    problem = diverging(make_problem, every, learning_rate)
    start = abs(random_parameters(problem.network))
    trajectory = train(problem, start, (0,))
    step, layer, last = followed_by_hand(problem, start[0])
    assert trajectory.outcomes == (Outcome(diverged=True, step=step, layer=layer),)
    assert str(trajectory.outcomes[0]) == f"diverged at step {step}, layer {layer}"
    np.testing.assert_array_equal(trajectory.final[0], last)
    assert np.isfinite(trajectory.final).all()
    before = trajectory.steps < step
    assert np.isfinite(trajectory.weight_rms[0, before]).all()
    for name in BY_RECORD:
        assert np.isnan(getattr(trajectory, name)[0, trajectory.steps >= step]).all(), name


def test_the_diverging_examples_differ_in_kind(make_problem: MakeProblem, random_parameters: RandomParameters) -> None:
    start = abs(random_parameters(diverging(make_problem, 1, 1.0).network))
    ends = {
        (every, rate): followed_by_hand(diverging(make_problem, every, rate), start[0])[:2]
        for every in (1, 60)
        for rate in (1e1, 1e5, 1e100, 1e300)
    }
    assert len(set(ends.values())) >= 4, ends


def test_the_neighbours_of_a_diverging_network_train_on(
    make_problem: MakeProblem, random_parameters: RandomParameters
) -> None:
    problem = diverging(make_problem, 1, 0.01)
    start = np.repeat(abs(random_parameters(problem.network)), 3, axis=0)
    start[1] *= 1e60
    trajectory = train(problem, start, (0, 1, 2))
    assert [outcome.diverged for outcome in trajectory.outcomes] == [False, True, False]
    for i in (0, 2):
        assert_same_bits(trajectory.one(i), train(problem, start[i : i + 1], (i,)))
        assert np.isfinite(trajectory.cost[i]).all()


def test_a_snapshot_after_divergence_is_not_a_number(make_problem: MakeProblem) -> None:
    problem = replace(diverging(make_problem, 60, 1e300), recording=Recording(60, (0, 1, 50)))
    trajectory = train(problem, np.full((1, problem.network.parameter_count), 0.5), (0,))
    assert trajectory.outcomes[0].step < 50
    assert np.isfinite(trajectory.snapshots[0, 0]).all()
    assert np.isnan(trajectory.snapshots[0, 2]).all()


# The parameters of a (2, 4, 3, 1) network begin at 0, 12 and 27 with the layers 1, 2 and 3.
@pytest.mark.parametrize(("place", "layer"), [(0, 1), (11, 1), (12, 2), (26, 2), (27, 3), (30, 3)])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_start_that_is_not_finite_diverges_at_step_0_in_its_layer(
    make_problem: MakeProblem, random_parameters: RandomParameters, place: int, layer: int, value: float
) -> None:
    start = random_parameters(make_problem().network)
    start[0, place] = value
    trajectory = train(make_problem(), start, (0,))
    assert trajectory.outcomes == (Outcome(diverged=True, step=0, layer=layer),)
    assert np.isnan(trajectory.cost).all()
    np.testing.assert_array_equal(trajectory.final, start)


RESIDUAL = MultilayerPerceptron((2, 4, 4, 4, 4, 1), Tanh(), (Branch(2, 3), Branch(4, 4, activated=True)))


@pytest.mark.parametrize("batches", [Batches(), Batches(5)], ids=str)
def test_a_residual_network_descends_along_its_gradient(
    make_problem: MakeProblem, random_parameters: RandomParameters, batches: Batches
) -> None:
    problem = make_problem(network=RESIDUAL, batches=batches, steps=7)
    start = random_parameters(RESIDUAL)
    theta = start[0].copy()
    chosen = batches.indices(23, seed=3) if batches.size else itertools.repeat(slice(None))
    for examples in itertools.islice(chosen, 7):
        theta = theta - 0.5 * gradient(problem, theta, examples)
    trajectory = train(problem, start, (3,))
    np.testing.assert_allclose(trajectory.final[0], theta, rtol=1e-13, atol=1e-14)
    taps = RESIDUAL.forward(RESIDUAL.layers(start[0]), problem.train.X)
    expected = [math.sqrt(np.mean(A**2)) for A in taps.A[1:]]
    assert trajectory.activation_rms[0, 0].tolist() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_moves_the_multipliers(
    make_problem: MakeProblem, random_parameters: RandomParameters, name: str
) -> None:
    problem = make_problem(network=RESIDUAL, optimizer=OPTIMIZERS[name]())
    trajectory = train(problem, random_parameters(RESIDUAL), (0,))
    before, after = RESIDUAL.multipliers(trajectory.initial[0]), RESIDUAL.multipliers(trajectory.final[0])
    assert all(first != last for first, last in zip(before, after, strict=True))
    assert trajectory.cost[0, -1] < trajectory.cost[0, 0]


@pytest.mark.parametrize(("branch", "layer"), [(0, 3), (1, 4)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_multiplier_that_is_not_finite_diverges_in_the_last_layer_of_its_branch(
    make_problem: MakeProblem, random_parameters: RandomParameters, branch: int, layer: int, value: float
) -> None:
    start = random_parameters(RESIDUAL)
    RESIDUAL.multipliers(start[0])[branch][:] = value
    trajectory = train(make_problem(network=RESIDUAL), start, (0,))
    assert trajectory.outcomes == (Outcome(diverged=True, step=0, layer=layer),)


@pytest.mark.parametrize(("branch", "layer"), [(0, 3), (1, 4)])
def test_a_multiplier_that_overflows_in_an_update_does_so_in_the_last_layer_of_its_branch(
    make_problem: MakeProblem, random_parameters: RandomParameters, branch: int, layer: int
) -> None:
    class Overflowing(SGD):
        def update(self, theta: Floats, g: Floats, state: State, t: int, factors: Factors = 1.0) -> None:  # noqa: ARG002
            RESIDUAL.multipliers(theta)[branch][:] = math.inf

    start = random_parameters(RESIDUAL)
    trajectory = train(make_problem(network=RESIDUAL, optimizer=Overflowing()), start, (0,))
    assert trajectory.outcomes == (Outcome(diverged=True, step=1, layer=layer),)
    np.testing.assert_array_equal(trajectory.final, start)


# Progress, and what is refused.


@pytest.mark.parametrize("steps", [0, 1, 249, 250, 251, 600])
def test_progress_adds_up_to_all_steps_of_all_networks(
    make_problem: MakeProblem, random_parameters: RandomParameters, steps: int
) -> None:
    told: list[int] = []
    problem = make_problem(steps=steps, recording=Recording(1000))
    train(problem, random_parameters(problem.network, 3), (0, 1, 2), told.append)
    assert sum(told) == 3 * steps
    assert all(count >= 0 for count in told)


def test_progress_does_not_change_the_result(make_problem: MakeProblem, random_parameters: RandomParameters) -> None:
    start = random_parameters(make_problem().network)
    problem = make_problem(steps=300)
    watched = train(problem, start, (0,), progress=lambda _: None)
    assert_same_bits(watched, train(problem, start, (0,)))


def test_an_interrupt_during_training_reaches_the_caller(
    make_problem: MakeProblem, random_parameters: RandomParameters
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(make_problem(), random_parameters(make_problem().network), (0,), interrupt)


@pytest.mark.parametrize(
    ("shape", "seeds", "sentence"),
    [
        ((2, 31), (0,), "`parameters` must have the shape (1, 31), one row a seed, got (2, 31)"),
        ((1, 30), (0,), "`parameters` must have the shape (1, 31), one row a seed, got (1, 30)"),
        ((31,), (0,), "`parameters` must have the shape (1, 31), one row a seed, got (31,)"),
        ((1, 31), (), "`parameters` must have the shape (0, 31), one row a seed, got (1, 31)"),
    ],
)
def test_parameters_of_the_wrong_shape_are_refused(
    make_problem: MakeProblem, shape: tuple[int, ...], seeds: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        train(make_problem(), np.zeros(shape), seeds)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("widths", "sentence"),
    [
        ((3, 1), "`widths[0]` must equal the number of input features, 2, got 3"),
        ((2, 5, 2), "`widths[2]` must equal the number of outputs, 1, got 2"),
    ],
)
def test_a_network_that_does_not_fit_the_data_is_refused(
    make_problem: MakeProblem, widths: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        make_problem(network=MultilayerPerceptron(widths, ReLU()))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("factors", "sentence"),
    [
        ((1.0, 2.0), "`learning_rate_factors` must have one number for each of the 6 roles, got 2"),
        ((1.0,) * 5 + (-1.0,), "`learning_rate_factors[5]` must be a finite number of at least 0, got -1.0"),
        ((math.nan,) * 6, "`learning_rate_factors[0]` must be a finite number of at least 0, got nan"),
    ],
)
def test_factors_that_do_not_fit_the_network_are_refused(
    make_problem: MakeProblem, factors: tuple[float, ...], sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        make_problem(learning_rate_factors=factors)
    assert str(caught.value) == sentence


def test_numbers_that_are_no_steps_are_refused(make_problem: MakeProblem) -> None:
    for make, sentence in (
        (lambda: make_problem(steps=-1), "`steps` must be an integer of at least 0, got -1"),
        (lambda: Recording(0), "`every` must be a positive integer, got 0"),
        (lambda: Recording(1, (0, -3)), "`snapshots[1]` must be an integer of at least 0, got -3"),
        (lambda: Batches(0), "`size` must be a positive integer, got 0"),
    ):
        with pytest.raises(InputError) as caught:
            make()
        assert str(caught.value) == sentence
