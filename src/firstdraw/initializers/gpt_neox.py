"""GPT-J and GPT-NeoX: a small law inside, a smaller one for the layers that write to the residual stream."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role

__all__ = ["GPTNeoX"]


@INITIALIZERS.register("gpt_neox", aliases=("wang",))
@dataclass(frozen=True, slots=True)
class GPTNeoX(Initializer):
    """W ~ N(0, 2/(5 n)), n the fan-in, and N(0, 4/(K^2 d)) for the last layer of each of K branches, d its fan-out.

    The first is Nguyen and Salazar's SmallInit, Glorot's rule for a layer to four times its width. The second is
    Wang's, a standard deviation of 2/(K sqrt(d)), so that all branches together add a variance of order 1/K. Meant for
    transformers that normalize before each branch; d is the width of the residual stream, and attention and multilayer
    perceptron of a transformer's layer stand side by side in one branch, so that its number of layers is K. Where the
    role tells the layers of a transformer, these are K, whatever branches they have.

    >>> from firstdraw.roles import BranchPlace, weight_role
    >>> place = BranchPlace(number=3, count=16, position=2, length=2)
    >>> print(GPTNeoX().law(weight_role((100, 400), layer=7, depth=34, branch=place)))
    N(0, 0.0125²)
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("gelu",)
    formula: ClassVar[str] = "N(0, 2/(5 n)), N(0, 4/(K^2 m)) for the last layer of each of K branches"
    source: ClassVar[Source | None] = Source(
        "Black, Biderman, Hallahan et al.",
        2022,
        "GPT-NeoX-20B: An Open-Source Autoregressive Language Model",
        "https://arxiv.org/abs/2204.06745",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def weight_law(self, role: Role) -> Distribution:
        if role.branch is not None and role.branch.is_last:
            K = role.branch.count if role.transformer is None else role.transformer.layers
            return Normal(2 / (K * math.sqrt(role.fan_out)))
        return Normal(math.sqrt(2 / (5 * role.fan_in)))
