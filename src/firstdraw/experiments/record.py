"""What an experiment leaves: values, ready to be told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.datasets import Dataset
from firstdraw.diagnosis import Finding, Measurements, diagnose, verdict
from firstdraw.distributions import Distribution
from firstdraw.engine import Problem, Trajectory
from firstdraw.experiments.spec import Initialization, Spec
from firstdraw.experiments.start import measure_start
from firstdraw.fitted import Fit
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes import NetworkState, probe

__all__ = ["ExperimentRecord", "ParameterRecord", "RunRecord"]


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
        start = measure_start(self.problem, self.trajectory.initial[0])
        return Measurements(
            start=start.start,
            activations=start.activations,
            sharpness=start.sharpness,
            learning_rate=start.learning_rate,
            end=self._end,
            trajectory=self.trajectory,
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What the diagnosis found, the worst first."""
        return diagnose(self.measured)

    @cached_property
    def verdict(self) -> str:
        """The findings in one or two sentences."""
        return verdict(self.findings, self.measured, self.classes)

    @property
    def _end(self) -> NetworkState:
        problem, examples = self.problem, self.problem.train
        return probe(problem.network, self.trajectory.final[0], problem.loss, examples.X, examples.Y, examples.labels)


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
