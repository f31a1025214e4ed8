"""Laws that ignore the fans: one spread for every layer, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.distributions import Distribution, Normal, TruncatedNormal, Uniform
from firstdraw.initializers.contract import INITIALIZERS, Initializer
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative, check_positive

__all__ = ["PlainNormal", "PlainTruncatedNormal", "PlainUniform"]


@INITIALIZERS.register("normal")
@dataclass(frozen=True, slots=True)
class PlainNormal(Initializer):
    """W ~ N(0, s^2), with s = `standard_deviation`.

    The second moment of a layer's output is n s^2 times its input's, so the same s vanishes in narrow layers and
    explodes in wide ones. AlexNet used 0.01, BERT and GPT-2 0.02, the write-up's "large random values" are 10.

    Args:
        standard_deviation: s, at least 0.
    """

    standard_deviation: float = 1.0
    formula: ClassVar[str] = "N(0, standard_deviation^2)"

    def __post_init__(self) -> None:
        check_non_negative("standard_deviation", self.standard_deviation)

    def weight_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Normal(self.standard_deviation)


@INITIALIZERS.register("uniform")
@dataclass(frozen=True, slots=True)
class PlainUniform(Initializer):
    """W ~ U[-a, a), with a = `bound`; the standard deviation is a / sqrt(3).

    Args:
        bound: a, at least 0.
    """

    bound: float = 0.05
    formula: ClassVar[str] = "U[-bound, bound)"

    def __post_init__(self) -> None:
        check_non_negative("bound", self.bound)

    def weight_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Uniform(-self.bound, self.bound)


@INITIALIZERS.register("truncated_normal")
@dataclass(frozen=True, slots=True)
class PlainTruncatedNormal(Initializer):
    """W ~ N(0, s^2) given |W| <= c s, with s = `scale` and c = `cut`.

    The drawn standard deviation is below s (0.8796 s for c = 2). Known confusion: the bounds are in standard
    deviations here, as in Keras and JAX; in PyTorch's `trunc_normal_` they are absolute values, so that its default
    of 2 cuts nothing when s is 0.02.

    Args:
        scale: s, the standard deviation before the cut, at least 0.
        cut: c, above 0.
    """

    scale: float = 0.02
    cut: float = 2.0
    formula: ClassVar[str] = "N(0, scale^2) given |W| <= cut scale"

    def __post_init__(self) -> None:
        check_non_negative("scale", self.scale)
        check_positive("cut", self.cut)

    def weight_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return TruncatedNormal(self.scale, self.cut)
