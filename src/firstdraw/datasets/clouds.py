"""Two overlapping Gaussian clouds, for which the best possible accuracy is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firstdraw.datasets.contract import DATASETS, Dataset, DatasetRecipe, Examples
from firstdraw.datasets.sizes import check_sizes, numbered
from firstdraw.draws import CounterDraws
from firstdraw.rules import check_non_negative, check_non_negative_integer, check_positive_integer

__all__ = ["GaussianClouds"]


@DATASETS.register("gaussian_clouds")
@dataclass(frozen=True, slots=True)
class GaussianClouds(DatasetRecipe):
    """Two clouds, x ~ N(-m, I) for class 0 and x ~ N(+m, I) for class 1, m = D/(2 sqrt(d)) (1, ..., 1).

    Their means are D apart, whatever the number d of features, and every feature tells as much as the others.
    No classifier does better on new examples than "class 1 if the features sum to more than 0". Its accuracy,
    `bayes_accuracy`, is Phi(D/2), with Phi the distribution function of N(0, 1). The classes take turns.

    Args:
        train_size: how many training examples, at least 2.
        test_size: how many test examples; 0 for none.
        features: d, how many input columns.
        distance: D, between the means, in standard deviations of a cloud; 0 leaves nothing to learn.
        seed: the seed; an example does not depend on how many there are.

    Raises:
        InputError: if an option is out of its range.

    >>> clouds = GaussianClouds(features=50, distance=2)
    >>> clouds.load().train.inputs.shape, round(clouds.bayes_accuracy, 4)
    ((300, 50), 0.8413)
    """

    train_size: int = 300
    test_size: int = 100
    features: int = 2
    distance: float = 2.0
    seed: int = 1
    description: ClassVar[str] = "two overlapping Gaussian clouds with known best accuracy; any number of features"

    def __post_init__(self) -> None:
        check_positive_integer("features", self.features)
        check_sizes(self.train_size, self.test_size, features=self.features)
        check_non_negative("distance", self.distance)
        check_non_negative_integer("seed", self.seed)

    @property
    def bayes_accuracy(self) -> float:
        """The highest accuracy that any classifier reaches on new examples."""
        return math.erfc(-self.distance / (2 * math.sqrt(2))) / 2

    def load(self) -> Dataset:
        return Dataset(
            train=self._draw("train", self.train_size),
            test=self._draw("test", self.test_size),
            task="classification",
            classes=("0", "1"),
            features=numbered(self.features),
        )

    def _draw(self, part: str, size: int) -> Examples:
        targets = np.arange(size) % 2
        shift = self.distance / (2.0 * math.sqrt(self.features))
        noise = CounterDraws(self.seed).normal(f"data.{part}.noise", (size, self.features))
        return Examples((2.0 * targets[:, np.newaxis] - 1.0) * shift + noise, targets)
