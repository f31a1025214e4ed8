"""Interleaved spirals: a hard problem for a shallow network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firstdraw.catalogue import Source
from firstdraw.datasets.contract import DATASETS, Dataset, DatasetRecipe, Examples
from firstdraw.datasets.noise import with_noise
from firstdraw.datasets.sizes import check_sizes
from firstdraw.draws import CounterDraws
from firstdraw.draws.gaussian import sine_and_cosine_of_turns
from firstdraw.errors import InputError
from firstdraw.rules import (
    check_non_negative,
    check_non_negative_integer,
    check_positive,
    check_positive_integer,
)

__all__ = ["Spirals"]


@DATASETS.register("spirals")
@dataclass(frozen=True, slots=True)
class Spirals(DatasetRecipe):
    """Spiral arms, one a class: x = r (cos 2 pi v, sin 2 pi v) + s z, v = T r + k/K for class k of K.

    The radius r, in (0, 1], is the square root of a uniform draw, so that an arm is about as dense inside as
    outside; z ~ N(0, I). The classes take turns, so every K examples in a row have one of each.

    Args:
        train_size: how many training examples, at least one a class.
        test_size: how many test examples; 0 for none.
        classes: K, how many arms, at least 2.
        turns: T, how often an arm winds around the center.
        noise: s, the standard deviation of the Gaussian noise on each coordinate.
        seed: the seed; an example does not depend on how many there are.

    Raises:
        InputError: if an option is out of its range.

    >>> data = Spirals(classes=3).load()
    >>> data.train.inputs.shape, data.train.targets[:6]
    ((300, 2), array([0, 1, 2, 0, 1, 2]))
    """

    train_size: int = 300
    test_size: int = 100
    classes: int = 2
    turns: float = 1.5
    noise: float = 0.02
    seed: int = 1
    description: ClassVar[str] = "interleaved spiral arms; 2 features, any number of classes"
    source: ClassVar[Source | None] = Source(
        "Lang & Witbrock",
        1988,
        "Learning to tell two spirals apart",
        "https://www.semanticscholar.org/paper/de8f292d456f8541b53587f46f30ea22a9b8ad52",
    )

    def __post_init__(self) -> None:
        check_positive_integer("classes", self.classes)
        if self.classes < 2:
            raise InputError("classes", "must be at least 2", self.classes)
        check_sizes(self.train_size, self.test_size, classes=self.classes)
        check_positive("turns", self.turns)
        check_non_negative("noise", self.noise)
        check_non_negative_integer("seed", self.seed)

    def load(self) -> Dataset:
        return Dataset(
            train=self._draw("train", self.train_size),
            test=self._draw("test", self.test_size),
            task="classification",
            classes=tuple(str(k) for k in range(self.classes)),
            features=("x1", "x2"),
        )

    def _draw(self, part: str, size: int) -> Examples:
        draws = CounterDraws(self.seed)
        k = np.arange(size) % self.classes
        r = np.sqrt(1.0 - draws.uniform(f"data.{part}.radius", (size,)))
        v = self.turns * r + k / self.classes
        sine, cosine = sine_and_cosine_of_turns(v - np.floor(v))
        points = r[:, np.newaxis] * np.stack((cosine, sine), axis=1)
        return Examples(with_noise(points, self.noise, draws, part), k)
