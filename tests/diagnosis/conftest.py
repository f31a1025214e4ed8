"""Small runs, each made to be sick in one way or to be healthy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from firstdraw.experiments import RunRecord, prepare, read_table
from firstdraw.experiments import run as run_prepared

CIRCLES: dict[str, Any] = {"name": "circles", "train_size": 60, "test_size": 20}
DEEP = [2, *[60] * 30, 1]
TANH = [2, 20, 20, 1]
EXERCISE = [2, 10, 5, 1]
RESIDUAL = [2, *[20] * 9, 1]


def _normal(deviation: float) -> dict[str, Any]:
    return {"name": "normal", "standard_deviation": deviation}


def _adam(rate: float) -> dict[str, Any]:
    return {"optimizer": {"name": "adam", "learning_rate": rate}}


def _branches(length: int, *, activated: bool = False) -> dict[str, Any]:
    return {"branches": {"length": length, "activated": activated}, "rate": 0.3, "steps": 300}


# widths, activation, weights, and what else is not as usual.
CASES: dict[str, tuple[list[int], str, Any, dict[str, Any]]] = {
    "deep Xavier": (DEEP, "relu", "xavier_fan_in", {}),
    "deep He": (DEEP, "relu", "he_normal", {}),
    "deep large": (DEEP, "relu", _normal(1.0), {"steps": 0}),
    "deep large, trained": (DEEP, "relu", _normal(1.0), {}),
    "tanh, large": (TANH, "tanh", _normal(30.0), {}),
    "sigmoid, large": (TANH, "sigmoid", _normal(30.0), {}),
    "tanh, Glorot": (TANH, "tanh", "glorot_normal", _adam(0.02) | {"steps": 300}),
    "tanh, Glorot, short": (TANH, "tanh", "glorot_normal", _adam(0.005) | {"steps": 150}),
    "zeros": (EXERCISE, "relu", "zeros", {}),
    "zeros, sigmoid": (EXERCISE, "sigmoid", "zeros", {}),
    "constant": (EXERCISE, "relu", {"name": "constant", "value": 0.5}, {}),
    "x10": (EXERCISE, "relu", _normal(10.0), {}),
    "x0.001": (EXERCISE, "relu", _normal(0.001), {}),
    "He": (EXERCISE, "relu", "he_normal", {"steps": 0}),
    "narrow": ([2, *[3] * 8, 1], "relu", "he_normal", {"seed": 2}),
    "far too fast": ([2, 10, 1], "relu", "he_normal", {"loss": "squared_error", "rate": 1e3, "steps": 100}),
    "far too fast at once": (EXERCISE, "relu", _normal(10.0), {"rate": 1e308}),
    "overflow": ([2, *[10] * 30, 1], "identity", _normal(1e20), {"steps": 10}),
    "far too slow": (EXERCISE, "relu", "he_normal", {"rate": 1e-8, "steps": 50}),
    "a line for moons": (
        [2, 1],
        "relu",
        "glorot_normal",
        _adam(0.1) | {"steps": 3000, "data": {"name": "moons", "train_size": 60, "test_size": 20}},
    ),
    "clouds": (
        [2, 4, 1],
        "tanh",
        "glorot_normal",
        {"rate": 0.5, "steps": 500, "data": {"name": "gaussian_clouds", "train_size": 60, "test_size": 20}},
    ),
    "ReZero": (RESIDUAL, "relu", "he_normal", _branches(1, activated=True) | {"multipliers": "zeros"}),
    "ReZero, untrained": (RESIDUAL, "tanh", "he_normal", _branches(2) | {"multipliers": "zeros", "steps": 0}),
    "SkipInit": (RESIDUAL, "relu", "he_normal", _branches(2) | {"multipliers": "zeros"}),
    "SkipInit, deep": ([2, *[20] * 101, 1], "relu", "he_normal", _branches(2) | {"multipliers": "zeros", "rate": 0.01}),
    "residual, unscaled": ([2, *[20] * 61, 1], "relu", "he_normal", _branches(2) | {"steps": 0}),
    "residual zeros": (RESIDUAL, "relu", "zeros", _branches(2) | {"multipliers": "zeros"}),
    "iris, zeros": ([4, 8, 3], "relu", "zeros", {"data": "iris", "loss": "softmax_cross_entropy", "steps": 100}),
}


@pytest.fixture(scope="session")
def run_case() -> Callable[[str], RunRecord]:
    """Run a case by its name, once a session."""

    @cache
    def run(name: str) -> RunRecord:
        widths, activation, weights, more = CASES[name]
        steps = more.get("steps", 20)
        multipliers = {key: value for key, value in more.items() if key == "multipliers"}
        table = {
            "data": more.get("data", CIRCLES),
            "seeds": [more.get("seed", 0)],
            "network": {"widths": widths, "activation": activation, "branches": more.get("branches", ())},
            "training": {
                "loss": more.get("loss", "binary_cross_entropy"),
                "optimizer": more.get("optimizer", {"name": "sgd", "learning_rate": more.get("rate", 0.1)}),
                "steps": steps,
            },
            "recording": {"every": max(1, steps // 20)},
            "initializations": [{"label": name, "weights": weights} | multipliers],
        }
        (only,) = run_prepared(prepare(read_table(table))).runs
        return only

    return run


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest, run_case: Callable[[str], RunRecord]) -> RunRecord:
    """Every case in turn."""
    return run_case(request.param)
