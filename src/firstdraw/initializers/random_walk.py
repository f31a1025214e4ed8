"""A gain that keeps the logarithm of the norm, not its square's mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.activations import Identity, ReLU
from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer
from firstdraw.roles import Role

__all__ = ["RandomWalk"]


@INITIALIZERS.register("random_walk")
@dataclass(frozen=True, slots=True)
class RandomWalk(Initializer):
    """W ~ N(0, g^2/n), g = exp(1/(2 n)) after linear layers, sqrt(2) exp(1.2/(max(n, 6) - 2.4)) before ReLU; n fan-in.

    The logarithm of a norm walks from layer to layer; g keeps the walk without drift, where `he_normal` keeps the mean
    of the square and lets the typical norm of deep and narrow networks shrink. The linear gain is the first term of
    sqrt(n/2) exp(-psi(n/2)/2), the exact one; the rectifier's was fitted by the authors.

    Raises:
        InputError: if the activation is neither linear nor ReLU.

    >>> from firstdraw.roles import weight_role
    >>> print(RandomWalk().law(weight_role((8, 100), activation=ReLU())))
    N(0, 0.143171²)
    """

    activations: ClassVar[tuple[str, ...] | None] = ("identity", "relu")
    formula: ClassVar[str] = "N(0, g^2/n), g = exp(1/(2 n)), for ReLU sqrt(2) exp(1.2/(max(n, 6) - 2.4))"
    source: ClassVar[Source | None] = Source(
        "Sussillo & Abbott",
        2014,
        "Random Walk Initialization for Training Very Deep Feedforward Networks",
        "https://arxiv.org/abs/1412.6558",
    )

    def weight_law(self, role: Role) -> Distribution:
        n = role.fan_in
        match role.activation:
            case None | Identity():
                gain = math.exp(1 / (2 * n))
            case ReLU():
                gain = math.sqrt(2) * math.exp(1.2 / (max(n, 6) - 2.4))
            case other:
                raise InputError(
                    "activation",
                    "must be linear or ReLU, whose gains are known, for 'random_walk'",
                    other,
                    hint="'activation_gain' serves others",
                )
        return Normal(gain / math.sqrt(n))
