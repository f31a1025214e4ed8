"""What an experiment leaves: values, ready to be told."""

from __future__ import annotations

from dataclasses import dataclass

from firstdraw.datasets import Dataset
from firstdraw.diagnosis import Finding, Measurements
from firstdraw.engine import Problem, Trajectory
from firstdraw.experiments.spec import Initialization, Spec
from firstdraw.fitted import Fit

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
    """One initialization with one seed, trained.

    Args:
        initialization: how it started.
        seed: the seed of the draws.
        parameters: the laws and the draws.
        fit: how the drawn parameters were fitted to data, where they were.
        measured: the start, the end and the records between.
        findings: what the diagnosis found, the worst first.
        verdict: the findings in one or two sentences.
    """

    initialization: Initialization
    seed: int
    parameters: tuple[ParameterRecord, ...]
    fit: Fit | None
    measured: Measurements
    findings: tuple[Finding, ...]
    verdict: str

    @property
    def label(self) -> str:
        """The initialization's name."""
        return self.initialization.label

    @property
    def trajectory(self) -> Trajectory:
        """The records, of one network."""
        return self.measured.trajectory


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
