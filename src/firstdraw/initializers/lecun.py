"""LeCun's rule: keep the variance of a sum of n inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal, Uniform
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Preserves
from firstdraw.roles import Role

__all__ = ["LeCunNormal", "LeCunUniform"]

EFFICIENT_BACKPROP: Final = Source(
    "LeCun, Bottou, Orr & Müller", 1998, "Efficient BackProp", "https://doi.org/10.1007/3-540-49430-8_2"
)


@INITIALIZERS.register("lecun_normal")
@dataclass(frozen=True, slots=True)
class LeCunNormal(Initializer):
    """W ~ N(0, 1/n), n the fan-in: a linear layer keeps the second moment of its input.

    Holds for linear layers, for SELU, and for tanh-like activations scaled to have slope 1 at unit variance.

    Known confusion: Keras and JAX draw the entry of this name from a truncated normal with the same variance.

    >>> from firstdraw.roles import weight_role
    >>> print(LeCunNormal().law(weight_role((8, 4))))
    N(0, 0.5²)
    """

    activations: ClassVar[tuple[str, ...] | None] = ("identity", "selu")
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "N(0, 1/n)"
    source: ClassVar[Source | None] = EFFICIENT_BACKPROP

    def weight_law(self, role: Role) -> Distribution:
        return Normal(math.sqrt(1 / role.fan_in))


@INITIALIZERS.register("lecun_uniform")
@dataclass(frozen=True, slots=True)
class LeCunUniform(Initializer):
    """W ~ U[-a, a) with a = sqrt(3/n), n the fan-in, so that the variance is 1/n.

    >>> from firstdraw.roles import weight_role
    >>> print(LeCunUniform().law(weight_role((8, 4))))
    U[-0.866025, 0.866025)
    """

    activations: ClassVar[tuple[str, ...] | None] = ("identity", "selu")
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "U[-sqrt(3/n), sqrt(3/n))"
    source: ClassVar[Source | None] = EFFICIENT_BACKPROP

    def weight_law(self, role: Role) -> Distribution:
        bound = math.sqrt(3 / role.fan_in)
        return Uniform(-bound, bound)
