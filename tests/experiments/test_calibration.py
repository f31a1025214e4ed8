"""Estimates of time and memory: against a machine whose pace is known, and against what runs leave."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, cast

import numpy as np
import pytest

from firstdraw.arrays import Floats
from firstdraw.engine import Engine, Problem, Progress, Trajectory, engine_named, native, record_bytes
from firstdraw.experiments import Grid, prepare_cells, read_grid_table, run_together
from firstdraw.experiments.calibration import estimate

ENGINES = ["reference", *(["native"] if native.is_built() else [])]

BASE: dict[str, Any] = {
    "seeds": 5,
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 8, 1], "activation": "tanh"},
    "training": {"loss": "binary_cross_entropy", "steps": 1000, "batch_size": 8},
    "initializations": [{"label": name, "weights": name} for name in ("he_normal", "glorot_uniform", "zeros")],
}
AXES = [
    {"network.activation": ["relu", "tanh"]},
    {"network.depth": [2, 3, 6]},
    {"training.optimizer.learning_rate": [0.1, 0.2], "training.steps": [500, 1000]},
]


def _grid(*axes: dict[str, Any], **parts: Any) -> Grid:
    return read_grid_table(BASE | parts | {"axes": list(axes)})


@dataclass
class Machine:
    """An engine that trains nothing, and a clock that says how long it would have taken.

    Args:
        call: the seconds of a call.
        step: the seconds of a step of one network, times its multiplications.
        record: the same of a record.
        at_once: how many networks are trained at a time.
        tick: the seconds that reading the clock takes.
    """

    call: float
    step: float
    record: float
    at_once: int = 2
    tick: float = 0.0
    now: float = 0.0
    trained: list[tuple[Problem, Floats, tuple[int, ...]]] = field(default_factory=list)

    def clock(self) -> float:
        self.now += self.tick
        return self.now

    def seconds(self, problem: Problem, networks: int) -> float:
        """How long a call takes, counted from the problem."""
        P, m = problem.network.parameter_count, problem.train.X.shape[1]
        examples = m + (0 if problem.test is None else problem.test.X.shape[1])
        step = self.step * P * min(problem.batches.size or m, m)
        record = self.record * P * examples
        records = len(problem.recording.steps(problem.steps))
        return self.call + np.ceil(networks / self.at_once) * (problem.steps * step + records * record)

    @property
    def engine(self) -> Engine:
        def train(problem: Problem, starts: Floats, seeds: tuple[int, ...], progress: Progress | None) -> Trajectory:
            assert progress is None
            self.trained.append((problem, starts, seeds))
            self.now += self.seconds(problem, len(seeds))
            return cast("Trajectory", None)

        return Engine("reference", train, self.at_once)


# From a network whose steps take microseconds to one whose first step takes longer than there is time for.
PACES = {"fast": 1e-9, "slow": 1e-6, "very slow": 1e-3}


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("at_once", [1, 2, 16])
def test_the_time_is_that_of_a_machine_whose_pace_is_known(pace: str, at_once: int) -> None:
    # Of the slow ones a call is not told apart from a record, and takes nothing.
    machine = Machine(1e-4 if pace == "fast" else 0.0, PACES[pace], 2 * PACES[pace], at_once)
    grid = _grid(*AXES)
    found = estimate(grid, machine.engine, machine.clock)
    truth = sum(machine.seconds(item.problem, 3 * 5) for item in prepare_cells(grid))
    assert found.seconds == pytest.approx(truth, rel=1e-6)
    assert (found.cells, found.runs, found.steps, found.kinds) == (12, 180, 6 * 15 * 1500, 6)


@pytest.mark.parametrize("parts", [{"batch_size": 16}, {"batch_size": 1000}, {"optimizer": "adam"}, {"steps": 0}])
def test_full_batches_other_rules_and_no_steps_are_counted_as_they_are(parts: dict[str, Any]) -> None:
    machine = Machine(1e-4, 1e-8, 3e-8)
    grid = _grid({"network.depth": [2, 5]}, training=BASE["training"] | parts)
    truth = sum(machine.seconds(item.problem, 15) for item in prepare_cells(grid))
    assert estimate(grid, machine.engine, machine.clock).seconds == pytest.approx(truth, rel=1e-6)


def test_each_parametrization_is_a_call_of_its_own() -> None:
    machine = Machine(0.001, 1e-9, 1e-9)
    starts = [{"label": str(width), "parametrization": {"name": "mup", "base_width": width}} for width in (4, 8)]
    grid = _grid(initializations=[*BASE["initializations"], *starts])
    (prepared,) = prepare_cells(grid)
    truth = sum(machine.seconds(prepared.problem, networks) for networks in (15, 5, 5))
    assert estimate(grid, machine.engine, machine.clock).seconds == pytest.approx(truth, rel=1e-6)


def test_without_time_the_most_work_is_measured_and_the_rest_is_in_proportion() -> None:
    machine = Machine(1e-4, 1e-8, 3e-8)
    grid = _grid(*AXES)
    found = estimate(grid, machine.engine, machine.clock, budget=0.0)
    truth = sum(machine.seconds(item.problem, 15) for item in prepare_cells(grid))
    assert found.seconds == pytest.approx(truth, rel=1e-6)
    assert [grid.cells[number].label for number in found.measured] == [
        "activation = relu, depth = 6, learning_rate = 0.1, steps = 500"
    ]
    assert (found.kinds, {problem.network.depth for problem, *_ in machine.trained}) == (6, {6})


def test_the_calibration_is_short() -> None:
    """Of 300 kinds as many are measured as there is time for; no kind takes much more than its share."""
    machine = Machine(1e-4, 1e-8, 3e-8)
    grid = _grid({"network.depth": list(range(2, 12))}, {"network.widths[1]": list(range(1, 31))})
    found = estimate(grid, machine.engine, machine.clock, budget=2.0)
    assert 1 < len(found.measured) < found.kinds == 300
    assert 2.0 <= machine.now < 2.1
    machine = Machine(1e-4, 1e-8, 3e-8)
    assert len(estimate(_grid(*AXES), machine.engine, machine.clock, budget=2.0).measured) == 6
    assert machine.now < 4.0


def test_the_draws_are_timed() -> None:
    """A clock that takes a millisecond to read: two networks are drawn in one, and each call takes one."""
    machine = Machine(0.0, 0.0, 0.0, tick=0.001)
    found = estimate(_grid(), machine.engine, machine.clock)
    assert found.seconds == pytest.approx(0.001 + 15 * 0.0005, rel=1e-6)


def test_the_networks_of_the_calibration_stand_still_where_their_runs_start() -> None:
    machine = Machine(1e-4, 1e-8, 3e-8, at_once=4)
    grid = _grid({"network.depth": [3]})
    estimate(grid, machine.engine, machine.clock)
    (record,) = run_together(tuple(prepare_cells(grid)))
    starts = [item.start for seed in (0, 1) for item in record.runs if item.seed == seed][:4]
    for _, parameters, seeds in machine.trained:
        assert seeds == (0, 0, 0, 1)
        assert np.array_equal(parameters, starts)
    longer = next(problem for problem, *_ in machine.trained if problem.steps > 1)
    trajectory = engine_named("reference").train(longer, np.array(starts), (0, 0, 0, 1), None)
    assert np.array_equal(trajectory.final, trajectory.initial)


def test_fewer_runs_than_are_trained_at_once_take_a_turn() -> None:
    machine = Machine(1e-4, 1e-8, 3e-8, at_once=16)
    grid = _grid(seeds=1, initializations=BASE["initializations"][:1])
    (prepared,) = prepare_cells(grid)
    found = estimate(grid, machine.engine, machine.clock)
    assert found.seconds == pytest.approx(machine.seconds(prepared.problem, 1), rel=1e-6)
    assert {len(seeds) for *_, seeds in machine.trained} == {1}


# Memory.


def _bytes(trajectory: Trajectory) -> int:
    return sum(getattr(trajectory, item.name).nbytes for item in fields(trajectory) if item.name != "outcomes")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("steps", [0, 10, 12])
def test_the_bytes_of_records_are_those_of_their_arrays(
    random_parameters: Callable[..., Floats], engine: str, precision: str, steps: int
) -> None:
    grid = _grid(
        training=BASE["training"] | {"steps": steps, "precision": precision},
        recording={"every": 5, "snapshots": [0, 3, 3, 11]},
    )
    (prepared,) = prepare_cells(grid)
    problem = prepared.problem
    trajectory = engine_named(engine).train(problem, random_parameters(problem.network, 4), (0, 1, 2, 3), None)
    assert record_bytes(problem, 4) == _bytes(trajectory)


@pytest.mark.parametrize("parts", [{}, {"precision": "float32"}, {"steps": 130}])
def test_the_memory_is_what_the_runs_of_each_cell_keep(parts: dict[str, Any]) -> None:
    grid = _grid(
        {"network.depth": [2, 3, 4]}, training=BASE["training"] | parts, recording={"every": 20, "snapshots": [0, 50]}
    )
    kept: list[int] = []
    for record in run_together(tuple(prepare_cells(grid))):
        moments = sum(
            array.nbytes for array in (record.runs[0].trajectory.steps, record.runs[0].trajectory.snapshot_steps)
        )
        kept.append(moments + sum(_bytes(item.trajectory) - moments + item.start.nbytes for item in record.runs))
    machine = Machine(1e-4, 1e-8, 3e-8)
    found = estimate(grid, machine.engine, machine.clock)
    assert (found.bytes, found.largest_cell_bytes) == (sum(kept), max(kept))


@pytest.mark.parametrize("engine", ENGINES)
def test_an_estimate_can_be_made_with_each_engine(engine: str) -> None:
    """By a clock that doubles when it is read, so that each trial is long; the counts are not the clock's."""
    readings = itertools.count()
    found = estimate(_grid({"network.depth": [2, 3]}, seeds=1), engine_named(engine), lambda: 2.0 ** next(readings))
    assert (found.cells, found.runs, found.steps, found.kinds, found.measured) == (2, 6, 6000, 2, (1,))
