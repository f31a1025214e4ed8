"""The random numbers of a run: of its model, of its training and of its batches, each for itself.

With the seed s the generators of PyTorch, NumPy and Python are seeded with s before the model is built, with s + 2^30
before it is trained, and with s + 2^31 for what the loader draws. With one seed for all, weights and noise would be the
same numbers; with one stream for all, a scheme that draws more would be given other batches.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from firstdraw.torch.generators import generators_preserved, random_states, seed_all

__all__ = ["BATCHES", "LARGEST_SEED", "TRAINING", "Stream"]

TRAINING: Final = 2**30
BATCHES: Final = 2**31
LARGEST_SEED: Final = 2**30 - 1


class Stream:
    """Random numbers that go on where they ended, whatever is drawn in between.

    Args:
        seed: of the first.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._states: list[Callable[[], None]] | None = None

    @contextmanager
    def drawing(self) -> Generator[None]:
        """Have the generators of the process draw from this stream."""
        with generators_preserved():
            if self._states is None:
                seed_all(self._seed)
            else:
                for restore in self._states:
                    restore()
            try:
                yield
            finally:
                self._states = list(random_states())
