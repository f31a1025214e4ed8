"""muP: the parametrization in which every layer learns features at any width."""

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
from firstdraw.rules import check_non_negative, check_positive, check_positive_integer

__all__ = ["MuP"]


@PARAMETRIZATIONS.register("mup", aliases=("maximal_update",))
@INITIALIZERS.register("mup", aliases=("maximal_update",))
@dataclass(frozen=True, slots=True)
class MuP(Parametrization):
    """W ~ N(0, g^2/n), but W = (n0/n) w with w ~ N(0, r^2/n0) in the last layer; each layer's rate by its widths.

    With n the fan-in, m the fan-out, n0 = `base_width`, g = `gain` and r = `readout`, the effective learning rates are
    the optimizer's times m/n0 for SGD and 1 for Adam in the first layer and for hidden biases, 1 and n0/n in hidden
    layers, n0/n and n0/n in the last. So a network of the width n0 is the standard one, and wider ones learn as it
    does: each pre-activation changes by an amount that does not depend on width, and the best rate found for a narrow
    network serves a wide one. Outputs fall as 1/sqrt(n) at the start; the authors advise r = 0. Known confusion: the
    published tables are those of n0 = 1, up to constants that are to be tuned.

    Args:
        gain: g, above 0; sqrt(2) for ReLU.
        base_width: n0, the width at which nothing changes.
        readout: r, at least 0.

    >>> from firstdraw.roles import weight_role
    >>> hidden, last = weight_role((1024, 1024), layer=2, depth=3), weight_role((10, 1024), layer=3, depth=3)
    >>> mup = MuP(base_width=64)
    >>> print(mup.law(hidden), mup.law(last))
    N(0, 0.03125²) N(0, 0.0078125²)
    >>> mup.effective_learning_rate_factor(hidden, "adam"), mup.effective_learning_rate_factor(hidden, "sgd")
    (0.0625, 1.0)
    """

    gain: float = 1.0
    base_width: int = 64
    readout: float = 1.0
    formula: ClassVar[str] = "N(0, gain^2/n); last layer N(0, readout^2 base_width/n^2)"
    source: ClassVar[Source | None] = Source(
        "Yang, Hu, Babuschkin, Sidor, Liu, Farhi, Ryder, Pachocki, Chen & Gao",
        2022,
        "Tensor Programs V: Tuning Large Neural Networks via Zero-Shot Hyperparameter Transfer",
        "https://arxiv.org/abs/2203.03466",
    )
    learning_rates: ClassVar[str] = "SGD: first layer m/n0, hidden 1, last n0/n; Adam: 1, n0/n, n0/n; n0 = base_width"

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)
        check_positive_integer("base_width", self.base_width)
        check_non_negative("readout", self.readout)

    def multiplier(self, role: Role) -> float:
        return self.base_width / role.fan_in if _is_readout(role) else 1.0

    def trained_law(self, role: Role) -> Normal | Constant:
        match role.kind:
            case "weight" if _is_readout(role):
                return Normal(self.readout / math.sqrt(self.base_width))
            case "weight":
                return Normal(self.gain / math.sqrt(role.fan_in))
            case "bias":
                return Constant(0.0)
            case "scalar":
                return Constant(1.0)

    def learning_rate_factor(self, role: Role, family: OptimizerFamily) -> float:
        if role.kind == "scalar":
            return 1.0
        if role.kind == "weight" and reads_hidden(role):
            if _is_readout(role):
                return role.fan_in / self.base_width if family == "sgd" else 1.0
            return 1.0 if family == "sgd" else self.base_width / role.fan_in
        return role.fan_out / self.base_width if family == "sgd" and feeds_hidden(role) else 1.0


def _is_readout(role: Role) -> bool:
    """Whether a weight makes the network's outputs of hidden units."""
    return role.kind == "weight" and reads_hidden(role) and not feeds_hidden(role)
