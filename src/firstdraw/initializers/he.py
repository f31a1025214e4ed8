"""He et al.'s rule: what rectifiers need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal, Uniform
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Preserves
from firstdraw.roles import Role
from firstdraw.rules import check_finite

__all__ = ["HeNormal", "HeUniform"]

DELVING_DEEP: Final = Source(
    "He, Zhang, Ren & Sun",
    2015,
    "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet Classification",
    "https://arxiv.org/abs/1502.01852",
)
Fan = Literal["fan_in", "fan_out"]


@dataclass(frozen=True, slots=True)
class _He(Initializer):
    slope: float = 0.0
    mode: Fan = "fan_in"
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    preserves: ClassVar[Preserves | None] = "forward second moment"
    source: ClassVar[Source | None] = DELVING_DEEP

    def __post_init__(self) -> None:
        check_finite("slope", self.slope)
        if self.mode not in ("fan_in", "fan_out"):
            raise InputError("mode", "must be 'fan_in' or 'fan_out'", self.mode)

    def _variance(self, role: Role) -> float:
        fan = role.fan_in if self.mode == "fan_in" else role.fan_out
        return 2 / ((1 + self.slope * self.slope) * fan)


@INITIALIZERS.register("he_normal", aliases=("kaiming_normal",))
@dataclass(frozen=True, slots=True)
class HeNormal(_He):
    """W ~ N(0, 2/((1 + a^2) n)), n the fan, a = `slope` of the rectifier below 0 (0 for ReLU).

    Keeps the second moment of activations through a rectifier with `mode` "fan_in" (equation 10 of the paper), of
    gradients with "fan_out" (equation 14). Holds for ReLU, leaky ReLU and PReLU without residual branches.

    Known confusion: Keras and JAX draw the entry of this name from a truncated normal with the same variance.

    Args:
        slope: a, any finite number.
        mode: which fan n is.

    >>> from firstdraw.roles import weight_role
    >>> print(HeNormal().law(weight_role((8, 4))))
    N(0, 0.707107²)
    """

    formula: ClassVar[str] = "N(0, 2/((1 + slope^2) n)), n = fan-in, or fan-out if mode says so"

    def weight_law(self, role: Role) -> Distribution:
        return Normal(math.sqrt(self._variance(role)))


@INITIALIZERS.register("he_uniform", aliases=("kaiming_uniform",))
@dataclass(frozen=True, slots=True)
class HeUniform(_He):
    """W ~ U[-b, b) with b = sqrt(6/((1 + a^2) n)), n the fan, a = `slope`: the variance of `he_normal`.

    Args:
        slope: a, any finite number.
        mode: which fan n is.

    >>> from firstdraw.roles import weight_role
    >>> print(HeUniform().law(weight_role((8, 4))))
    U[-1.22474, 1.22474)
    """

    formula: ClassVar[str] = "U[-b, b), b = sqrt(6/((1 + slope^2) n)), n = fan-in, or fan-out if mode says so"

    def weight_law(self, role: Role) -> Distribution:
        bound = math.sqrt(3 * self._variance(role))
        return Uniform(-bound, bound)
