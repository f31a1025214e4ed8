"""From a spec to its record: the same bits every time, whatever stands beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstdraw.engine import Trajectory, engine_named
from firstdraw.experiments import ExperimentRecord, prepare, read_table, total_steps
from firstdraw.experiments import run as run_prepared

Run = Callable[..., ExperimentRecord]
MINI_BATCHES = "training.batch_size=7"


def assert_same_bits(first: Trajectory, second: Trajectory) -> None:
    assert first.outcomes == second.outcomes
    for field in fields(first):
        if field.name != "outcomes":
            one, other = getattr(first, field.name), getattr(second, field.name)
            assert one.dtype == other.dtype
            assert one.tobytes() == other.tobytes(), field.name


@pytest.mark.parametrize(
    "settings",
    [(), (MINI_BATCHES,), ("training.precision=float32",), ("training.optimizer=adam",), ("draws=numpy_legacy",)],
    ids=["plain", "mini-batches", "float32", "adam", "legacy"],
)
def test_the_same_spec_gives_the_same_bits(run_small: Run, settings: tuple[str, ...]) -> None:
    first, second = run_small(*settings), run_small(*settings)
    for one, other in zip(first.runs, second.runs, strict=True):
        assert_same_bits(one.trajectory, other.trajectory)
        assert (one.findings, one.verdict, one.parameters) == (other.findings, other.verdict, other.parameters)


def test_running_touches_no_global_stream(run_small: Run) -> None:
    np.random.seed(5)  # noqa: NPY002  # the stream that must not be touched
    expected = np.random.RandomState(5).uniform()
    run_small("draws=numpy_legacy")
    assert np.random.uniform() == expected  # noqa: NPY002


@pytest.mark.parametrize("settings", [(), (MINI_BATCHES,)], ids=["full", "mini-batches"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_run_alone_is_the_run_among_others(
    run_small: Run, small_table: dict[str, Any], settings: tuple[str, ...], number: int
) -> None:
    start = small_table["initializations"][number]
    among = run_small(*settings, "seeds=[0, 1, 2]").runs_of(start["label"])[1]
    (alone,) = run_small(*settings, "seeds=[1]", initializations=[start]).runs
    assert_same_bits(alone.trajectory, among.trajectory)
    assert alone.seed == among.seed == 1


def test_runs_come_seed_by_seed_within_each_initialization(run_small: Run) -> None:
    record = run_small("seeds=[3, 1]")
    assert [(run.label, run.seed) for run in record.runs] == [
        (label, seed) for label in ("zeros", "He", "Glorot") for seed in (3, 1)
    ]


def test_seeds_give_different_draws(run_small: Run) -> None:
    first, second = run_small("seeds=[0, 1]").runs_of("He")
    assert not np.array_equal(first.trajectory.initial, second.trajectory.initial)


def test_biases_are_zero_unless_told_otherwise(run_small: Run) -> None:
    for run in run_small().runs:
        assert [item.law for item in run.parameters if item.name.endswith("bias")] == ["0", "0", "0"]


def test_biases_follow_the_law_they_are_given(run_small: Run) -> None:
    start = {"label": "both", "weights": "zeros", "biases": {"name": "normal", "standard_deviation": 0.5}}
    (run,) = run_small(initializations=[start]).runs
    weights = [item for item in run.parameters if item.name.endswith("weight")]
    biases = [item for item in run.parameters if item.name.endswith("bias")]
    assert all(item.drawn_standard_deviation == 0 for item in weights)
    assert all(item.standard_deviation == 0.5 for item in biases)
    assert all(item.drawn_mean != 0 for item in biases)


def test_biases_follow_the_law_of_biases_of_the_entry_they_are_given(run_small: Run) -> None:
    start = {"label": "transformer's", "weights": "zeros", "biases": "vision_transformer"}
    (run,) = run_small(initializations=[start]).runs
    first = next(item for item in run.parameters if item.name == "layers.1.bias")
    assert first.standard_deviation == 1e-6


def test_the_weights_do_not_depend_on_the_law_of_the_biases(run_small: Run) -> None:
    plain = {"label": "He", "weights": "he_normal"}
    (without,) = run_small(initializations=[plain]).runs
    (having,) = run_small(initializations=[plain | {"biases": "normal"}]).runs
    network = run_small().problem.network
    for one, other in zip(
        network.layers(without.trajectory.initial[0]), network.layers(having.trajectory.initial[0]), strict=True
    ):
        assert np.array_equal(one.W, other.W)


def test_multipliers_follow_a_law_of_their_own_and_are_1_by_default(run_small: Run) -> None:
    network = {"widths": [2, 4, 4, 4, 1], "branches": {"length": 1}}
    starts = [
        {"label": "plain", "weights": "he_normal"},
        {"label": "zeros", "weights": "he_normal", "multipliers": "zeros"},
        {"label": "drawn", "weights": "he_normal", "multipliers": {"name": "normal", "standard_deviation": 0.1}},
    ]
    record = run_small(network=network, initializations=starts)
    drawn = {
        run.label: {item.name: item.drawn_mean for item in run.parameters if item.name.startswith("branches.")}
        for run in record.runs
    }
    assert drawn["plain"] == {"branches.1.multiplier": 1, "branches.2.multiplier": 1}
    assert drawn["zeros"] == {"branches.1.multiplier": 0, "branches.2.multiplier": 0}
    assert len({*drawn["drawn"].values(), 0, 1}) == 4
    weights = [run.trajectory.initial[0] for run in record.runs]
    for name, *values in zip(
        [role.name for role in record.problem.network.roles],
        *[record.problem.network.parameters(theta) for theta in weights],
        strict=True,
    ):
        if name.startswith("layers."):
            assert all(np.array_equal(values[0], value) for value in values[1:])


def test_the_bias_law_of_the_initializer_itself_is_used_by_default(run_small: Run) -> None:
    (run,) = run_small(initializations=[{"label": "torch", "weights": "torch_default"}]).runs
    assert all(item.drawn_mean != 0 for item in run.parameters if item.name.endswith("bias"))


@pytest.mark.parametrize("seeds", [(0,), (2, 5)])
def test_a_parameter_record_holds_what_was_asked_and_what_was_drawn(run_small: Run, seeds: tuple[int, ...]) -> None:
    record = run_small(f"seeds={list(seeds)}")
    network = record.problem.network
    for run in record.runs:
        values = [part for layer in network.layers(run.trajectory.initial[0]) for part in (layer.W, layer.b)]
        assert [item.name for item in run.parameters] == [role.name for role in network.roles]
        for item, role, value in zip(run.parameters, network.roles, values, strict=True):
            law = run.initialization.weights.law(role)
            assert (item.law, item.mean, item.standard_deviation) == (str(law), law.mean, law.standard_deviation)
            assert item.drawn_mean == pytest.approx(value.mean(), rel=1e-12, abs=1e-15)
            assert item.drawn_standard_deviation == pytest.approx(value.std(), rel=1e-12, abs=1e-15)
            assert item.elements == value.size


def test_float32_is_float32_throughout_and_stays_near_float64(run_small: Run) -> None:
    double, single = run_small(), run_small("training.precision=float32")
    for one, other in zip(double.runs, single.runs, strict=True):
        assert other.trajectory.initial.dtype == other.trajectory.final.dtype == np.float32
        assert other.trajectory.snapshots.dtype == np.float32
        np.testing.assert_allclose(other.trajectory.cost, one.trajectory.cost, rtol=1e-4)
    assert not np.array_equal(double.runs[1].trajectory.cost, single.runs[1].trajectory.cost)


def test_every_initialization_of_a_seed_sees_the_same_mini_batches(run_small: Run) -> None:
    twins = [{"label": label, "weights": "he_normal"} for label in ("one", "other")]
    first, second = run_small(MINI_BATCHES, initializations=twins).runs
    assert_same_bits(first.trajectory, second.trajectory)
    (full, _) = run_small(initializations=twins).runs
    assert not np.array_equal(full.trajectory.final, first.trajectory.final)


def test_a_batch_of_all_examples_is_full_batch_training(run_small: Run) -> None:
    for one, other in zip(run_small().runs, run_small("training.batch_size=40").runs, strict=True):
        assert_same_bits(one.trajectory, other.trajectory)


def test_snapshots_are_the_parameters_at_their_steps(run_small: Run) -> None:
    record = run_small("recording.snapshots=[20, 0, 20, 99]")
    for run in record.runs:
        assert run.trajectory.snapshot_steps.tolist() == [0, 20]
        assert np.array_equal(run.trajectory.snapshots[0, 0], run.trajectory.initial[0])
        assert np.array_equal(run.trajectory.snapshots[0, 1], run.trajectory.final[0])


@pytest.mark.parametrize("name", ["iris", "digits", "wine"])
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "squared_error"])
def test_several_classes_are_learned(name: str, loss: str) -> None:
    dataset = read_table(_classes(name, loss)).data.load()
    widths = [len(dataset.features), 16, len(dataset.classes)]
    record = run_prepared(prepare(read_table(_classes(name, loss), [f"network.widths={widths}"])))
    (run,) = record.runs
    # Guessing gets a tenth of the digits and 40 % of the wines.
    assert run.trajectory.test_accuracy[0, -1] > 0.65
    assert run.trajectory.cost[0, -1] < run.trajectory.cost[0, 0]
    assert len(run.measured.end.output.predicted) == len(dataset.classes)
    assert sum(run.measured.end.output.predicted) == len(dataset.train)


def _classes(name: str, loss: str) -> dict[str, Any]:
    return {
        "data": {"name": name, "standardize": True},
        "network": {"widths": [1, 1]},
        "training": {
            "loss": loss,
            "optimizer": {"name": "adam", "learning_rate": 0.01},
            "steps": 150,
            "batch_size": 64,
        },
        "initializations": [{"label": "He", "weights": "he_normal"}],
    }


def test_regression_on_a_table_is_learned(tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 60)
    lines = [f"{value:.6f},{2 * value + 1:.6f}" for value in x]
    (tmp_path / "line.csv").write_text("x,y\n" + "\n".join(lines) + "\n", encoding="utf-8")
    table: dict[str, Any] = {
        "data": {"name": "csv", "path": "line.csv", "target": "y", "task": "regression"},
        "network": {"widths": [1, 8, 1], "activation": "tanh"},
        "training": {"loss": "squared_error", "optimizer": {"name": "adam", "learning_rate": 0.05}, "steps": 200},
        "initializations": [{"label": "Glorot", "weights": "glorot_normal"}],
    }
    record = run_prepared(prepare(read_table(table, folder=tmp_path)))
    (run,) = record.runs
    assert run.trajectory.cost[0, -1] < 0.01 * run.measured.start.constant_cost
    assert np.isnan(run.trajectory.train_accuracy).all()
    assert run.measured.end.output.right is None
    assert run.verdict.endswith(f"After 200 steps the cost is {run.measured.end.cost:.4g}.")


@pytest.mark.parametrize(
    ("rate", "batch_size", "optimizer", "told"),
    [
        (1e-3, None, "sgd", (1e-3, False)),
        (100.0, None, "sgd", (100.0, True)),
        (100.0, 2, "sgd", (None, False)),
        (100.0, None, "adam", (None, False)),
    ],
)
def test_the_sharpness_is_measured_where_it_may_bound_the_rate(
    rate: float, batch_size: int | None, optimizer: str, told: tuple[float | None, bool]
) -> None:
    batches: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
    table: dict[str, Any] = {
        "data": {"name": "circles", "train_size": 20, "test_size": 0},
        "network": {"widths": [2, 4, 1]},
        "training": {"loss": "bce", "optimizer": {"name": optimizer, "learning_rate": rate}, "steps": 2} | batches,
        "initializations": [{"label": "He", "weights": "he_normal"}],
    }
    measured = run_prepared(prepare(read_table(table))).runs[0].measured
    assert (measured.learning_rate, measured.sharpness is not None) == told
    assert measured.start.layers[0].update_ratio is not None


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("start", [{"weights": "he_normal"}, {"parametrization": {"name": "mup", "base_width": 2}}])
def test_the_update_ratio_is_that_of_the_first_step(start: dict[str, Any], optimizer: str) -> None:
    table: dict[str, Any] = {
        "data": {"name": "circles", "train_size": 20, "test_size": 0},
        "network": {"widths": [2, 8, 4, 1]},
        "training": {"loss": "bce", "optimizer": {"name": optimizer, "learning_rate": 0.1}, "steps": 1},
        "initializations": [{"label": "one"} | start],
    }
    (run,) = run_prepared(prepare(read_table(table)), engine=engine_named("reference")).runs
    network, trajectory = run.problem.network, run.trajectory
    before, after = (network.layers(theta[0]) for theta in (trajectory.initial, trajectory.final))
    for state, first, second in zip(run.measured.start.layers, before, after, strict=True):
        ratio = np.linalg.norm(second.W - first.W) / np.linalg.norm(first.W)
        assert state.update_ratio == pytest.approx(ratio, rel=1e-9)
    assert (run.measured.learning_rate is None) == (optimizer != "sgd" or "parametrization" in start)


def test_without_a_gradient_there_is_no_sharpness_to_measure() -> None:
    table: dict[str, Any] = {
        "data": {"name": "circles", "train_size": 20, "test_size": 0},
        "network": {"widths": [2, 4, 1]},
        "training": {"loss": "bce", "optimizer": {"name": "sgd", "learning_rate": 100.0}, "steps": 2},
        "initializations": [{"label": "zeros", "weights": "zeros"}],
    }
    assert run_prepared(prepare(read_table(table))).runs[0].measured.sharpness is None


def test_no_steps_measure_the_start_alone(run_small: Run) -> None:
    for run in run_small("training.steps=0").runs:
        assert run.trajectory.steps.tolist() == [0]
        assert np.array_equal(run.trajectory.initial, run.trajectory.final)
        # Of zeros there is no correlation, and nan equals nothing.
        assert repr(run.measured.start) == repr(run.measured.end)


def test_progress_adds_up_to_all_steps(small_table: dict[str, Any]) -> None:
    prepared = prepare(read_table(small_table, ["training.steps=620", "seeds=[0, 1]"]))
    made: list[int] = []
    run_prepared(prepared, made.append)
    assert sum(made) == total_steps((prepared,)) == 620 * 6


def test_a_test_part_may_be_missing(run_small: Run) -> None:
    for run in run_small("data.test_size=0").runs:
        assert np.isnan(run.trajectory.test_accuracy).all()
        assert np.isnan(run.trajectory.test_cost).all()
        assert np.isfinite(run.trajectory.train_accuracy).all()
