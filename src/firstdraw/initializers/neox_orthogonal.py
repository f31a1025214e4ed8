"""GPT-NeoX's orthogonal weights, scaled by how many layers write to the residual stream."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Orthogonal
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role

__all__ = ["NeoXOrthogonal"]


@INITIALIZERS.register("neox_orthogonal")
@dataclass(frozen=True, slots=True)
class NeoXOrthogonal(Initializer):
    """W = sqrt(2/N) Q for the last layer of each branch of a transformer of N layers, sqrt(2) Q elsewhere.

    Q is uniform among the matrices with orthonormal columns, or rows if wide. N is the number of layers of the stack,
    and of branches where the network is no transformer.

    Known confusions: in GPT-NeoX the rule is `scaled_orthogonal` and may be chosen for any weight; it is told here as
    the law of the layers that write to the stream, its "output layers", with `orthogonal`, the same for N = 1, in the
    others. This package's `scaled_orthogonal` is another scheme, for networks without skip connections.

    >>> from firstdraw.roles import TransformerPlace, BranchPlace, weight_role
    >>> place = TransformerPlace(parts=("attention_output",), stack="decoder", layers=8, layer=2)
    >>> branch = BranchPlace(number=3, count=16, position=2, length=2)
    >>> print(NeoXOrthogonal().law(weight_role((64, 64), branch=branch, transformer=place)))
    0.5 x orthogonal
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("gelu",)
    formula: ClassVar[str] = "sqrt(2) Q, sqrt(2/N) Q for the last layer of each branch, Q orthogonal"
    source: ClassVar[Source | None] = Source(
        "EleutherAI",
        2021,
        "GPT-NeoX, init_functions.py",
        "https://github.com/EleutherAI/gpt-neox/blob/main/megatron/model/init_functions.py",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def weight_law(self, role: Role) -> Distribution:
        layers = 1
        if role.branch is not None and role.branch.is_last:
            layers = role.branch.count if role.transformer is None else role.transformer.layers
        return Orthogonal(role.layout, math.sqrt(2 / layers))
