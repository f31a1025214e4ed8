"""The last layer: what a network answers before it has learned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution, Normal, TruncatedNormal, Uniform, Values
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, BiasInitializer, Initializer, Kind
from firstdraw.initializers.glorot import GlorotUniform
from firstdraw.initializers.he import HeNormal
from firstdraw.initializers.lecun import LeCunNormal
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["ClassPrior", "FocalPrior", "VisionTransformer", "ZeroHead"]

BODIES: Final = {"he_normal": HeNormal(), "lecun_normal": LeCunNormal(), "glorot_uniform": GlorotUniform()}


@INITIALIZERS.register("focal_prior")
@dataclass(frozen=True, slots=True)
class FocalPrior(BiasInitializer):
    """b = -ln((1 - p)/p), so that a sigmoid of it is p, with p = `prior`.

    The bias of the last layer of a detector, or of any classifier of rare things: without it the many negatives drive
    the first steps.

    Args:
        prior: p, above 0 and below 1.

    >>> from firstdraw.roles import bias_role, weight_role
    >>> print(FocalPrior().law(bias_role(weight_role((9, 3)))))
    -4.59512
    """

    prior: float = 0.01
    kinds: ClassVar[tuple[Kind, ...]] = ("bias", "head")
    deterministic: ClassVar[bool] = True
    breaks_symmetry: ClassVar[bool] = False
    activations: ClassVar[tuple[str, ...] | None] = ("sigmoid",)
    formula: ClassVar[str] = "-ln((1 - prior)/prior)"
    source: ClassVar[Source | None] = Source(
        "Lin, Goyal, Girshick, He & Dollár",
        2017,
        "Focal Loss for Dense Object Detection",
        "https://arxiv.org/abs/1708.02002",
    )

    def __post_init__(self) -> None:
        check_positive("prior", self.prior)
        if self.prior >= 1:
            raise InputError("prior", "must be below 1", self.prior)

    def bias_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Constant(-math.log((1 - self.prior) / self.prior))


@INITIALIZERS.register("class_prior")
@dataclass(frozen=True, slots=True)
class ClassPrior(BiasInitializer):
    """b_k = ln p_k, with p = `proportions`, one for each output of a softmax.

    With small or no weights the loss starts at the entropy of the classes, -sum p_k ln p_k, not at ln K or more: the
    steps that would learn the proportions are saved.

    Args:
        proportions: p, each above 0, 1 in sum; those of the training data.

    >>> from firstdraw.roles import bias_role, weight_role
    >>> print(ClassPrior((0.5, 0.25, 0.25)).law(bias_role(weight_role((3, 8)))))
    -0.693147, -1.38629, -1.38629
    """

    proportions: tuple[float, ...] = (0.5, 0.5)
    kinds: ClassVar[tuple[Kind, ...]] = ("bias", "head")
    deterministic: ClassVar[bool] = True
    formula: ClassVar[str] = "ln p_k"

    def __post_init__(self) -> None:
        for k, share in enumerate(self.proportions):
            check_positive(f"proportions[{k}]", share)
        if abs(math.fsum(self.proportions) - 1) > 1e-6:
            raise InputError("proportions", "must have the sum 1", math.fsum(self.proportions))

    @property
    def outputs(self) -> int:
        return len(self.proportions)

    def bias_law(self, role: Role) -> Distribution:
        return Values(role.layout, tuple(math.log(share) for share in self.proportions))


@INITIALIZERS.register("zero_head")
@dataclass(frozen=True, slots=True)
class ZeroHead(Initializer):
    """W = 0 in the last layer, the law of `body` in the others.

    A network that answers 0 to everything before it has learned: the loss starts where no opinion puts it, and the
    gradient of the last layer, which does not vanish, breaks the tie in one step.

    Args:
        body: the entry for the other layers: "he_normal", "lecun_normal" or "glorot_uniform".

    >>> from firstdraw.roles import weight_role
    >>> print(ZeroHead().law(weight_role((10, 8), layer=3, depth=3)))
    0
    """

    body: Literal["he_normal", "lecun_normal", "glorot_uniform"] = "he_normal"
    kinds: ClassVar[tuple[Kind, ...]] = (*Initializer.kinds, "head")
    needs_architecture: ClassVar[bool] = True
    formula: ClassVar[str] = "0 in the last layer, else the law of body"

    def __post_init__(self) -> None:
        if self.body not in BODIES:
            raise InputError("body", f"must be one of {', '.join(BODIES)}", self.body)

    def weight_law(self, role: Role) -> Distribution:
        return Constant(0.0) if role.layer == role.depth else BODIES[self.body].weight_law(role)


@INITIALIZERS.register("vision_transformer", aliases=("vit",))
@dataclass(frozen=True, slots=True)
class VisionTransformer(Initializer):
    """W ~ U[-a, a), a = sqrt(6/(n + m)), biases N(0, 1e-12); the patches' W cut normal of variance 1/n; the head 0.

    The recipe of the authors' JAX code: Glorot's rule for attention and feed-forward layers, a truncated normal for the
    convolution that makes the patches, zeros for its biases and the last layer. The small biases are those of the
    feed-forward layers; attention's are 0 there, and not to be told apart here.

    >>> from firstdraw.roles import weight_role
    >>> print(VisionTransformer().law(weight_role((3, 3), layer=2, depth=9)))
    U[-1, 1)
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution", "bias", "head")
    activations: ClassVar[tuple[str, ...] | None] = ("gelu",)
    needs_architecture: ClassVar[bool] = True
    formula: ClassVar[str] = "glorot_uniform, biases N(0, 1e-12); convolutions 1/n cut at 2; last layer 0"
    source: ClassVar[Source | None] = Source(
        "Dosovitskiy et al.",
        2021,
        "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
        "https://arxiv.org/abs/2010.11929",
    )

    def weight_law(self, role: Role) -> Distribution:
        if role.depth > 1 and role.layer == role.depth:
            return Constant(0.0)
        if role.layout.kernel:
            return TruncatedNormal(math.sqrt(1 / role.fan_in) / TruncatedNormal().standard_deviation)
        bound = math.sqrt(6 / (role.fan_in + role.fan_out))
        return Uniform(-bound, bound)

    def bias_law(self, role: Role) -> Distribution:
        last = role.depth > 1 and role.layer == role.depth
        return Constant(0.0) if last or role.operation != "dense" else Normal(1e-6)
