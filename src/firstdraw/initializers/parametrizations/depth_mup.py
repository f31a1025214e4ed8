"""Depth-muP and CompleteP: branch multipliers, and learning rates, by powers of the number of branches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Normal
from firstdraw.initializers.contract import INITIALIZERS, Kind
from firstdraw.initializers.parametrizations.contract import PARAMETRIZATIONS, OptimizerFamily, Parametrization
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative

__all__ = ["DepthMuP"]


@PARAMETRIZATIONS.register("depth_mup", aliases=("complete_p",))
@INITIALIZERS.register("depth_mup", aliases=("complete_p",))
@dataclass(frozen=True, slots=True)
class DepthMuP(Parametrization):
    """alpha = K^(-a) for each of K residual branches, a = `exponent`, and W ~ N(0, 2/n), n the fan-in.

    With a = 1/2 (depth-muP) the branches, which are independent at the start, add a variance that does not depend on
    depth; with a = 1 (CompleteP) their sum does not even where training has aligned them, and less is added the deeper
    the network. The multipliers are constants of the network: their learning rate is 0. A layer in a branch has the
    learning rate K^(2 a - 1) eta with SGD and K^(a - 1) eta with Adam, by which the changes of all branches together
    do not depend on depth.

    This is the rule for depth alone: the widths are treated as in the standard parametrization. The rules for weight
    decay and epsilon are not part of it. As the `weights` of an initialization it is the initial half, with multipliers
    that are trained.

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
    residual: ClassVar[bool] = True
    learning_rates: ClassVar[str] = (
        "in branches K^(2 a - 1) for SGD and K^(a - 1) for Adam, multipliers 0; a = exponent"
    )

    def __post_init__(self) -> None:
        check_non_negative("exponent", self.exponent)

    def multiplier(self, role: Role) -> float:  # noqa: ARG002
        return 1.0

    def trained_law(self, role: Role) -> Normal | Constant:
        match role.kind:
            case "weight":
                return Normal(math.sqrt(2 / role.fan_in))
            case "bias":
                return Constant(0.0)
            case "scalar":
                return Constant(1.0 if role.branch is None else role.branch.count**-self.exponent)

    def learning_rate_factor(self, role: Role, family: OptimizerFamily) -> float:
        if role.kind == "scalar":
            return 0.0
        if role.branch is None:
            return 1.0
        return role.branch.count ** ((2 * self.exponent if family == "sgd" else self.exponent) - 1)
