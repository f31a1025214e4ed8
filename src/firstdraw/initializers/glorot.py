"""Glorot and Bengio's rule, and what others call by the first name of its first author."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal, Uniform
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Preserves
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["GlorotNormal", "GlorotUniform", "XavierFanIn"]

UNDERSTANDING: Final = Source(
    "Glorot & Bengio",
    2010,
    "Understanding the difficulty of training deep feedforward neural networks",
    "https://proceedings.mlr.press/v9/glorot10a.html",
)


@INITIALIZERS.register("glorot_normal", aliases=("xavier_normal",))
@dataclass(frozen=True, slots=True)
class GlorotNormal(Initializer):
    """W ~ N(0, 2 g^2/(n + m)), n the fan-in, m the fan-out, g = `gain`.

    A compromise between keeping the variance of activations (1/n) and of gradients (1/m) in a linear layer. Holds
    for linear layers and, near 0, for tanh, hardtanh and softsign, whose slope there is 1.

    Known confusion: the paper draws uniformly; Keras and JAX draw the entry of this name from a truncated normal,
    PyTorch from this one.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(GlorotNormal().law(weight_role((8, 4))))
    N(0, 0.408248²)
    """

    gain: float = 1.0
    activations: ClassVar[tuple[str, ...] | None] = ("identity", "tanh", "hardtanh", "softsign")
    formula: ClassVar[str] = "N(0, 2 gain^2/(n + m))"
    source: ClassVar[Source | None] = UNDERSTANDING

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        return Normal(self.gain * math.sqrt(2 / (role.fan_in + role.fan_out)))


@INITIALIZERS.register("glorot_uniform", aliases=("xavier_uniform",))
@dataclass(frozen=True, slots=True)
class GlorotUniform(Initializer):
    """W ~ U[-a, a) with a = g sqrt(6/(n + m)), n the fan-in, m the fan-out, g = `gain` (equation 16 of the paper).

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(GlorotUniform().law(weight_role((8, 4))))
    U[-0.707107, 0.707107)
    """

    gain: float = 1.0
    activations: ClassVar[tuple[str, ...] | None] = ("identity", "tanh", "hardtanh", "softsign")
    formula: ClassVar[str] = "U[-a, a), a = gain sqrt(6/(n + m))"
    source: ClassVar[Source | None] = UNDERSTANDING

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        bound = self.gain * math.sqrt(6 / (role.fan_in + role.fan_out))
        return Uniform(-bound, bound)


@INITIALIZERS.register("xavier_fan_in")
@dataclass(frozen=True, slots=True)
class XavierFanIn(Initializer):
    """W ~ N(0, 1/n), n the fan-in: what courses, and the write-up firstdraw began with, call Xavier.

    It is the law of `lecun_normal`. Known confusion: Glorot and Bengio's own rule (`glorot_uniform`) has the variance
    2/(n + m); Caffe's "Xavier" has 1/n and draws uniformly (`lecun_uniform`).

    >>> from firstdraw.roles import weight_role
    >>> print(XavierFanIn().law(weight_role((8, 4))))
    N(0, 0.5²)
    """

    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "N(0, 1/n)"
    source: ClassVar[Source | None] = UNDERSTANDING

    def weight_law(self, role: Role) -> Distribution:
        return Normal(math.sqrt(1 / role.fan_in))
