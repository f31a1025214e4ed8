"""All that training needs beside the initial parameters, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.datasets import Dataset
from firstdraw.engine.batches import Batches
from firstdraw.engine.optimizers import Optimizer
from firstdraw.errors import InputError
from firstdraw.losses import LOSSES, BinaryCrossEntropy, Loss, Task
from firstdraw.networks import MultilayerPerceptron
from firstdraw.rules import check_non_negative, check_non_negative_integer, check_positive_integer

__all__ = ["Columns", "Precision", "Problem", "Recording", "columns"]

Precision = Literal["float64", "float32"]


@dataclass(frozen=True, slots=True)
class Columns:
    """Examples as the engine reads them: one column an example.

    Args:
        X: the inputs `[d, m]`.
        Y: the encoded targets `[k, m]`.
        labels: the class numbers `[m]`, or None for regression.
    """

    X: Floats
    Y: Floats
    labels: Integers | None


@dataclass(frozen=True, slots=True)
class Recording:
    """What a run writes down, and when.

    Args:
        every: a record of cost, accuracies and norms at steps 0, `every`, 2 `every`, ... and after the last step.
        snapshots: the steps at which the parameters are kept; a step counts the updates made before it.

    Raises:
        InputError: if one of them is not a step.

    >>> Recording(every=4).steps(10).tolist()
    [0, 4, 8, 10]
    """

    every: int = 100
    snapshots: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_positive_integer("every", self.every)
        for i, step in enumerate(self.snapshots):
            check_non_negative_integer(f"snapshots[{i}]", step)

    def steps(self, last: int) -> Integers:
        """Return the steps at which a run of `last` steps is recorded, in order."""
        return np.unique(np.append(np.arange(0, last + 1, self.every), last))

    def snapshot_steps(self, last: int) -> Integers:
        """Return the steps at which a run of `last` steps keeps its parameters, in order, each once."""
        return np.unique(np.array([step for step in self.snapshots if step <= last], np.int64))


@dataclass(frozen=True, slots=True)
class Problem:
    """One training task, but for where the parameters start.

    Args:
        network: what is trained.
        train: the examples to learn from.
        test: the examples to judge by, or None.
        loss: what is minimized.
        optimizer: by which rule.
        batches: on which examples each step.
        steps: how many updates; 0 measures the start alone.
        recording: what is written down.
        precision: the floating-point format of all of it.
        learning_rate_factors: what the learning rate is multiplied with, a factor of at least 0 for each of the
            network's roles; None for 1.

    Raises:
        InputError: if the parts do not fit each other: shapes, number types, the number of outputs.
    """

    network: MultilayerPerceptron
    train: Columns
    test: Columns | None
    loss: Loss
    optimizer: Optimizer
    steps: int
    batches: Batches = field(default_factory=Batches)
    recording: Recording = field(default_factory=Recording)
    precision: Precision = "float64"
    learning_rate_factors: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        check_non_negative_integer("steps", self.steps)
        if self.learning_rate_factors is not None:
            _check_factors(self.learning_rate_factors, len(self.network.roles))
        if self.precision not in ("float64", "float32"):
            raise InputError("precision", "must be 'float64' or 'float32'", self.precision)
        _check_columns("train", self.train, self)
        if self.test is not None:
            _check_columns("test", self.test, self)
        features, outputs = self.train.X.shape[0], self.train.Y.shape[0]
        widths = self.network.widths
        if widths[0] != features:
            raise InputError("widths[0]", f"must equal the number of input features, {features}", widths[0])
        if widths[-1] != outputs:
            raise InputError(f"widths[{len(widths) - 1}]", f"must equal the number of outputs, {outputs}", widths[-1])


def _check_factors(factors: tuple[float, ...], roles: int) -> None:
    if len(factors) != roles:
        raise InputError("learning_rate_factors", f"must have one number for each of the {roles} roles", len(factors))
    for i, factor in enumerate(factors):
        check_non_negative(f"learning_rate_factors[{i}]", factor)


def _check_columns(name: str, part: Columns, problem: Problem) -> None:
    """Refuse examples that are not as the engines read them, or that the rest of the problem does not fit."""
    X, Y, labels = part.X, part.Y, part.labels
    for letter, array in (("X", X), ("Y", Y)):
        if array.ndim != 2:
            raise InputError(f"{name}.{letter}", "must have two axes, one column an example", array.shape)
        if array.dtype != np.dtype(problem.precision):
            raise InputError(
                f"{name}.{letter}", f"must be of the problem's precision, {problem.precision}", array.dtype
            )
    examples = X.shape[1]
    if examples == 0:
        raise InputError(f"{name}.X", "must have one example or more", X.shape)
    if Y.shape[1] != examples:
        raise InputError(f"{name}.Y", f"must have a column for each of the {examples} examples", Y.shape)
    if labels is not None and (labels.shape != (examples,) or labels.dtype.kind not in "iu"):
        raise InputError(f"{name}.labels", f"must be {examples} integers, one an example", labels)
    for letter, rows, wanted in (
        ("X", X.shape[0], problem.train.X.shape[0]),
        ("Y", Y.shape[0], 1 if isinstance(problem.loss, BinaryCrossEntropy) else problem.train.Y.shape[0]),
    ):
        if rows != wanted:
            raise InputError(f"{name}.{letter}", f"must have {wanted} rows for this problem", rows)


def columns(dataset: Dataset, loss: Loss, precision: Precision) -> tuple[Columns, Columns | None]:
    """Return the training and the test examples as the engine reads them.

    Raises:
        InputError: if the loss does not fit the task.
    """
    dimensions = dataset.target_dimensions
    if loss.outputs(dataset.task, dimensions) is None:
        fitting = [name for name, member in LOSSES.items() if member().outputs(dataset.task, dimensions) is not None]
        raise InputError(
            "loss",
            f"must fit the data, a {dataset.task} with {_counted(dataset.task, dimensions)}",
            LOSSES.name_of(loss),
            hint=f"{' and '.join(fitting)} do" if len(fitting) > 1 else f"{fitting[0]} does",
        )
    parts: list[Columns | None] = []
    for part in (dataset.train, dataset.test):
        if len(part) == 0:
            parts.append(None)
            continue
        labels = part.targets.astype(np.int64) if dataset.task == "classification" else None
        Y = part.targets.T if labels is None else loss.encode(labels, dimensions)
        parts.append(
            Columns(np.ascontiguousarray(part.inputs.T, precision), np.ascontiguousarray(Y, precision), labels)
        )
    train, test = parts
    if train is None:
        raise InputError("", "the data must have at least one training example, and has none")
    return train, test


def _counted(task: Task, dimensions: int) -> str:
    unit = "class" if task == "classification" else "target"
    plural = "es" if task == "classification" else "s"
    return f"{dimensions} {unit}{plural if dimensions != 1 else ''}"
