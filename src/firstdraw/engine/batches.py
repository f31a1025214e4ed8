"""Which examples each step sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Integers
from firstdraw.draws import CounterDraws
from firstdraw.rules import check_positive_integer

__all__ = ["Batches"]


@dataclass(frozen=True, slots=True)
class Batches:
    """Full batches, or mini-batches from a fresh shuffle each epoch.

    The shuffle of epoch e sorts the examples by the uniform draws called `batches.epoch.e`, so that it depends on
    the seed and the epoch alone: within a seed every initialization sees the same batches. An epoch's last batch is
    smaller where the size does not divide the number of examples.

    Args:
        size: examples a step, or None for all of them.

    Raises:
        InputError: if `size` is not a positive integer.

    >>> steps = Batches(size=2).indices(examples=3, seed=0)
    >>> [len(next(steps)) for _ in range(4)]
    [2, 1, 2, 1]
    """

    size: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None:
            check_positive_integer("size", self.size)

    def is_full(self, examples: int) -> bool:
        """Whether every step sees all examples."""
        return self.size is None or self.size >= examples

    def indices(self, examples: int, seed: int) -> Iterator[Integers]:
        """Yield the numbers of the examples that each step sees, without end; for mini-batches only."""
        size = examples if self.size is None else self.size
        draws = CounterDraws(seed)
        epoch = 0
        while True:
            order = np.argsort(draws.uniform(f"batches.epoch.{epoch}", (examples,)), kind="stable")
            for start in range(0, examples, size):
                yield order[start : start + size]
            epoch += 1
