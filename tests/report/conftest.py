"""Small results to tell."""

from __future__ import annotations

from typing import Any

import pytest

import firstdraw
from firstdraw import Result
from firstdraw.experiments import ExperimentRecord
from firstdraw.laboratory import claims_of

TABLE: dict[str, Any] = {
    "title": "small",
    "seeds": [0, 1, 2],
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 6, 1]},
    "training": {"loss": "binary_cross_entropy", "optimizer": {"name": "sgd", "learning_rate": 0.5}, "steps": 20},
    "recording": {"every": 5, "snapshots": [0, 20]},
    "initializations": [
        {"label": "zeros", "weights": "zeros"},
        {"label": "He", "weights": "he_normal"},
        {"label": "x100", "weights": {"name": "normal", "standard_deviation": 100.0}},
    ],
}


@pytest.fixture(scope="session")
def table() -> dict[str, Any]:
    return TABLE


@pytest.fixture(scope="session")
def result() -> Result:
    """Three initializations with three seeds each; one of them starts at an infinite textbook cost."""
    return firstdraw.run(TABLE)


@pytest.fixture(scope="session")
def diverged() -> Result:
    """A run that diverges on its way, without test examples."""
    return firstdraw.run(_too_fast(1e12))


@pytest.fixture(scope="session")
def ranked() -> Result:
    """Seeds enough for a ranking, and a start that diverges."""
    start = {"label": "too large", "weights": {"name": "normal", "standard_deviation": 1e200}}
    starts = {"initializations": [*TABLE["initializations"], start]}
    return firstdraw.run(TABLE | starts, settings=["seeds=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"])


@pytest.fixture(scope="session")
def astronomical() -> Result:
    """A run whose cost nearly overflows, but does not."""
    return firstdraw.run(_too_fast(1e6))


def _too_fast(rate: float) -> dict[str, Any]:
    training = {"loss": "squared_error", "optimizer": {"name": "sgd", "learning_rate": rate}, "steps": 20}
    return TABLE | {"training": training, "data": TABLE["data"] | {"test_size": 0}, "seeds": [0]}


@pytest.fixture(scope="session")
def exercise_result(exercise: ExperimentRecord) -> Result:
    return Result(exercise, claims_of(exercise), {"training": 6.5})
