"""The native engine: the contract of the reference engine, compiled; many networks a call, spread over threads.

A result does not depend on the number of threads, on the other networks of the call or on their order: each network
is trained by one thread, from its own start and seed alone.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, cast

import numpy as np

from firstdraw import compiled
from firstdraw.activations import ACTIVATIONS
from firstdraw.arrays import Floats
from firstdraw.compiled import TARGETS, Target, best_target, is_built, targets
from firstdraw.draws.counter import key_of
from firstdraw.engine.optimizers import OPTIMIZERS
from firstdraw.engine.problem import Columns, Precision, Problem
from firstdraw.engine.records import Progress, check_parameters, empty_records
from firstdraw.engine.trajectory import Outcome, Trajectory
from firstdraw.errors import InputError
from firstdraw.losses import LOSSES
from firstdraw.rules import check_positive_integer

__all__ = ["FUNCTIONS", "TARGETS", "best_target", "evaluate", "is_built", "measured_peak", "targets", "train"]

# The orders of the enumerations in native/task.hpp.
ACTIVATION_CODES: Final[tuple[str, ...]] = (
    "identity",
    "relu",
    "leaky_relu",
    "tanh",
    "sigmoid",
    "softplus",
    "elu",
    "selu",
    "gelu",
    "silu",
    "sin",
    "erf",
)
LOSS_CODES: Final[tuple[str, ...]] = ("binary_cross_entropy", "softmax_cross_entropy", "squared_error")
OPTIMIZER_CODES: Final[tuple[str, ...]] = ("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop")
# The order of the enumeration in native/kernels.hpp.
FUNCTIONS: Final[tuple[str, ...]] = (
    "exponential",
    "exponential_minus_one",
    "logarithm_1p",
    "tanh",
    "sigmoid",
    "softplus",
    "erf",
    "normal",
    "normal_density",
    "sine",
    "cosine",
    "square_root",
)
# More than any machine has cores; a thread takes a stack and a workspace.
MOST_THREADS: Final = 1024
# Each epoch has its own key of 8 bytes, and takes about a microsecond to prepare.
MOST_EPOCHS: Final = 10_000_000
OPTIMIZER_SETTINGS: Final = ("learning_rate", "momentum", "beta_1", "beta_2", "decay", "weight_decay", "epsilon")


def measured_peak(precision: Precision, target: Target | None = None) -> float:
    """Measure how many floating-point operations a second one core makes, multiplying and adding, in registers."""
    return float(compiled.module.measured_peak(precision, TARGETS.index(target or best_target())))


def evaluate(function: str, x: Floats, target: Target | None = None) -> Floats:
    """Return one of the engine's own elementary functions of an array `[n]`, float64 or float32, in its precision.

    Args:
        function: one of `FUNCTIONS`.
        x: where to evaluate it.
        target: the instruction set; by default the widest that this machine has.
    """
    x = np.require(x, requirements=["C", "A"])
    y = np.empty_like(x)
    call = compiled.module.evaluate_float32 if x.dtype == np.float32 else compiled.module.evaluate_float64
    call(FUNCTIONS.index(function), x, y, TARGETS.index(target or best_target()))
    return y


def train(
    problem: Problem,
    parameters: Floats,
    seeds: tuple[int, ...],
    progress: Progress | None = None,
    *,
    threads: int | None = None,
    target: Target | None = None,
) -> Trajectory:
    """Train n networks on one problem.

    Args:
        problem: what to train, on what and how.
        parameters: the initial parameters `[n, P]`.
        seeds: one a network; the mini-batches are shuffled by it.
        progress: is told how the work advances, about twenty times a second.
        threads: how many networks are trained at a time; by default one a core.
        target: the instruction set; by default the widest that this machine has.

    Returns:
        The trajectories; a network that diverges stops, and the others go on.

    Raises:
        InputError: if `parameters` has the wrong shape, this machine lacks the instruction set, there are more than
            1,024 threads, or the mini-batches pass over the examples more than 10 million times.
        MemoryError: if there is no room for a network and a tile of examples a thread.
    """
    check_parameters(problem, parameters, seeds)
    if target is not None and target not in targets():
        raise InputError("target", f"must be one of {list(targets())}, what this machine has", target)
    if threads is not None:
        check_positive_integer("threads", threads)
        if threads > MOST_THREADS:
            raise InputError("threads", f"must be at most {MOST_THREADS:,}", threads)
    records = empty_records(problem, parameters)
    initial = records.pop("initial")
    outcomes = np.zeros((len(seeds), 3), np.int64)
    reported = 0

    def poll(steps: int) -> None:
        nonlocal reported
        if progress is not None and steps > reported:
            progress(steps - reported)
        reported = steps

    call = compiled.module.train_float64 if problem.precision == "float64" else compiled.module.train_float32
    call(
        _settings(problem, seeds),
        _part(problem.train),
        {} if problem.test is None else _part(problem.test),
        initial,
        records | {"outcome": outcomes},
        min(threads or compiled.cores(), max(len(seeds), 1), MOST_THREADS),
        TARGETS.index(target or best_target()),
        poll,
    )
    return Trajectory(
        steps=problem.recording.steps(problem.steps),
        snapshot_steps=problem.recording.snapshot_steps(problem.steps),
        outcomes=tuple(
            Outcome(bool(diverged), int(step), int(layer) if diverged else None) for diverged, step, layer in outcomes
        ),
        initial=initial,
        **records,
    )


def _settings(problem: Problem, seeds: tuple[int, ...]) -> dict[str, Any]:
    optimizer, activation = problem.optimizer, problem.network.activation
    given = {field.name: float(getattr(optimizer, field.name)) for field in fields(cast("Any", optimizer))}
    size, epochs = _shuffles(problem)
    if epochs > MOST_EPOCHS:
        raise InputError("steps", f"must make at most {MOST_EPOCHS:,} epochs, not {epochs:,}", problem.steps)
    factors = problem.learning_rate_factors
    keys = [key_of(f"batches.epoch.{epoch}", "uniform") for epoch in range(epochs)]
    return {
        "widths": np.array(problem.network.widths, np.int64),
        "branches": np.array(
            [(branch.first, branch.last, branch.activated) for branch in problem.network.branches], np.int64
        ).reshape(-1, 3),
        "activation": ACTIVATION_CODES.index(ACTIVATIONS.name_of(activation)),
        "slope": float(getattr(activation, "slope", getattr(activation, "alpha", 0.0))),
        "loss": LOSS_CODES.index(LOSSES.name_of(problem.loss)),
        "optimizer": OPTIMIZER_CODES.index(OPTIMIZERS.name_of(optimizer)),
        **{name: given.get(name, 0.0) for name in OPTIMIZER_SETTINGS},
        **({} if factors is None else {"learning_rate_factors": np.array(factors, np.float64)}),
        "steps": problem.steps,
        "batch": size,
        "epoch_keys": np.array(keys, np.uint32).reshape(-1, 2),
        "seeds": np.array(seeds, np.uint64),
        "record_steps": problem.recording.steps(problem.steps).astype(np.int64),
        "snapshot_steps": problem.recording.snapshot_steps(problem.steps).astype(np.int64),
    }


def _shuffles(problem: Problem) -> tuple[int, int]:
    """Return the size of a mini-batch and how many shuffles the steps need; 0 and 0 for full batches."""
    examples = problem.train.X.shape[1]
    size = problem.batches.size
    if size is None or problem.batches.is_full(examples):
        return 0, 0
    batches_an_epoch = -(-examples // size)
    return size, -(-problem.steps // batches_an_epoch)


def _part(columns: Columns) -> dict[str, Any]:
    """Return examples as the engine reads them: contiguous, aligned, class numbers as 64-bit integers if any."""
    part = {"X": np.require(columns.X, requirements=["C", "A"]), "Y": np.require(columns.Y, requirements=["C", "A"])}
    return part if columns.labels is None else part | {"labels": np.require(columns.labels, np.int64, ["C", "A"])}
