"""Small specs that train in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from firstdraw.experiments import ExperimentRecord, prepare, read_table
from firstdraw.experiments import run as run_prepared

SMALL: dict[str, Any] = {
    "title": "small",
    "seeds": [0],
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 4, 3, 1], "activation": "tanh"},
    "training": {"loss": "binary_cross_entropy", "optimizer": {"name": "sgd", "learning_rate": 0.5}, "steps": 20},
    "recording": {"every": 5, "snapshots": [0, 10]},
    "initializations": [
        {"label": "zeros", "weights": "zeros"},
        {"label": "He", "weights": "he_normal"},
        {"label": "Glorot", "weights": "glorot_uniform"},
    ],
}


@pytest.fixture(scope="session")
def small_table() -> dict[str, Any]:
    return SMALL


@pytest.fixture(scope="session")
def run_small() -> Callable[..., ExperimentRecord]:
    """Run the small spec with some parts of it replaced."""

    def run(*settings: str, **parts: Any) -> ExperimentRecord:
        return run_prepared(prepare(read_table(SMALL | parts, settings)))

    return run
