"""SkipInit: what batch normalization does to residual branches at the start, as a multiplier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.he import HeNormal
from firstdraw.roles import Role
from firstdraw.rules import check_finite

__all__ = ["SkipInit"]


@INITIALIZERS.register("skipinit")
@dataclass(frozen=True, slots=True)
class SkipInit(Initializer):
    """alpha = `multiplier` for every residual branch, W ~ N(0, 2/n), n the fan-in.

    Batch normalization scales a branch down by about the square root of the number of branches K before it; so does a
    multiplier of at most 1/sqrt(K), and 0 is the authors' choice. For residual networks without normalization, with
    branches that end without activation.

    Args:
        multiplier: alpha, any finite number; the paper asks for at most 1/sqrt(K).

    >>> from firstdraw.roles import BranchPlace, multiplier_role
    >>> place = BranchPlace(number=3, count=16, position=2, length=2)
    >>> print(SkipInit(0.25).law(multiplier_role(place, layer=7, depth=34)))
    0.25
    """

    multiplier: float = 0.0
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution")
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "N(0, 2/n), multipliers = multiplier"
    source: ClassVar[Source | None] = Source(
        "De & Smith",
        2020,
        "Batch Normalization Biases Residual Blocks Towards the Identity Function in Deep Networks",
        "https://arxiv.org/abs/2002.10444",
    )
    residual: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_finite("multiplier", self.multiplier)

    def weight_law(self, role: Role) -> Distribution:
        return HeNormal().weight_law(role)

    def scalar_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Constant(self.multiplier)
