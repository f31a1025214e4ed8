"""The NTK parametrization: factors in front of standard Gaussian weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Normal
from firstdraw.initializers.contract import INITIALIZERS
from firstdraw.initializers.parametrizations.contract import PARAMETRIZATIONS, OptimizerFamily, Parametrization
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative, check_positive

__all__ = ["NTK"]


@PARAMETRIZATIONS.register("ntk", aliases=("neural_tangent",))
@INITIALIZERS.register("ntk", aliases=("neural_tangent",))
@dataclass(frozen=True, slots=True)
class NTK(Parametrization):
    """W = g/sqrt(n) w and b = s v with w, v ~ N(0, 1), one learning rate; n the fan-in, g = `gain`, s = `bias_gain`.

    At the start the network is that of the standard parametrization with the same gains; in training a weight moves
    with g^2/n times the rate (SGD). In the limit of wide layers features stay as they are drawn and training follows
    the fixed neural tangent kernel, at one best rate for all widths.

    Args:
        gain: g, above 0; sqrt(2) for ReLU.
        bias_gain: s, at least 0; where it is 0, biases are 0 and stay.

    >>> from firstdraw.roles import weight_role
    >>> role = weight_role((64, 256), layer=2, depth=3)
    >>> print(NTK().law(role), NTK().effective_learning_rate_factor(role, "sgd"))
    N(0, 0.0625²) 0.00390625
    """

    gain: float = 1.0
    bias_gain: float = 0.1
    needs_architecture: ClassVar[bool] = False
    formula: ClassVar[str] = "N(0, gain^2/n); biases N(0, bias_gain^2)"
    source: ClassVar[Source | None] = Source(
        "Jacot, Gabriel & Hongler",
        2018,
        "Neural Tangent Kernel: Convergence and Generalization in Neural Networks",
        "https://arxiv.org/abs/1806.07572",
    )
    learning_rates: ClassVar[str] = "SGD: gain^2/n, biases bias_gain^2; Adam: the square roots"

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)
        check_non_negative("bias_gain", self.bias_gain)

    def multiplier(self, role: Role) -> float:
        match role.kind:
            case "weight":
                return self.gain / math.sqrt(role.fan_in)
            case "bias":
                return self.bias_gain
            case "scalar":
                return 1.0

    def trained_law(self, role: Role) -> Normal | Constant:
        return Constant(1.0) if role.kind == "scalar" else Normal(1.0)

    def learning_rate_factor(self, role: Role, family: OptimizerFamily) -> float:  # noqa: ARG002
        return 1.0
