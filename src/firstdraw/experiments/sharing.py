"""Which runs some experiments are made of, so that a run that several of them have is trained once.

A run is determined by its task, the laws of its parameters and its seed. Its first steps do not depend on how many
follow, so a shorter run is the beginning of a longer one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from firstdraw.arrays import Floats
from firstdraw.datasets import Dataset, DatasetRecipe
from firstdraw.distributions import Distribution
from firstdraw.draws import DRAWS
from firstdraw.engine import Problem, Recording
from firstdraw.experiments.spec import Spec, Training
from firstdraw.fitted import Fit, Fitted
from firstdraw.networks import MultilayerPerceptron

__all__ = ["Batch", "Prepared", "Run", "batches_of", "runs_of", "total_steps"]


@dataclass(frozen=True)
class Prepared:
    """A spec whose data are loaded and whose rules are all checked: nothing can be refused any more.

    Args:
        spec: what was asked.
        dataset: the data.
        problem: the training task.
        laws: for each initialization the law of each parameter.
        factors: for each initialization what the learning rate of each parameter is multiplied with; None for 1.
        fits: for each run how its parameters were fitted to data; None where they stay as they are drawn.
    """

    spec: Spec
    dataset: Dataset
    problem: Problem
    laws: tuple[tuple[Distribution, ...], ...]
    factors: tuple[tuple[float, ...] | None, ...]
    fits: tuple[Fit | None, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """All that determines what training one network leaves, but for the number of steps where that can be cut.

    Args:
        data: the data.
        network: what is trained.
        training: how; without the number of steps where the records of a longer run include those of this one.
        recording: what is written down.
        draws: the name of the source of draws.
        laws: the law of each parameter.
        factors: what the learning rate of each parameter is multiplied with; None for 1.
        fitted: what fits the drawn parameters to the first batch, if anything does.
        seed: the seed of the draws and of the mini-batches.
    """

    data: DatasetRecipe
    network: MultilayerPerceptron
    training: Training
    recording: Recording
    draws: str
    laws: tuple[Distribution, ...]
    factors: tuple[float, ...] | None
    fitted: Fitted | None
    seed: int

    def draw(self) -> Floats:
        """Return the parameters as they are drawn `[P]`, before they are fitted."""
        return self.network.draw(self.laws, DRAWS[self.draws](self.seed))


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs that differ in their initial parameters and seeds alone, for one call of an engine.

    Runs with other factors of the learning rate are another task.

    Args:
        problem: the training task, with a snapshot wherever a shorter run ends.
        runs: the runs.
    """

    problem: Problem
    runs: tuple[Run, ...]


def runs_of(prepared: Prepared) -> list[Run]:
    """Return the runs of an experiment, seed by seed within each initialization."""
    spec = prepared.spec
    ends_on_a_record = spec.training.steps % spec.recording.every == 0
    training = replace(spec.training, steps=0) if ends_on_a_record else spec.training
    return [
        Run(spec.data, spec.network, training, spec.recording, spec.draws, laws, factors, start.fit, seed)
        for start, laws, factors in zip(spec.initializations, prepared.laws, prepared.factors, strict=True)
        for seed in spec.seeds
    ]


def batches_of(experiments: Sequence[Prepared]) -> list[Batch]:
    """Return every run of some experiments once, with as many steps as the longest needs; the longest runs first."""
    lengths: dict[Run, set[int]] = {}
    problems: dict[tuple[Run, int], Problem] = {}
    for prepared in experiments:
        for run in runs_of(prepared):
            lengths.setdefault(run, set()).add(prepared.problem.steps)
            problems.setdefault((_task(run), prepared.problem.steps), prepared.problem)
    together: dict[tuple[Run, int], list[Run]] = {}
    for run, steps in lengths.items():
        together.setdefault((_task(run), max(steps)), []).append(run)
    batches: list[Batch] = []
    for key, runs in sorted(together.items(), key=lambda item: -item[0][1]):
        problem = replace(problems[key], learning_rate_factors=key[0].factors)
        ends = {steps for run in runs for steps in lengths[run] if steps < problem.steps}
        recording = problem.recording
        recording = replace(recording, snapshots=(*recording.snapshots, *sorted(ends)))
        batches.append(Batch(replace(problem, recording=recording), tuple(runs)))
    return batches


def total_steps(experiments: Sequence[Prepared]) -> int:
    """Return how many steps all runs together make."""
    return sum(batch.problem.steps * len(batch.runs) for batch in batches_of(experiments))


def _task(run: Run) -> Run:
    """Return what a run has in common with all others of its batch."""
    return replace(run, laws=(), fitted=None, seed=0)
