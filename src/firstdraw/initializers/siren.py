"""Networks of sines, which represent a signal by its coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Uniform
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["Siren"]


@INITIALIZERS.register("siren")
@dataclass(frozen=True, slots=True)
class Siren(Initializer):
    """W ~ U[-1/n, 1/n) in the first layer, U[-a, a) with a = sqrt(6/n)/w in the others; n fan-in, w = `frequency`.

    For the activation sin(w Z), whose argument keeps the variance 1, and inputs in [-1, 1]. Biases are from
    U[-1/sqrt(n), 1/sqrt(n)), as the authors' code leaves them. Known confusion: an earlier version of the paper states
    the first layer's law wrongly, the code does not; a network of plain sin Z wants w = 1.

    Args:
        frequency: w, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(Siren().law(weight_role((256, 256), layer=2, depth=5)))
    U[-0.0051031, 0.0051031)
    """

    frequency: float = 30.0
    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("sin",)
    needs_architecture: ClassVar[bool] = True
    formula: ClassVar[str] = "U[-a, a), a = sqrt(6/n)/frequency; first layer a = 1/n"
    source: ClassVar[Source | None] = Source(
        "Sitzmann, Martel, Bergman, Lindell & Wetzstein",
        2020,
        "Implicit Neural Representations with Periodic Activation Functions",
        "https://arxiv.org/abs/2006.09661",
    )

    def __post_init__(self) -> None:
        check_positive("frequency", self.frequency)

    def weight_law(self, role: Role) -> Distribution:
        bound = 1 / role.fan_in if role.layer == 1 else math.sqrt(6 / role.fan_in) / self.frequency
        return Uniform(-bound, bound)

    def bias_law(self, role: Role) -> Distribution:
        bound = 1 / math.sqrt(role.fan_in)
        return Uniform(-bound, bound)
