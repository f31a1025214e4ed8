"""A geometric mean of the fans: layers with equal curvature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal
from firstdraw.initializers.contract import INITIALIZERS, Initializer
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["GeometricMean"]


@INITIALIZERS.register("geometric_mean")
@dataclass(frozen=True, slots=True)
class GeometricMean(Initializer):
    """W ~ N(0, c/sqrt(n m)), n the fan-in, m the fan-out, c = `scale`.

    Balances the blocks of the Hessian that belong to different layers: a layer multiplies the forward second moment by
    sqrt(n/m) and that of gradients by sqrt(m/n) of what c alone would. c = 2 is for ReLU. JAX's `fan_geo_avg`.

    Args:
        scale: c, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(GeometricMean().law(weight_role((8, 2))))
    N(0, 0.707107²)
    """

    scale: float = 2.0
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "N(0, scale/sqrt(n m))"
    source: ClassVar[Source | None] = Source(
        "Defazio & Bottou",
        2019,
        "Beyond Folklore: A Scaling Calculus for the Design and Initialization of ReLU Networks",
        "https://arxiv.org/abs/1906.04267",
    )

    def __post_init__(self) -> None:
        check_positive("scale", self.scale)

    def weight_law(self, role: Role) -> Distribution:
        return Normal(math.sqrt(self.scale / math.sqrt(role.fan_in * role.fan_out)))
