"""How long a grid trains and how much memory its records take, from a short measured calibration.

Drawing and training n networks on one problem is taken to last

    t = c + d n + ceil(n / k) (s S + r R),

with k the networks that the engine trains at once, S the steps and R the records of each network, and four times in
seconds that are measured: c of a call, d of the draws of a network, s of a step, r of a record. Cells that differ in
neither the network, the loss, the rule of the optimizer, the size of the mini-batches, the precision nor the numbers of
examples share them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import nnls

from firstdraw.arrays import Floats
from firstdraw.draws import DRAWS
from firstdraw.engine import Engine, Precision, Problem, Recording, record_bytes
from firstdraw.experiments.grid import Cell, Grid, in_cell, load_cells
from firstdraw.experiments.run import laws_of, problem_of
from firstdraw.losses import Loss
from firstdraw.networks import MultilayerPerceptron

__all__ = ["Estimate", "estimate"]

# Short enough to be waited for.
BUDGET: Final = 2.0
# Of one kind of cell: below it the clock and the start of threads are seen, not the training, and above it no more.
SHORTEST: Final = 0.01
LONGEST: Final = 0.4
# A training that is too short to be timed is made longer by this factor at most, for the first one is slow by itself.
FASTEST_GROWTH: Final = 10
MOST_TRIALS: Final = 6


@dataclass(frozen=True, slots=True)
class Estimate:
    """What running a grid takes.

    Args:
        cells: how many specs there are.
        runs: how many networks all of them train.
        steps: how many steps these make together.
        seconds: how long the training lasts, cell after cell; less where runs diverge, or are shared by cells.
        bytes: the memory that the initial parameters and the records of all runs take.
        largest_cell_bytes: the same for the cell whose runs take most.
        kinds: how many kinds of cells there are that train at a pace of their own.
        measured: the numbers of the cells whose pace was measured, from 0, those with most work first; the pace of the
            others is that of the most similar one in proportion to their multiplications.
    """

    cells: int
    runs: int
    steps: int
    seconds: float
    bytes: int
    largest_cell_bytes: int
    kinds: int
    measured: tuple[int, ...]


class _Kind(NamedTuple):
    """What the pace of training depends on."""

    network: MultilayerPerceptron
    loss: Loss
    rule: type
    precision: Precision
    batch: int
    train: int
    test: int

    @property
    def step_work(self) -> int:
        """The multiplications of a step of one network, up to a constant factor."""
        return self.batch * self.network.parameter_count

    @property
    def record_work(self) -> int:
        """The multiplications of a record of one network, up to a constant factor."""
        return (self.train + self.test) * self.network.parameter_count


@dataclass(frozen=True, slots=True)
class _Load:
    """What one cell is made of: its number, a problem like it, and how much of it there is to train."""

    number: int
    cell: Cell
    problem: Problem
    kind: _Kind
    calls: int
    turns: int
    records: int
    bytes: int

    @property
    def work(self) -> int:
        steps = self.problem.steps
        return self.turns * (steps * self.kind.step_work + self.records * self.kind.record_work)


@dataclass(frozen=True, slots=True)
class _Pace:
    """Seconds of a call, of the draws of a network, of a step and of a record."""

    call: float
    draw: float
    step: float
    record: float

    def seconds(self, load: _Load) -> float:
        """Return how long a cell of the kind that was measured trains."""
        training = load.problem.steps * self.step + load.records * self.record
        return load.calls * self.call + load.cell.runs * self.draw + load.turns * training

    def scaled(self, measured: _Kind, other: _Kind) -> _Pace:
        """Return the pace of another kind, in proportion to its multiplications."""
        draw = other.network.parameter_count / measured.network.parameter_count
        step, record = other.step_work / measured.step_work, other.record_work / measured.record_work
        return _Pace(self.call, self.draw * draw, self.step * step, self.record * record)


def estimate(grid: Grid, engine: Engine, clock: Callable[[], float], budget: float = BUDGET) -> Estimate:
    """Return what running a grid takes; nothing but the calibration is trained.

    Args:
        grid: what would be run.
        engine: what would train it.
        clock: returns the time in seconds; read around each trial.
        budget: the seconds after which no further kind of cell is measured. The time of one kind is not bounded: it is
            trained for at least a step and a record.

    Raises:
        InputError: if the parts of a cell's spec do not fit each other.
    """
    loads = list(_loads(grid, engine))
    work: Counter[_Kind] = Counter()
    first: dict[_Kind, _Load] = {}
    for load in loads:
        work[load.kind] += load.work
        first.setdefault(load.kind, load)
    share = min(max(budget / len(work), SHORTEST), LONGEST)
    measured: dict[_Kind, _Pace] = {}
    started = clock()
    for kind, _ in work.most_common():
        if measured and clock() - started >= budget:
            break
        measured[kind] = _measured(first[kind], engine, clock, share)
    paces = {kind: _pace(kind, measured) for kind in work}
    return Estimate(
        cells=len(grid),
        runs=grid.runs,
        steps=grid.steps,
        seconds=sum(paces[load.kind].seconds(load) for load in loads),
        bytes=sum(load.bytes for load in loads),
        largest_cell_bytes=max(load.bytes for load in loads),
        kinds=len(work),
        measured=tuple(first[kind].number for kind in measured),
    )


def _loads(grid: Grid, engine: Engine) -> Iterator[_Load]:
    """Yield what each cell of a grid is made of."""
    for number, (cell, examples) in enumerate(load_cells(grid)):
        spec = cell.spec
        with in_cell(cell.coordinates):
            problem = problem_of(spec, examples)
        # Learning rates of a parametrization make another task, and another call.
        groups = Counter(start.parametrization for start in spec.initializations).values()
        runs = [starts * len(spec.seeds) for starts in groups]
        yield _Load(
            number=number,
            cell=cell,
            problem=problem,
            kind=_kind(problem),
            calls=len(runs),
            turns=sum(-(-count // engine.at_once) for count in runs),
            records=len(spec.recording.steps(spec.training.steps)),
            bytes=sum(record_bytes(problem, count) for count in runs) + cell.runs * _drawn_bytes(problem),
        )


def _drawn_bytes(problem: Problem) -> int:
    """Return how many bytes the parameters of a network take as they are drawn, in float64."""
    return problem.network.parameter_count * np.dtype(np.float64).itemsize


def _kind(problem: Problem) -> _Kind:
    train = problem.train.X.shape[1]
    batch = train if (size := problem.batches.size) is None else min(size, train)
    test = 0 if problem.test is None else problem.test.X.shape[1]
    return _Kind(problem.network, problem.loss, type(problem.optimizer), problem.precision, batch, train, test)


def _pace(kind: _Kind, measured: dict[_Kind, _Pace]) -> _Pace:
    """Return the pace of a kind as it was measured, or in proportion to that of the most similar kind."""

    def distance(other: _Kind) -> tuple[bool, bool, bool, float]:
        return (
            other.network.activation != kind.network.activation,
            other.precision != kind.precision,
            other.rule is not kind.rule,
            abs(math.log(other.step_work / kind.step_work)),
        )

    if kind in measured:
        return measured[kind]
    nearest = min(measured, key=distance)
    return measured[nearest].scaled(nearest, kind)


def _measured(load: _Load, engine: Engine, clock: Callable[[], float], share: float) -> _Pace:
    """Time trainings of the first networks of a cell, longer and longer, and fit the pace to them."""
    _starts(load.cell, engine)  # what is done for the first time takes longer
    started = clock()
    parameters, seeds = _starts(load.cell, engine)
    draw = (clock() - started) / len(seeds)
    # Networks that stand still take the time of others, and none diverges before its last step.
    standing = replace(load.problem, learning_rate_factors=(0.0,) * len(load.problem.network.roles))

    def trial(steps: int, every: int) -> _Trial:
        problem = replace(standing, steps=steps, recording=Recording(every))
        started = clock()
        engine.train(problem, parameters, seeds, None)
        seconds = clock() - started
        return _Trial(steps, len(problem.recording.steps(steps)), seconds)

    trial(0, 1)
    start = trial(0, 1)
    # Two records and no less than their time of steps, by which these can be told.
    records = 2 * start.seconds
    trials = [start, *_longer(lambda steps: trial(steps, steps), max(share / 4, 2 * records), records)]
    # Beside a record that takes so long a call takes nothing, and there is no need to tell them apart.
    if start.seconds < share / 8:
        trials += _longer(lambda steps: trial(steps, 1), share / 4, 0.0)
        call, step, record = _fitted([(1, trial.steps, trial.records) for trial in trials], trials)
    else:
        call, (step, record) = 0.0, _fitted([(trial.steps, trial.records) for trial in trials], trials)
    return _Pace(call, draw, step, record)


class _Trial(NamedTuple):
    """A short training of some networks at once: the steps and the records of each, and how long it took."""

    steps: int
    records: int
    seconds: float


def _longer(trial: Callable[[int], _Trial], enough: float, constant: float) -> Iterator[_Trial]:
    """Yield trials of more and more steps until one has taken long enough.

    Args:
        trial: trains for a number of steps.
        enough: the seconds that are long enough.
        constant: the part of them that does not grow with the steps.
    """
    steps = 1
    for _ in range(MOST_TRIALS):
        made = trial(steps)
        yield made
        if made.seconds >= enough:
            return
        growing = max(made.seconds - constant, (enough - constant) / FASTEST_GROWTH)
        steps *= max(2, math.ceil((enough - constant) / growing))


def _fitted(counts: Sequence[tuple[int, ...]], trials: Sequence[_Trial]) -> list[float]:
    """Return the seconds of what was counted, none below 0: least squares for errors that grow as the root of time."""
    matrix, seconds = np.array(counts, np.float64), np.array([trial.seconds for trial in trials])
    scale = matrix.max(axis=0)
    weights = 1 / np.sqrt(np.maximum(seconds, np.finfo(np.float64).tiny))
    solution, _ = nnls(matrix / scale * weights[:, np.newaxis], seconds * weights)
    return [float(value) for value in solution / scale]


def _starts(cell: Cell, engine: Engine) -> tuple[Floats, tuple[int, ...]]:
    """Return the initial parameters `[n, P]` of as many networks as are trained at once, and the seed of each."""
    spec, laws = cell.spec, laws_of(cell.spec)
    runs = [(own, seed) for seed in spec.seeds for own in laws][: engine.at_once]
    return (
        np.array([spec.network.draw(own, DRAWS[spec.draws](seed)) for own, seed in runs]),
        tuple(seed for _, seed in runs),
    )
