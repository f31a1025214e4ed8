"""What is known of a model: how it is made and called, what is wrong with it, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch

from .training import ADAM

__all__ = ["Call", "Specimen", "numbers", "tokens"]

Call: TypeAlias = Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """A model with a known answer.

    Args:
        make: makes it, from PyTorch's global random numbers.
        call: returns the arguments that it is called with, always the same.
        answer: the root that is to be found; "healthy" for none.
        also: causes that are to be found with it.
        options: what `check` is given besides.
        faults: the named faults, warnings or worse, that `identify` is to find in what the parameters hold.
        twin: makes the same architecture with a healthy start; None for a healthy one, and where no start would help.
        objective: the loss of the outputs for `call`, which the twin brings down in 200 steps of the optimizer.
        optimizer: takes the parameters and returns what trains the twin.
    """

    make: Callable[[], Any]
    call: Call
    answer: str
    also: frozenset[str] = frozenset()
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    faults: frozenset[str] = frozenset()
    twin: Callable[[], Any] | None = None
    objective: Callable[[Any], Any] | None = None
    optimizer: Callable[[Iterable[Any]], Any] = ADAM


def numbers(*shape: int, scale: float = 1.0) -> Call:
    """Return a call with one tensor of N(0, scale^2)."""
    return lambda: ((torch.randn(shape, generator=torch.Generator().manual_seed(0)) * scale,), {})


def tokens(vocabulary: int, *shape: int) -> Call:
    """Return a call with one tensor of tokens, all equally likely."""
    return lambda: ((torch.randint(vocabulary, shape, generator=torch.Generator().manual_seed(0)),), {})
