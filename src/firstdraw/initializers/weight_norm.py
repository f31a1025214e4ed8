"""Arpit, Campos and Bengio's rule for weight-normalized rectifier networks, with and without residual branches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, SphereRows
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind, Preserves
from firstdraw.roles import Role

__all__ = ["WeightNorm"]


@INITIALIZERS.register("weight_norm", aliases=("arpit",))
@dataclass(frozen=True, slots=True)
class WeightNorm(Initializer):
    """W = g v/|v| for each unit, g = sqrt(2 n/m), sqrt(n/(K m)) for the last layer of each of K residual branches.

    n and m are the inputs and outputs of a unit's block, v Gaussian: a unit's direction is uniform and its length g.
    With weight normalization v and g are the parameters, and this is the law of the weight that they make. A layer of
    rectifiers then keeps the squared length of its input, m g^2/n = 2 of which half is cut; the branches add at most
    1/K of it each, (1 + 1/K)^K < e in all. Both follow from the formulas.

    Known confusions: what is kept is the length of a vector, not its mean square, where the width changes. The authors
    also make directions orthogonal where m <= n, and their code tries a dozen other g for convolutions; in a kernel n
    and m are those of a tap, whose number cancels from fan-in over fan-out. g measured on a batch is the fitted
    `weight_normalization`.

    >>> from firstdraw.roles import weight_role
    >>> print(WeightNorm().law(weight_role((25, 50))))
    each unit's weights uniform on a sphere of radius 2
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution")
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "each unit's weights of length sqrt(2 n/m), sqrt(n/(K m)) at the end of each of K branches"
    source: ClassVar[Source | None] = Source(
        "Arpit, Campos & Bengio",
        2019,
        "How to Initialize your Network? Robust Initialization for WeightNorm & ResNets",
        "https://arxiv.org/abs/1906.02341",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def weight_law(self, role: Role) -> Distribution:
        ratio = role.layout.columns / role.layout.rows
        if role.branch is not None and role.branch.is_last:
            return SphereRows(role.layout, math.sqrt(ratio / role.branch.count))
        return SphereRows(role.layout, math.sqrt(2 * ratio))
