"""Portions of an experiment: some of its runs, which are drawn and trained together wherever there is room for them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.draws import DRAWS
from firstdraw.engine import Engine, Problem, Progress, Trajectory
from firstdraw.errors import InputError
from firstdraw.experiments.examples import Examples
from firstdraw.experiments.run import fit_of, laws_of, problem_of
from firstdraw.experiments.spec import Spec

__all__ = ["DrawnPortion", "Portion", "TrainedPortion", "draw_portion", "train_portion"]


@dataclass(frozen=True, slots=True)
class Portion:
    """Some runs of an experiment.

    Args:
        spec: the experiment.
        seeds: for each of some of its initializations, by their numbers from 0, the seeds.
    """

    spec: Spec
    seeds: Mapping[int, tuple[int, ...]]

    def __len__(self) -> int:
        return sum(map(len, self.seeds.values()))

    @property
    def steps(self) -> int:
        """How many steps its runs make together."""
        return len(self) * self.spec.training.steps


@dataclass(frozen=True, slots=True)
class _Call:
    """What one call of an engine trains: runs whose learning rates have the same factors.

    Args:
        problem: the training task.
        initializations: the number of that of each run.
        seeds: that of each run.
        parameters: where each starts `[n, P]`.
    """

    problem: Problem
    initializations: tuple[int, ...]
    seeds: tuple[int, ...]
    parameters: Floats


@dataclass(frozen=True, slots=True)
class DrawnPortion:
    """A portion that is ready for an engine.

    Args:
        portion: which.
        calls: what is trained.
        failed: for each run that cannot be started, by its initialization and its seed, the reason.
    """

    portion: Portion
    calls: tuple[_Call, ...]
    failed: Mapping[tuple[int, int], str]


@dataclass(frozen=True, slots=True)
class TrainedPortion:
    """What became of a portion.

    Args:
        portion: which.
        trajectories: for each initialization, by its number, the seeds and the records of the runs that were trained;
            without parameters.
        failed: for each run that could not be started, by its initialization and its seed, the reason.
    """

    portion: Portion
    trajectories: Mapping[int, tuple[tuple[int, ...], Trajectory]]
    failed: Mapping[tuple[int, int], str]


def draw_portion(portion: Portion, examples: Examples, is_stopped: Callable[[], bool] = bool) -> DrawnPortion:
    """Draw where the runs of a portion start, and fit what is fitted to data.

    A run whose fit is impossible for its draw has failed; it does not keep the others from being trained.

    Args:
        portion: the runs.
        examples: those of the spec.
        is_stopped: is asked before each run whether nobody wants it any more; then no further run is drawn.

    Raises:
        InputError: if the parts of the spec do not fit each other.
    """
    spec = portion.spec
    every_seed = tuple({seed: None for seeds in portion.seeds.values() for seed in seeds})
    problem = problem_of(replace(spec, seeds=every_seed, recording=replace(spec.recording, snapshots=())), examples)
    laws = laws_of(spec)
    drawn: dict[tuple[float, ...] | None, list[tuple[int, int, Floats]]] = {}
    failed: dict[tuple[int, int], str] = {}
    for i, seeds in portion.seeds.items():
        start = spec.initializations[i]
        own = drawn.setdefault(start.learning_rate_factors(spec.network, spec.training.optimizer), [])
        for seed in itertools.takewhile(lambda _: not is_stopped(), seeds):
            try:
                if start.fit is None:
                    theta = spec.network.draw(laws[i], DRAWS[spec.draws](seed))
                else:
                    theta = fit_of(start.fit, spec, problem, laws[i], seed).theta
            except InputError as error:
                failed[i, seed] = str(error)
            else:
                own.append((i, seed, theta))
    calls = tuple(
        _Call(
            replace(problem, learning_rate_factors=factors),
            tuple(i for i, _, _ in runs),
            tuple(seed for _, seed, _ in runs),
            np.array([theta for _, _, theta in runs]),
        )
        for factors, runs in drawn.items()
        if runs
    )
    return DrawnPortion(portion, calls, failed)


def train_portion(drawn: DrawnPortion, engine: Engine, progress: Progress | None = None) -> TrainedPortion:
    """Train the runs of a portion.

    Args:
        drawn: where they start.
        engine: what trains.
        progress: is told how many steps have been made.
    """
    trajectories: dict[int, tuple[tuple[int, ...], Trajectory]] = {}
    for call in drawn.calls:
        records = engine.train(call.problem, call.parameters, call.seeds, progress).without_parameters()
        numbers = np.array(call.initializations)
        for i in dict.fromkeys(call.initializations):
            (where,) = np.nonzero(numbers == i)
            seeds = tuple(call.seeds[k] for k in where)
            # The runs of an initialization lie together.
            trajectories[i] = seeds, records.part(slice(int(where[0]), int(where[-1]) + 1))
    return TrainedPortion(drawn.portion, trajectories, drawn.failed)
