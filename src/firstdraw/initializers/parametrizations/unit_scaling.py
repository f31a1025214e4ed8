"""Unit scaling in the form of u-muP: weights, activations and gradients start with the root mean square 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Normal
from firstdraw.initializers.contract import INITIALIZERS
from firstdraw.initializers.parametrizations.contract import (
    PARAMETRIZATIONS,
    OptimizerFamily,
    Parametrization,
    feeds_hidden,
    reads_hidden,
)
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["UnitScaling"]


@PARAMETRIZATIONS.register("unit_scaling", aliases=("u_mup",))
@INITIALIZERS.register("unit_scaling", aliases=("u_mup",))
@dataclass(frozen=True, slots=True)
class UnitScaling(Parametrization):
    """W = a w with w ~ N(0, 1): a = 1/sqrt(n) in the first layer, g/sqrt(n) in hidden ones, g/n in the last.

    With n the fan-in and g = `gain`, which stands for the multiplier of the activation before the layer. For inputs of
    the root mean square 1 every weight and pre-activation has it too, but for the outputs, which fall as 1/sqrt(n) as
    in muP. Adam's rates for w are eta/sqrt(n), and eta in the last layer; those of SGD, which the authors leave to
    unit-scaled gradients, are here those of muP up to constants: m in the first layer, n in the others.

    On their way back gradients are multiplied with a factor of their own, `backward_multiplier`, in place of a: it
    keeps their root mean square and changes the gradient of each parameter by a constant, which Adam does not see. The
    rule for residual branches is not part of this.

    Args:
        gain: g, above 0; sqrt(2) for ReLU.

    >>> from firstdraw.roles import weight_role
    >>> role = weight_role((256, 1024), layer=2, depth=3)
    >>> scaled = UnitScaling()
    >>> print(scaled.trained_law(role), scaled.multiplier(role), scaled.backward_multiplier(role))
    N(0, 1²) 0.03125 0.0625
    """

    gain: float = 1.0
    formula: ClassVar[str] = "N(0, gain^2/n); first layer N(0, 1/n), last N(0, gain^2/n^2)"
    source: ClassVar[Source | None] = Source(
        "Blake et al.",
        2024,
        "u-muP: The Unit-Scaled Maximal Update Parametrization",
        "https://arxiv.org/abs/2407.17465",
    )
    learning_rates: ClassVar[str] = "SGD: first layer m/n, hidden gain^2, last gain^2/n; Adam: 1/n, gain/n, gain/n"

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def multiplier(self, role: Role) -> float:
        if role.kind != "weight":
            return 1.0
        if not reads_hidden(role):
            return 1 / math.sqrt(role.fan_in)
        return self.gain / (math.sqrt(role.fan_in) if feeds_hidden(role) else role.fan_in)

    def backward_multiplier(self, role: Role) -> float:
        """Return the factor of the gradient that a weight hands back to its inputs: g/sqrt(m), m the fan-out."""
        return self.gain / math.sqrt(role.fan_out)

    def trained_law(self, role: Role) -> Normal | Constant:
        match role.kind:
            case "weight":
                return Normal(1.0)
            case "bias":
                return Constant(0.0)
            case "scalar":
                return Constant(1.0)

    def learning_rate_factor(self, role: Role, family: OptimizerFamily) -> float:
        if role.kind == "scalar":
            return 1.0
        reads = role.kind == "weight" and reads_hidden(role)
        if family == "sgd":
            return role.fan_in if reads else role.fan_out if feeds_hidden(role) else 1.0
        return 1 / math.sqrt(role.fan_in) if role.kind == "weight" and feeds_hidden(role) else 1.0
