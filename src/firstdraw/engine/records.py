"""What both engines are given and fill: the parameters, the records, and the line to whoever waits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.draws.counter import LARGEST_SEED
from firstdraw.engine.problem import Problem
from firstdraw.errors import InputError
from firstdraw.rules import is_integer

__all__ = ["Progress", "check_parameters", "empty_records", "record_bytes"]

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
    layout = _layout(problem, len(parameters))
    records: dict[str, Any] = {name: np.full(shape, np.nan, dtype) for name, (shape, dtype) in layout.items()}
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite there, and the run diverges
        records["initial"] = parameters.astype(problem.precision)
    records["final"] = records["initial"].copy()
    return records


def record_bytes(problem: Problem, networks: int) -> int:
    """Return how many bytes the arrays of the trajectories of so many networks take.

    With R recorded steps, S snapshots, L layers and P parameters in a format of p bytes, n networks leave

        n (8 R (5 + 5 L) + p P (S + 2)) + 8 (R + S)

    bytes: five numbers a record and five a layer, the snapshots, the parameters before and after, and the steps.

    Args:
        problem: the training task.
        networks: n, how many networks are trained on it.
    """
    steps = problem.steps
    moments = problem.recording.steps(steps).nbytes + problem.recording.snapshot_steps(steps).nbytes
    ends = 2 * networks * problem.network.parameter_count * np.dtype(problem.precision).itemsize
    layout = _layout(problem, networks).values()
    return moments + ends + sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in layout)


def _layout(problem: Problem, networks: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return the shapes and formats of the arrays that training fills, but for the parameters at both ends."""
    R = len(problem.recording.steps(problem.steps))
    S = len(problem.recording.snapshot_steps(problem.steps))
    L, P = problem.network.depth, problem.network.parameter_count
    runs = ("cost", "textbook_cost", "test_cost", "train_accuracy", "test_accuracy")
    layers = ("activation_rms", "gradient_rms", "weight_rms", "distinct_units", "unit_difference")
    return {
        **dict.fromkeys(runs, ((networks, R), "float64")),
        **dict.fromkeys(layers, ((networks, R, L), "float64")),
        "snapshots": ((networks, S, P), problem.precision),
    }
