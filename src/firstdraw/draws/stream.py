"""What a stream of the counter-based draws depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["DrawsLaw", "Stream"]

DrawsLaw: TypeAlias = Literal["uniform", "normal"]


@dataclass(frozen=True, slots=True)
class Stream:
    """The numbers a x + b of a law's draws x, with a = `scale` and b = `shift`; the addition is left out if b is 0.

    Args:
        law: the law of x: U[0, 1) or N(0, 1).
        key: Philox's key, two numbers below 2^32.
        seed: the upper half of Philox's counter, below 2^64.
        scale: a, finite.
        shift: b, finite.
    """

    law: DrawsLaw
    key: tuple[int, int]
    seed: int
    scale: float = 1.0
    shift: float = 0.0
