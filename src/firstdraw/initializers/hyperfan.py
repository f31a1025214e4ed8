"""Hyperfan: the last layer of a network that makes the weights of another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Uniform
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_positive, check_positive_integer

__all__ = ["Hyperfan"]


@INITIALIZERS.register("hyperfan")
@dataclass(frozen=True, slots=True)
class Hyperfan(Initializer):
    """W ~ U[-a, a), a^2 = 3 c/(b f n v): the variance c/(b f n v), for the last layer of a hypernetwork.

    n is the fan-in of that layer, f = `main_fan` the fan-in of the weight that it makes, v = `embedding_variance`,
    c = 2 where the main network has rectifiers (`rectifier`), else 1, and b = 2 where its biases are made as well
    (`biases`), else 1, so that weights and biases bring half of the variance each. What is made then has the variance
    c/f of He's rule, or LeCun's. This is hyperfan-in; with `mode` "fan_out", hyperfan-out, f is the fan-out of the
    weight and b is 1, for gradients. Holds for inputs of mean 0 and hidden layers that keep their mean square v.

    In hyperfan-in the layer that makes a bias has the law with f = 1 and `biases`; hyperfan-out's is not stated here.
    Known confusion: He's rule for the hypernetwork itself makes weights of variance v whatever the main network is.

    Args:
        main_fan: f.
        mode: "fan_in" or "fan_out".
        embedding_variance: v, above 0.
        rectifier: whether c is 2.
        biases: whether b is 2 in hyperfan-in.

    >>> from firstdraw.roles import weight_role
    >>> law = Hyperfan(main_fan=50).law(weight_role((1000, 100)))
    >>> round(100 * law.variance, 12)  # the variance of what is made: 2/50
    0.04
    """

    main_fan: int = 256
    mode: Literal["fan_in", "fan_out"] = "fan_in"
    embedding_variance: float = 1.0
    rectifier: bool = True
    biases: bool = False
    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    formula: ClassVar[str] = "variance c/(b main_fan n embedding_variance), uniform"
    source: ClassVar[Source | None] = Source(
        "Chang, Flokas & Lipson",
        2020,
        "Principled Weight Initialization for Hypernetworks",
        "https://arxiv.org/abs/2312.08399",
    )

    def __post_init__(self) -> None:
        check_positive_integer("main_fan", self.main_fan)
        if self.mode not in ("fan_in", "fan_out"):
            raise InputError("mode", "must be 'fan_in' or 'fan_out'", self.mode)
        check_positive("embedding_variance", self.embedding_variance)

    def weight_law(self, role: Role) -> Distribution:
        c = 2 if self.rectifier else 1
        b = 2 if self.biases and self.mode == "fan_in" else 1
        bound = math.sqrt(3 * c / (b * self.main_fan * role.fan_in * self.embedding_variance))
        return Uniform(-bound, bound)
