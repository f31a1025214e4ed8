"""Fixup: residual branches that start as zero and whose updates do not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution, Normal
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.he import HeNormal
from firstdraw.roles import Role

__all__ = ["Fixup"]


@INITIALIZERS.register("fixup")
@dataclass(frozen=True, slots=True)
class Fixup(Initializer):
    """W ~ N(0, 2/n) K^(-1/(m - 1)) in a branch of m layers, its last layer 0, the network's last layer 0.

    n is the fan-in, K the number of residual branches; the factor is on the variance, K^(-1/(2 m - 2)) on the standard
    deviation. Biases are 0 and multipliers 1. Every branch starts as the identity, so that the scale of the signal
    does not depend on depth, and a step of SGD on the weights with rate eta changes the output by order eta at any
    depth. For ReLU networks without normalization, with branches that end without activation.

    Known confusions: the rule's L is the number of branches, not of layers; the authors' code takes He's rule with the
    fan-out, which is the fan-in where a layer is square; and the scalar biases before every layer are here the biases
    of the layers before them, vectors, whose steps do add up over the branches.

    >>> from firstdraw.roles import BranchPlace, weight_role
    >>> place = BranchPlace(number=3, count=16, position=1, length=2)
    >>> print(Fixup().law(weight_role((8, 8), layer=6, depth=34, branch=place)))
    N(0, 0.125²)
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution", "head")
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "N(0, 2/n) K^(-1/(2 l - 2)) in K branches of l layers; last of branch and network 0"
    source: ClassVar[Source | None] = Source(
        "Zhang, Dauphin & Ma",
        2019,
        "Fixup Initialization: Residual Learning Without Normalization",
        "https://arxiv.org/abs/1901.09321",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def weight_law(self, role: Role) -> Distribution:
        branch = role.branch
        if role.layer == role.depth or (branch is not None and branch.is_last):
            return Constant(0.0)
        he = HeNormal().weight_law(role).standard_deviation
        return Normal(he if branch is None else he * branch.count ** (-1 / (2 * branch.length - 2)))
