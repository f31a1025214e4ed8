"""The mean-field parametrization: a hidden layer is read as an average over its units."""

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

__all__ = ["MeanField"]


@PARAMETRIZATIONS.register("mean_field")
@INITIALIZERS.register("mean_field")
@dataclass(frozen=True, slots=True)
class MeanField(Parametrization):
    """W = w/n with w ~ N(0, g^2) where the n inputs are hidden units, W ~ N(0, g^2/n) in the first layer, g = `gain`.

    The learning rate of SGD grows with the width, by the number of hidden units that a weight stands between: m in the
    first layer, n in the last, n m between two hidden layers, so that in the time of the optimizer every unit moves at
    a speed that does not depend on width. Adam's does not change. Made for one hidden layer, where it is muP with the
    base width 1. In deeper networks the average of hidden units with weights of mean 0 vanishes at the start as the
    width grows, and muP is what goes on.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> role = weight_role((1, 256), layer=2, depth=2)
    >>> print(MeanField().law(role), MeanField().effective_learning_rate_factor(role, "sgd"))
    N(0, 0.00390625²) 0.00390625
    """

    gain: float = 1.0
    formula: ClassVar[str] = "N(0, gain^2/n^2); first layer N(0, gain^2/n)"
    source: ClassVar[Source | None] = Source(
        "Mei, Montanari & Nguyen",
        2018,
        "A Mean Field View of the Landscape of Two-Layers Neural Networks",
        "https://arxiv.org/abs/1804.06561",
    )
    learning_rates: ClassVar[str] = "SGD: first layer m, hidden m/n, last 1/n; Adam: 1, 1/n, 1/n"

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def multiplier(self, role: Role) -> float:
        return 1 / role.fan_in if role.kind == "weight" and reads_hidden(role) else 1.0

    def trained_law(self, role: Role) -> Normal | Constant:
        match role.kind:
            case "weight":
                return Normal(self.gain if reads_hidden(role) else self.gain / math.sqrt(role.fan_in))
            case "bias":
                return Constant(0.0)
            case "scalar":
                return Constant(1.0)

    def learning_rate_factor(self, role: Role, family: OptimizerFamily) -> float:
        if family == "adam" or role.kind == "scalar":
            return 1.0
        n = role.fan_in if role.kind == "weight" and reads_hidden(role) else 1.0
        m = role.fan_out if feeds_hidden(role) else 1.0
        return n * m
