"""ReZero: every residual branch behind a gate that starts shut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.he import HeNormal
from firstdraw.roles import Role

__all__ = ["ReZero"]


@INITIALIZERS.register("rezero")
@dataclass(frozen=True, slots=True)
class ReZero(Initializer):
    """alpha = 0 for every branch's multiplier, W ~ N(0, 2/n), n the fan-in.

    The network starts as its layers outside of the branches alone: signals and gradients pass any depth unchanged, and
    the input-output Jacobian of the branches is exactly the identity. The branches' weights receive no gradient until
    their multipliers have moved, which takes one step. The paper's branches are x + alpha phi(W x), `activated` here;
    the weights' law is the one of the network without gates, He's for ReLU.

    >>> from firstdraw.roles import BranchPlace, multiplier_role
    >>> place = BranchPlace(number=3, count=16, position=2, length=2)
    >>> print(ReZero().law(multiplier_role(place, layer=7, depth=34)))
    0
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution")
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "N(0, 2/n), multipliers 0"
    source: ClassVar[Source | None] = Source(
        "Bachlechner, Majumder, Mao, Cottrell & McAuley",
        2021,
        "ReZero is All You Need: Fast Convergence at Large Depth",
        "https://arxiv.org/abs/2003.04887",
    )
    residual: ClassVar[bool] = True

    def weight_law(self, role: Role) -> Distribution:
        return HeNormal().weight_law(role)

    def scalar_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Constant(0.0)
