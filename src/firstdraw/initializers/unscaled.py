"""Laws that ignore the fans: one spread for every layer, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal, TruncatedNormal, Uniform
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative, check_positive

__all__ = ["BoundedNormal", "CorrectedNormal", "PlainNormal", "PlainTruncatedNormal", "PlainUniform"]


@INITIALIZERS.register("normal")
@dataclass(frozen=True, slots=True)
class PlainNormal(Initializer):
    """W ~ N(0, s^2), with s = `standard_deviation`.

    The second moment of a layer's output is n s^2 times its input's, so the same s vanishes in narrow layers and
    explodes in wide ones. AlexNet used 0.01, BERT and GPT-2 0.02, the write-up's "large random values" are 10.

    Args:
        standard_deviation: s, at least 0.

    >>> from firstdraw.roles import weight_role
    >>> print(PlainNormal().law(weight_role((8, 4))))
    N(0, 1²)
    """

    standard_deviation: float = 1.0
    kinds: ClassVar[tuple[Kind, ...]] = (*Initializer.kinds, "embedding", "bias")
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

    >>> from firstdraw.roles import weight_role
    >>> print(PlainUniform().law(weight_role((8, 4))))
    U[-0.05, 0.05)
    """

    bound: float = 0.05
    kinds: ClassVar[tuple[Kind, ...]] = (*Initializer.kinds, "embedding", "bias")
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

    >>> from firstdraw.roles import weight_role
    >>> print(PlainTruncatedNormal().law(weight_role((8, 4))))
    N(0, 0.02²) cut at ±2 standard deviations
    """

    scale: float = 0.02
    cut: float = 2.0
    kinds: ClassVar[tuple[Kind, ...]] = (*Initializer.kinds, "embedding")
    formula: ClassVar[str] = "N(0, scale^2) given |W| <= cut scale"

    def __post_init__(self) -> None:
        check_non_negative("scale", self.scale)
        check_positive("cut", self.cut)

    def weight_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return TruncatedNormal(self.scale, self.cut)


@INITIALIZERS.register("torch_truncated_normal", aliases=("trunc_normal",))
@dataclass(frozen=True, slots=True)
class BoundedNormal(Initializer):
    """W ~ N(0, s^2) given |W| <= b, with s = `scale` and b = `bound`: PyTorch's and timm's `trunc_normal_`.

    Known confusion: the bound is an absolute value, so that the default of 2 lies 100 standard deviations out for
    s = 0.02 and cuts nothing. `truncated_normal` counts in standard deviations.

    Args:
        scale: s, the standard deviation before the cut, above 0.
        bound: b, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(BoundedNormal().law(weight_role((8, 4))))
    N(0, 0.02²) cut at ±100 standard deviations
    """

    scale: float = 0.02
    bound: float = 2.0
    kinds: ClassVar[tuple[Kind, ...]] = (*Initializer.kinds, "embedding")
    formula: ClassVar[str] = "N(0, scale^2) given |W| <= bound"
    source: ClassVar[Source | None] = Source(
        "PyTorch contributors",
        2019,
        "torch.nn.init.trunc_normal_",
        "https://docs.pytorch.org/docs/stable/nn.init.html",
    )

    def __post_init__(self) -> None:
        check_positive("scale", self.scale)
        check_positive("bound", self.bound)

    def weight_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return TruncatedNormal(self.scale, self.bound / self.scale)


@INITIALIZERS.register("corrected_truncated_normal")
@dataclass(frozen=True, slots=True)
class CorrectedNormal(Initializer):
    """W ~ N(0, (s/k)^2) given |W| <= c s/k, k such that the standard deviation after the cut is s.

    With s = `standard_deviation` and c = `cut`; k = 0.8796 for c = 2, by which `variance_scaling` of Keras and JAX
    divides too.

    Args:
        standard_deviation: s, at least 0.
        cut: c, above 0.

    >>> from firstdraw.roles import weight_role
    >>> round(CorrectedNormal(0.02).law(weight_role((8, 4))).standard_deviation, 12)
    0.02
    """

    standard_deviation: float = 0.02
    cut: float = 2.0
    kinds: ClassVar[tuple[Kind, ...]] = (*Initializer.kinds, "embedding")
    formula: ClassVar[str] = "N(0, (standard_deviation/k)^2) given |W| <= cut standard_deviation/k"

    def __post_init__(self) -> None:
        check_non_negative("standard_deviation", self.standard_deviation)
        check_positive("cut", self.cut)

    def weight_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return TruncatedNormal(self.standard_deviation / TruncatedNormal(1.0, self.cut).standard_deviation, self.cut)
