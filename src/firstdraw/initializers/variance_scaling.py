"""The umbrella of the frameworks: a scale over a fan, in one of three shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal, TruncatedNormal, Uniform
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Preserves
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["UniformUnitScaling", "VarianceScaling"]

MODES: Final = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
SHAPES: Final = ("truncated_normal", "normal", "uniform")


@INITIALIZERS.register("variance_scaling")
@dataclass(frozen=True, slots=True)
class VarianceScaling(Initializer):
    """W of variance c/f, c = `scale`, f the fan that `mode` names, in the shape that `distribution` names.

    `variance_scaling` of JAX and `VarianceScaling` of Keras: "fan_avg" is (n + m)/2, "fan_geo_avg" sqrt(n m) (JAX
    alone); the truncated normal is cut at two standard deviations and widened to have the variance after the cut. Known
    confusion: Keras says "untruncated_normal" where JAX says "normal".

    Args:
        scale: c, above 0.
        mode: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg".
        distribution: "truncated_normal", "normal" or "uniform".

    >>> from firstdraw.roles import weight_role
    >>> print(VarianceScaling(2.0, distribution="normal").law(weight_role((8, 2))))
    N(0, 1²)
    """

    scale: float = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg", "fan_geo_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "normal", "uniform"] = "truncated_normal"
    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "variance scale/n, n = fan-in, or what mode says"
    source: ClassVar[Source | None] = Source(
        "JAX contributors",
        2018,
        "jax.nn.initializers.variance_scaling",
        "https://docs.jax.dev/en/latest/_autosummary/jax.nn.initializers.variance_scaling.html",
    )

    def __post_init__(self) -> None:
        check_positive("scale", self.scale)
        if self.mode not in MODES:
            raise InputError("mode", f"must be one of {', '.join(MODES)}", self.mode)
        if self.distribution not in SHAPES:
            raise InputError("distribution", f"must be one of {', '.join(SHAPES)}", self.distribution)

    def weight_law(self, role: Role) -> Distribution:
        n, m = role.fan_in, role.fan_out
        fan = {"fan_in": n, "fan_out": m, "fan_avg": (n + m) / 2, "fan_geo_avg": math.sqrt(n * m)}[self.mode]
        deviation = math.sqrt(self.scale / fan)
        match self.distribution:
            case "normal":
                return Normal(deviation)
            case "uniform":
                return Uniform(-math.sqrt(3) * deviation, math.sqrt(3) * deviation)
            case "truncated_normal":
                return TruncatedNormal(deviation / TruncatedNormal().standard_deviation)


@INITIALIZERS.register("uniform_unit_scaling")
@dataclass(frozen=True, slots=True)
class UniformUnitScaling(Initializer):
    """W ~ U[-f a, f a) with a = sqrt(3/n), n the fan-in, f = `factor`: TensorFlow 1's default for a while.

    f = 1 is `lecun_uniform`; TensorFlow's documentation gave 1.43 for ReLU, near the sqrt(2) of `he_uniform`.

    Args:
        factor: f, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(UniformUnitScaling(1.43).law(weight_role((8, 3))))
    U[-1.43, 1.43)
    """

    factor: float = 1.0
    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "U[-factor sqrt(3/n), factor sqrt(3/n))"
    source: ClassVar[Source | None] = Source(
        "Sussillo & Abbott",
        2014,
        "Random Walk Initialization for Training Very Deep Feedforward Networks",
        "https://arxiv.org/abs/1412.6558",
    )

    def __post_init__(self) -> None:
        check_positive("factor", self.factor)

    def weight_law(self, role: Role) -> Distribution:
        bound = self.factor * math.sqrt(3 / role.fan_in)
        return Uniform(-bound, bound)
