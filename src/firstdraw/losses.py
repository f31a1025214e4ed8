"""Floor 1. Losses: the mean over a batch of what each example costs, with the gradient and the predictions.

Shapes: Z `[k, m]` holds the network's last pre-activations (k outputs, m examples), Y `[k, m]` the encoded targets.
Every cost is in nats, or in squared target units for the squared error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.catalogue import Catalogue
from firstdraw.sigmoid import sigmoid

__all__ = ["LOSSES", "BinaryCrossEntropy", "Loss", "SoftmaxCrossEntropy", "SquaredError", "Task"]

Task = Literal["classification", "regression"]


class Loss(ABC):
    """What training minimizes."""

    tasks: ClassVar[tuple[Task, ...]]
    formula: ClassVar[str]
    squashes: ClassVar[bool]
    """Whether the output passes through a function that saturates."""
    unit: ClassVar[str]
    """What the cost is measured in."""

    @abstractmethod
    def outputs(self, task: Task, dimensions: int) -> int | None:
        """Return how many outputs the network must have, or None if the loss does not fit.

        Args:
            task: what kind of targets there are.
            dimensions: the number of classes, or of regression targets.
        """

    @abstractmethod
    def predict(self, Z: Floats) -> Floats:
        """Return the predicted probabilities, or values for regression, `[k, m]`."""

    @abstractmethod
    def value(self, Z: Floats, Y: Floats) -> float:
        """Return the cost, computed so that it overflows only where the cost itself does."""

    def textbook_value(self, Z: Floats, Y: Floats) -> float:
        """Return the cost as textbooks write it, through the predicted probabilities.

        Where a probability rounds to 0 this is infinite although the cost is not.
        """
        return self.value(Z, Y)

    @abstractmethod
    def gradient(self, Z: Floats, Y: Floats) -> Floats:
        """Return the derivative of the cost by Z, `[k, m]`."""

    def constant_cost(self, Y: Floats) -> float:
        """Return the lowest cost that a prediction which ignores the inputs can reach."""
        return self.value(self.constant_output(Y), Y)

    @abstractmethod
    def constant_output(self, Y: Floats) -> Floats:
        """Return the pre-activations `[k, m]`, equal for all examples, that cost least."""

    def encode(self, labels: Integers, classes: int) -> Floats:
        """Return class labels as the targets Y of this loss: one row for two classes, else one row a class."""
        if self.outputs("classification", classes) == 1:
            return labels[np.newaxis].astype(np.float64)
        return np.equal(labels[np.newaxis], np.arange(classes)[:, np.newaxis]).astype(np.float64)

    def classify(self, Z: Floats) -> Integers:
        """Return the predicted class of each example: for one output, 1 strictly above one half."""
        P = self.predict(Z)
        return (P[0] > 0.5).astype(np.int64) if len(P) == 1 else np.argmax(P, axis=0)


LOSSES: Catalogue[Loss] = Catalogue("loss")


def _means(Y: Floats) -> Floats:
    """Return the mean of each row, as a column."""
    means: Floats = Y.mean(axis=1, keepdims=True)
    return means


@LOSSES.register("binary_cross_entropy", aliases=("bce",))
@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy(Loss):
    """Cross-entropy of a sigmoid output: C = -(1/m) sum(y ln p + (1 - y) ln(1 - p)), p = 1 / (1 + exp(-z)).

    The overflow-safe form is (1/m) sum(max(z, 0) - z y + ln(1 + exp(-|z|))).

    >>> Z, Y = np.array([[800.0, 800.0]]), np.array([[1.0, 0.0]])
    >>> BinaryCrossEntropy().value(Z, Y), BinaryCrossEntropy().textbook_value(Z, Y)
    (400.0, inf)
    """

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    formula: ClassVar[str] = "-mean(y ln p + (1 - y) ln(1 - p)), p = sigmoid(z)"
    squashes: ClassVar[bool] = True
    unit: ClassVar[str] = "nats"

    def outputs(self, task: Task, dimensions: int) -> int | None:
        return 1 if task == "classification" and dimensions == 2 else None

    def predict(self, Z: Floats) -> Floats:
        return sigmoid(Z)

    def value(self, Z: Floats, Y: Floats) -> float:
        return float(np.mean(np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z)))))

    def textbook_value(self, Z: Floats, Y: Floats) -> float:
        P = self.predict(Z)
        with np.errstate(divide="ignore", invalid="ignore"):
            costs = -np.log(P) * Y - np.log(1 - P) * (1 - Y)
        # 0 times ln 0 is NaN; an example with the right certain prediction costs nothing.
        return float(np.nansum(costs)) / Y.size if np.isfinite(Z).all() else float("nan")

    def gradient(self, Z: Floats, Y: Floats) -> Floats:
        return (sigmoid(Z) - Y) / Z.dtype.type(Z.shape[1])

    def constant_output(self, Y: Floats) -> Floats:
        # Where all examples are of one class the logit is infinite; at 1000 the cost is 0 already.
        means = _means(Y)
        with np.errstate(divide="ignore"):
            return np.broadcast_to(np.clip(np.log(means) - np.log1p(-means), -1e3, 1e3), Y.shape)


@LOSSES.register("softmax_cross_entropy", aliases=("cross_entropy",))
@dataclass(frozen=True, slots=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of a softmax output: C = -(1/m) sum_i ln p_(y_i), p = exp(z) / sum exp(z).

    The overflow-safe form is (1/m) sum(ln sum exp(z) - z_(y_i)).
    """

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    formula: ClassVar[str] = "-mean(ln p[y]), p = softmax(z)"
    squashes: ClassVar[bool] = True
    unit: ClassVar[str] = "nats"

    def outputs(self, task: Task, dimensions: int) -> int | None:
        return dimensions if task == "classification" else None

    def predict(self, Z: Floats) -> Floats:
        from scipy import special

        return special.softmax(Z, axis=0)

    def value(self, Z: Floats, Y: Floats) -> float:
        from scipy import special

        costs: Floats = special.logsumexp(Z, axis=0) - np.sum(Z * Y, axis=0)
        return float(np.mean(costs))

    def textbook_value(self, Z: Floats, Y: Floats) -> float:
        with np.errstate(divide="ignore"):
            costs: Floats = -np.log(np.sum(self.predict(Z) * Y, axis=0))
        return float(np.mean(costs))

    def gradient(self, Z: Floats, Y: Floats) -> Floats:
        return (self.predict(Z) - Y) / Z.dtype.type(Z.shape[1])

    def constant_output(self, Y: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.broadcast_to(np.maximum(np.log(_means(Y)), -1e3), Y.shape)


@LOSSES.register("squared_error", aliases=("mse", "mean_squared_error"))
@dataclass(frozen=True, slots=True)
class SquaredError(Loss):
    """Mean squared error: C = (1/(k m)) sum (z - y)^2, the mean over outputs and examples."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")
    formula: ClassVar[str] = "mean((z - y)^2)"
    squashes: ClassVar[bool] = False
    unit: ClassVar[str] = "squared target units"

    def outputs(self, task: Task, dimensions: int) -> int | None:
        return 1 if task == "classification" and dimensions == 2 else dimensions

    def predict(self, Z: Floats) -> Floats:
        return Z

    def value(self, Z: Floats, Y: Floats) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.mean((Z - Y) ** 2))

    def gradient(self, Z: Floats, Y: Floats) -> Floats:
        return (Z - Y) * Z.dtype.type(2 / Z.size)

    def constant_output(self, Y: Floats) -> Floats:
        return np.broadcast_to(_means(Y), Y.shape)
