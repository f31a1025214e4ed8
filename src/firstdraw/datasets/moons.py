"""Two half circles that reach into each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.datasets.contract import DATASETS, Dataset, DatasetRecipe, Examples
from firstdraw.datasets.legacy import check_legacy_seed, two_curves
from firstdraw.datasets.scikit import SCIKIT_LEARN
from firstdraw.datasets.sizes import check_sizes
from firstdraw.rules import check_non_negative

__all__ = ["Moons"]


@DATASETS.register("moons")
@dataclass(frozen=True, slots=True)
class Moons(DatasetRecipe):
    """scikit-learn's `make_moons`: (cos a, sin a) for class 0, (1 - cos a, 1/2 - sin a) for class 1.

    The angles a are evenly spaced over [0, pi]. The training and the test examples are drawn from NumPy's
    legacy stream with a seed each, as those of `circles`.

    Args:
        train_size: how many training examples, at least 2.
        test_size: how many test examples; 0 for none.
        noise: the standard deviation of the Gaussian noise on each coordinate.
        train_seed: the seed of the training examples.
        test_seed: the seed of the test examples.

    Raises:
        InputError: if an option is out of its range.

    >>> data = Moons(noise=0).load()
    >>> len(data.train), len(data.test), float(data.train.inputs[:, 1].max())
    (300, 100, 0.9999...)
    """

    train_size: int = 300
    test_size: int = 100
    noise: float = 0.1
    train_seed: int = 1
    test_seed: int = 2
    description: ClassVar[str] = "two half circles that reach into each other"
    source: ClassVar[Source | None] = SCIKIT_LEARN

    def __post_init__(self) -> None:
        check_sizes(self.train_size, self.test_size)
        check_non_negative("noise", self.noise)
        check_legacy_seed("train_seed", self.train_seed)
        check_legacy_seed("test_seed", self.test_seed)

    def load(self) -> Dataset:
        return Dataset(
            train=self._draw(self.train_size, self.train_seed),
            test=self._draw(self.test_size, self.test_seed),
            task="classification",
            classes=("0", "1"),
            features=("x1", "x2"),
        )

    def _draw(self, size: int, seed: int) -> Examples:
        return two_curves(size, seed, self.noise, _upper_moon, _lower_moon)


def _upper_moon(n: int) -> Floats:
    angles = np.linspace(0, np.pi, n)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _lower_moon(n: int) -> Floats:
    angles = np.linspace(0, np.pi, n)
    # In this order: another would round otherwise than scikit-learn's.
    return np.stack([1 - np.cos(angles), 1 - np.sin(angles) - 0.5], axis=1)
