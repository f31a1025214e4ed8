"""Steps to a share of the cost of guessing, of the series of a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firstdraw.errors import InputError
from firstdraw.experiments.grid_record import GridRecord
from firstdraw.experiments.statistics import Times, survival
from firstdraw.experiments.statistics.steps_to import leaving, steps_to

TABLE: dict[str, Any] = {
    "seeds": 6,
    "data": {"name": "xor", "train_size": 40, "test_size": 0},
    "network": {"widths": [2, 8, 1], "activation": "tanh"},
    "training": {"loss": "binary_cross_entropy", "optimizer": {"name": "sgd", "learning_rate": 0.5}, "steps": 60},
    "recording": {"every": 5},
    "initializations": [{"label": "zeros", "weights": "zeros"}, {"label": "He", "weights": "he_normal"}],
    "axes": [{"training.steps": [30, 60]}],
}


@pytest.fixture(scope="module")
def record(run_grid: Callable[[dict[str, Any]], GridRecord]) -> GridRecord:
    return run_grid(TABLE)


@pytest.mark.parametrize("share", [0.95, 0.99, 1.5])
def test_the_share_of_runs_is_counted(record: GridRecord, share: float) -> None:
    for series in record.series:
        for one in series:
            found = steps_to([one], share)
            below = one.runs.cost <= share * one.constant_cost
            for step, left in zip(found.steps.tolist(), found.share.tolist(), strict=True):
                # Nobody stops being watched before the last record.
                there = below[:, one.runs.steps <= step].any(axis=1)
                assert left == pytest.approx(1 - there.mean())


def test_series_are_taken_together(record: GridRecord) -> None:
    together = [series[1] for series in record.series]
    found = steps_to(together, 0.95)
    assert found.runs == 12
    assert found.reached == sum(steps_to([one], 0.95).reached for one in together)


def test_what_no_run_has_is_refused(record: GridRecord) -> None:
    with pytest.raises(InputError) as caught:
        steps_to([], 0.5)
    assert str(caught.value) == "`series` must have one run or more, and has none"
    with pytest.raises(InputError, match="`share` must be"):
        steps_to(record.series[0], 0.0)


@pytest.mark.parametrize(
    ("steps", "reached", "expected"),
    [([1, 2, 3], [1, 1, 1], [False, False, False]), ([4, 4], [0, 0], [True]), ([1, 5, 5], [1, 0, 1], [False, True])],
)
def test_runs_leave_where_the_share_stays_or_some_are_left_at_the_end(
    steps: list[int], reached: list[int], expected: list[bool]
) -> None:
    assert leaving(survival(Times(np.array(steps), np.array(reached)))).tolist() == expected
