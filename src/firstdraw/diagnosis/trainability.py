"""How likely a network is to train within its budget, from what probes see of it before the first step.

A run has trained if its last cost, on all training examples, is at most `TRAINED_SHARE` of the best constant
prediction's, and every number on the way was finite. Two things are asked of it, the `CONDITIONS`: that its steps lead
far enough, and that it bears them. The probability is the product of one for each,

    p = p_progress p_stability,    p_k = 1 / (1 + exp(-s_k)),    s_k = c_k + sum_f s_kf(x_f),

with one piecewise linear function s_kf for each feature x_f of `FEATURES` that takes part in condition k, each of which
only rises or only falls, in nats: what each adds, beside its average over the runs it was fitted to, tells why. A sum
over all features at once would let what one condition has too much of make up for what the other lacks. To c_progress
Adam adds a constant. The functions (`trainability_fit`) are fitted to the runs of `studies/trainability` by maximum
likelihood; its scripts make the runs, fit anew, and judge on activations, data sets and depths held out.

Source of the exponent of the depth in `pace`: Jelassi, Hanin, Ji, Reddi, Bhojanapalli & Kumar (2023), Depth Dependence
of muP Learning Rates in ReLU MLPs, https://arxiv.org/abs/2305.07810
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.diagnosis.trainability_fit import ADAPTIVE, CONSTANTS, POINTS, RANGES
from firstdraw.engine import OPTIMIZERS, SGD, Columns, Optimizer, Problem
from firstdraw.engine.optimizers import Adam, AdamW, Momentum, Nesterov
from firstdraw.errors import InputError
from firstdraw.probes import Line, NetworkState, TangentState, line, probe, tangent
from firstdraw.rules import check_positive_integer

__all__ = [
    "CONDITIONS",
    "FEATURES",
    "Contribution",
    "Evidence",
    "Feature",
    "Trainability",
    "evidence_of",
    "judge",
    "trainability",
]

MOST_EXAMPLES: Final = 256
"""The tangent kernel has a row an example; the runs that the functions were fitted to had no more."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the judgment is made from.

    Args:
        depth: the number of layers L.
        fan_in: the mean fan-in n of the layers.
        adaptive: whether the optimizer divides the gradient by its size, as Adam does.
        learning_rate: eta.
        momentum: mu; 0 for an optimizer without, and for Adam, whose steps do not grow by it.
        steps: the budget T.
        batch: how many examples a step sees.
        cost: the cost at the start.
        constant_cost: the cost of the best constant prediction.
        rate: how fast steps of size 1 shrink the residuals of the linearized network at first (`Spectrum.rate`).
        learned: -ln of the share of the residuals' squares that it leaves after the budget (`Spectrum.remaining`).
        alignment: the share of the rate in all that the kernel moves (`Spectrum.alignment`).
        first_cost: the cost after the first step.
        lowest_cost: the lowest cost along the first step's direction, as far as the budget goes.
        furthest: how many first steps one can go that way and stand below the cost at the start; 0 if none.
        largest_update: the largest share of itself by which the first step changes a layer's weights.
        overshoot: how much of what the first step gains by the slope the cost's bend takes back (`Line.overshoot`).
        gradient_first: the root mean square of the gradient at the first layer (`LayerState.gradient_rms`).
        gradient_last: the same at the last layer.
        branches: how many residual branches there are.
    """

    depth: int
    fan_in: float
    adaptive: bool
    learning_rate: float
    momentum: float
    steps: int
    batch: int
    cost: float
    constant_cost: float
    rate: float
    learned: float
    alignment: float
    first_cost: float
    lowest_cost: float
    furthest: float
    largest_update: float
    overshoot: float
    gradient_first: float
    gradient_last: float
    branches: int = 0

    @property
    def full_rate(self) -> float:
        """The learning rate that momentum makes of eta, eta / (1 - mu)."""
        return self.learning_rate / (1 - self.momentum)

    @property
    def distance(self) -> float:
        """How many first steps the budget amounts to where the gradient stays as it is, T / (1 - mu)."""
        return self.steps / (1 - self.momentum)


@dataclass(frozen=True, slots=True)
class Feature:
    """A number that the probability is computed from: log10 of what follows from the evidence.

    Args:
        meaning: what it says of a network, in a sentence.
        quantity: how it follows, before the logarithm.
    """

    meaning: str
    quantity: Callable[[Evidence], float]

    def of(self, evidence: Evidence) -> float:
        """Return the feature; -inf where the quantity is 0, nan where it is not a number."""
        with np.errstate(all="ignore"):
            return float(np.log10(self.quantity(evidence)))


def _pace(found: Evidence) -> float:
    return found.full_rate * found.depth * math.sqrt(found.depth) * (math.sqrt(found.fan_in) if found.adaptive else 1)


def _speed(found: Evidence) -> float:
    return found.full_rate * found.steps * found.rate


def _learned(found: Evidence) -> float:
    return found.learned


def _alignment(found: Evidence) -> float:
    return found.alignment


def _lowest(found: Evidence) -> float:
    return float(np.divide(min(found.cost, found.lowest_cost), found.constant_cost))


def _room(found: Evidence) -> float:
    return found.furthest / found.distance


def _first_step(found: Evidence) -> float:
    return math.inf if math.isnan(found.first_cost) else float(np.divide(found.first_cost, found.cost))


def _start(found: Evidence) -> float:
    return float(np.divide(found.cost, found.constant_cost))


def _movement(found: Evidence) -> float:
    return found.largest_update * found.distance * found.depth * math.sqrt(found.fan_in)


def _bend(found: Evidence) -> float:
    return abs(found.overshoot) / found.depth


def _growth(found: Evidence) -> float:
    return float(np.divide(found.gradient_first, found.gradient_last))


def _batch(found: Evidence) -> float:
    return found.batch


CONDITIONS: Final = {
    "progress": "the steps lead far enough within the budget",
    "stability": "the network bears the steps, also once it has grown",
}
"""What must both be so for a run to train, by name."""

FEATURES: Final = {
    "pace": Feature(
        "the learning rate, over 1 - mu with momentum mu, times L^(3/2), for Adam also times the root of the fan-in: "
        "the rates that a network needs and bears fall with its depth, and Adam's with the number of weights that a "
        "unit sums",
        _pace,
    ),
    "speed": Feature(
        "the e-folds that the linearized network's first rate would take off the residuals within the budget: the "
        "further they go beyond what it has learned by then, the stiffer its kernel",
        _speed,
    ),
    "learned": Feature(
        "the e-folds that the linearized network has taken off the residuals' squares after the budget, held up by the "
        "slow directions of its kernel",
        _learned,
    ),
    "alignment": Feature(
        "the targets' share in all that the kernel moves: low where a step for one example moves all others as well",
        _alignment,
    ),
    "start": Feature(
        "the cost at the start over the best constant prediction's: what is certain and wrong must be unlearned first",
        _start,
    ),
    "first step": Feature(
        "the cost after the first step over the cost before it: above 1 the first step leaps over the valley",
        _first_step,
    ),
    "lowest": Feature(
        "the lowest cost straight on in the first step's direction within the budget, over the best constant "
        "prediction's: what is reached without a bend",
        _lowest,
    ),
    "room": Feature(
        "the share of the budget that one can go straight on and still stand below the cost at the start: a small one "
        "where steps overshoot, all of it where they are too short to meet a rise",
        _room,
    ),
    "movement": Feature(
        "how many times itself what the network computes would change if all steps were like the first: the largest "
        "share of itself by which a layer's weights change, times the depth and the root of the fan-in, as steps keep "
        "their direction, and a change in one direction counts by that root more than weights without; far below 1 the "
        "network stays what it is",
        _movement,
    ),
    "bend": Feature(
        "the share of what the first step gains by the slope that the cost's bend takes back or adds, over L: where it "
        "is large the slope tells little of the cost around the start, and of more layers the step bends it more",
        _bend,
    ),
    "growth": Feature(
        "the gradient at the first layer over that at the last: where it explodes on its way back, a small step of the "
        "first layers is a large one of what the network computes",
        _growth,
    ),
    "batch": Feature(
        "the examples that a step sees: the fewer, the noisier is its direction",
        _batch,
    ),
}
"""What the probability is computed from, by name."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature adds to one condition.

    Args:
        condition: the condition's name in `CONDITIONS`.
        feature: its name in `FEATURES`.
        value: log10 of the quantity it stands for, within the range of the runs it was fitted to.
        nats: how much it adds to the condition's log-odds, beside its average over these runs.
    """

    condition: str
    feature: str
    value: float
    nats: float


@dataclass(frozen=True, slots=True)
class Trainability:
    """How likely a network is to train within its budget.

    Args:
        conditions: the probability of each of `CONDITIONS`, by name; 0 where the start tells that it cannot train.
        contributions: what each feature adds, those to the less likely condition first, of each the largest first,
            counted without the sign; none where the start tells that it cannot train.
        reason: a sentence with the feature that adds most to the less likely condition, or with what is not finite;
            without a full stop.
        outside: what lies outside the runs that the functions were fitted to, so that p is a guess.
    """

    conditions: Mapping[str, float]
    contributions: tuple[Contribution, ...]
    reason: str
    outside: tuple[str, ...] = ()

    @property
    def probability(self) -> float:
        """p: that of all conditions at once."""
        return math.prod(self.conditions.values())


def judge(evidence: Evidence) -> Trainability:
    """Return the probability that follows from the evidence.

    Where the start is not finite it is 0: such a run has failed already, and so has one with nothing to learn.
    """
    outside = _outside(evidence)
    values = {name: feature.of(evidence) for name, feature in FEATURES.items()}
    hopeless = _hopeless(evidence, values)
    if hopeless is not None:
        return Trainability(dict.fromkeys(CONDITIONS, 0.0), (), hopeless, outside)
    contributions = [
        _contribution(condition, name, values[name]) for condition in CONDITIONS for name in POINTS[condition]
    ]
    log_odds = dict(CONSTANTS)
    if evidence.adaptive:
        log_odds["progress"] += ADAPTIVE
    for one in contributions:
        log_odds[one.condition] += one.nats
    contributions.sort(key=lambda one: (log_odds[one.condition], -abs(one.nats)))
    first = contributions[0]
    reason = (
        f"`{first.feature}` speaks {'for' if first.nats > 0 else 'against'} its {first.condition} most, by "
        f"{abs(first.nats):.2g} nats: {FEATURES[first.feature].meaning}"
    )
    conditions = {name: 1 / (1 + math.exp(-odds)) for name, odds in log_odds.items()}
    return Trainability(conditions, tuple(contributions), reason, outside)


def _hopeless(evidence: Evidence, values: Mapping[str, float]) -> str | None:
    """Return why a run cannot train, if the start tells already."""
    if evidence.constant_cost == 0:
        return "The best constant prediction costs nothing, so that nothing is left to learn from the inputs"
    for name in ("cost", "constant_cost", "rate"):
        if not math.isfinite(value := getattr(evidence, name)):
            return (
                f"The {'kernel' if name == 'rate' else name.replace('_', ' ')} is not finite at the start, but {value}"
            )
    undefined = [name for name, value in values.items() if math.isnan(value)]
    return f"No number comes out for {undefined[0]} at the start" if undefined else None


def _contribution(condition: str, name: str, value: float) -> Contribution:
    places, nats = zip(*POINTS[condition][name], strict=True)
    within = float(np.clip(value, places[0], places[-1]))
    return Contribution(condition, name, within, float(np.interp(within, places, nats)))


def _outside(evidence: Evidence) -> tuple[str, ...]:
    """Return what lies outside the sweep."""
    facts = {
        "depth": evidence.depth,
        "steps": evidence.steps,
        "mean fan-in": evidence.fan_in,
        "residual branches": evidence.branches,
    }
    return tuple(
        f"{name} {facts[name]:g}, fitted from {least:g} to {most:g}"
        for name, (least, most) in RANGES.items()
        if not least <= facts[name] <= most
    )


def evidence_of(
    start: NetworkState, tangents: TangentState, along: Line, optimizer: Optimizer, steps: int, batch: int
) -> Evidence:
    """Return the evidence that measurements at the start hold.

    Args:
        start: the network before the first step.
        tangents: its kernels.
        along: the cost along the first step of the same optimizer, as far as its steps go.
        optimizer: who trains; gradient descent with or without momentum, Adam or AdamW.
        steps: the budget.
        batch: how many examples a step sees.

    Raises:
        InputError: if the optimizer is another one, or the steps or the batch are no positive integer.
    """
    check_positive_integer("steps", steps)
    check_positive_integer("batch", batch)
    rule = _rule(optimizer)
    spectrum = tangents.layerwise if rule.adaptive else tangents.plain
    remaining = spectrum.remaining(rule.learning_rate * rule.stretch * steps)
    below = [s for s, cost in zip(along.distances, along.costs, strict=True) if cost < start.cost]
    return Evidence(
        depth=len(start.layers),
        fan_in=float(np.mean([layer.fan_in for layer in start.layers])),
        adaptive=rule.adaptive,
        learning_rate=rule.learning_rate,
        momentum=rule.momentum,
        steps=steps,
        batch=batch,
        cost=start.cost,
        constant_cost=start.constant_cost,
        rate=spectrum.rate,
        # Rounding may leave a little more than there was.
        learned=0.0 if remaining >= 1 else -math.log(max(remaining, sys.float_info.min)),
        alignment=spectrum.alignment,
        first_cost=along.first,
        lowest_cost=along.lowest,
        furthest=max(below, default=0.0),
        largest_update=_largest_update(start),
        overshoot=along.overshoot,
        gradient_first=start.layers[0].gradient_rms,
        gradient_last=start.layers[-1].gradient_rms,
        branches=len(start.branches),
    )


def _largest_update(start: NetworkState) -> float:
    """Return the largest update ratio; infinite where weights of zero change.

    Raises:
        InputError: if the state was measured without an optimizer.
    """
    ratios = [layer.update_ratio for layer in start.layers if layer.update_ratio is not None]
    if len(ratios) < len(start.layers):
        raise InputError("start", "must be measured with the optimizer, which gives every layer an update ratio")
    # Weights of zero that do not change have the ratio 0/0.
    return max((ratio for ratio in ratios if not math.isnan(ratio)), default=0.0)


class _Rule(NamedTuple):
    """What the evidence holds of an optimizer."""

    adaptive: bool
    learning_rate: float
    momentum: float

    @property
    def stretch(self) -> float:
        """How many first steps one step amounts to, 1 / (1 - mu)."""
        return 1 / (1 - self.momentum)


def _rule(optimizer: Optimizer) -> _Rule:
    """Return what the evidence holds of an optimizer.

    Raises:
        InputError: if it was not in the sweep, nor is like one that was.
    """
    if isinstance(optimizer, Adam | AdamW):
        return _Rule(True, optimizer.learning_rate, 0.0)
    if isinstance(optimizer, Momentum | Nesterov):
        return _Rule(False, optimizer.learning_rate, optimizer.momentum)
    if isinstance(optimizer, SGD):
        return _Rule(False, optimizer.learning_rate, 0.0)
    raise InputError(
        "optimizer",
        "must be gradient descent, with or without momentum, or Adam, which the prediction was fitted to",
        OPTIMIZERS.name_of(optimizer),
    )


def trainability(problem: Problem, theta: Floats) -> Trainability:
    """Return how likely a network is to train, measured on at most 256 of its training examples.

    Args:
        problem: what is to be trained, on what, by which optimizer, for how many steps.
        theta: where the parameters start, `[P]`.

    Raises:
        InputError: if the optimizer is none that the prediction was fitted to, there are no steps, or theta has not the
            network's shape.

    >>> from firstdraw.activations import ReLU
    >>> from firstdraw.datasets import DATASETS
    >>> from firstdraw.engine import SGD, columns
    >>> from firstdraw.losses import BinaryCrossEntropy
    >>> from firstdraw.networks import MultilayerPerceptron
    >>> network, loss = MultilayerPerceptron((2, 10, 5, 1), ReLU()), BinaryCrossEntropy()
    >>> train, _ = columns(DATASETS["moons"]().load(), loss, "float64")
    >>> zeros = np.zeros(network.parameter_count)
    >>> found = trainability(Problem(network, train, None, loss, SGD(0.1), steps=200), zeros)
    >>> round(found.probability, 2), found.contributions[0].feature
    (0.0, 'learned')
    """
    check_positive_integer("steps", problem.steps)
    network, loss, optimizer = problem.network, problem.loss, problem.optimizer
    distance = problem.steps * _rule(optimizer).stretch
    part = _spread_over(problem.train, MOST_EXAMPLES)
    start = theta.astype(np.float64)
    state = probe(network, start, loss, part.X, part.Y, part.labels, optimizer=optimizer)
    along = line(network, start, loss, part.X, part.Y, optimizer=optimizer, distance=distance)
    tangents = tangent(network, start, loss, part.X, part.Y)
    batch = problem.batches.size or problem.train.X.shape[1]
    found = judge(evidence_of(state, tangents, along, optimizer, problem.steps, batch))
    if problem.learning_rate_factors is None:
        return found
    return replace(found, outside=(*found.outside, "a learning rate for each parameter, fitted with one for all"))


def _spread_over(columns: Columns, most: int) -> Columns:
    """Return at most that many examples, evenly spaced, in float64."""
    m = columns.X.shape[1]
    chosen = np.linspace(0, m - 1, min(m, most), dtype=np.int64)
    X, Y = (part[:, chosen].astype(np.float64) for part in (columns.X, columns.Y))
    return Columns(X, Y, None if columns.labels is None else columns.labels[chosen])
