"""A table of starts that are known to be bad or good, and the cause that must stand first in each, before training."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import ClassVar, get_args

import numpy as np
import pytest

from firstdraw.activations import ACTIVATIONS, Activation, LeakyReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.datasets import DATASETS
from firstdraw.diagnosis import Cause, Finding, Severity, StartMeasurements, diagnose, verdict
from firstdraw.distributions import Distribution, Normal
from firstdraw.draws import CounterDraws
from firstdraw.engine import SGD, Columns, Optimizer, columns
from firstdraw.engine.optimizers import Adam, Momentum, RMSprop
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.initializers.constant import ConstantValue
from firstdraw.losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy, SquaredError
from firstdraw.networks import Layer, MultilayerPerceptron, repeated_branches
from firstdraw.probes import probe, sharpness
from firstdraw.roles import Role
from firstdraw.theory import WideLayer, correlation_fixed_point, depth_scale, variance_limit


@dataclass(frozen=True, slots=True)
class Data:
    """What a start is measured on."""

    examples: Columns
    loss: Loss

    @property
    def features(self) -> int:
        return len(self.examples.X)

    @property
    def outputs(self) -> int:
        return len(self.examples.Y)

    def with_inputs(self, change: Callable[[Floats], Floats]) -> Data:
        """Return the same data with other inputs."""
        return replace(self, examples=replace(self.examples, X=change(self.examples.X)))

    def with_targets(self, change: Callable[[Floats], Floats]) -> Data:
        """Return the same data with other targets."""
        return replace(self, examples=replace(self.examples, Y=change(self.examples.Y)))


@cache
def shipped(name: str, *, standardize: bool = False) -> Data:
    """Return fifty training examples of a data set of the catalogue."""
    dataset = DATASETS[name](**({"standardize": True} if standardize else {})).load()
    loss = BinaryCrossEntropy() if len(dataset.classes) == 2 else SoftmaxCrossEntropy()
    train, _ = columns(dataset, loss, "float64")
    chosen = np.random.default_rng(0).permutation(train.X.shape[1])[:50]
    labels = None if train.labels is None else train.labels[chosen]
    return Data(Columns(train.X[:, chosen], train.Y[:, chosen], labels), loss)


@cache
def gaussian(features: int) -> Data:
    """Return fifty N(0, 1) inputs with a standardized target, for the squared error."""
    X = np.random.default_rng(0).normal(size=(features, 50))
    y = np.sin(X.sum(axis=0, keepdims=True) / np.sqrt(features))
    return Data(Columns(X, (y - y.mean()) / y.std(), None), SquaredError())


@dataclass(frozen=True, slots=True)
class Law(Initializer):
    """N(0, v/n) with biases N(0, s)."""

    v: float
    s: float = 0.0
    formula: ClassVar[str] = "N(0, v/n)"

    def weight_law(self, role: Role) -> Distribution:
        return Normal(np.sqrt(self.v / role.fan_in))

    def bias_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Normal(np.sqrt(self.s))


@dataclass(frozen=True, slots=True)
class Start:
    """How a start is made: what is not said is usual.

    Args:
        hidden: the widths of the hidden layers.
        activation: by its name.
        weights: an initializer, or its name.
        data: what it is measured on.
        scale: what all that was drawn is multiplied with.
            branch: the length of residual branches, 0 for none.
        multipliers: the initializer of their multipliers.
        change: what is done to the layers, in place, at last.
        optimizer: whose first step is measured.
        full_batch: whether it sees all examples at once, so that the sharpness matters.
        seed: of the draws.
    """

    hidden: Sequence[int]
    activation: str | Activation = "relu"
    weights: str | Initializer = "he_normal"
    data: Data = field(default_factory=lambda: shipped("circles"))
    scale: float = 1.0
    branch: int = 0
    multipliers: str | None = None
    change: Callable[[list[Layer]], None] | None = None
    optimizer: Optimizer | None = None
    seed: int = 0


def measured(start: Start) -> StartMeasurements:
    """Draw a start and measure it."""
    widths = (start.data.features, *start.hidden, start.data.outputs)
    activation = ACTIVATIONS[start.activation]() if isinstance(start.activation, str) else start.activation
    weights = INITIALIZERS[start.weights]() if isinstance(start.weights, str) else start.weights
    branches = repeated_branches(len(widths) - 1, start.branch) if start.branch else ()
    network = MultilayerPerceptron(widths, activation, branches)
    multipliers = weights if start.multipliers is None else INITIALIZERS[start.multipliers]()
    laws = [
        multipliers.weight_law(role) if role.kind == "scalar" and start.multipliers else weights.law(role)
        for role in network.roles
    ]
    draws = CounterDraws(start.seed)
    theta = network.draw(laws, draws) * start.scale
    layers = network.layers(theta)
    if start.change is not None:
        start.change(layers)
    examples, loss = start.data.examples, start.data.loss
    plain = start.optimizer if isinstance(start.optimizer, SGD) else None
    return StartMeasurements(
        start=probe(network, theta, loss, examples.X, examples.Y, examples.labels, optimizer=start.optimizer),
        activations=network.activations,
        sharpness=plain
        and sharpness(network, theta, loss, examples.X, examples.Y, draws, tolerance=0.05, most_products=30),
        learning_rate=plain and plain.learning_rate,
    )


# Data: two features and two classes; ten features and a number; sixty-four pixels and ten classes.
CIRCLES, TEN, DIGITS = shipped("circles"), gaussian(10), shipped("digits", standardize=True)
EXERCISE = (10, 5)


def _mirrored(layers: Sequence[Layer]) -> None:
    """The second half of each hidden layer is the first half's negative, and so is what it feeds."""
    for layer, following in pairwise(layers):
        half = len(layer.W) // 2
        layer.W[half:] = -layer.W[:half]
        following.W[:, half:] = -following.W[:, :half]


def _pairs(layers: Sequence[Layer]) -> None:
    """Each unit of the first hidden layer is there twice, with all that it feeds."""
    layers[0].W[1::2] = layers[0].W[::2]
    layers[1].W[:, 1::2] = layers[1].W[:, ::2]


def _nearly_constant(layers: Sequence[Layer]) -> None:
    for layer in layers[:-1]:
        layer.W[:] = 0.3 + 0.0003 * layer.W


def _one_direction(layers: Sequence[Layer]) -> None:
    """All units of layer 2 look along one direction, in different sizes."""
    W = layers[1].W
    W[:] = 4 * np.abs(W[:, :1]) * W[:1]


def _dead(layers: Sequence[Layer]) -> None:
    layers[1].b[:] = -100


def _mostly_dead(layers: Sequence[Layer]) -> None:
    """Of inputs above 0 negative weights leave nothing."""
    layers[0].W[:-3] = -np.abs(layers[0].W[:-3])


def _nan(layers: Sequence[Layer]) -> None:
    layers[1].W[0, 0] = np.nan


def _one_huge_weight(layers: Sequence[Layer]) -> None:
    layers[1].W[0, 0] = 1e308
    layers[2].W[:, 0] = 1e308


def _large_head(layers: Sequence[Layer]) -> None:
    layers[-1].W[:] *= 1000


def _small_head(layers: Sequence[Layer]) -> None:
    layers[-1].W[:] /= 10_000
    layers[-1].b[:] = 0.3


LAW, ORDERED, CHAOTIC = "wrong law for the activation", "ordered phase too deep", "chaotic phase too deep"
SYMMETRY, SATURATED, RATE = "unbroken symmetry", "saturated hidden units", "learning rate too large"
VANISHING, EXPLODING = "vanishing signal", "exploding signal"

# Name: how it is built, the cause that stands first, and causes that must not be found at all.
TABLE: dict[str, tuple[Start, str, set[str]]] = {
    # Rectifiers over depth.
    "relu, 30 layers, He": (Start([100] * 30), "healthy", {VANISHING, LAW, ORDERED}),
    "relu, 30 layers, Xavier": (Start([100] * 30, weights="glorot_normal"), LAW, {EXPLODING, ORDERED, CHAOTIC}),
    "relu, 30 layers, 1/n": (Start([100] * 30, weights="xavier_fan_in"), LAW, {EXPLODING, ORDERED}),
    "relu, 30 layers, LeCun, digits": (Start([64] * 30, weights="lecun_uniform", data=DIGITS), LAW, {EXPLODING}),
    "relu, 30 layers, PyTorch's default": (Start([64] * 30, weights="torch_default"), ORDERED, {EXPLODING, LAW}),
    "relu, 30 layers, N(0, 1)": (Start([60] * 30, weights=Law(60.0)), LAW, {VANISHING, CHAOTIC}),
    "relu, 15 layers, 1.5 x He": (Start([100] * 20, scale=1.5), LAW, {VANISHING}),
    "relu, 3 layers, Xavier": (Start([64] * 3, weights="glorot_normal", data=TEN), "healthy", {LAW, VANISHING}),
    "relu, 5 layers, 1/n, digits": (Start([64] * 5, weights="xavier_fan_in", data=DIGITS), "healthy", {LAW}),
    "relu, 10 layers, He uniform": (Start([64] * 10, weights="he_uniform", data=DIGITS), "healthy", {LAW}),
    "leaky relu 0.3, 30 layers, He": (
        Start([100] * 30, LeakyReLU(0.3), weights=Law(2 / 1.09), data=TEN),
        "healthy",
        {LAW, EXPLODING},
    ),
    "leaky relu 0.3, 30 layers, 1/n": (Start([100] * 30, LeakyReLU(0.3), Law(1.0), data=TEN), LAW, {EXPLODING}),
    "x10, 10 layers": (Start([64] * 10, scale=10.0, data=DIGITS), LAW, {VANISHING}),
    "x0.01, 10 layers": (Start([64] * 10, scale=0.01, data=DIGITS), LAW, {EXPLODING}),
    "x10, the exercise": (Start(EXERCISE, scale=10.0), "saturated output", {VANISHING, LAW, SYMMETRY}),
    "x0.01, the exercise": (Start(EXERCISE, scale=0.01), VANISHING, {EXPLODING, LAW, SYMMETRY}),
    "x0.001, 2 layers, tanh": (Start([64, 64], "tanh", "glorot_normal", scale=0.001), VANISHING, {EXPLODING, LAW}),
    "He, the exercise": (Start(EXERCISE), "healthy", {VANISHING, EXPLODING, SYMMETRY}),
    "Xavier, the exercise": (Start(EXERCISE, weights="glorot_normal"), "healthy", {VANISHING, EXPLODING}),
    # Narrow and deep.
    "relu, 8 layers of 3 units": (Start([3] * 8, seed=2), "born-dead network", {LAW, SYMMETRY}),
    "relu, 30 layers of 4 units": (Start([4] * 30, seed=2), "loss of rank", {LAW, ORDERED}),
    "linear, 100 layers of 16 units": (Start([16] * 100, "identity", "lecun_normal", TEN), "loss of rank", {LAW}),
    "linear, 30 layers of 100 units": (Start([100] * 30, "identity", "lecun_normal", TEN), "healthy", {"loss of rank"}),
    "linear, 100 layers, orthogonal": (
        Start([16] * 100, "identity", "orthogonal", TEN),
        "healthy",
        {"loss of rank", VANISHING},
    ),
    # The two phases of bounded activations.
    "tanh, 100 layers, ordered": (Start([100] * 100, "tanh", Law(0.8, 0.05), TEN), ORDERED, {LAW, CHAOTIC}),
    "tanh, 100 layers, critical": (Start([100] * 100, "tanh", Law(1.761, 0.05), TEN), "healthy", {ORDERED, CHAOTIC}),
    "tanh, 100 layers, chaotic": (Start([100] * 100, "tanh", Law(4.0, 0.05), TEN), CHAOTIC, {LAW, ORDERED}),
    "tanh, 100 layers, v = 0.5, no biases": (Start([64] * 100, "tanh", Law(0.5), TEN), LAW, {EXPLODING, CHAOTIC}),
    "tanh, 10 layers, ordered": (Start([64] * 10, "tanh", Law(0.8, 0.05), TEN), "healthy", {ORDERED, CHAOTIC}),
    "tanh, 10 layers, chaotic": (Start([64] * 10, "tanh", Law(2.5, 0.05), TEN), "healthy", {ORDERED, CHAOTIC}),
    "tanh, 30 layers, Glorot": (Start([64] * 30, "tanh", "glorot_normal", TEN), "healthy", {ORDERED, CHAOTIC, LAW}),
    "tanh, 30 layers, orthogonal": (Start([64] * 30, "tanh", "orthogonal", TEN), "healthy", {ORDERED, CHAOTIC}),
    "erf, 60 layers, ordered": (Start([64] * 60, "erf", Law(0.5, 0.1), TEN), ORDERED, {CHAOTIC}),
    "tanh, 100 layers, v = 2.2, no biases": (
        Start([64] * 100, "tanh", Law(2.2), TEN),
        "exploding gradient",
        {ORDERED, LAW, VANISHING},
    ),
    "erf, 60 layers, chaotic": (Start([64] * 60, "erf", Law(6.0, 0.01), TEN), CHAOTIC, {ORDERED}),
    "sigmoid, 10 layers, Glorot": (Start([64] * 10, "sigmoid", "glorot_normal"), ORDERED, {LAW, EXPLODING}),
    "sigmoid, 5 layers, Glorot": (Start([64] * 5, "sigmoid", "glorot_normal", DIGITS), ORDERED, {EXPLODING}),
    "sigmoid, 3 layers, Glorot": (
        Start([64] * 3, "sigmoid", "glorot_normal"),
        "collapse to one correlation",
        {LAW, ORDERED},
    ),
    "sigmoid, 20 layers, Kumar": (Start([64] * 20, "sigmoid", "kumar", TEN), ORDERED, {EXPLODING}),
    "sigmoid, 2 layers, Kumar": (Start([64] * 2, "sigmoid", "kumar", TEN), "healthy", {ORDERED, SATURATED}),
    "selu, 30 layers, LeCun": (Start([64] * 30, "selu", "lecun_normal", TEN), "healthy", {LAW, CHAOTIC}),
    "selu, 30 layers, 0.3/n": (Start([64] * 30, "selu", Law(0.3), TEN), LAW, {EXPLODING}),
    "elu, 10 layers, by its gain": (Start([64] * 10, "elu", "activation_gain", TEN), "healthy", {LAW}),
    "gelu, 8 layers, by its gain": (Start([64] * 8, "gelu", "activation_gain", TEN), "healthy", {LAW}),
    "gelu, 30 layers, 1/n": (Start([64] * 30, "gelu", "lecun_normal", TEN), LAW, {EXPLODING}),
    "silu, 20 layers, 8/n": (Start([64] * 20, "silu", Law(8.0), TEN), LAW, {VANISHING}),
    # Saturation.
    "tanh, N(0, 1) of 400 units": (Start([400, 400], "tanh", Law(400.0), TEN), SATURATED, {VANISHING, LAW}),
    "sigmoid, N(0, 30^2)": (Start([20, 20], "sigmoid", Law(18000.0), TEN), SATURATED, {VANISHING}),
    "large last layer, digits": (Start([64, 64], data=DIGITS, change=_large_head), "saturated output", {LAW, SYMMETRY}),
    "small last layer with biases": (Start([64, 64], data=TEN, change=_small_head), "vanishing gradient", {VANISHING}),
    "targets far from 0": (
        Start([64, 64], data=TEN.with_targets(lambda Y: 100 + Y)),
        "high initial cost",
        {"saturated output", EXPLODING},
    ),
    # Symmetry.
    "zeros": (Start(EXERCISE, weights="zeros"), SYMMETRY, {LAW, EXPLODING}),
    "zeros, tanh, digits": (Start([32, 32], "tanh", "zeros", DIGITS), SYMMETRY, {EXPLODING}),
    "all weights 0.5": (Start(EXERCISE, weights=ConstantValue(0.5)), SYMMETRY, {"no gradient at the start"}),
    "all weights 0.1, 10 layers": (Start([64] * 10, weights=ConstantValue(0.1)), SYMMETRY, {"born-dead network"}),
    "all weights 0.3 within a thousandth": (
        Start([16, 16], weights="he_normal", data=TEN, change=_nearly_constant),
        "nearly equal units",
        {SYMMETRY},
    ),
    "every unit twice": (Start([16, 16], data=TEN, change=_pairs), "nearly equal units", {SYMMETRY, VANISHING}),
    "mirrored units, tanh": (
        Start([16, 16], "tanh", "glorot_normal", TEN, change=_mirrored),
        "mirrored units",
        {SYMMETRY, "nearly equal units"},
    ),
    "mirrored units, relu": (Start([16, 16], data=TEN, change=_mirrored), "healthy", {"mirrored units", SYMMETRY}),
    "a layer of rank one": (Start([32] * 3, data=TEN, change=_one_direction), "loss of rank", {SYMMETRY, LAW}),
    # Dead layers and gradients that cannot pass.
    "biases of -100 in layer 2": (Start([16, 16], data=TEN, change=_dead), "born-dead network", {SYMMETRY}),
    "three living units": (
        Start([16, 16], data=TEN.with_inputs(np.abs), change=_mostly_dead),
        "dead units",
        {SYMMETRY, "born-dead network"},
    ),
    # Inputs and parameters.
    "a NaN among the inputs": (
        Start([16, 16], data=TEN.with_inputs(lambda X: np.where(X.max() == X, np.nan, X))),
        "inputs not finite",
        {EXPLODING, "parameters not finite"},
    ),
    "infinite inputs": (
        Start([16, 16], data=TEN.with_inputs(lambda X: np.where(X.max() == X, np.inf, X))),
        "inputs not finite",
        {EXPLODING, "parameters not finite"},
    ),
    "a NaN among the weights": (Start([16, 16], data=TEN, change=_nan), "parameters not finite", {EXPLODING}),
    "a weight that overflows": (Start([16, 16], data=TEN, change=_one_huge_weight), EXPLODING, {VANISHING}),
    "equal inputs": (Start([16, 16], data=TEN.with_inputs(np.ones_like)), "constant inputs", {SYMMETRY}),
    "inputs x1000": (Start([16, 16], data=TEN.with_inputs(lambda X: 1000 * X)), "unscaled inputs", {EXPLODING}),
    "inputs x0.001": (Start([16, 16], data=TEN.with_inputs(lambda X: X / 1000)), "unscaled inputs", {VANISHING}),
    "inputs around 9": (Start([16, 16], data=TEN.with_inputs(lambda X: 9 + X / 10)), "unscaled inputs", {SYMMETRY}),
    "raw wine": (Start([32, 32], data=shipped("wine")), "unscaled inputs", {EXPLODING, SYMMETRY}),
    "raw biopsies": (Start([32, 32], data=shipped("breast_cancer")), "unscaled inputs", {EXPLODING}),
    "standardized biopsies": (
        Start([32, 32], data=shipped("breast_cancer", standardize=True)),
        "healthy",
        {"unscaled inputs", "constant inputs"},
    ),
    "raw iris": (Start([32, 32], data=shipped("iris")), "saturated output", {"unscaled inputs"}),
    # Residual branches.
    "ReZero, 60 layers": (Start([32] * 61, branch=1, multipliers="zeros"), "healthy", {"dead branch", VANISHING}),
    "SkipInit, 60 layers": (Start([32] * 61, branch=2, multipliers="zeros", data=TEN), "healthy", {VANISHING}),
    "Fixup, 60 layers": (Start([32] * 61, weights="fixup", branch=2, data=TEN), "healthy", {SYMMETRY, VANISHING}),
    "residual, unscaled, 60 layers": (Start([32] * 61, branch=2, data=TEN), EXPLODING, {VANISHING, "dead branch"}),
    "residual, zero times zero": (
        Start([32] * 5, weights="fixup", branch=2, multipliers="zeros", data=TEN),
        "dead branch",
        {SYMMETRY, EXPLODING},
    ),
    # Learning rates.
    "gradient descent at 100": (Start([32, 32], data=TEN, optimizer=SGD(learning_rate=100.0)), RATE, {EXPLODING}),
    "gradient descent at 0.01": (Start([32, 32], data=TEN, optimizer=SGD(learning_rate=0.01)), "healthy", {RATE}),
    "Adam at 3": (Start([32, 32], data=TEN, optimizer=Adam(learning_rate=3.0)), RATE, {EXPLODING, SYMMETRY}),
    "Adam at 0.001": (Start([32, 32], data=TEN, optimizer=Adam(learning_rate=0.001)), "healthy", {RATE}),
}


@cache
def values(name: str) -> StartMeasurements:
    return measured(TABLE[name][0])


def findings_of(name: str) -> tuple[Finding, ...]:
    return diagnose(values(name))


def test_the_table_is_large_and_names_bad_and_good_starts() -> None:
    good = [name for name, (_, cause, _) in TABLE.items() if cause == "healthy"]
    assert len(TABLE) >= 60
    assert len(good) >= 20


def test_every_cause_that_a_start_may_have_is_found_in_one() -> None:
    of_runs = {"divergence", "nothing learned", "plateau", "still improving"}
    assert {finding.cause for name in TABLE for finding in findings_of(name)} == set(get_args(Cause)) - of_runs


@pytest.mark.parametrize("name", TABLE)
def test_the_right_cause_stands_first(name: str) -> None:
    _, cause, _ = TABLE[name]
    findings = findings_of(name)
    assert findings[0].cause == cause, [finding.sentence for finding in findings]


@pytest.mark.parametrize("name", TABLE)
def test_no_wrong_cause_is_found(name: str) -> None:
    _, _, wrong = TABLE[name]
    assert wrong & {finding.cause for finding in findings_of(name)} == set()


@pytest.mark.parametrize("name", TABLE)
def test_every_finding_is_a_sentence_with_numbers_and_a_remedy(name: str) -> None:
    for finding in findings_of(name):
        assert finding.sentence[0].isupper()
        assert not finding.sentence.endswith(".")
        assert not re.search(r"\bnan\b|--|\s\s|None", finding.sentence + finding.remedy)
        assert re.search(r"\d", finding.sentence)
        assert finding.remedy[0].isupper()
        assert not finding.remedy.endswith(".")
        assert finding.evidence
        assert len(finding.sentence) < 300


@pytest.mark.parametrize("name", TABLE)
def test_only_roots_have_remedies_of_their_own_among_what_is_explained(name: str) -> None:
    findings = findings_of(name)
    causes = {finding.cause for finding in findings}
    for finding in findings:
        told = re.match(r'Repair what brings it about first, the finding "(.*)"', finding.remedy)
        assert told is None or told[1] in causes
    worst = max(finding.severity for finding in findings)
    assert findings[0].severity in (worst, Severity.GOOD)
    assert (findings[0].cause == "healthy") == (worst < Severity.WARNING)


def test_the_verdict_on_a_start_says_what_it_costs() -> None:
    he, overflow = "He, the exercise", "a weight that overflows"
    told = verdict(findings_of(he), values(he), ())
    assert told.startswith("A healthy start: ")
    cost = values(he).start.cost
    assert told.endswith(f"Before the first step the cost is {cost:.4g}; the best constant prediction's is 0.6923.")
    assert verdict(findings_of(overflow), values(overflow), ()).endswith(
        "The cost is not finite, even before the first step."
    )


# Healthy starts: each activation with laws made for it, and over how many hidden layers the theory of wide networks has
# its signal and its gradients stay within a factor of ten: rectifiers, tanh and linear layers at their critical point,
# SELU at its stable fixed point; GELU and SiLU leave an unstable one, and a sigmoid is ordered after few layers.
HEALTHY: dict[str, tuple[int, tuple[str, ...]]] = {
    "relu": (30, ("he_normal", "he_uniform")),
    "leaky_relu": (30, ("activation_gain",)),
    "identity": (30, ("lecun_normal", "glorot_normal", "orthogonal")),
    "tanh": (30, ("glorot_normal", "glorot_uniform", "lecun_normal", "orthogonal")),
    "erf": (30, ("activation_gain",)),
    "selu": (30, ("lecun_normal",)),
    "elu": (20, ("activation_gain",)),
    "sin": (20, ("activation_gain",)),
    "gelu": (8, ("activation_gain",)),
    "silu": (8, ("activation_gain",)),
    "sigmoid": (2, ("kumar",)),
}
PLAIN = ("circles", "moons", "xor", "spirals", "gaussian_clouds")
REAL = ("digits", "iris", "wine", "breast_cancer")
OPTIMIZERS = (SGD(0.01), Momentum(0.01), Adam(0.001), RMSprop(0.001))
# The logarithm of the signal that a random rectifier network keeps has the variance 5 L/n over L layers of n units.
UNITS_A_LAYER = 8


def _healthy(number: int) -> Start:
    """Draw a start by the rule above: at least eight units in each layer for every hidden layer there is."""
    stream = np.random.default_rng(number)
    activation = str(stream.choice(list(HEALTHY)))
    deepest, initializers = HEALTHY[activation]
    width = round(math.exp(stream.uniform(math.log(16), math.log(256))))
    depth = max(1, min(int(stream.integers(1, deepest + 1)), width // UNITS_A_LAYER))
    sources = [shipped(name) for name in PLAIN] + [shipped(name, standardize=True) for name in REAL]
    return Start(
        hidden=[width] * depth,
        activation=activation,
        weights=str(stream.choice(initializers)),
        data=[*sources, gaussian(10), gaussian(50)][stream.integers(len(sources) + 2)],
        optimizer=OPTIMIZERS[stream.integers(len(OPTIMIZERS))],
        seed=number,
    )


def _warned(starts: Sequence[Start]) -> dict[int, str]:
    """Return what is wrongly said of healthy starts, by their numbers."""
    return {
        number: findings[0].sentence
        for number, start in enumerate(starts)
        if (findings := diagnose(measured(start)))[0].severity >= Severity.WARNING
    }


def test_of_forty_healthy_starts_at_most_one_raises_a_warning() -> None:
    warned = _warned([_healthy(number) for number in range(40)])
    assert len(warned) <= 1, warned


@pytest.mark.slow
def test_of_two_hundred_healthy_starts_at_least_195_raise_no_warning() -> None:
    starts = [_healthy(number) for number in range(200)]
    assert len({start.activation for start in starts}) == len(HEALTHY)
    assert max(len(start.hidden) for start in starts) >= 25
    warned = _warned(starts)
    assert len(warned) <= 5, warned


@pytest.mark.parametrize(("v", "s", "cause"), [(0.8, 0.05, ORDERED), (4.0, 0.05, CHAOTIC)])
def test_a_phase_is_too_deep_beyond_six_of_its_depth_scales(v: float, s: float, cause: str) -> None:
    """The depth scale by the theory of wide networks: what is diagnosed has it from its measured variances."""
    layer = WideLayer(activation=Tanh(), weight_variance=v, bias_variance=s)
    limit = 6 * depth_scale(correlation_fixed_point(layer, variance_limit(layer, 1.0)).slope)
    for depth, found in ((0.8 * limit, False), (1.2 * limit, True)):
        deep = measured(Start([100] * round(depth), "tanh", Law(v, s), TEN))
        assert (cause in {finding.cause for finding in diagnose(deep)}) == found


def test_layers_of_different_laws_are_in_no_phase() -> None:
    def quieter(layers: Sequence[Layer]) -> None:
        layers[20].W[:] *= 0.8

    start, name = TABLE["erf, 60 layers, ordered"][0], ORDERED
    assert name in {finding.cause for finding in diagnose(measured(start))}
    assert name not in {finding.cause for finding in diagnose(measured(replace(start, change=quieter)))}
