"""Exclusive or: the smallest problem that no linear classifier solves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from firstdraw.catalogue import Source
from firstdraw.datasets.contract import DATASETS, Dataset, DatasetRecipe, Examples
from firstdraw.datasets.noise import with_noise
from firstdraw.datasets.sizes import check_sizes
from firstdraw.draws import CounterDraws
from firstdraw.rules import check_non_negative, check_non_negative_integer

__all__ = ["Xor"]

# The signs of (x1, x2) in the four quadrants, in turn; neighbors differ in class.
QUADRANTS: Final = ((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0))


@DATASETS.register("xor")
@dataclass(frozen=True, slots=True)
class Xor(DatasetRecipe):
    """The square [-1, 1]^2 by quadrants: class 0 where x1 x2 > 0, class 1 where x1 x2 < 0.

    The quadrants take turns, so every four examples in a row have one in each. The class is settled before
    the noise moves the point, so that noisy points near the axes may lie on the wrong side.

    Args:
        train_size: how many training examples, at least 2.
        test_size: how many test examples; 0 for none.
        noise: the standard deviation of the Gaussian noise on each coordinate.
        seed: the seed; an example does not depend on how many there are.

    Raises:
        InputError: if an option is out of its range.

    >>> train = Xor(noise=0).load().train
    >>> bool(((train.inputs.prod(axis=1) < 0) == train.targets).all())
    True
    """

    train_size: int = 300
    test_size: int = 100
    noise: float = 0.1
    seed: int = 1
    description: ClassVar[str] = "exclusive or on the four quadrants of a square"
    source: ClassVar[Source | None] = Source(
        "Rumelhart, Hinton & Williams",
        1986,
        "Learning representations by back-propagating errors",
        "https://doi.org/10.1038/323533a0",
    )

    def __post_init__(self) -> None:
        check_sizes(self.train_size, self.test_size)
        check_non_negative("noise", self.noise)
        check_non_negative_integer("seed", self.seed)

    def load(self) -> Dataset:
        return Dataset(
            train=self._draw("train", self.train_size),
            test=self._draw("test", self.test_size),
            task="classification",
            classes=("0", "1"),
            features=("x1", "x2"),
        )

    def _draw(self, part: str, size: int) -> Examples:
        draws = CounterDraws(self.seed)
        quadrants = np.arange(size) % 4
        # 1 - u is in (0, 1]: no point lies on an axis, where it would have no class.
        points = np.array(QUADRANTS)[quadrants] * (1.0 - draws.uniform(f"data.{part}.places", (size, 2)))
        return Examples(with_noise(points, self.noise, draws, part), quadrants % 2)
