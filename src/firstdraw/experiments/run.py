"""From a spec to its record: data, initial parameters, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions import Distribution
from firstdraw.draws import DRAWS
from firstdraw.engine import Engine, Problem, Progress, Trajectory, engine_named
from firstdraw.errors import InputError, located
from firstdraw.experiments.examples import Examples, load_examples
from firstdraw.experiments.record import ExperimentRecord, RunRecord
from firstdraw.experiments.sharing import Prepared, Run, batches_of, runs_of
from firstdraw.experiments.spec import Initialization, Spec
from firstdraw.fitted import Batch, Fit, Fitted
from firstdraw.networks import MultilayerPerceptron

__all__ = ["fit_of", "laws_of", "prepare", "problem_of", "run", "run_together"]

# 8 GB: records are kept in memory until they are told.
MOST_RECORDED_NUMBERS: Final = 10**9


def prepare(spec: Spec, examples: Examples | None = None) -> Prepared:
    """Load a spec's data and check that its parts fit each other.

    Args:
        spec: what is asked.
        examples: the spec's examples, if they have been loaded before.

    Raises:
        InputError: if the parts do not fit each other.
    """
    examples = examples or load_examples(spec)
    problem = problem_of(spec, examples)
    laws = laws_of(spec)
    factors = tuple(
        start.learning_rate_factors(spec.network, spec.training.optimizer) for start in spec.initializations
    )
    fits: list[Fit | None] = []
    for i, (start, own) in enumerate(zip(spec.initializations, laws, strict=True)):
        with located(f"initializations[{i}].fit"):
            fits += [None if start.fit is None else fit_of(start.fit, spec, problem, own, seed) for seed in spec.seeds]
    return Prepared(spec, examples.dataset, problem, laws, factors, tuple(fits))


def problem_of(spec: Spec, examples: Examples) -> Problem:
    """Return the training task of a spec on its examples.

    Raises:
        InputError: if the parts of the spec do not fit each other.
    """
    with located("network"):
        problem = Problem(
            network=spec.network,
            train=examples.train,
            test=examples.test,
            loss=spec.training.loss,
            optimizer=spec.training.optimizer,
            steps=spec.training.steps,
            batches=spec.training.batches,
            recording=spec.recording,
            precision=spec.training.precision,
        )
    _check_size(spec)
    _check_multipliers(spec)
    return problem


def laws_of(spec: Spec) -> tuple[tuple[Distribution, ...], ...]:
    """Return for each initialization of a spec the law of each parameter."""
    return tuple(_laws(start, spec.network) for start in spec.initializations)


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


def _check_multipliers(spec: Spec) -> None:
    """Refuse laws for multipliers that the network does not have."""
    for i, start in enumerate(spec.initializations):
        if start.multipliers is not None and not spec.network.branches:
            raise InputError(
                f"initializations[{i}].multipliers",
                "must be left out for a network without branches",
                start.multipliers,
            )


def _laws(start: Initialization, network: MultilayerPerceptron) -> tuple[Distribution, ...]:
    chosen = {"weight": start.weights, "bias": start.biases, "scalar": start.multipliers}
    return tuple(
        start.weights.law(role) if (own := chosen[role.kind]) is None else own.law_alone(role) for role in network.roles
    )


def fit_of(member: Fitted, spec: Spec, problem: Problem, laws: tuple[Distribution, ...], seed: int) -> Fit:
    """Return the fit of a seed's draw, to the first batch that training with this seed sees.

    Args:
        member: what fits.
        spec: the experiment.
        problem: its training task.
        laws: the law of each parameter.
        seed: the seed.

    Raises:
        InputError: if this draw cannot be fitted.
    """
    draws = DRAWS[spec.draws](seed)
    theta = spec.network.draw(laws, draws)
    try:
        return member.fit(spec.network, theta, _first_batch(problem, seed), draws)
    except InputError as error:
        error.during(f"with seed {seed}")
        raise


def _first_batch(problem: Problem, seed: int) -> Batch:
    X, Y = (part.astype(np.float64) for part in (problem.train.X, problem.train.Y))
    m = X.shape[1]
    chosen = slice(None) if problem.batches.is_full(m) else next(problem.batches.indices(m, seed))
    return Batch(X[:, chosen], Y[:, chosen], problem.loss)


def run(prepared: Prepared, progress: Progress | None = None, engine: Engine | None = None) -> ExperimentRecord:
    """Draw and train every run of an experiment.

    Args:
        prepared: the spec with its data.
        progress: is told how many steps have been made.
        engine: what trains; by default the fastest there is.
    """
    return run_together((prepared,), progress, engine)[0]


def run_together(
    experiments: Sequence[Prepared], progress: Progress | None = None, engine: Engine | None = None
) -> tuple[ExperimentRecord, ...]:
    """Draw and train every run of some experiments; a run that several of them have is trained once.

    Each record holds the bits that the experiment would have left alone.

    Args:
        experiments: the specs with their data.
        progress: is told how many steps have been made.
        engine: what trains; by default the fastest there is.
    """
    engine = engine or engine_named()
    fits = {run: fit for prepared in experiments for run, fit in zip(runs_of(prepared), prepared.fits, strict=True)}
    trained: dict[Run, tuple[Floats, Trajectory]] = {}
    for batch in batches_of(experiments):
        drawn = [run.draw() for run in batch.runs]
        starts = [
            theta if (fit := fits[run]) is None else fit.theta for run, theta in zip(batch.runs, drawn, strict=True)
        ]
        trajectories = engine.train(batch.problem, np.array(starts), tuple(run.seed for run in batch.runs), progress)
        trained.update((run, (drawn[i], trajectories.one(i))) for i, run in enumerate(batch.runs))
    return tuple(_record(prepared, trained, engine.name) for prepared in experiments)


def _record(prepared: Prepared, trained: Mapping[Run, tuple[Floats, Trajectory]], engine: str) -> ExperimentRecord:
    spec, problem = prepared.spec, prepared.problem
    kept = problem.recording.snapshot_steps(problem.steps)
    runs: list[RunRecord] = []
    for run, start, fit in zip(runs_of(prepared), _starts(spec), prepared.fits, strict=True):
        drawn, trajectory = trained[run]
        shorter = trajectory.until(problem.steps, kept)
        own = replace(problem, learning_rate_factors=run.factors)
        runs.append(RunRecord(start, run.seed, run.laws, drawn, fit, shorter, own, prepared.dataset.classes))
    return ExperimentRecord(spec, prepared.dataset, problem, tuple(runs), engine)


def _starts(spec: Spec) -> list[Initialization]:
    """Return the initialization of each run, seed by seed within each."""
    return [start for start in spec.initializations for _ in spec.seeds]
