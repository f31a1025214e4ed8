"""What an experiment leaves: values, ready to be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.datasets import Dataset
from firstdraw.diagnosis import Finding, Measurements, diagnose, verdict
from firstdraw.distributions import Distribution
from firstdraw.draws import CounterDraws
from firstdraw.engine import SGD, Optimizer, Problem, Trajectory
from firstdraw.experiments.spec import Initialization, Spec
from firstdraw.fitted import Fit
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes import NetworkState, Sharpness, gradient, hessian_product, probe, sharpness

__all__ = ["ExperimentRecord", "ParameterRecord", "RunRecord"]

# Of the learning rate times the curvature along the gradient: a tenth of where the diagnosis would begin to warn.
NEAR_THE_BOUND: Final = 0.2
# An eigenvalue within 5 % decides; a spectrum that needs more products than this is not worth the wait.
TOLERANCE: Final = 0.05
MOST_PRODUCTS: Final = 30


@dataclass(frozen=True, slots=True)
class ParameterRecord:
    """What was asked for one parameter, beside what was drawn.

    Args:
        name: the parameter.
        law: the law as a formula.
        mean: the law's mean.
        standard_deviation: the law's standard deviation.
        drawn_mean: the mean of what was drawn.
        drawn_standard_deviation: its standard deviation.
        elements: how many elements it has.
    """

    name: str
    law: str
    mean: float
    standard_deviation: float
    drawn_mean: float
    drawn_standard_deviation: float
    elements: int


@dataclass(frozen=True)
class RunRecord:
    """One initialization with one seed, trained; what can be computed from that is, when it is first asked for.

    Args:
        initialization: how it started.
        seed: the seed of the draws.
        laws: the law of each parameter.
        start: the parameters as they were drawn `[P]`, in float64.
        fit: how the drawn parameters were fitted to data, where they were.
        trajectory: the records, of one network.
        problem: the training task.
        classes: the names of the classes.
    """

    initialization: Initialization
    seed: int
    laws: tuple[Distribution, ...]
    start: Floats
    fit: Fit | None
    trajectory: Trajectory
    problem: Problem
    classes: tuple[str, ...]

    @property
    def label(self) -> str:
        """The initialization's name."""
        return self.initialization.label

    @cached_property
    def parameters(self) -> tuple[ParameterRecord, ...]:
        """The laws and the draws."""
        return _drawn(self.problem.network, self.laws, self.start)

    @cached_property
    def measured(self) -> Measurements:
        """The start, the end and the records between."""
        return Measurements(
            start=self._start,
            end=self._state(self.trajectory.final[0]),
            trajectory=self.trajectory,
            activations=self.problem.network.activations,
            sharpness=self._sharpness,
            learning_rate=self._descent_rate,
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What the diagnosis found, the worst first."""
        return diagnose(self.measured)

    @cached_property
    def verdict(self) -> str:
        """The findings in one or two sentences."""
        return verdict(self.findings, self.measured, self.classes)

    def _state(self, theta: Floats, optimizer: Optimizer | None = None) -> NetworkState:
        """Probe the network with some parameters on the training examples."""
        problem, examples = self.problem, self.problem.train
        return probe(problem.network, theta, problem.loss, examples.X, examples.Y, examples.labels, optimizer=optimizer)

    @property
    def _start(self) -> NetworkState:
        """The start, with the first step where there is one: every rule's first change of W is in proportion to eta."""
        problem = self.problem
        state = self._state(self.trajectory.initial[0], problem.optimizer if problem.steps else None)
        if problem.learning_rate_factors is None:
            return state
        roles = zip(problem.network.roles, problem.learning_rate_factors, strict=True)
        factors = [factor for role, factor in roles if role.kind == "weight"]
        layers = tuple(
            replace(layer, update_ratio=None if layer.update_ratio is None else factor * layer.update_ratio)
            for layer, factor in zip(state.layers, factors, strict=True)
        )
        return replace(state, layers=layers)

    @property
    def _descent_rate(self) -> float | None:
        """The learning rate of plain gradient descent on all examples, if there is one."""
        problem, optimizer = self.problem, self.problem.optimizer
        if not isinstance(optimizer, SGD) or not problem.batches.is_full(problem.train.X.shape[1]):
            return None
        return optimizer.learning_rate if problem.steps and problem.learning_rate_factors is None else None

    @property
    def _sharpness(self) -> Sharpness | None:
        """The sharpness at the start, where it may bound the learning rate: else its many products are spared.

        The curvature along the gradient costs a single product and is a lower bound, mostly within a factor of ten.
        """
        rate, problem, theta = self._descent_rate, self.problem, self.trajectory.initial[0]
        if rate is None:
            return None
        network, loss, X, Y = problem.network, problem.loss, problem.train.X, problem.train.Y
        with np.errstate(all="ignore"):
            g = gradient(network, theta, loss, X, Y)
            along = np.divide(g @ hessian_product(network, theta, loss, X, Y, g), g @ g)
        # Without a gradient it is no number.
        if not NEAR_THE_BOUND < rate * float(along) < np.inf:
            return None
        return sharpness(network, theta, loss, X, Y, CounterDraws(0), tolerance=TOLERANCE, most_products=MOST_PRODUCTS)


@dataclass(frozen=True)
class ExperimentRecord:
    """All runs of an experiment.

    Args:
        spec: what was asked.
        dataset: the data.
        problem: the training task.
        runs: the runs, seed by seed within each initialization.
        engine: which engine trained.
    """

    spec: Spec
    dataset: Dataset
    problem: Problem
    runs: tuple[RunRecord, ...]
    engine: str

    def runs_of(self, label: str) -> tuple[RunRecord, ...]:
        """Return the runs of one initialization."""
        return tuple(run for run in self.runs if run.label == label)


def _drawn(network: MultilayerPerceptron, laws: tuple[Distribution, ...], theta: Floats) -> tuple[ParameterRecord, ...]:
    values = network.parameters(theta)
    # A standard deviation beyond the largest float is written down as infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        return tuple(
            ParameterRecord(
                name=role.name,
                law=str(law),
                mean=law.mean,
                standard_deviation=law.standard_deviation,
                drawn_mean=float(value.mean()),
                drawn_standard_deviation=float(value.std()),
                elements=value.size,
            )
            for role, law, value in zip(network.roles, laws, values, strict=True)
        )
