"""Two circles, one inside the other: the data of the exercise firstdraw began with."""

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
from firstdraw.rules import check_non_negative, check_share

__all__ = ["Circles"]


@DATASETS.register("circles")
@dataclass(frozen=True, slots=True)
class Circles(DatasetRecipe):
    """scikit-learn's `make_circles`: a circle of radius 1 (class 0) around one of radius `factor` (class 1).

    The training and the test examples are drawn from NumPy's legacy stream with a seed each, as the exercise
    does; they are made here, bit for bit as scikit-learn makes them, because its import takes most of a second.

    Args:
        train_size: how many training examples, at least 2.
        test_size: how many test examples; 0 for none.
        noise: the standard deviation of the Gaussian noise on each coordinate.
        factor: the radius of the inner circle, in [0, 1).
        train_seed: the seed of the training examples.
        test_seed: the seed of the test examples.

    Raises:
        InputError: if an option is out of its range.

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
    description: ClassVar[str] = "two circles, one inside the other"
    source: ClassVar[Source | None] = SCIKIT_LEARN

    def __post_init__(self) -> None:
        check_sizes(self.train_size, self.test_size)
        check_non_negative("noise", self.noise)
        check_share("factor", self.factor)
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
        return two_curves(size, seed, self.noise, _circle, lambda n: _circle(n) * self.factor)


def _circle(n: int) -> Floats:
    """Return n points `[n, 2]`, evenly spaced over the unit circle from the angle 0 on."""
    angles = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
