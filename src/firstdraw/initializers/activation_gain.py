"""Gains from the activation itself: its second moment, or its slope at 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firstdraw.activations import Activation
from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Preserves
from firstdraw.moments import gaussian_moments
from firstdraw.roles import Role

__all__ = ["ActivationGain", "Kumar"]


def _second_moment(activation: Activation) -> float:
    """Return E phi(z)^2 for z from N(0, 1), infinite where it has no limit."""
    try:
        return gaussian_moments(activation).second_moment
    except InputError:
        return math.inf


@INITIALIZERS.register("activation_gain")
@dataclass(frozen=True, slots=True)
class ActivationGain(Initializer):
    """W ~ N(0, 1/(n E phi(z)^2)), z from N(0, 1), n the fan-in, phi the activation that follows the layer.

    Keeps the variance 1 of pre-activations from layer to layer where phi follows each of them: phi leaves the moment
    E phi(z)^2, which W takes back to 1. For ReLU it is `he_normal`. In the first layer, whose input has not passed phi,
    the factor is one too many, and in the last, which nothing follows, one is missing. Known confusion: 1/std phi(z),
    which looks at the variance instead, is wrong where phi has a mean and weights are not centered; and PyTorch's
    `calculate_gain` is a table of conventions, 5/3 for tanh where this is 1.5925. Whether the variance 1 is a stable
    fixed point is another question.

    Raises:
        InputError: if E phi(z)^2 is 0 or not finite.

    >>> from firstdraw.activations import Tanh
    >>> from firstdraw.roles import weight_role
    >>> print(ActivationGain().law(weight_role((8, 100), activation=Tanh())))
    N(0, 0.159254²)
    """

    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "N(0, 1/(n E phi(z)^2)), z ~ N(0, 1)"

    def weight_law(self, role: Role) -> Distribution:
        if role.activation is None:
            return Normal(math.sqrt(1 / role.fan_in))
        moment = _second_moment(role.activation)
        if not (math.isfinite(moment) and moment > 0):
            raise InputError(
                "activation",
                "must have a finite second moment above 0 under N(0, 1)",
                role.activation,
                hint="'orthogonal' and 'lecun_normal' ask for none",
            )
        return Normal(math.sqrt(1 / (role.fan_in * moment)))


@INITIALIZERS.register("kumar")
@dataclass(frozen=True, slots=True)
class Kumar(Initializer):
    """W ~ N(0, 1/(n s^2 (1 + c^2))), s = phi'(0), c = phi(0), n the fan-in, phi the activation that follows.

    From phi linear around 0: what follows has the variance s^2 and the mean c of what would come, for inputs of mean c
    and variance 1. For a sigmoid the standard deviation is 3.58/sqrt(n), the paper's 3.6.

    Raises:
        InputError: if phi has a kink at 0, or no slope there.

    >>> from firstdraw.activations import Sigmoid
    >>> from firstdraw.roles import weight_role
    >>> print(Kumar().law(weight_role((8, 100), activation=Sigmoid())))
    N(0, 0.357771²)
    """

    activations: ClassVar[tuple[str, ...] | None] = ("sigmoid", "tanh")
    formula: ClassVar[str] = "N(0, 1/(n phi'(0)^2 (1 + phi(0)^2)))"
    source: ClassVar[Source | None] = Source(
        "Kumar", 2017, "On weight initialization in deep neural networks", "https://arxiv.org/abs/1704.08863"
    )

    def weight_law(self, role: Role) -> Distribution:
        if role.activation is None:
            return Normal(math.sqrt(1 / role.fan_in))
        value = float(role.activation.value(np.zeros(1))[0])
        slope, right = role.activation.derivative(np.nextafter([0.0, 0.0], [-1.0, 1.0])).tolist()
        if slope != right or not slope:
            raise InputError(
                "activation",
                "must have a derivative at 0, other than 0, for 'kumar'",
                role.activation,
                hint="'he_normal' serves rectifiers",
            )
        return Normal(1 / (abs(slope) * math.sqrt(role.fan_in * (1 + value * value))))
