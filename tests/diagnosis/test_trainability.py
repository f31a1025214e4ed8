"""The prediction of trainability: its arithmetic, its directions, its edges, and runs whose end is known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import ReLU, Tanh
from firstdraw.datasets import DATASETS
from firstdraw.diagnosis.trainability import (
    CONDITIONS,
    FEATURES,
    Evidence,
    Trainability,
    evidence_of,
    judge,
    trainability,
)
from firstdraw.diagnosis.trainability_fit import ADAPTIVE, CONSTANTS, POINTS, RANGES, TRAINED_SHARE
from firstdraw.draws import CounterDraws
from firstdraw.engine import OPTIMIZERS, SGD, Batches, Optimizer, Problem, columns, engine_named
from firstdraw.engine.optimizers import Adam, Momentum, RMSprop
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import BinaryCrossEntropy
from firstdraw.networks import Branch, MultilayerPerceptron
from firstdraw.probes import probe
from firstdraw.probes.lines import line
from firstdraw.probes.tangents import tangent

HEALTHY = Evidence(
    depth=4,
    fan_in=25.0,
    adaptive=False,
    learning_rate=0.1,
    momentum=0.5,
    steps=200,
    batch=32,
    cost=0.8,
    constant_cost=0.4,
    rate=0.05,
    learned=1.5,
    alignment=0.02,
    first_cost=0.6,
    lowest_cost=0.2,
    furthest=64.0,
    largest_update=0.01,
    overshoot=0.3,
    gradient_first=0.02,
    gradient_last=0.5,
)
# Which way each number of the evidence points, where it does so alone: what else it stands in stays as it is.
ALONE = {
    "learned": 1,
    "alignment": 1,
    "first_cost": -1,
    "lowest_cost": -1,
    "furthest": -1,
    "largest_update": 1,
    "overshoot": -1,
    "gradient_first": -1,
    "gradient_last": 1,
}

numbers = st.floats(allow_nan=True, allow_infinity=True)


def test_features_are_what_their_meanings_say() -> None:
    expected = {
        "pace": 0.1 / 0.5 * 4**1.5,
        "speed": 0.1 / 0.5 * 200 * 0.05,
        "learned": 1.5,
        "alignment": 0.02,
        "start": 0.8 / 0.4,
        "first step": 0.6 / 0.8,
        "lowest": 0.2 / 0.4,
        "room": 64 / (200 / 0.5),
        "movement": 0.01 * 200 / 0.5 * 4 * 25**0.5,
        "bend": 0.3 / 4,
        "growth": 0.02 / 0.5,
        "batch": 32,
    }
    assert {name: feature.of(HEALTHY) for name, feature in FEATURES.items()} == pytest.approx(
        {name: math.log10(value) for name, value in expected.items()}
    )
    adam = replace(HEALTHY, adaptive=True)
    assert FEATURES["pace"].of(adam) == pytest.approx(math.log10(0.1 / 0.5 * 4**1.5 * 25**0.5))


def _log_odds(found: Trainability, condition: str) -> tuple[float, float]:
    """Return a condition's log-odds, and what the features add to them."""
    p = found.conditions[condition]
    return math.log(p / (1 - p)), sum(one.nats for one in found.contributions if one.condition == condition)


def test_a_condition_is_the_sigmoid_of_what_its_features_add_and_both_must_hold() -> None:
    found = judge(HEALTHY)
    for condition, functions in POINTS.items():
        log_odds = CONSTANTS[condition] + sum(
            np.interp(FEATURES[name].of(HEALTHY), *np.transpose(points)) for name, points in functions.items()
        )
        assert found.conditions[condition] == pytest.approx(1 / (1 + math.exp(-log_odds)))
    assert set(found.conditions) == set(CONDITIONS) == set(POINTS)
    assert found.probability == pytest.approx(found.conditions["progress"] * found.conditions["stability"])
    assert {one.feature for one in found.contributions} == set(FEATURES)


@pytest.mark.parametrize(
    ("changes", "least"), [({"learned": 1e-4}, "progress"), ({"learning_rate": 10.0}, "stability")]
)
def test_the_less_likely_condition_comes_first_with_what_adds_most_to_it(changes: dict[str, float], least: str) -> None:
    found = judge(replace(HEALTHY, **changes))
    assert min(found.conditions, key=found.conditions.__getitem__) == least
    first = found.contributions[0]
    assert first.condition == least
    assert f"`{first.feature}` speaks {'for' if first.nats > 0 else 'against'} its {least} most" in found.reason
    for condition in CONDITIONS:
        sizes = [abs(one.nats) for one in found.contributions if one.condition == condition]
        assert sizes == sorted(sizes, reverse=True)


def test_adam_adds_to_progress_alone() -> None:
    plain, adam = judge(HEALTHY), judge(replace(HEALTHY, adaptive=True))
    for condition, constant in (("progress", ADAPTIVE), ("stability", 0.0)):
        (before, added), (after, added_to_adam) = (_log_odds(found, condition) for found in (plain, adam))
        assert after - before == pytest.approx(constant + added_to_adam - added)


def test_every_function_goes_one_way() -> None:
    for functions in POINTS.values():
        for points in functions.values():
            rises = np.diff([nats for _, nats in points])
            assert np.all(rises >= 0) or np.all(rises <= 0)


def test_a_bend_down_counts_as_one_up() -> None:
    assert judge(replace(HEALTHY, overshoot=-7.0)) == judge(replace(HEALTHY, overshoot=7.0))


@given(st.sampled_from(sorted(ALONE)), st.floats(1e-6, 1e3), st.floats(1e-6, 1e3))
def test_each_number_moves_the_probability_one_way(name: str, one: float, other: float) -> None:
    low, high = (judge(replace(HEALTHY, **{name: value})).probability * ALONE[name] for value in sorted((one, other)))
    assert low <= high


@given(st.lists(numbers, min_size=13, max_size=13), st.booleans())
def test_whatever_was_measured_a_probability_with_a_reason_comes_out(values: list[float], adaptive: bool) -> None:
    names = ("cost", "constant_cost", "rate", "learned", "alignment", "first_cost", "lowest_cost", "furthest")
    steps = ("largest_update", "learning_rate", "overshoot", "gradient_first", "gradient_last")
    changed = dict(zip((*names, *steps), values, strict=True))
    with np.errstate(all="ignore"):
        found = judge(replace(HEALTHY, **changed, adaptive=adaptive))
    assert 0 <= found.probability <= 1
    assert found.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cost": math.inf}, "The cost is not finite at the start, but inf"),
        ({"cost": math.nan}, "The cost is not finite at the start, but nan"),
        ({"rate": math.nan}, "The kernel is not finite at the start, but nan"),
        ({"constant_cost": 0.0}, "The best constant prediction costs nothing"),
        ({"learned": math.nan}, "No number comes out for learned at the start"),
        ({"overshoot": math.nan}, "No number comes out for bend at the start"),
    ],
)
def test_a_hopeless_start_has_the_probability_0_and_says_why(changes: dict[str, float], reason: str) -> None:
    found = judge(replace(HEALTHY, **changes))
    assert found.probability == 0
    assert found.contributions == ()
    assert found.reason.startswith(reason)


def test_a_first_step_that_is_not_finite_counts_as_the_largest() -> None:
    assert judge(replace(HEALTHY, first_cost=math.nan)) == judge(replace(HEALTHY, first_cost=math.inf))


def test_what_lies_outside_the_sweep_is_named() -> None:
    assert judge(HEALTHY).outside == ()
    deep = judge(replace(HEALTHY, depth=120, steps=15_000, branches=3)).outside
    assert [one.split(",")[0] for one in deep] == ["depth 120", "steps 15000", "residual branches 3"]
    assert RANGES["depth"] == (1, 100)


def _problem(name: str, optimizer: Optimizer, steps: int = 200, hidden: int = 3, **options: Any) -> Problem:
    dataset = DATASETS[name](**options).load()
    loss = BinaryCrossEntropy()
    train, _ = columns(dataset, loss, "float64")
    network = MultilayerPerceptron((train.X.shape[0], *[20] * hidden, 1), ReLU())
    return Problem(network, train, None, loss, optimizer, steps)


def _drawn(problem: Problem, name: str, **options: float) -> np.ndarray:
    start = INITIALIZERS[name](**options)
    return problem.network.draw([start.law(role) for role in problem.network.roles], CounterDraws(3))


MOONS = {"test_size": 0, "train_size": 100}


@pytest.mark.parametrize(
    ("name", "options", "optimizer", "trains"),
    [
        ("he_normal", {}, SGD(0.3), True),
        ("he_normal", {}, Adam(0.01), True),
        ("he_normal", {}, Momentum(0.03), True),
        ("he_normal", {}, SGD(1e-5), False),
        ("he_normal", {}, SGD(1e3), False),
        ("zeros", {}, SGD(0.3), False),
        ("constant", {"value": 0.5}, SGD(1.0), False),
        ("normal", {"standard_deviation": 0.001}, SGD(0.03), False),
    ],
)
def test_clear_cases_are_told_and_training_agrees(
    name: str, options: dict[str, float], optimizer: Optimizer, trains: bool
) -> None:
    problem = _problem("moons", optimizer, **MOONS)
    theta = _drawn(problem, name, **options)
    found = trainability(problem, theta)
    assert (found.probability > 0.8) if trains else (found.probability < 0.2)
    with np.errstate(all="ignore"):
        trajectory = engine_named("reference").train(problem, theta[np.newaxis], (0,), None)
    share = trajectory.cost[0, -1] / problem.loss.constant_cost(problem.train.Y)
    assert (share <= TRAINED_SHARE) == trains


def test_evidence_holds_what_was_measured() -> None:
    problem = _problem("moons", Momentum(0.05, 0.8), **MOONS)
    theta = _drawn(problem, "he_normal")
    measured = (problem.network, theta, problem.loss, problem.train.X, problem.train.Y)
    state = probe(*measured, problem.train.labels, optimizer=problem.optimizer)
    along, tangents = line(*measured, optimizer=problem.optimizer, distance=1000), tangent(*measured)
    found = evidence_of(state, tangents, along, problem.optimizer, 200, 100)
    assert found == replace(
        HEALTHY,
        depth=4,
        fan_in=(2 + 3 * 20) / 4,
        learning_rate=0.05,
        momentum=0.8,
        batch=100,
        cost=state.cost,
        constant_cost=state.constant_cost,
        rate=tangents.plain.rate,
        learned=pytest.approx(-math.log(tangents.plain.remaining(0.05 * 1000))),
        alignment=tangents.plain.alignment,
        first_cost=along.first,
        lowest_cost=along.lowest,
        furthest=max(s for s, cost in zip(along.distances, along.costs, strict=True) if cost < state.cost),
        largest_update=max(layer.update_ratio or 0.0 for layer in state.layers),
        overshoot=along.overshoot,
        gradient_first=state.layers[0].gradient_rms,
        gradient_last=state.layers[-1].gradient_rms,
    )
    adam = evidence_of(state, tangents, along, Adam(0.05), 200, 100)
    assert (adam.adaptive, adam.momentum, adam.rate) == (True, 0.0, tangents.layerwise.rate)
    assert judge(found).probability == pytest.approx(trainability(problem, theta).probability)


def test_small_batches_make_it_less_likely() -> None:
    problem = _problem("moons", SGD(0.3), **MOONS)
    theta = _drawn(problem, "he_normal")
    full, all_in_one, few = (
        trainability(replace(problem, batches=Batches(size)), theta).conditions["stability"] for size in (None, 100, 16)
    )
    assert full == all_in_one > few


def test_nesterovs_momentum_and_adams_decay_count_as_their_kin() -> None:
    def found(name: str) -> Trainability:
        problem = _problem("moons", OPTIMIZERS[name](learning_rate=0.01), **MOONS)
        return trainability(problem, _drawn(problem, "he_normal"))

    assert found("adamw").probability == pytest.approx(found("adam").probability, abs=0.02)
    assert found("nesterov").contributions


def test_a_start_that_overflows_has_the_probability_0() -> None:
    problem = _problem("moons", SGD(0.1), **MOONS)
    found = trainability(problem, np.full(problem.network.parameter_count, 1e200))
    assert found.probability == 0
    assert found.reason.startswith("The cost is not finite at the start")


def test_of_many_examples_256_are_looked_at_in_any_precision() -> None:
    problem = _problem("moons", SGD(0.3), train_size=2_000, test_size=0)
    theta = _drawn(problem, "he_normal")
    few = replace(
        problem, train=columns(DATASETS["moons"](train_size=256, test_size=0).load(), problem.loss, "float64")[0]
    )
    assert trainability(problem, theta).probability == pytest.approx(trainability(few, theta).probability, abs=0.1)
    single = replace(
        problem,
        precision="float32",
        train=columns(DATASETS["moons"](train_size=256, test_size=0).load(), problem.loss, "float32")[0],
    )
    assert trainability(single, theta.astype(np.float32)).probability == pytest.approx(
        trainability(few, theta).probability, abs=1e-3
    )


def test_residual_branches_are_said_to_lie_outside() -> None:
    problem = _problem("moons", SGD(0.1), **MOONS)
    residual = replace(problem, network=MultilayerPerceptron((2, 8, 8, 8, 1), Tanh(), (Branch(2, 3),)))
    assert trainability(residual, _drawn(residual, "lecun_normal")).outside == (
        "residual branches 1, fitted from 0 to 0",
    )


def test_learning_rates_by_parameter_are_said_to_lie_outside() -> None:
    problem = _problem("moons", SGD(0.1), **MOONS)
    factors = replace(problem, learning_rate_factors=(1.0,) * len(problem.network.roles))
    found = trainability(factors, _drawn(problem, "he_normal"))
    assert found.outside == ("a learning rate for each parameter, fitted with one for all",)


def test_what_the_prediction_was_not_fitted_to_is_refused() -> None:
    problem = _problem("moons", RMSprop(0.01), **MOONS)
    theta = _drawn(problem, "he_normal")
    sentence = "must be gradient descent, with or without momentum, or Adam, which the prediction was fitted to"
    with pytest.raises(InputError, match=f"`optimizer` {sentence}, got 'rmsprop'"):
        trainability(problem, theta)
    with pytest.raises(InputError, match="`steps` must be a positive integer"):
        trainability(replace(problem, optimizer=SGD(0.1), steps=0), theta)
    measured = (problem.network, theta, problem.loss, problem.train.X, problem.train.Y)
    along = line(*measured, optimizer=SGD(0.1), distance=200)
    sentence = "must be measured with the optimizer, which gives every layer an update ratio"
    with pytest.raises(InputError, match=f"`start` {sentence}"):
        evidence_of(probe(*measured, None), tangent(*measured), along, SGD(0.1), 200, 100)
