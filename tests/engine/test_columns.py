from __future__ import annotations

import numpy as np
import pytest

from firstdraw.datasets import Dataset, Examples
from firstdraw.engine import columns
from firstdraw.errors import InputError
from firstdraw.losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy, SquaredError


def classification(classes: int, test: int = 2) -> Dataset:
    stream = np.random.default_rng(0)
    labels = np.arange(7) % classes
    inputs = stream.normal(size=(7, 3))
    names = tuple(f"class {i}" for i in range(classes))
    train, held_out = Examples(inputs, labels), Examples(inputs[:test], labels[:test])
    return Dataset(train, held_out, "classification", names, ("a", "b", "c"))


def regression(targets: int) -> Dataset:
    stream = np.random.default_rng(0)
    examples = Examples(stream.normal(size=(7, 3)), stream.normal(size=(7, targets)))
    return Dataset(examples, examples, "regression", (), ("a", "b", "c"))


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_examples_become_columns_in_the_precision_asked_for(precision: str) -> None:
    data = classification(3)
    train, test = columns(data, SoftmaxCrossEntropy(), precision)  # type: ignore[arg-type]
    assert train.X.dtype == train.Y.dtype == precision
    assert train.X.flags.c_contiguous
    np.testing.assert_array_equal(train.X, data.train.inputs.T.astype(precision))
    np.testing.assert_array_equal(train.Y, np.eye(3)[data.train.targets].T)
    np.testing.assert_array_equal(train.labels, data.train.targets)
    assert test is not None
    np.testing.assert_array_equal(test.X, train.X[:, :2])


def test_regression_targets_become_rows_and_have_no_labels() -> None:
    data = regression(2)
    train, _ = columns(data, SquaredError(), "float64")
    np.testing.assert_array_equal(train.Y, data.train.targets.T)
    assert train.labels is None


def test_without_test_examples_there_are_no_test_columns() -> None:
    assert columns(classification(2, test=0), BinaryCrossEntropy(), "float64")[1] is None


@pytest.mark.parametrize(
    ("data", "loss", "fits"),
    [
        (
            classification(3),
            BinaryCrossEntropy(),
            "a classification with 3 classes, got 'binary_cross_entropy'; softmax_cross_entropy and squared_error do",
        ),
        (
            regression(1),
            BinaryCrossEntropy(),
            "a regression with 1 target, got 'binary_cross_entropy'; squared_error does",
        ),
        (
            regression(2),
            SoftmaxCrossEntropy(),
            "a regression with 2 targets, got 'softmax_cross_entropy'; squared_error does",
        ),
    ],
)
def test_a_loss_that_does_not_fit_the_data_is_refused(data: Dataset, loss: Loss, fits: str) -> None:
    with pytest.raises(InputError) as caught:
        columns(data, loss, "float64")
    assert str(caught.value) == f"`loss` must fit the data, {fits}"
