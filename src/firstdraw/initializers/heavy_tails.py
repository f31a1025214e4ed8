"""Weights with tails so heavy that they have no variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Stable
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["HeavyTails"]


@INITIALIZERS.register("stable")
@dataclass(frozen=True, slots=True)
class HeavyTails(Initializer):
    """W symmetric stable of index a = `index` and scale s n^(-1/a), s = `scale`, n the fan-in.

    A sum of n such weights times inputs of size 1 is stable with the scale s at any width, as a Gaussian sum is for
    a = 2, where this is N(0, 2 s^2/n). For theory, and to start as trained weights look like.

    Args:
        index: a, above 0 and at most 2.
        scale: s, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(HeavyTails(1.0).law(weight_role((8, 100))))
    stable of index 1, scale 0.01
    """

    index: float = 1.5
    scale: float = 1.0
    formula: ClassVar[str] = "scale n^(-1/index) S, S stable"
    source: ClassVar[Source | None] = Source(
        "Favaro, Fortini & Peluchetti",
        2020,
        "Stable behaviour of infinitely wide deep neural networks",
        "https://arxiv.org/abs/2003.00394",
    )

    def __post_init__(self) -> None:
        check_positive("index", self.index)
        if self.index > 2:
            raise InputError("index", "must be at most 2, where the stable law is the Gaussian", self.index)
        check_positive("scale", self.scale)

    def weight_law(self, role: Role) -> Distribution:
        return Stable(self.scale * role.fan_in ** (-1 / self.index), self.index)
