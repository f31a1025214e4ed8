"""LayerScale: every channel of a branch behind a small factor of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.unscaled import BoundedNormal
from firstdraw.roles import Role

__all__ = ["LayerScale"]


@INITIALIZERS.register("layer_scale", aliases=("cait",))
@dataclass(frozen=True, slots=True)
class LayerScale(Initializer):
    """0.1 for the multipliers of branches in up to 18 layers, 1e-5 in up to 24, 1e-6 in more; W ~ N(0, 0.02^2).

    x + diag(l_1, ..., l_d) f(LN(x)) for every branch f of a vision transformer: near the identity at the start, with a
    rate of its own for each channel. The layers are those of the stack; in other residual networks the branches.
    Between 18 and 24 layers the paper is silent. The law is that of each of the d numbers: a role whose shape is (d,)
    gets d of them, one of `multiplier_role` a single one, which is `skipinit`'s architecture.

    Known confusions: weights are timm's `trunc_normal_`, which cuts nothing; and libraries have defaults of their own
    for the factor (1e-5 in timm's block, 1e-4 elsewhere), which do not look at the depth.

    >>> from firstdraw.roles import BranchPlace, TransformerPlace, multiplier_role
    >>> place = BranchPlace(number=3, count=48, position=2, length=2)
    >>> stack = TransformerPlace(parts=("attention_output",), stack="encoder", layers=24, layer=2)
    >>> print(LayerScale().law(multiplier_role(place, layer=7, depth=98, transformer=stack)))
    1e-05
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("gelu",)
    formula: ClassVar[str] = "N(0, 0.02^2); multipliers 0.1 up to 18 layers, 1e-5 up to 24, then 1e-6"
    source: ClassVar[Source | None] = Source(
        "Touvron, Cord, Sablayrolles, Synnaeve & Jégou",
        2021,
        "Going deeper with Image Transformers",
        "https://arxiv.org/abs/2103.17239",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def weight_law(self, role: Role) -> Distribution:
        return BoundedNormal(0.02).weight_law(role)

    def scalar_law(self, role: Role) -> Distribution:
        layers = _layers(role)
        return Constant(0.1 if layers <= 18 else 1e-5 if layers <= 24 else 1e-6)


def _layers(role: Role) -> int:
    if role.transformer is not None:
        return role.transformer.layers
    return 1 if role.branch is None else role.branch.count
