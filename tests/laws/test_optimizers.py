"""What every optimizer of the catalogue must obey, and each one's formula, one number at a time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firstdraw.engine import OPTIMIZERS, Optimizer
from firstdraw.engine.optimizers import SGD, Adam, AdamW, Momentum, Nesterov, RMSprop
from firstdraw.errors import InputError

every = pytest.mark.parametrize("name", OPTIMIZERS)
STEPS = 20

Rule = Callable[[Any, float, list[float]], float]


# The published formulas for a single parameter, written without the package: the options, the parameter, its
# gradients in order; the parameter after the last of them.


def sgd(o: SGD, x: float, gradients: list[float]) -> float:
    for g in gradients:
        x = x - o.learning_rate * g
    return x


def momentum(o: Momentum, x: float, gradients: list[float]) -> float:
    v = 0.0
    for g in gradients:
        v = o.momentum * v + g
        x = x - o.learning_rate * v
    return x


def nesterov(o: Nesterov, x: float, gradients: list[float]) -> float:
    v = 0.0
    for g in gradients:
        v = o.momentum * v + g
        x = x - o.learning_rate * (g + o.momentum * v)
    return x


def adam(o: Adam | AdamW, x: float, gradients: list[float]) -> float:
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        x = x - o.learning_rate * getattr(o, "weight_decay", 0.0) * x
        m = o.beta_1 * m + (1 - o.beta_1) * g
        v = o.beta_2 * v + (1 - o.beta_2) * g**2
        m_hat, v_hat = m / (1 - o.beta_1**t), v / (1 - o.beta_2**t)
        x = x - o.learning_rate * m_hat / (math.sqrt(v_hat) + o.epsilon)
    return x


def rmsprop(o: RMSprop, x: float, gradients: list[float]) -> float:
    v = 0.0
    for g in gradients:
        v = o.decay * v + (1 - o.decay) * g**2
        x = x - o.learning_rate * g / (math.sqrt(v) + o.epsilon)
    return x


MEMBERS: list[tuple[Optimizer, Rule]] = [
    (SGD(), sgd),
    (SGD(0.7), sgd),
    (Momentum(), momentum),
    (Momentum(0.3, 0.5), momentum),
    (Momentum(0.3, 0.0), momentum),
    (Nesterov(), nesterov),
    (Nesterov(0.3, 0.5), nesterov),
    (Adam(), adam),
    (Adam(0.1, 0.5, 0.9, 1e-3), adam),
    (AdamW(), adam),
    (AdamW(0.1, 0.5, 0.9, 1e-3, 0.4), adam),
    (RMSprop(), rmsprop),
    (RMSprop(0.1, 0.5, 1e-3), rmsprop),
]


@every
def test_every_optimizer_has_its_formula_written_down_and_its_options_varied(name: str) -> None:
    members = [optimizer for optimizer, _ in MEMBERS if type(optimizer) is OPTIMIZERS[name]]
    assert members, f"write the formula of {name!r} down in this file"
    for option in dataclasses.fields(members[0]):  # type: ignore[arg-type]  # every member is a dataclass
        assert len({getattr(member, option.name) for member in members}) > 1


@pytest.mark.parametrize(("optimizer", "rule"), MEMBERS, ids=[repr(optimizer) for optimizer, _ in MEMBERS])
def test_twenty_steps_follow_the_published_formula(optimizer: Optimizer, rule: Rule) -> None:
    stream = np.random.default_rng(5)
    start, gradients = stream.normal(size=6), stream.normal(size=(STEPS, 6))
    theta = start.copy()
    state = optimizer.start(theta)
    for t, g in enumerate(gradients, start=1):
        optimizer.update(theta, g, state, t)
    expected = [rule(optimizer, x, gradients[:, i].tolist()) for i, x in enumerate(start.tolist())]
    np.testing.assert_allclose(theta, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(("optimizer", "rule"), MEMBERS, ids=[repr(optimizer) for optimizer, _ in MEMBERS])
def test_a_factor_is_another_learning_rate(optimizer: Any, rule: Rule) -> None:
    factors = np.array([0.0, 0.5, 1.0, 3.0])
    stream = np.random.default_rng(5)
    start, gradients = stream.normal(size=4), stream.normal(size=(STEPS, 4))
    theta = start.copy()
    state = optimizer.start(theta)
    for t, g in enumerate(gradients, start=1):
        optimizer.update(theta, g, state, t, factors)
    assert theta[0] == start[0]
    for i in (1, 2, 3):
        other = dataclasses.replace(optimizer, learning_rate=optimizer.learning_rate * factors[i])
        assert theta[i] == pytest.approx(rule(other, float(start[i]), gradients[:, i].tolist()), rel=1e-13)


@pytest.mark.parametrize("size", [1e-3, 1e3])
@every
def test_the_family_says_whether_steps_are_proportional_to_gradients(name: str, size: float) -> None:
    optimizer: Any = OPTIMIZERS[name]()
    if hasattr(optimizer, "weight_decay"):
        optimizer = dataclasses.replace(optimizer, weight_decay=0.0)
    moved = []
    for scale in (1.0, size):
        theta = np.zeros(3)
        state = optimizer.start(theta)
        for t, g in enumerate(np.random.default_rng(6).normal(size=(STEPS, 3)), start=1):
            optimizer.update(theta, scale * g, state, t)
        moved.append(theta)
    # Epsilon beside gradients of 1e-3.
    expected = {"sgd": size, "adam": 1.0}[optimizer.family]
    np.testing.assert_allclose(moved[1], expected * moved[0], rtol=1e-3)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_update_is_made_in_place_and_keeps_the_dtype_and_the_gradient(name: str, dtype: type) -> None:
    optimizer = OPTIMIZERS[name]()
    theta, g = np.array([1.0, -2.0], dtype), np.array([0.5, 0.25], dtype)
    view, before = theta[:1], theta.copy()
    state = optimizer.start(theta)
    optimizer.update(theta, g, state, 1)
    assert theta.dtype == dtype
    assert all(part.dtype == dtype for part in state)
    assert view[0] == theta[0] != before[0]
    np.testing.assert_array_equal(g, np.array([0.5, 0.25], dtype))


@every
def test_the_memory_starts_as_zeros_of_its_own(name: str) -> None:
    optimizer = OPTIMIZERS[name]()
    theta = np.array([1.0, -2.0, 3.0])
    one, other = optimizer.start(theta), optimizer.start(theta)
    assert len(one) == optimizer.slots_of_state
    arrays = [theta, *one, *other]
    assert all(part.shape == theta.shape and not part.any() for part in (*one, *other))
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


@every
def test_the_memory_of_one_run_does_not_reach_another(name: str) -> None:
    optimizer = OPTIMIZERS[name]()
    gradients = np.random.default_rng(6).normal(size=(STEPS, 3))

    def run(disturbed: bool) -> np.ndarray:
        theta, noise = np.zeros(3), np.zeros(3)
        state, other = optimizer.start(theta), optimizer.start(noise)
        for t, g in enumerate(gradients, start=1):
            optimizer.update(theta, g, state, t)
            if disturbed:
                optimizer.update(noise, 100 * g, other, t)
        return theta

    np.testing.assert_array_equal(run(disturbed=False), run(disturbed=True))


@every
def test_with_its_defaults_an_optimizer_descends_a_quadratic(name: str) -> None:
    optimizer = OPTIMIZERS[name]()
    curvature = np.array([0.5, 1.0, 2.0])
    theta = np.array([1.0, -1.0, 2.0])
    state = optimizer.start(theta)
    costs = []
    for t in range(1, 101):
        costs.append(float(curvature @ theta**2) / 2)
        optimizer.update(theta, curvature * theta, state, t)
    # The slowest moves 0.001 a step along each axis, a tenth of the way in all.
    assert costs[-1] < 0.9 * costs[0]
    assert costs[1] < costs[0]


@every
def test_without_a_gradient_nothing_moves_but_by_weight_decay(name: str) -> None:
    optimizer = OPTIMIZERS[name]()
    theta = np.array([1.0, -2.0, 0.0])
    state = optimizer.start(theta)
    for t in (1, 2, 3):
        optimizer.update(theta, np.zeros(3), state, t)
    decay = (1 - 0.001 * 0.01) ** 3 if name == "adamw" else 1.0
    np.testing.assert_allclose(theta, np.array([1.0, -2.0, 0.0]) * decay, rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_momentum_moves_on_when_the_gradient_stops(name: str) -> None:
    optimizer = OPTIMIZERS[name](learning_rate=1.0, momentum=0.5)
    theta = np.zeros(1)
    state = optimizer.start(theta)
    places = []
    for t, g in enumerate([1.0, 0.0, 0.0], start=1):
        optimizer.update(theta, np.array([g]), state, t)
        places.append(theta[0])
    # Polyak: 1, 1/2, 1/4 a step; Nesterov looks one step ahead: 1 + 1/2, 1/4, 1/8.
    assert places == ([-1, -1.5, -1.75] if name == "momentum" else [-1.5, -1.75, -1.875])


@pytest.mark.parametrize("name", ["adam", "adamw"])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_adam_s_first_step_is_the_learning_rate_whatever_the_gradient_s_size(name: str, size: float) -> None:
    optimizer = OPTIMIZERS[name](learning_rate=0.1)
    theta = np.zeros(2)
    optimizer.update(theta, np.array([size, -size]), optimizer.start(theta), 1)
    # epsilon = 1e-8 beside the gradient's size.
    np.testing.assert_allclose(theta, [-0.1, 0.1], rtol=1.1e-5)


@every
def test_an_optimizer_states_its_formula_and_its_source(name: str) -> None:
    optimizer = OPTIMIZERS[name]()
    assert optimizer.formula.strip()
    if optimizer.source is not None:
        assert optimizer.source.link.startswith("https://")


POSITIVE = "must be a finite number above 0"
SHARE = "must be a number of at least 0 and below 1"


@pytest.mark.parametrize(
    ("name", "option", "value", "rule"),
    [
        *((name, "learning_rate", value, POSITIVE) for name in OPTIMIZERS for value in (0.0, -0.1, math.nan)),
        *((name, "momentum", value, SHARE) for name in ("momentum", "nesterov") for value in (1.0, -0.1)),
        *((name, beta, 1, SHARE) for name in ("adam", "adamw") for beta in ("beta_1", "beta_2")),
        *((name, "epsilon", 0.0, POSITIVE) for name in ("adam", "adamw", "rmsprop")),
        ("adamw", "weight_decay", -0.01, "must be a finite number of at least 0"),
        ("rmsprop", "decay", 1.5, SHARE),
    ],
)
def test_options_that_make_no_optimizer_are_refused(name: str, option: str, value: float, rule: str) -> None:
    with pytest.raises(InputError) as caught:
        OPTIMIZERS[name](**{option: value})
    assert str(caught.value) == f"`{option}` {rule}, got {value!r}"
