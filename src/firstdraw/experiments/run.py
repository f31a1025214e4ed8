"""From a spec to its record: data, initial parameters, training, diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.datasets import Dataset
from firstdraw.diagnosis import Measurements, diagnose, verdict
from firstdraw.distributions import Distribution
from firstdraw.draws import DRAWS
from firstdraw.engine import Engine, Problem, Progress, Trajectory, columns, engine_named
from firstdraw.errors import InputError, located
from firstdraw.experiments.record import ExperimentRecord, ParameterRecord, RunRecord
from firstdraw.experiments.spec import Initialization, Spec
from firstdraw.fitted import Batch, Fit, Fitted
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes import NetworkState, probe

__all__ = ["Prepared", "prepare", "run"]

# 8 GB: records are kept in memory until they are told.
MOST_RECORDED_NUMBERS: Final = 10**9


@dataclass(frozen=True)
class Prepared:
    """A spec whose data are loaded and whose rules are all checked: nothing can be refused any more.

    Args:
        spec: what was asked.
        dataset: the data.
        problem: the training task.
        laws: for each initialization the law of each parameter.
        fits: for each initialization that is fitted to data the fit of each seed; None for the others.
    """

    spec: Spec
    dataset: Dataset
    problem: Problem
    laws: tuple[tuple[Distribution, ...], ...]
    fits: tuple[tuple[Fit, ...] | None, ...]

    @property
    def total_steps(self) -> int:
        """How many steps all runs together make."""
        return self.problem.steps * len(self.spec.seeds) * len(self.spec.initializations)


def prepare(spec: Spec) -> Prepared:
    """Load a spec's data and check that its parts fit each other.

    Raises:
        InputError: if they do not.
    """
    with located("data"):
        dataset = spec.data.load()
    with located("training"):
        train_columns, test_columns = columns(dataset, spec.training.loss, spec.training.precision)
    with located("network"):
        problem = Problem(
            network=spec.network,
            train=train_columns,
            test=test_columns,
            loss=spec.training.loss,
            optimizer=spec.training.optimizer,
            steps=spec.training.steps,
            batches=spec.training.batches,
            recording=spec.recording,
            precision=spec.training.precision,
        )
    _check_size(spec)
    laws = tuple(_laws(start, spec.network) for start in spec.initializations)
    fits: list[tuple[Fit, ...] | None] = []
    for i, (start, own) in enumerate(zip(spec.initializations, laws, strict=True)):
        with located(f"initializations[{i}].fit"):
            fits.append(None if start.fit is None else _fits(start.fit, spec, problem, own))
    return Prepared(spec, dataset, problem, laws, tuple(fits))


def _check_size(spec: Spec) -> None:
    """Refuse what would not fit in memory before any of it is allocated."""
    runs = len(spec.seeds) * len(spec.initializations)
    records = spec.training.steps // spec.recording.every + 2
    numbers = runs * (
        records * (5 + 5 * spec.network.depth) + (len(spec.recording.snapshots) + 3) * spec.network.parameter_count
    )
    if numbers > MOST_RECORDED_NUMBERS:
        raise InputError(
            "recording.every",
            f"must leave at most {MOST_RECORDED_NUMBERS:,} numbers to keep, and {runs} run{'s' if runs > 1 else ''} of "
            f"{records:,} records leave {numbers:,}; the value is too small",
            spec.recording.every,
        )


def _laws(start: Initialization, network: MultilayerPerceptron) -> tuple[Distribution, ...]:
    chosen = {"weight": start.weights, "bias": start.biases, "scalar": start.multipliers}
    return tuple(
        start.weights.law(role) if (own := chosen[role.kind]) is None else own.weight_law(role)
        for role in network.roles
    )


def _fits(member: Fitted, spec: Spec, problem: Problem, laws: tuple[Distribution, ...]) -> tuple[Fit, ...]:
    """Return the fit of each seed's draw, to the first batch that training with this seed sees."""
    fits: list[Fit] = []
    for seed in spec.seeds:
        draws = DRAWS[spec.draws](seed)
        theta = spec.network.draw(laws, draws)
        try:
            fits.append(member.fit(spec.network, theta, _first_batch(problem, seed), draws))
        except InputError as error:
            error.during(f"with seed {seed}")
            raise
    return tuple(fits)


def _first_batch(problem: Problem, seed: int) -> Batch:
    X, Y = (part.astype(np.float64) for part in (problem.train.X, problem.train.Y))
    m = X.shape[1]
    chosen = slice(None) if problem.batches.is_full(m) else next(problem.batches.indices(m, seed))
    return Batch(X[:, chosen], Y[:, chosen], problem.loss)


def run(prepared: Prepared, progress: Progress | None = None, engine: Engine | None = None) -> ExperimentRecord:
    """Draw, train and diagnose every run.

    Args:
        prepared: the spec with its data.
        progress: is told how many steps have been made.
        engine: what trains; by default the fastest there is.
    """
    engine = engine or engine_named()
    spec, problem = prepared.spec, prepared.problem
    drawn: list[Floats] = [
        spec.network.draw(laws, DRAWS[spec.draws](seed)) for laws in prepared.laws for seed in spec.seeds
    ]
    fits = [fit for fits in prepared.fits for fit in (fits or [None] * len(spec.seeds))]
    initial = [theta if fit is None else fit.theta for theta, fit in zip(drawn, fits, strict=True)]
    seeds = spec.seeds * len(spec.initializations)
    trajectories = engine.train(problem, np.array(initial), seeds, progress)
    runs: list[RunRecord] = []
    for number, (theta, seed) in enumerate(zip(drawn, seeds, strict=True)):
        which = number // len(spec.seeds)
        trajectory = trajectories.one(number)
        measured = measure(problem, trajectory)
        findings = diagnose(measured)
        runs.append(
            RunRecord(
                initialization=spec.initializations[which],
                seed=seed,
                parameters=_drawn(spec.network, prepared.laws[which], theta),
                fit=fits[number],
                measured=measured,
                findings=findings,
                verdict=verdict(findings, measured, prepared.dataset.classes),
            )
        )
    return ExperimentRecord(spec, prepared.dataset, problem, tuple(runs), engine=engine.name)


def measure(problem: Problem, trajectory: Trajectory) -> Measurements:
    """Probe the start and the end of a trajectory of one network on the training examples."""

    def state(theta: Floats) -> NetworkState:
        examples = problem.train
        return probe(problem.network, theta, problem.loss, examples.X, examples.Y, examples.labels)

    return Measurements(state(trajectory.initial[0]), state(trajectory.final[0]), trajectory)


def _drawn(network: MultilayerPerceptron, laws: tuple[Distribution, ...], theta: Floats) -> tuple[ParameterRecord, ...]:
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
            for role, law, value in zip(network.roles, laws, network.parameters(theta), strict=True)
        )
