"""What both engines are given and fill: the parameters, the records, and the line to whoever waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.draws.counter import LARGEST_SEED
from firstdraw.engine.problem import Problem
from firstdraw.errors import InputError
from firstdraw.rules import is_integer

__all__ = ["Progress", "check_parameters", "empty_records"]

Progress = Callable[[int], None]
"""Called during training with the number of steps made since the last call, of all networks together."""


def check_parameters(problem: Problem, parameters: Floats, seeds: tuple[int, ...]) -> None:
    """Refuse initial parameters that are not one row of real numbers a seed, and seeds that no draws have."""
    if parameters.dtype.kind not in "fiu":
        raise InputError("parameters", "must be an array of real numbers", parameters.dtype)
    expected = (len(seeds), problem.network.parameter_count)
    if parameters.shape != expected:
        raise InputError("parameters", f"must have the shape {expected}, one row a seed", parameters.shape)
    for i, seed in enumerate(seeds):
        if not (is_integer(seed) and 0 <= seed <= LARGEST_SEED):
            raise InputError(f"seeds[{i}]", "must be an integer from 0 to 2^64 - 1", seed)


def empty_records(problem: Problem, parameters: Floats) -> dict[str, Any]:
    """Return the trajectory's arrays: NaN where nothing has been recorded yet."""
    n, P = parameters.shape
    R = len(problem.recording.steps(problem.steps))
    S = len(problem.recording.snapshot_steps(problem.steps))
    L = problem.network.depth
    shapes = {
        **dict.fromkeys(("cost", "textbook_cost", "test_cost", "train_accuracy", "test_accuracy"), (n, R)),
        **dict.fromkeys(
            ("activation_rms", "gradient_rms", "weight_rms", "distinct_units", "unit_difference"), (n, R, L)
        ),
    }
    records: dict[str, Any] = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
    records["snapshots"] = np.full((n, S, P), np.nan, problem.precision)
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite there, and the run diverges
        records["initial"] = parameters.astype(problem.precision)
    records["final"] = records["initial"].copy()
    return records
