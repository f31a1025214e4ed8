"""What a data set refuses to be, and how it is standardized."""

from __future__ import annotations

import re

import numpy as np
import pytest

from firstdraw.datasets import Dataset, Examples
from firstdraw.errors import InputError


def dataset(inputs: list[list[float]], targets: list[int], test: list[list[float]]) -> Dataset:
    features = tuple(f"x{i}" for i in range(len(inputs[0]) if inputs else 1))
    return Dataset(
        train=Examples(np.array(inputs, float).reshape(-1, len(features)), np.array(targets, np.int64)),
        test=Examples(np.array(test, float).reshape(-1, len(features)), np.zeros(len(test), np.int64)),
        task="classification",
        classes=("no", "yes"),
        features=features,
    )


@pytest.mark.parametrize(
    ("inputs", "targets", "test", "sentence"),
    [
        ([], [], [], "the data must have at least one training example, and has none"),
        (
            [[1], [np.nan], [np.inf]],
            [0, 1, 1],
            [],
            "the training inputs must be finite, and 2 of 3 are not, the first in row 1",
        ),
        (
            [[1], [2]],
            [0, 1],
            [[np.nan]],
            "the test inputs must be finite, and 1 of 1 are not, the first in row 0",
        ),
        (
            [[1], [1]],
            [0, 1],
            [[2]],
            "the training inputs must differ from each other, and every row is the same",
        ),
        (
            [[1], [2]],
            [1, 1],
            [],
            "the training examples must have two classes or more, and all are of class 'yes'",
        ),
    ],
)
def test_data_without_anything_to_learn_are_refused(
    inputs: list[list[float]], targets: list[int], test: list[list[float]], sentence: str
) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}$"):
        dataset(inputs, targets, test)


def test_a_column_of_equal_values_is_only_shifted() -> None:
    # Three times 0.1 has a deviation of 1e-17 by rounding; dividing by it would make 1 of every value.
    data = dataset([[0.1, 1], [0.1, 2], [0.1, 3]], [0, 1, 1], [[0.6, 2]]).standardized()
    assert data.train.inputs[:, 0].tolist() == [0, 0, 0]
    assert data.test.inputs.tolist() == [[0.5, 0]]


def test_a_variance_that_overflows_is_refused() -> None:
    data = dataset([[0, 1e200], [1, -1e200]], [0, 1], [])
    with pytest.raises(InputError, match=r"^column 'x1' must have a variance that does not overflow to be standard"):
        data.standardized()


def test_a_test_example_that_overflows_is_refused() -> None:
    data = dataset([[0], [1e-10]], [0, 1], [[1e308]])
    with pytest.raises(InputError, match=r"^the test inputs must be finite, and 1 of 1 are not, the first in row 0$"):
        data.standardized()
