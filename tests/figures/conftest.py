"""Small records to draw: two classes, three classes, no plane, a divergence, hostile names."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from firstdraw.experiments import ExperimentRecord, prepare, read_table
from firstdraw.experiments import run as run_prepared

TWO_CLASSES: dict[str, Any] = {
    "seeds": [0, 1],
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 6, 1]},
    "training": {"loss": "binary_cross_entropy", "optimizer": {"name": "sgd", "learning_rate": 0.5}, "steps": 20},
    "recording": {"every": 5, "snapshots": [0, 10, 20]},
    "initializations": [{"label": "zeros", "weights": "zeros"}, {"label": "He", "weights": "he_normal"}],
}
DIVERGING = {"loss": "squared_error", "optimizer": {"name": "sgd", "learning_rate": 1e6}, "steps": 20}
TABLES: dict[str, dict[str, Any]] = {
    "two classes": TWO_CLASSES,
    "three classes": TWO_CLASSES
    | {
        "data": {"name": "blobs", "train_size": 30, "test_size": 9},
        "network": {"widths": [2, 6, 3]},
        "training": {"loss": "softmax_cross_entropy", "steps": 20},
    },
    "seven classes": TWO_CLASSES
    | {
        "data": {"name": "blobs", "train_size": 35, "test_size": 14, "classes": 7},
        "network": {"widths": [2, 6, 7]},
        "training": {"loss": "softmax_cross_entropy", "steps": 2},
    },
    "four features": TWO_CLASSES
    | {"data": "iris", "network": {"widths": [4, 6, 3]}, "training": {"loss": "softmax_cross_entropy", "steps": 20}},
    "diverging": TWO_CLASSES | {"training": DIVERGING, "seeds": [0]},
    "never finite": TWO_CLASSES
    | {
        "network": {"widths": [2, *[10] * 30, 1], "activation": "identity"},
        "seeds": [0],
        "initializations": [{"label": "x", "weights": {"name": "normal", "standard_deviation": 1e20}}],
    },
    "regression": TWO_CLASSES
    | {
        "data": {"name": "csv", "path": "line.csv", "target": "y", "task": "regression"},
        "network": {"widths": [1, 6, 1]},
        "training": {"loss": "squared_error", "steps": 20},
    },
    "no steps": TWO_CLASSES | {"training": {"loss": "binary_cross_entropy", "steps": 0}, "seeds": [0]},
}


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ExperimentRecord]:
    """A record by its name, run once a session."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "line.csv").write_text("x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(20)), encoding="utf-8")

    @cache
    def run(name: str) -> ExperimentRecord:
        return run_prepared(prepare(read_table(TABLES[name], folder=folder)))

    return run
