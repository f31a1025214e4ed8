"""Mimetic initialization: attention that starts as it looks after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Packed, PairedFactor, part_layout
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.unscaled import BoundedNormal
from firstdraw.roles import Layout, Role, TransformerPart, TransformerPlace
from firstdraw.rules import check_finite, check_non_negative

__all__ = ["Mimetic"]

ATTENTION: Final[tuple[TransformerPart, ...]] = ("query", "key", "value", "attention_output")


@INITIALIZERS.register("mimetic")
@dataclass(frozen=True, slots=True)
class Mimetic(Initializer):
    """W_Q^T W_K = a Z + b I for each head, W_O W_V = c Z - e I, Z of N(0, 1/d) elements, in self-attention.

    d is the width, a = `score_noise`, b = `score_diagonal`, c = `value_noise` and e = `value_diagonal`; a head of k
    dimensions has the k largest singular values of its product, split evenly between the two weights. Tokens then
    attend to those like themselves, and what a layer adds is taken off the stream, as trained vision transformers show.
    Made for small sets of images, with fixed sinusoidal embeddings of positions; all other weights are N(0, 0.02^2).

    The weights of a product are drawn from the same numbers, keyed by the layer's place in the transformer, and so may
    be packed or apart; one stream of numbers, as `numpy_legacy`, cannot draw them. Queries and keys need the same
    number of heads. Attention to another stack is no self-attention, and keeps N(0, 0.02^2).

    Unverified: the two public implementations that were read agree on the form, and on 0.7 and 0.4, but not on which of
    the products has which; the paper itself was not read.

    Args:
        score_noise: a, at least 0.
        score_diagonal: b, any finite number.
        value_noise: c, at least 0.
        value_diagonal: e, any finite number.

    >>> from firstdraw.roles import weight_role
    >>> place = TransformerPlace(parts=("query",), stack="encoder", layers=12, layer=3, heads=3)
    >>> print(Mimetic().law(weight_role((192, 192), transformer=place)))
    first factor of 0.7 Z + 0.7 I, 3 heads
    """

    score_noise: float = 0.7
    score_diagonal: float = 0.7
    value_noise: float = 0.4
    value_diagonal: float = 0.4
    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("gelu",)
    formula: ClassVar[str] = (
        "in attention W_Q^T W_K = score_noise Z + score_diagonal I, W_O W_V = value_noise Z - value_diagonal I"
    )
    source: ClassVar[Source | None] = Source(
        "Trockman & Kolter", 2023, "Mimetic Initialization of Self-Attention Layers", "https://arxiv.org/abs/2305.09828"
    )
    needs_architecture: ClassVar[bool] = True
    verified: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_non_negative("score_noise", self.score_noise)
        check_finite("score_diagonal", self.score_diagonal)
        check_non_negative("value_noise", self.value_noise)
        check_finite("value_diagonal", self.value_diagonal)

    def weight_law(self, role: Role) -> Distribution:
        place = role.transformer
        if place is None or place.cross_attention or place.parts[0] not in ATTENTION:
            return BoundedNormal(0.02).weight_law(role)
        if len(place.parts) == 1:
            return self._factor(role.layout, place, place.parts[0])
        layout = part_layout(role.layout)
        return Packed(role.layout, tuple(self._factor(layout, place, part) for part in place.parts))

    def _factor(self, layout: Layout, place: TransformerPlace, part: TransformerPart) -> PairedFactor:
        attention = f"{place.stack}.{place.layer}.attention"
        if part in ("query", "key"):
            return PairedFactor(
                layout,
                f"{attention}.scores",
                "first" if part == "query" else "second",
                self.score_noise,
                self.score_diagonal,
                heads=place.heads,
            )
        return PairedFactor(
            layout,
            f"{attention}.values",
            "first" if part == "value" else "second",
            self.value_noise,
            -self.value_diagonal,
            product="chain",
        )
