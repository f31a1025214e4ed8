"""Parametrizations by two roads: networks that compute with a w and train w, and the engines, which train a w itself.

The first are written out here, with every multiplier in its place and each parameter's own learning rate; the second
start from the effective parameters and follow the effective learning rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firstdraw.activations import ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.draws import CounterDraws
from firstdraw.engine import OPTIMIZERS, Columns, Engine, Optimizer, Problem, Recording, engine_named, native
from firstdraw.initializers.parametrizations import PARAMETRIZATIONS, Parametrization
from firstdraw.initializers.parametrizations.depth_mup import DepthMuP
from firstdraw.initializers.parametrizations.mup import MuP
from firstdraw.initializers.parametrizations.ntk import NTK
from firstdraw.initializers.parametrizations.standard import Standard
from firstdraw.initializers.parametrizations.unit_scaling import UnitScaling
from firstdraw.losses import SoftmaxCrossEntropy, SquaredError
from firstdraw.networks import Branch, MultilayerPerceptron

ENGINES = ["reference", *(["native"] if native.is_built() else [])]
# Ones that are no powers of 2, so that a misplaced multiplier shows in every digit.
MEMBERS: dict[str, Parametrization] = {name: member() for name, member in PARAMETRIZATIONS.items()} | {
    "ntk": NTK(gain=1.3, bias_gain=0.7),
    "mup": MuP(gain=1.3, base_width=3, readout=0.9),
    "unit_scaling": UnitScaling(gain=1.3),
}
SMALL: dict[str, dict[str, float]] = {
    "sgd": {"learning_rate": 0.02},
    "momentum": {"learning_rate": 0.01},
    "nesterov": {"learning_rate": 0.01},
    # With a large epsilon its scale matters.
    "adam": {"learning_rate": 0.01, "epsilon": 0.01},
    "adamw": {"learning_rate": 0.01, "epsilon": 0.01, "weight_decay": 0.3},
    "rmsprop": {"learning_rate": 0.005, "epsilon": 0.01},
}
STEPS = 25

Rule = Callable[[Any, Floats, Floats, list[Floats], int, float, float], None]


# The published rules for one tensor w, its gradient g, its memory, the step t, its learning rate and its multiplier a:
# epsilon, which stands beside gradients, and the decay, a share of the effective rate, are a times the optimizer's.


def sgd(o: Any, w: Floats, g: Floats, memory: list[Floats], t: int, rate: float, a: float) -> None:  # noqa: ARG001
    w -= rate * g


def momentum(o: Any, w: Floats, g: Floats, memory: list[Floats], t: int, rate: float, a: float) -> None:  # noqa: ARG001
    memory[0][...] = o.momentum * memory[0] + g
    w -= rate * memory[0]


def nesterov(o: Any, w: Floats, g: Floats, memory: list[Floats], t: int, rate: float, a: float) -> None:  # noqa: ARG001
    memory[0][...] = o.momentum * memory[0] + g
    w -= rate * (g + o.momentum * memory[0])


def adam(o: Any, w: Floats, g: Floats, memory: list[Floats], t: int, rate: float, a: float) -> None:
    w *= 1 - rate * a * getattr(o, "weight_decay", 0.0)
    memory[0][...] = o.beta_1 * memory[0] + (1 - o.beta_1) * g
    memory[1][...] = o.beta_2 * memory[1] + (1 - o.beta_2) * g**2
    corrected = memory[0] / (1 - o.beta_1**t), memory[1] / (1 - o.beta_2**t)
    w -= rate * corrected[0] / (np.sqrt(corrected[1]) + a * o.epsilon)


def rmsprop(o: Any, w: Floats, g: Floats, memory: list[Floats], t: int, rate: float, a: float) -> None:  # noqa: ARG001
    memory[0][...] = o.decay * memory[0] + (1 - o.decay) * g**2
    w -= rate * g / (np.sqrt(memory[0]) + a * o.epsilon)


RULES: dict[str, Rule] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adam": adam,
    "adamw": adam,
    "rmsprop": rmsprop,
}


def problem_of(optimizer: Optimizer, widths: tuple[int, ...] = (4, 9, 7, 3)) -> Problem:
    draws = CounterDraws(11)
    train = Columns(draws.normal("X", (widths[0], 20)), draws.normal("Y", (widths[-1], 20)), None)
    network = MultilayerPerceptron(widths, Tanh())
    return Problem(network, train, None, SquaredError(), optimizer, STEPS, recording=Recording(every=STEPS))


def trained_with_multipliers(member: Parametrization, problem: Problem, name: str, w: list[Floats]) -> list[Floats]:
    """Train the tensors w of a plain tanh network in which each is multiplied with its a, and return them."""
    roles, optimizer, m = problem.network.roles, problem.optimizer, problem.train.X.shape[1]
    a = [member.multiplier(role) for role in roles]
    rates = [member.learning_rate_factor(role, optimizer.family) * optimizer.learning_rate for role in roles]
    memories = [[np.zeros_like(tensor), np.zeros_like(tensor)] for tensor in w]
    for t in range(1, STEPS + 1):
        A = [problem.train.X]
        for i in range(0, len(w), 2):
            Z = a[i] * (w[i] @ A[-1]) + a[i + 1] * w[i + 1]
            A.append(np.tanh(Z) if i + 2 < len(w) else Z)
        # The mean over examples of half the squared distance.
        dZ = problem.loss.gradient(A[-1], problem.train.Y)
        assert dZ.shape == (3, m)
        gradients: dict[int, Floats] = {}
        for i in range(len(w) - 2, -1, -2):
            gradients[i], gradients[i + 1] = a[i] * dZ @ A[i // 2].T, a[i + 1] * dZ.sum(axis=1, keepdims=True)
            dZ = a[i] * (w[i].T @ dZ) * (1 - A[i // 2] ** 2)
        for i, tensor in enumerate(w):
            RULES[name](optimizer, tensor, gradients[i], memories[i], t, rates[i], a[i])
    return w


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_effective_parameters_train_as_multiplied_ones(name: str, optimizer: str, engine: str) -> None:
    member = MEMBERS[name]
    problem = problem_of(OPTIMIZERS[optimizer](**SMALL[optimizer]))
    network, family = problem.network, problem.optimizer.family
    factors = tuple(member.effective_learning_rate_factor(role, family) for role in network.roles)
    draws = CounterDraws(2)
    # Biases away from 0, so that decay and the first steps show on them too.
    w = [draws.normal(f"w.{role.name}", role.shape, scale=0.5) for role in network.roles]
    multipliers = [member.multiplier(role) for role in network.roles]
    start = np.concatenate([(a * part).ravel() for a, part in zip(multipliers, w, strict=True)])
    trained = trained_with_multipliers(member, problem, optimizer, [part.copy() for part in w])
    expected = np.concatenate([(a * part).ravel() for a, part in zip(multipliers, trained, strict=True)])
    assert abs(expected - start).max() > 0.01
    scaled = replace(problem, learning_rate_factors=factors)
    found = engine_named(engine).train(scaled, start[np.newaxis], (0,), None).final[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_multipliers_of_depth_mup_are_constants(engine: str) -> None:
    problem = problem_of(OPTIMIZERS["momentum"](0.01), (4, 6, 6, 6, 3))
    network = replace(problem.network, branches=(Branch(2, 2, activated=True), Branch(3, 3)))
    member = DepthMuP()
    factors = tuple(member.effective_learning_rate_factor(role, "sgd") for role in network.roles)
    start = network.draw([member.law(role) for role in network.roles], CounterDraws(0))
    scaled = replace(problem, network=network, learning_rate_factors=factors)
    final = engine_named(engine).train(scaled, start[np.newaxis], (0,), None).final[0]
    before, after = network.multipliers(start), network.multipliers(final)
    assert [float(alpha[0, 0]) for alpha in after] == [float(alpha[0, 0]) for alpha in before]
    assert float(after[0][0, 0]) == pytest.approx(2**-0.5, rel=1e-15)
    assert (final != start).sum() == len(start) - 2


# Pre-activations after some steps as a function of the width: the coordinate check of Tensor Programs V.

WIDTHS = (64, 128, 256, 512, 1024)


def coordinate_slopes(member: Parametrization, engine: Engine, seeds: tuple[int, ...]) -> dict[tuple[int, int], float]:
    """The slope of the logarithm of the mean size of Z_2 and Z_3 against that of the width, after 0 to 3 steps."""
    from sklearn.datasets import load_digits

    digits, labels = load_digits(return_X_y=True)
    X, labels = np.ascontiguousarray(digits[:256].T / 16), labels[:256].astype(np.int64)
    loss = SoftmaxCrossEntropy()
    sizes: dict[tuple[int, int], list[float]] = {}
    for width in WIDTHS:
        network = MultilayerPerceptron((64, width, width, 10), ReLU())
        factors = tuple(member.effective_learning_rate_factor(role, "adam") for role in network.roles)
        problem = Problem(
            network,
            Columns(X, loss.encode(labels, 10).astype(float), labels),
            None,
            loss,
            OPTIMIZERS["adam"](learning_rate=0.01),
            steps=3,
            recording=Recording(every=3, snapshots=(0, 1, 2, 3)),
            learning_rate_factors=factors,
        )
        laws = [member.law(role) for role in network.roles]
        starts = np.array([network.draw(laws, CounterDraws(seed)) for seed in seeds])
        snapshots = engine.train(problem, starts, seeds, None).snapshots
        for step in range(4):
            taps = [network.forward(network.layers(theta), X) for theta in snapshots[:, step]]
            for layer in (2, 3):
                size = float(np.mean([np.mean(abs(tap.Z[layer - 1])) for tap in taps]))
                sizes.setdefault((step, layer), []).append(math.log(size))
    return {key: float(np.polyfit(np.log(WIDTHS), values, 1)[0]) for key, values in sizes.items()}


def test_hidden_coordinates_keep_their_size_in_mup_and_grow_in_the_standard_parametrization() -> None:
    engine, seeds = engine_named(), tuple(range(5))
    standard = coordinate_slopes(Standard(), engine, seeds)
    # A readout of the standard deviation 1/width.
    mup = coordinate_slopes(MuP(base_width=64, readout=1 / 8), engine, seeds)
    # What an implementation without biases measured with other draws, after 1, 2 and 3 steps.
    measured = {2: (0.49, 0.53, 0.45), 3: (1.06, 1.16, 0.96)}
    for layer, slopes in measured.items():
        assert [standard[step, layer] for step in (1, 2, 3)] == pytest.approx(slopes, abs=0.1)
    for step in (1, 2, 3):
        assert abs(mup[step, 2]) < 0.1
        assert standard[step, 2] > 0.3
        assert abs(mup[step, 3]) < 0.25
        assert standard[step, 3] > 0.8
    assert (standard[0, 2], standard[0, 3]) == pytest.approx((0, 0), abs=0.05)
    assert (mup[0, 2], mup[0, 3]) == pytest.approx((0, -0.5), abs=0.05)
