"""Two circles, one inside the other: the data of the exercise firstdraw began with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firstdraw.datasets.contract import DATASETS, Dataset, DatasetRecipe, Examples
from firstdraw.errors import InputError
from firstdraw.rules import check_non_negative, check_non_negative_integer, check_positive_integer, check_share

__all__ = ["Circles"]


@DATASETS.register("circles")
@dataclass(frozen=True, slots=True)
class Circles(DatasetRecipe):
    """scikit-learn's `make_circles`: a circle of radius 1 (class 0) around one of radius `factor` (class 1).

    The training and the test examples are drawn from NumPy's legacy stream with a seed each, as the exercise does.

    Args:
        train_size: how many training examples, at least 2.
        test_size: how many test examples; 0 for none.
        noise: the standard deviation of the Gaussian noise on each coordinate.
        factor: the radius of the inner circle, in [0, 1).
        train_seed: the seed of the training examples.
        test_seed: the seed of the test examples.

    >>> data = Circles().load()
    >>> len(data.train), len(data.test), data.train.inputs[0].round(8)
    (300, 100, array([-0.07741354,  0.85260226]))
    """

    train_size: int = 300
    test_size: int = 100
    noise: float = 0.05
    factor: float = 0.8
    train_seed: int = 1
    test_seed: int = 2
    description: ClassVar[str] = "two circles, one inside the other; 2 features, 2 classes"

    def __post_init__(self) -> None:
        check_positive_integer("train_size", self.train_size)
        if self.train_size < 2:
            raise InputError("train_size", "must be at least 2, one example a class", self.train_size)
        check_non_negative_integer("test_size", self.test_size)
        check_non_negative("noise", self.noise)
        check_share("factor", self.factor)
        check_non_negative_integer("train_seed", self.train_seed)
        check_non_negative_integer("test_seed", self.test_seed)

    def load(self) -> Dataset:
        return Dataset(
            train=self._draw(self.train_size, self.train_seed),
            test=self._draw(self.test_size, self.test_seed),
            task="classification",
            classes=("0", "1"),
            features=("x1", "x2"),
        )

    def _draw(self, size: int, seed: int) -> Examples:
        if size == 0:
            return Examples(np.empty((0, 2)), np.empty(0, np.int64))
        from sklearn.datasets import make_circles

        stream = np.random.RandomState(seed)  # noqa: NPY002  # the exercise's own stream
        inputs, targets = make_circles(n_samples=size, noise=self.noise, factor=self.factor, random_state=stream)
        return Examples(np.asarray(inputs, np.float64), np.asarray(targets, np.int64))
