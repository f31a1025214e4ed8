"""The statistics of experiments that were run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firstdraw import Result
from firstdraw.diagnosis import failures
from firstdraw.errors import InputError
from firstdraw.experiments import ExperimentRecord
from firstdraw.experiments.statistics import (
    MEASURES,
    Runs,
    has_seeds_enough,
    is_failed,
    rank,
    ranking_of,
    survival,
    times_of,
)

Run = Callable[..., ExperimentRecord]
EIGHT = "seeds=[0, 1, 2, 3, 4, 5, 6, 7]"
STARTS = [
    {"label": "zeros", "weights": "zeros"},
    {"label": "He", "weights": "he_normal"},
    {"label": "too large", "weights": {"name": "normal", "standard_deviation": 1e200}},
]


@pytest.fixture(scope="module")
def record(run_small: Run) -> ExperimentRecord:
    """Of these, one learns nothing, one learns, and one diverges."""
    return run_small(EIGHT, "training.steps=200", "network.activation=relu", initializations=STARTS)


def test_a_run_fails_that_diverges_or_learns_nothing(record: ExperimentRecord) -> None:
    failed = {label: [is_failed(run) for run in record.runs_of(label)] for label in ("zeros", "too large")}
    assert failed == {"zeros": [True] * 8, "too large": [True] * 8}
    assert {run.trajectory.outcomes[0].diverged for run in record.runs_of("too large")} == {True}
    for run in record.runs_of("He"):
        learned = run.trajectory.cost[0].min() < 0.99 * np.log(2)
        assert is_failed(run) != learned
    assert not all(is_failed(run) for run in record.runs_of("He"))


@pytest.mark.parametrize("settings", [(), ("training.steps=0",), ("training.steps=20",), ("recording.every=7",)])
def test_the_failures_of_many_runs_at_once_are_those_that_their_findings_tell(
    run_small: Run, settings: tuple[str, ...]
) -> None:
    record = run_small(EIGHT, "training.steps=200", *settings, "network.activation=relu", initializations=STARTS)
    for start in STARTS:
        runs = record.runs_of(start["label"])
        cost = np.array([run.trajectory.cost[0] for run in runs])
        diverged = np.array([run.trajectory.outcomes[0].diverged for run in runs])
        constant = runs[0].measured.start.constant_cost
        told = failures(runs[0].trajectory.steps, cost, diverged, constant)
        assert told.tolist() == [is_failed(run) for run in runs]


@pytest.mark.parametrize("measure", MEASURES)
def test_the_ranking_of_a_record_is_that_of_its_last_records(record: ExperimentRecord, measure: str) -> None:
    chosen = MEASURES[measure]
    starts = [
        Runs(
            start["label"],
            np.array([getattr(run.trajectory, chosen.records)[0, -1] for run in record.runs_of(start["label"])]),
            np.array([is_failed(run) for run in record.runs_of(start["label"])]),
        )
        for start in STARTS
    ]
    assert ranking_of(record, measure, level=0.9, seed=2) == rank(
        starts,
        measure=chosen.title,
        higher_is_better="accuracy" in measure,
        pattern=chosen.pattern,
        level=0.9,
        seed=2,
    )


def test_what_learns_is_first_and_what_diverges_last(record: ExperimentRecord) -> None:
    found = ranking_of(record)
    assert (found.rows[0].label, found.rows[-1].label) == ("He", "too large")
    assert found.rows[-1].median.value == np.inf
    assert Result(record).ranking() == found
    assert Result(record).ranking("test_accuracy", level=0.5) == ranking_of(record, "test_accuracy", level=0.5)


@pytest.mark.parametrize(
    ("seeds", "starts", "enough"),
    [([0, 1, 2, 3], STARTS, False), ([0, 1, 2, 3, 4], STARTS, True), ([0, 1, 2, 3, 4], STARTS[:1], False)],
)
def test_a_ranking_is_told_unasked_from_five_seeds_on(
    run_small: Run, seeds: list[int], starts: list[dict[str, Any]], enough: bool
) -> None:
    assert has_seeds_enough(run_small(f"seeds={seeds}", initializations=starts)) == enough


def test_runs_reach_a_share_of_what_guessing_costs(record: ExperimentRecord) -> None:
    runs = record.runs_of("He")
    found = times_of(runs, share=0.95)
    for run, step, reached in zip(runs, found.steps, found.reached, strict=True):
        expected = run.trajectory.step_of(run.trajectory.cost[0] <= 0.95 * np.log(2))
        assert (expected if reached else None) == (step if reached else expected)
        assert reached or step == 200
    assert survival(found).reached == sum(run.trajectory.cost[0].min() <= 0.95 * np.log(2) for run in runs) > 0
    never = times_of(record.runs_of("too large"), share=0.95)
    assert (never.steps.tolist(), never.reached.any()) == ([200.0] * 8, False)
    leaving = times_of(record.runs_of("too large"), share=0.95, leave_at_divergence=True)
    assert (leaving.steps < 200).all()


def test_a_result_tells_the_steps_of_every_initialization(record: ExperimentRecord) -> None:
    found = Result(record).steps_to(0.95, level=0.8)
    assert list(found) == ["zeros", "He", "too large"]
    for label, curve in found.items():
        expected = survival(times_of(record.runs_of(label), share=0.95), level=0.8)
        assert (curve.median, curve.level, curve.reached) == (expected.median, 0.8, expected.reached)
        np.testing.assert_array_equal(curve.share, expected.share)
    assert found["He"].reached > found["zeros"].reached == 0


def test_a_measure_that_is_not_there_is_refused(record: ExperimentRecord, run_small: Run) -> None:
    with pytest.raises(InputError) as caught:
        ranking_of(record, "loss")
    assert str(caught.value) == (
        "`measure` must be 'train_cost', 'test_cost', 'train_accuracy' or 'test_accuracy', got 'loss'"
    )
    untested = run_small(EIGHT, data={"name": "circles", "train_size": 40, "test_size": 0}, initializations=STARTS)
    with pytest.raises(InputError) as caught:
        ranking_of(untested, "test_cost")
    assert str(caught.value) == "`measure` must be one that the runs have, and all of theirs is NaN, got 'test_cost'"
    assert ranking_of(untested).rows[0].label


def test_times_of_nothing_are_refused(record: ExperimentRecord) -> None:
    with pytest.raises(InputError) as caught:
        times_of((), share=0.5)
    assert str(caught.value) == "`runs` must have one entry or more, and is empty"
    with pytest.raises(InputError) as caught:
        times_of(record.runs, share=0.0)
    assert str(caught.value) == "`share` must be a finite number above 0, got 0.0"
