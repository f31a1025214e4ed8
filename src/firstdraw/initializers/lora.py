"""LoRA: an adapter that starts as nothing and learns at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution, Uniform
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role

__all__ = ["LoRA"]


@INITIALIZERS.register("lora")
@dataclass(frozen=True, slots=True)
class LoRA(Initializer):
    """A ~ U[-1/sqrt(n), 1/sqrt(n)), n the fan-in, and B = 0, in W x + (c/r) B A x beside a frozen weight W.

    The adapter is a residual branch of two layers, A the first and B the last: an output of exactly 0 at the start and
    a gradient of B that is not; that of A is 0 until B has moved, which takes one step. With both 0 neither would ever
    move. c/r, r the rank, is a constant of the network.

    Known confusions: the law of A is PyTorch's default of a linear layer, written `kaiming_uniform_` with a = sqrt(5)
    in the authors' code and in PEFT, while the paper speaks of a Gaussian; and in an embedding PEFT exchanges the two,
    A = 0 and B ~ N(0, 1). PiSSA, OLoRA and others of their kind start from the frozen weight, and have no law without.

    >>> from firstdraw.roles import BranchPlace, weight_role
    >>> down, up = (BranchPlace(number=1, count=1, position=position, length=2) for position in (1, 2))
    >>> print(LoRA().law(weight_role((8, 400), branch=down)), LoRA().law(weight_role((300, 8), branch=up)))
    U[-0.05, 0.05) 0
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution")
    formula: ClassVar[str] = "U[-1/sqrt(n), 1/sqrt(n)), 0 for the last layer of the adapter"
    source: ClassVar[Source | None] = Source(
        "Hu et al.", 2021, "LoRA: Low-Rank Adaptation of Large Language Models", "https://arxiv.org/abs/2106.09685"
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def weight_law(self, role: Role) -> Distribution:
        if role.branch is not None and role.branch.is_last:
            return Constant(0.0)
        bound = 1 / math.sqrt(role.fan_in)
        return Uniform(-bound, bound)
