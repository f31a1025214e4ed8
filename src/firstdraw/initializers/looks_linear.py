"""Mirrored weights: a network of rectifiers that is linear at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution, Mirrored
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["LooksLinear"]


@INITIALIZERS.register("looks_linear")
@dataclass(frozen=True, slots=True)
class LooksLinear(Initializer):
    """W = [[V, -V], [-V, V]] between hidden layers, [V, -V] upright in the first, side by side in the last layer.

    V = g Q has half as many rows and columns, Q is orthogonal (Haar), g = `gain`. The units of a hidden layer come in
    pairs with opposite pre-activations, and as relu(z) - relu(-z) = z, each layer hands V z on: the network is exactly
    linear in its inputs until training breaks the mirror, with gradients that do not shatter, and with the isometry
    that orthogonal matrices give, which rectifiers cannot have otherwise. Holds for ReLU networks without residual
    branches. Known confusion: the authors double the layer by concatenated rectifiers, relu(z) and relu(-z); here
    ordinary rectifiers stand in two halves of the layer.

    An odd width leaves a unit without a partner, which nothing reads at the start; a hidden layer of one unit is not
    read at all.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(LooksLinear().law(weight_role((8, 6), layer=2, depth=3)))
    orthogonal V of (4, 3) in [[V, -V], [-V, V]]
    """

    gain: float = 1.0
    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    needs_architecture: ClassVar[bool] = True
    formula: ClassVar[str] = "[[V, -V], [-V, V]], V = gain Q, Q orthogonal; first layer [V; -V], last [V, -V]"
    source: ClassVar[Source | None] = Source(
        "Balduzzi, Frean, Leary, Lewis, Ma & McWilliams",
        2017,
        "The Shattered Gradients Problem: If resnets are the answer, then what is the question?",
        "https://arxiv.org/abs/1702.08591",
    )

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        reads_pairs = role.layer > 1
        if reads_pairs and role.layout.columns == 1:
            return Constant(0.0)
        return Mirrored(role.layout, self.gain, inputs=reads_pairs, outputs=role.layer < role.depth)
