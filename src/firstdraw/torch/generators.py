"""The random number generators of the process: those of PyTorch, NumPy and Python; their states and their seeds."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from firstdraw.torch.library import pytorch

__all__ = ["generator_state", "generators_preserved", "random_states", "seed_all", "seeded"]


def random_states() -> Iterator[Callable[[], None]]:
    """Yield what gives each random number generator of the process its state back; one not at work yet has none."""
    torch = pytorch()
    python, legacy, host = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    yield lambda: random.setstate(python)
    yield lambda: np.random.set_state(legacy)  # noqa: NPY002
    yield lambda: torch.set_rng_state(host)
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        devices = torch.cuda.get_rng_state_all()
        yield lambda: torch.cuda.set_rng_state_all(devices)
    if torch.backends.mps.is_available():
        metal = torch.mps.get_rng_state()
        yield lambda: torch.mps.set_rng_state(metal)


def generator_state(generator: Any) -> Callable[[], None]:  # noqa: ANN401  # one of PyTorch
    """Return what gives a generator its state back."""
    state = generator.get_state()
    return lambda: generator.set_state(state)


@contextmanager
def generators_preserved() -> Generator[None]:
    """Restore, at the end of the block, the states of the random number generators of PyTorch, NumPy and Python."""
    undoing = list(random_states())
    try:
        yield
    finally:
        for undo in undoing:
            undo()


def seeded(seed: int) -> None:
    """Seed the generators of PyTorch that are at work; one of a device that is not yet is left as it is.

    Args:
        seed: an integer from 0 to 2^64 - 1.
    """
    torch = pytorch()
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def seed_all(seed: int) -> None:
    """Seed the generators of PyTorch, NumPy and Python.

    Args:
        seed: an integer from 0 to 2^64 - 1, of which NumPy's generator takes the last 32 bits.
    """
    seeded(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  # the generator that users' code draws from
    random.seed(seed)
