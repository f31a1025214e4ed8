"""DeepNorm: a normalized sum of the stream, scaled up, and of the branch, scaled down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.glorot import GlorotNormal
from firstdraw.initializers.parts import WRITING, law_of_parts
from firstdraw.roles import Role, TransformerPlace

__all__ = ["DeepNorm"]

# What the gain of an encoder before a decoder is multiplied with.
ENCODER_FACTOR: Final = {"paper": 0.87, "torchscale": 1.15}


@INITIALIZERS.register("deepnorm", aliases=("deepnet",))
@dataclass(frozen=True, slots=True)
class DeepNorm(Initializer):
    """W ~ N(0, 2 b^2/(n + m)) for values, attention outputs and feed-forward layers, N(0, 2/(n + m)) for the others.

    n is the fan-in, m the fan-out. The network is LN(a x + f(x)) at every branch f, LN the layer normalization. Of N
    layers in one stack alone, a = (2 N)^(1/4) and b = (8 N)^(-1/4). Of an encoder of N and a decoder of M layers,
    a = 0.81 (N^4 M)^(1/16) and b = 0.87 (N^4 M)^(-1/16) in the encoder, a = (3 M)^(1/4) and b = (12 M)^(-1/4) in the
    decoder, its attention to the encoder among it.

    A step of SGD then changes the output by an amount that does not depend on depth, and grows with it with a = b = 1.
    LN(a x + f(x)) is LN(x + f(x)/a), so the multiplier of a branch that ends in a normalization starts as 1/a; in the
    paper a is a constant of the network and is not trained. Outside of a transformer the law is `glorot_normal`.

    Known confusions: N counts layers, which have two branches each or three; queries and keys keep the gain 1, also
    where they are packed with the values; and torchscale, the authors' library, divides the encoder of two stacks by
    (N^4 M)^(1/16)/1.15, a gain of 1.15 (N^4 M)^(-1/16), where the paper's 0.87 is 1/1.15.

    Args:
        constants: "paper", or "torchscale" for the gain of its code.

    >>> from firstdraw.roles import weight_role
    >>> place = TransformerPlace(parts=("value",), stack="encoder", layers=32, layer=1)
    >>> print(DeepNorm().law(weight_role((512, 512), transformer=place)))
    N(0, 0.0110485²)
    >>> round(DeepNorm().skip_factor(place), 6)
    2.828427
    """

    constants: Literal["paper", "torchscale"] = "paper"
    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("relu", "gelu")
    formula: ClassVar[str] = "N(0, 2/(n + m)); gain b by the number of layers for value, output and feed-forward"
    source: ClassVar[Source | None] = Source(
        "Wang, Ma, Dong, Huang, Zhang & Wei",
        2022,
        "DeepNet: Scaling Transformers to 1,000 Layers",
        "https://arxiv.org/abs/2203.00555",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.constants not in ENCODER_FACTOR:
            raise InputError("constants", "must be 'paper' or 'torchscale'", self.constants)

    def skip_factor(self, place: TransformerPlace) -> float:
        """Return a, by which the stream is multiplied before a branch of the place is added."""
        if place.other_layers is None:
            return (2 * place.layers) ** (1 / 4)
        if place.stack == "encoder":
            return 0.81 * (place.layers**4 * place.other_layers) ** (1 / 16)
        return (3 * place.layers) ** (1 / 4)

    def gain(self, place: TransformerPlace) -> float:
        """Return b, the gain of the weights through which a branch of the place writes."""
        if place.other_layers is None:
            return (8 * place.layers) ** (-1 / 4)
        if place.stack == "encoder":
            return ENCODER_FACTOR[self.constants] * (place.layers**4 * place.other_layers) ** (-1 / 16)
        return (12 * place.layers) ** (-1 / 4)

    def weight_law(self, role: Role) -> Distribution:
        place = role.transformer
        if place is None:
            return GlorotNormal().weight_law(role)
        gain = self.gain(place)
        return law_of_parts(role, place, lambda part: GlorotNormal(gain if part in WRITING else 1.0).weight_law(role))

    def scalar_law(self, role: Role) -> Distribution:
        return Constant(1.0 if role.transformer is None else 1 / self.skip_factor(role.transformer))
