"""Runs that several experiments have are trained once, and leave what they would have left alone."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from firstdraw.engine import Engine, Problem, Progress, Trajectory, engine_named, native
from firstdraw.experiments import Prepared, batches_of, prepare, read_table, run, run_together, total_steps

ENGINES = ["reference", *(["native"] if native.is_built() else [])]


def _same_bits(first: Trajectory, second: Trajectory) -> None:
    assert first.outcomes == second.outcomes
    for field in fields(first):
        if field.name != "outcomes":
            one, other = getattr(first, field.name), getattr(second, field.name)
            assert (one.dtype, one.shape) == (other.dtype, other.shape), field.name
            assert one.tobytes() == other.tobytes(), field.name


def _prepared(table: dict[str, Any], *settings: str, **parts: Any) -> Prepared:
    return prepare(read_table(table | parts, settings))


def _counting(engine: Engine, steps: list[int]) -> Engine:
    """An engine that writes down how many networks it was given, times their steps."""

    def train(problem: Problem, starts: Any, seeds: tuple[int, ...], progress: Progress | None) -> Trajectory:
        steps.append(problem.steps * len(seeds))
        return engine.train(problem, starts, seeds, progress)

    return replace(engine, train=train)


STARTS = [{"label": label, "weights": weights} for label, weights in (("He", "he_normal"), ("zeros", "zeros"))]
OVERLAPPING: dict[str, tuple[tuple[str, ...], dict[str, Any], int]] = {
    # The small spec has 3 initializations, 1 seed and 20 steps; how many steps are made beside its 60.
    "the same": ((), {}, 0),
    "another name": ((), {"initializations": [{"label": "He et al.", "weights": "he_normal"}]}, 0),
    "another title": (("title=other",), {}, 0),
    "more seeds": (("seeds=[0, 1]",), {}, 60),
    "shorter": (("training.steps=10",), {}, 0),
    "longer": (("training.steps=40",), {}, 60),
    "longer, of some": (("training.steps=40",), {"initializations": STARTS}, 40),
    "not on a record": (("training.steps=12",), {}, 36),
    "other records": (("recording.every=4",), {}, 60),
    "other snapshots": (("recording.snapshots=[5]",), {}, 60),
    "float32": (("training.precision=float32",), {}, 60),
    "another rate": (("training.optimizer.learning_rate=0.1",), {}, 60),
    "other data": (("data.noise=0.1",), {}, 60),
    "other draws": (("draws=numpy_legacy",), {}, 60),
    "another width": (("network.widths=[2, 5, 3, 1]",), {}, 60),
    "other learning rates": (
        (),
        {"initializations": [{"label": "He", "weights": "he_normal", "parametrization": {"name": "mup"}}]},
        20,
    ),
    "other biases": ((), {"initializations": [{"label": "He", "weights": "he_normal", "biases": "normal"}]}, 20),
}


@pytest.mark.parametrize("name", OVERLAPPING)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_size", [None, 7])
def test_together_they_leave_the_bits_that_each_leaves_alone(
    small_table: dict[str, Any], name: str, engine: str, batch_size: int | None
) -> None:
    settings, parts, further = OVERLAPPING[name]
    common = () if batch_size is None else (f"training.batch_size={batch_size}",)
    experiments = (_prepared(small_table, *common), _prepared(small_table, *common, *settings, **parts))
    made: list[int] = []
    reported: list[int] = []
    together = run_together(experiments, reported.append, _counting(engine_named(engine), made))
    assert sum(made) == sum(reported) == total_steps(experiments) == 60 + further
    for record, prepared in zip(together, experiments, strict=True):
        alone = run(prepared, engine=engine_named(engine))
        assert (record.spec, record.engine, record.problem) == (alone.spec, alone.engine, prepared.problem)
        for one, other in zip(record.runs, alone.runs, strict=True):
            assert (one.label, one.seed, one.parameters) == (other.label, other.seed, other.parameters)
            _same_bits(one.trajectory, other.trajectory)
            assert (one.findings, one.verdict) == (other.findings, other.verdict)


# With squared errors: none diverges, those of a seed at steps 26 and 14, at 7 and 5, all at 2.
@pytest.mark.parametrize(("rate", "first"), [(0.5, None), (1e12, 14), (1e50, 5), (1e160, 2)])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_divergence_is_where_it_was(small_table: dict[str, Any], rate: float, first: int | None, engine: str) -> None:
    training = {"loss": "squared_error", "optimizer": {"name": "sgd", "learning_rate": rate}}
    recording = {"every": 1, "snapshots": [0, 3]}
    around = range(first - 2, first + 3) if first is not None else (7,)
    experiments = [
        _prepared(small_table, training=training | {"steps": steps}, recording=recording) for steps in (*around, 40)
    ]
    together = run_together(experiments, engine=engine_named(engine))
    assert len(batches_of(experiments)) == 1
    diverged = {item.trajectory.outcomes[0].diverged for record in together for item in record.runs}
    assert diverged == ({False} if first is None else {True, False})
    for record, prepared in zip(together, experiments, strict=True):
        for one, other in zip(record.runs, run(prepared, engine=engine_named(engine)).runs, strict=True):
            _same_bits(one.trajectory, other.trajectory)


def test_the_longest_runs_come_first_in_one_batch_a_task(small_table: dict[str, Any]) -> None:
    experiments = [
        _prepared(small_table, "training.steps=10"),
        _prepared(small_table, "training.steps=40", initializations=STARTS),
        _prepared(small_table, "training.precision=float32"),
    ]
    batches = batches_of(experiments)
    assert [(batch.problem.steps, batch.problem.precision, len(batch.runs)) for batch in batches] == [
        (40, "float64", 2),
        (20, "float32", 3),
        (10, "float64", 1),
    ]
    # Where a shorter run ends the longer one keeps its parameters.
    assert batches[0].problem.recording.snapshot_steps(40).tolist() == [0, 10]


def test_a_trajectory_that_is_cut_at_its_end_is_whole(small_table: dict[str, Any]) -> None:
    trajectory = run(_prepared(small_table)).runs[1].trajectory
    _same_bits(trajectory.until(20, trajectory.snapshot_steps), trajectory)
    assert trajectory.until(20, np.array([10])).snapshot_steps.tolist() == [10]
