"""Weights that differ in their signs alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.distributions import Distribution, Rademacher
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Preserves
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["RandomSigns"]


@INITIALIZERS.register("rademacher", aliases=("he_bernoulli",))
@dataclass(frozen=True, slots=True)
class RandomSigns(Initializer):
    """W = ±g/sqrt(n), each sign with the probability 1/2, n the fan-in, g = `gain`.

    He's variance with the default, sqrt(2), and the smallest kurtosis, 1: what theory takes where only two moments
    should enter, and what binary weights can hold. Holds for ReLU. A layer with fewer than 2^n units is not sure to
    start with different ones: with few inputs two units are often equal.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(RandomSigns(1.0).law(weight_role((8, 4))))
    ±0.5
    """

    gain: float = math.sqrt(2)
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "±gain/sqrt(n)"

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        return Rademacher(self.gain / math.sqrt(role.fan_in))
