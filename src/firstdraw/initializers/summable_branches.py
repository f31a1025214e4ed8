"""Hanin and Rolnick's condition: multipliers of residual branches whose sum stays finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.he import HeNormal
from firstdraw.roles import Role
from firstdraw.rules import check_positive, check_share

__all__ = ["SummableBranches"]


@INITIALIZERS.register("summable_branches", aliases=("hanin_rolnick",))
@dataclass(frozen=True, slots=True)
class SummableBranches(Initializer):
    """alpha_k = r^k for residual branch k, r = `ratio`, and W ~ N(0, 2/n), n the fan-in.

    In a ReLU network with branches of this variance the mean squared length of the activations stays bounded at any
    depth if, and only if, the multipliers' sum does; then its variance stays bounded too. A geometric sequence, with
    the sum r/(1 - r), is one that does.

    Unverified: the condition is the paper's; the geometric sequence and its ratio were not found in a source.

    Args:
        ratio: r, above 0 and below 1.

    >>> from firstdraw.roles import BranchPlace, multiplier_role
    >>> place = BranchPlace(number=3, count=16, position=2, length=2)
    >>> print(SummableBranches().law(multiplier_role(place, layer=7, depth=34)))
    0.729
    """

    ratio: float = 0.9
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution")
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "N(0, 2/n), multiplier of branch k ratio^k"
    source: ClassVar[Source | None] = Source(
        "Hanin & Rolnick",
        2018,
        "How to Start Training: The Effect of Initialization and Architecture",
        "https://arxiv.org/abs/1803.01719",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True
    verified: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_positive("ratio", self.ratio)
        check_share("ratio", self.ratio)

    def weight_law(self, role: Role) -> Distribution:
        return HeNormal().weight_law(role)

    def scalar_law(self, role: Role) -> Distribution:
        return Constant(1.0 if role.branch is None else self.ratio**role.branch.number)
