"""What every data set promises: the same arrays for the same spec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.catalogue import Catalogue, Source
from firstdraw.errors import InputError
from firstdraw.losses import Task

__all__ = ["DATASETS", "Dataset", "DatasetRecipe", "Examples"]


@dataclass(frozen=True)
class Examples:
    """Inputs with their targets.

    Args:
        inputs: `[m, d]` float64, one row an example.
        targets: `[m]` class numbers from 0 (int64), or `[m, k]` float64 for regression.
    """

    inputs: Floats
    targets: Floats | Integers

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Dataset:
    """Training and test examples of one task.

    Args:
        train: the examples to learn from.
        test: the examples to judge by; may be empty.
        task: classification or regression.
        classes: the names of the classes, by number; empty for regression.
        features: the names of the input columns.

    Raises:
        InputError: if there is nothing to learn from: no examples, fewer than two classes, inputs that are
            all equal, or anything that is not finite.
    """

    train: Examples
    test: Examples
    task: Task
    classes: tuple[str, ...]
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.train) == 0:
            raise InputError("", "the data must have at least one training example, and has none")
        for name, part in (("training", self.train), ("test", self.test)):
            _check_finite(f"the {name} inputs", part.inputs)
            _check_finite(f"the {name} targets", part.targets)
        if (self.train.inputs == self.train.inputs[0]).all():
            raise InputError("", "the training inputs must differ from each other, and every row is the same")
        if self.task == "classification" and len(np.unique(self.train.targets)) < 2:
            only = self.classes[int(self.train.targets[0])]
            raise InputError("", f"the training examples must have two classes or more, and all are of class {only!r}")

    @property
    def target_dimensions(self) -> int:
        """The number of classes, or of regression targets."""
        return len(self.classes) if self.task == "classification" else self.train.targets.shape[1]

    def standardized(self) -> Dataset:
        """Return the data with each input column shifted and scaled to fit the training part.

        There its mean becomes 0 and its variance 1. Columns that do not vary there are only shifted.

        Raises:
            InputError: if a column's values are so large that its variance overflows.
        """
        inputs = self.train.inputs
        # Asked of the values themselves: rounding gives a column of equal values a tiny deviation.
        varies = (inputs != inputs[0]).any(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = inputs.mean(axis=0)
            deviation = inputs.std(axis=0)
        mean[~varies] = inputs[0, ~varies]
        deviation[~varies] = 0.0
        if not np.isfinite(deviation).all():
            column = self.features[int(np.argmin(np.isfinite(deviation)))]
            raise InputError("", f"column {column!r} must have a variance that does not overflow to be standardized")
        scale = np.where(deviation > 0, deviation, 1.0)
        # A test example far from all training examples may overflow; the new data set refuses it.
        with np.errstate(over="ignore"):
            train, test = (replace(part, inputs=(part.inputs - mean) / scale) for part in (self.train, self.test))
        return replace(self, train=train, test=test)


def _check_finite(name: str, values: Floats | Integers) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row = int(bad[0][0])
        raise InputError("", f"{name} must be finite, and {len(bad)} of {values.size} are not, the first in row {row}")


class DatasetRecipe(ABC):
    """How to make a data set; a frozen value whose fields are its options."""

    description: ClassVar[str]
    source: ClassVar[Source | None] = None

    @abstractmethod
    def load(self) -> Dataset:
        """Make the data; the same every time."""


DATASETS: Catalogue[DatasetRecipe] = Catalogue("data set")
