"""The native engine against the reference engine, over the whole space of problems."""

from __future__ import annotations

import _thread
import itertools
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS
from firstdraw.draws import CounterDraws
from firstdraw.engine import OPTIMIZERS, Batches, Columns, Problem, Recording, Trajectory, native, reference
from firstdraw.errors import InputError
from firstdraw.losses import LOSSES
from firstdraw.networks import Branch, MultilayerPerceptron

pytestmark = pytest.mark.skipif(not native.is_built(), reason="the native engine was not compiled here")

PER_STEP = ("cost", "textbook_cost", "test_cost", "train_accuracy", "test_accuracy")
PER_LAYER = ("activation_rms", "gradient_rms", "weight_rms", "unit_difference")
# Rates at which every optimizer moves without leaving the region in which rounding errors stay small.
RATES = {"sgd": 0.05, "momentum": 0.02, "nesterov": 0.02, "adam": 0.005, "adamw": 0.005, "rmsprop": 0.002}


def make(
    *,
    widths: tuple[int, ...] = (3, 7, 5, 1),
    activation: str = "tanh",
    loss: str = "binary_cross_entropy",
    optimizer: str = "sgd",
    batch: int | None = None,
    precision: Any = "float64",
    examples: int = 70,
    held_out: int = 33,
    steps: int = 40,
    every: int = 7,
    rate: float | None = None,
) -> Problem:
    draws = CounterDraws(5)
    k = widths[-1]

    def part(name: str, m: int) -> Columns:
        X = draws.normal(f"{name}.X", (widths[0], m))
        if loss == "squared_error":
            return Columns(X.astype(precision), draws.normal(f"{name}.Y", (k, m)).astype(precision), None)
        labels = (draws.uniform(f"{name}.labels", (m,)) * max(k, 2)).astype(np.int64)
        return Columns(X.astype(precision), LOSSES[loss]().encode(labels, max(k, 2)).astype(precision), labels)

    return Problem(
        network=MultilayerPerceptron(widths, ACTIVATIONS[activation]()),
        train=part("train", examples),
        test=part("test", held_out) if held_out else None,
        loss=LOSSES[loss](),
        optimizer=OPTIMIZERS[optimizer](learning_rate=rate or RATES[optimizer]),
        steps=steps,
        batches=Batches(batch),
        recording=Recording(every=every, snapshots=(0, 1, steps // 2, steps)),
        precision=precision,
    )


def starts(problem: Problem, n: int, scale: float = 1.0) -> np.ndarray:
    rows = []
    for seed in range(n):
        draws = CounterDraws(seed)
        rows.append(
            np.concatenate(
                [
                    (draws.normal(role.name, role.shape) * scale / np.sqrt(role.fan_in)).ravel()
                    for role in problem.network.roles
                ]
            )
        )
    return np.array(rows)


def assert_equal(first: Trajectory, second: Trajectory, rtol: float, atol: float) -> None:
    assert first.outcomes == second.outcomes
    for name in (*PER_STEP, *PER_LAYER, "snapshots", "final"):
        np.testing.assert_allclose(
            getattr(second, name), getattr(first, name), rtol=rtol, atol=atol, equal_nan=True, err_msg=name
        )
    np.testing.assert_array_equal(second.distinct_units, first.distinct_units)


def assert_same_bits(first: Trajectory, second: Trajectory) -> None:
    assert first.outcomes == second.outcomes
    for name in (*PER_STEP, *PER_LAYER, "distinct_units", "snapshots", "final", "initial"):
        np.testing.assert_array_equal(getattr(second, name), getattr(first, name), err_msg=name)


@pytest.mark.parametrize("target", native.targets())
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_every_activation_trains_as_in_the_reference(activation: str, target: Any) -> None:
    problem = make(activation=activation)
    start = starts(problem, 3)
    seeds = (0, 1, 2)
    assert_equal(
        reference.train(problem, start, seeds), native.train(problem, start, seeds, target=target), 1e-10, 1e-12
    )


@pytest.mark.parametrize("target", native.targets())
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize(
    ("loss", "outputs"),
    [("binary_cross_entropy", 1), ("softmax_cross_entropy", 4), ("squared_error", 3), ("squared_error", 1)],
)
@pytest.mark.parametrize("batch", [None, 16])
def test_every_loss_and_optimizer_trains_as_in_the_reference(
    loss: str, outputs: int, optimizer: str, batch: int | None, target: Any
) -> None:
    problem = make(widths=(3, 9, outputs), loss=loss, optimizer=optimizer, batch=batch)
    start = starts(problem, 2)
    assert_equal(
        reference.train(problem, start, (3, 4)), native.train(problem, start, (3, 4), target=target), 1e-9, 1e-11
    )


@pytest.mark.parametrize("target", native.targets())
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_each_parameter_has_the_learning_rate_that_it_has_in_the_reference(
    optimizer: str, precision: str, target: Any
) -> None:
    problem = make(widths=(3, 7, 7, 5, 1), optimizer=optimizer, precision=precision)
    network = replace(problem.network, branches=(Branch(2, 2),))
    factors = (1.0, 0.25, 3.0, 0.0, 0.5, 1.5, 0.0, 2.0, 0.125)
    problem = replace(problem, network=network, learning_rate_factors=factors)
    start = starts(problem, 2)
    expected, found = reference.train(problem, start, (3, 4)), native.train(problem, start, (3, 4), target=target)
    tolerances = (1e-9, 1e-11) if precision == "float64" else (2e-4, 2e-5)
    assert_equal(expected, found, *tolerances)
    for one in (expected, found):
        for theta, begun in zip(one.final, one.initial, strict=True):
            for factor, after, before in zip(
                factors, network.parameters(theta), network.parameters(begun), strict=True
            ):
                assert (after == before).all() == (factor == 0)


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize("train", [reference.train, native.train])
def test_factors_of_1_leave_the_bits_of_one_learning_rate(train: Any, optimizer: str) -> None:
    problem = make(optimizer=optimizer)
    start = starts(problem, 2)
    same = replace(problem, learning_rate_factors=(1.0,) * len(problem.network.roles))
    plain, scaled = (train(one, start, (0, 1)) for one in (problem, same))
    if optimizer == "adamw" and train is native.train:
        # 1 - eta w is rounded once more.
        assert_equal(plain, scaled, 1e-12, 1e-14)
    else:
        assert_same_bits(plain, scaled)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    hidden=st.lists(st.integers(1, 40), max_size=4),
    features=st.integers(1, 20),
    examples=st.integers(1, 700),
    held_out=st.sampled_from([0, 1, 50]),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    loss=st.sampled_from(sorted(LOSSES)),
    batch=st.none() | st.integers(1, 400),
    n=st.integers(1, 4),
    target=st.sampled_from(native.targets() or ("baseline",)),
)
def test_any_problem_trains_as_in_the_reference(
    hidden: list[int],
    features: int,
    examples: int,
    held_out: int,
    activation: str,
    optimizer: str,
    loss: str,
    batch: int | None,
    n: int,
    target: Any,
) -> None:
    outputs = {"binary_cross_entropy": 1, "softmax_cross_entropy": 3, "squared_error": 2}[loss]
    problem = make(
        widths=(features, *hidden, outputs),
        activation=activation,
        optimizer=optimizer,
        loss=loss,
        batch=batch,
        examples=examples,
        held_out=held_out,
        steps=12,
        every=3,
    )
    start = starts(problem, n)
    seeds = tuple(range(n))
    # Adam and RMSprop divide by the gradient's size, and so enlarge the rounding errors of tiny gradients.
    loose = optimizer in ("adam", "adamw", "rmsprop")
    assert_equal(
        reference.train(problem, start, seeds),
        native.train(problem, start, seeds, target=target),
        1e-5 if loose else 1e-9,
        1e-6 if loose else 1e-10,
    )


@pytest.mark.parametrize("target", native.targets())
def test_float32_stays_near_the_reference(target: Any) -> None:
    problem = make(widths=(3, 33, 20, 1), precision="float32", activation="gelu")
    start = starts(problem, 2)
    # 40 steps of rounding at 6e-8, in another order of additions.
    assert_equal(
        reference.train(problem, start, (0, 1)), native.train(problem, start, (0, 1), target=target), 2e-4, 2e-5
    )


@pytest.mark.parametrize("widths", [(2, 128, 130, 1), (65, 200, 3), (5, 256, 1)])
@pytest.mark.parametrize("target", native.targets())
def test_wide_layers_train_as_in_the_reference(widths: tuple[int, ...], target: Any) -> None:
    loss = "binary_cross_entropy" if widths[-1] == 1 else "softmax_cross_entropy"
    problem = make(widths=widths, loss=loss, activation="relu", examples=150, steps=5, every=2)
    start = starts(problem, 2)
    assert_equal(
        reference.train(problem, start, (0, 1)), native.train(problem, start, (0, 1), target=target), 1e-9, 1e-11
    )


@pytest.mark.parametrize("batch", [None, 16])
def test_a_result_does_not_depend_on_threads_neighbors_or_order(batch: int | None) -> None:
    problem = make(batch=batch, activation="relu")
    start = starts(problem, 9)
    seeds = tuple(range(9))
    together = native.train(problem, start, seeds, threads=1)
    for threads in (2, 7):
        assert_same_bits(together, native.train(problem, start, seeds, threads=threads))
    for number in (0, 4, 8):
        alone = native.train(problem, start[number : number + 1], (seeds[number],))
        assert_same_bits(together.one(number), alone)
    backward = native.train(problem, start[::-1].copy(), seeds[::-1])
    assert_same_bits(together.one(2), backward.one(6))


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 1e6), ("momentum", 1e5)])
@pytest.mark.parametrize("every", [1, 1000])
def test_a_divergence_has_the_same_step_and_layer(optimizer: str, rate: float, every: int) -> None:
    problem = make(loss="squared_error", activation="relu", optimizer=optimizer, rate=rate, every=every, steps=100)
    start = starts(problem, 3)
    expected = reference.train(problem, start, (0, 1, 2))
    assert any(outcome.diverged for outcome in expected.outcomes)
    found = native.train(problem, start, (0, 1, 2))
    for one, other in itertools.pairwise((expected, found)):
        assert [(o.diverged, o.step, o.layer) for o in one.outcomes] == [
            (o.diverged, o.step, o.layer) for o in other.outcomes
        ]
    assert np.isfinite(found.final).all()
    np.testing.assert_array_equal(np.isnan(found.cost), np.isnan(expected.cost))


def test_a_start_that_is_not_finite_diverges_at_step_0() -> None:
    problem = make()
    start = starts(problem, 2)
    start[0, 3] = np.nan
    found = native.train(problem, start, (0, 1))
    expected = reference.train(problem, start, (0, 1))
    assert found.outcomes == expected.outcomes
    assert found.outcomes[0].diverged
    assert found.outcomes[0].step == 0
    assert not found.outcomes[1].diverged


def test_progress_adds_up_to_all_steps_even_of_a_diverged_run() -> None:
    problem = make(loss="squared_error", activation="relu", rate=1e6, steps=500, every=1000)
    reports: list[int] = []
    native.train(problem, starts(problem, 3), (0, 1, 2), reports.append)
    assert sum(reports) == 3 * 500
    assert all(report > 0 for report in reports)


def test_an_exception_of_the_progress_callback_stops_the_training() -> None:
    problem = make(steps=50_000_000, every=50_000_000)

    def stop(_steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        native.train(problem, starts(problem, 2), (0, 1), stop)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Interrupts are exceptions, also where the tests were started in the background, which ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_wide_network_stops_when_interrupted() -> None:
    """One step of it takes seconds, and all of them would take hours."""
    problem = make(
        widths=(20, *(512,) * 10, 1), examples=5000, held_out=0, steps=10_000, every=10_000, activation="relu"
    )
    start = starts(problem, 2)
    interrupt = threading.Timer(0.5, _thread.interrupt_main)
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        native.train(problem, start, (0, 1))
    interrupt.join()


def test_a_target_that_this_machine_lacks_is_refused() -> None:
    problem = make()
    with pytest.raises(InputError, match=r"^`target` must be one of \[.*\], what this machine has, got 'sse9'$"):
        native.train(problem, starts(problem, 1), (0,), target="sse9")  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, -1, True, 1.5])
def test_a_wrong_number_of_threads_is_refused(threads: Any) -> None:
    problem = make()
    with pytest.raises(InputError, match="`threads` must be a positive integer"):
        native.train(problem, starts(problem, 1), (0,), threads=threads)


def test_parameters_of_the_wrong_shape_are_refused() -> None:
    problem = make()
    with pytest.raises(InputError, match="`parameters` must have the shape"):
        native.train(problem, np.zeros((2, 3)), (0, 1))


def test_read_only_and_strided_inputs_give_the_same_bits() -> None:
    problem = make()
    start = starts(problem, 2)
    twice = np.repeat(start, 2, axis=1)[:, ::2]
    twice.flags.writeable = False
    assert_same_bits(native.train(problem, start, (0, 1)), native.train(problem, twice, (0, 1)))


def test_no_networks_give_an_empty_trajectory() -> None:
    problem = make()
    assert len(native.train(problem, np.empty((0, problem.network.parameter_count)), ())) == 0


def test_a_run_goes_on_from_its_snapshot() -> None:
    problem = make(steps=40)
    start = starts(problem, 1)
    whole = native.train(problem, start, (0,))
    middle = whole.snapshots[:, list(whole.snapshot_steps).index(20)]
    rest = native.train(make(steps=20), middle, (0,))
    np.testing.assert_array_equal(rest.final, whole.final)


@given(
    stream=st.integers(1, 40),
    at_the_inputs=st.booleans(),
    blocks=st.lists(
        st.tuples(st.lists(st.integers(1, 40), max_size=2), st.booleans(), st.booleans()), min_size=1, max_size=3
    ),
    examples=st.integers(1, 700),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    optimizer=st.sampled_from(["sgd", "nesterov"]),
    batch=st.none() | st.integers(1, 400),
    target=st.sampled_from(native.targets() or ("baseline",)),
)
def test_any_branches_train_as_in_the_reference(
    stream: int,
    at_the_inputs: bool,
    blocks: list[tuple[list[int], bool, bool]],
    examples: int,
    activation: str,
    optimizer: str,
    batch: int | None,
    target: Any,
) -> None:
    """Each block is a branch of some layers, activated at its end or not, followed by a layer of the stream or not."""
    widths = [stream] if at_the_inputs else [3, stream]
    branches: list[Branch] = []
    for inner, activated, followed in blocks:
        first = len(widths)
        widths += [*inner, stream]
        branches.append(Branch(first, len(widths) - 1, activated))
        widths += [stream] * followed
    problem = make(
        widths=(*widths, 1),
        activation=activation,
        optimizer=optimizer,
        batch=batch,
        examples=examples,
        steps=6,
        every=3,
    )
    problem = replace(problem, network=replace(problem.network, branches=tuple(branches)))
    start = starts(problem, 2)
    assert_equal(
        reference.train(problem, start, (0, 1)), native.train(problem, start, (0, 1), target=target), 1e-9, 1e-10
    )
