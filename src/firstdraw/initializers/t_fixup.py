"""T-Fixup: transformers without normalization and without warm-up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.glorot import GlorotUniform
from firstdraw.initializers.parts import WRITING, law_of_parts
from firstdraw.roles import Role, TransformerPlace

__all__ = ["TFixup"]


@INITIALIZERS.register("t_fixup", aliases=("tfixup",))
@dataclass(frozen=True, slots=True)
class TFixup(Initializer):
    """W ~ s U[-a, a), a = sqrt(6/(n + m)), n the fan-in, m the fan-out; embeddings N(0, (9 M)^(-1/2)/d).

    s is 0.67 N^(-1/4) for values, attention outputs and feed-forward layers in an encoder of N layers, (9 M)^(-1/4)
    for those in a decoder of M layers, its attention to the encoder among them, and 1 for all others; d is the length
    of the vectors. Made for training without layer normalization and without a warm-up of the learning rate: a step of
    SGD changes the output by an amount that does not depend on depth.

    The paper is about an encoder and a decoder; where there is one stack alone, the embeddings' M is its own number of
    layers, and outside of a transformer the law is `glorot_uniform`. Known confusion: the authors' code multiplies the
    values by a further sqrt(2), which takes back the gain 1/sqrt(2) of fairseq's attention, made for a packed weight;
    its queries and keys keep that gain, where the paper's have Xavier's 1, as here.

    >>> from firstdraw.roles import weight_role
    >>> place = TransformerPlace(parts=("value",), stack="decoder", layers=144, layer=1, other_layers=144)
    >>> print(TFixup().law(weight_role((48, 48), transformer=place)))
    U[-0.0416667, 0.0416667)
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "embedding")
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = (
        "U[-a, a), a = sqrt(6/(n + m)); gain s by the number of layers for value, output and feed-forward"
    )
    source: ClassVar[Source | None] = Source(
        "Huang, Perez, Ba & Volkovs",
        2020,
        "Improving Transformer Optimization Through Better Initialization",
        "https://proceedings.mlr.press/v119/huang20f.html",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def gain(self, place: TransformerPlace) -> float:
        """Return s, the gain of the weights through which a branch of the place writes."""
        if place.stack == "encoder":
            return 0.67 * place.layers ** (-1 / 4)
        return (9 * place.layers) ** (-1 / 4)

    def weight_law(self, role: Role) -> Distribution:
        place = role.transformer
        if role.operation == "embedding":
            return Normal(_embedding_factor(place) / math.sqrt(role.fan_out))
        if place is None:
            return GlorotUniform().weight_law(role)
        gain = self.gain(place)
        return law_of_parts(role, place, lambda part: GlorotUniform(gain if part in WRITING else 1.0).weight_law(role))


def _embedding_factor(place: TransformerPlace | None) -> float:
    if place is None:
        return 1.0
    layers = place.layers if place.stack == "decoder" or place.other_layers is None else place.other_layers
    return (9 * layers) ** (-1 / 4)
