"""Depth-muP and CompleteP: branch multipliers by a power of the number of branches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.he import HeNormal
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative

__all__ = ["DepthMuP"]


@INITIALIZERS.register("depth_mup", aliases=("complete_p",))
@dataclass(frozen=True, slots=True)
class DepthMuP(Initializer):
    """alpha = K^(-a) for each of K residual branches, a = `exponent`, and W ~ N(0, 2/n), n the fan-in.

    With a = 1/2 (depth-muP) the branches, which are independent at the start, add a variance that does not depend on
    depth; with a = 1 (CompleteP) their sum does not even where training has aligned them, and less is added the deeper
    the network.

    This is the initial half of both: their rules for learning rates, weight decay and epsilon are not part of it, and
    their multipliers are constants of the network, where here they are trained.

    Args:
        exponent: a, at least 0.

    >>> from firstdraw.roles import BranchPlace, multiplier_role
    >>> place = BranchPlace(number=3, count=16, position=2, length=2)
    >>> print(DepthMuP().law(multiplier_role(place, layer=7, depth=34)))
    0.25
    """

    exponent: float = 0.5
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution")
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "N(0, 2/n), multipliers K^(-exponent) for K branches"
    source: ClassVar[Source | None] = Source(
        "Yang, Yu, Zhu & Hayou",
        2023,
        "Tensor Programs VI: Feature Learning in Infinite-Depth Neural Networks",
        "https://arxiv.org/abs/2310.02244",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_non_negative("exponent", self.exponent)

    def weight_law(self, role: Role) -> Distribution:
        return HeNormal().weight_law(role)

    def scalar_law(self, role: Role) -> Distribution:
        return Constant(1.0 if role.branch is None else role.branch.count**-self.exponent)
