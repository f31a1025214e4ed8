"""Switch Transformer: experts that start ten times smaller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.variance_scaling import VarianceScaling
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["SwitchTransformer"]


@INITIALIZERS.register("switch_transformer", aliases=("switch",))
@dataclass(frozen=True, slots=True)
class SwitchTransformer(Initializer):
    """W of variance s/n, normal, cut at two standard deviations, n the fan-in, s = `scale`.

    Mixtures of experts are less stable than dense transformers; a tenth of the scale 1 of their default keeps the
    first steps in hand. For stacked experts, `stacked=1` of `weight_role`, n is that of one expert.

    Known confusions: in the paper's words sqrt(s/n) is the standard deviation before the cut, which leaves 0.88 of it;
    here, as in the initializer of JAX that its successors name for it, it is the one after the cut. Those successors
    draw the router from N(0, 0.02^2). A fan counted over all axes takes the experts for a kernel.

    Args:
        scale: s, above 0.

    >>> from firstdraw.roles import weight_role
    >>> experts = weight_role((8, 3072, 1000), stacked=1)
    >>> round(SwitchTransformer().law(experts).standard_deviation, 12)
    0.01
    """

    scale: float = 0.1
    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "variance scale/n, normal, cut at 2 standard deviations"
    source: ClassVar[Source | None] = Source(
        "Fedus, Zoph & Shazeer",
        2022,
        "Switch Transformers: Scaling to Trillion Parameter Models with Simple and Efficient Sparsity",
        "https://arxiv.org/abs/2101.03961",
    )

    def __post_init__(self) -> None:
        check_positive("scale", self.scale)

    def weight_law(self, role: Role) -> Distribution:
        return VarianceScaling(self.scale).weight_law(role)
