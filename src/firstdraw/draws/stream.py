"""What a stream of the counter-based draws depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from firstdraw.draws.quantile import masses

__all__ = ["DrawsLaw", "Stream"]

DrawsLaw: TypeAlias = Literal["uniform", "normal", "truncated_normal"]


@dataclass(frozen=True, slots=True)
class Stream:
    """The numbers a x + b of a law's draws x, with a = `scale` and b = `shift`; the addition is left out if b is 0.

    Args:
        law: the law of x: U[0, 1), N(0, 1), or N(0, 1) given that it lies within the cut.
        key: Philox's key, two numbers below 2^32.
        seed: the upper half of Philox's counter, below 2^64.
        scale: a, finite.
        shift: b, finite.
        cut: how many standard deviations a truncated law leaves on each side.
    """

    law: DrawsLaw
    key: tuple[int, int]
    seed: int
    scale: float = 1.0
    shift: float = 0.0
    cut: float = math.inf

    @property
    def masses(self) -> tuple[float, float]:
        """How much of N(0, 1) lies within the cut, and beyond it on each side."""
        return masses(self.cut)
