"""The standard parametrization: weights as they are, one learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.distributions import Constant, Normal
from firstdraw.initializers.parametrizations.contract import PARAMETRIZATIONS, OptimizerFamily, Parametrization
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative, check_positive

__all__ = ["Standard"]


@PARAMETRIZATIONS.register("standard", aliases=("sp",))
@dataclass(frozen=True, slots=True)
class Standard(Parametrization):
    """W ~ N(0, g^2/n), b ~ N(0, s^2), one learning rate; n the fan-in, g = `gain`, s = `bias_gain`.

    What the others are compared with. Signals keep their size at any width at the start, but not in training: with the
    same learning rate the steps of a wide network change its output more, so that the best rate falls with width.

    Args:
        gain: g, above 0; sqrt(2) for ReLU.
        bias_gain: s, at least 0.

    >>> from firstdraw.roles import weight_role
    >>> role = weight_role((64, 256), layer=2, depth=3)
    >>> print(Standard().law(role), Standard().effective_learning_rate_factor(role, "adam"))
    N(0, 0.0625²) 1.0
    """

    gain: float = 1.0
    bias_gain: float = 0.0
    needs_architecture: ClassVar[bool] = False
    formula: ClassVar[str] = "N(0, gain^2/n); biases N(0, bias_gain^2)"
    learning_rates: ClassVar[str] = "1 for all"

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)
        check_non_negative("bias_gain", self.bias_gain)

    def multiplier(self, role: Role) -> float:  # noqa: ARG002
        return 1.0

    def trained_law(self, role: Role) -> Normal | Constant:
        match role.kind:
            case "weight":
                return Normal(self.gain / math.sqrt(role.fan_in))
            case "bias":
                return Normal(self.bias_gain) if self.bias_gain else Constant(0.0)
            case "scalar":
                return Constant(1.0)

    def learning_rate_factor(self, role: Role, family: OptimizerFamily) -> float:  # noqa: ARG002
        return 1.0
