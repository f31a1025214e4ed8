"""Floor 2. The weights of a whole transformer, each with its role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from firstdraw.activations import Activation, ReLU
from firstdraw.errors import InputError
from firstdraw.roles import BranchPlace, Role, TransformerPart, TransformerPlace, weight_role
from firstdraw.rules import check_non_negative_integer, check_positive_integer

__all__ = ["Transformer"]

INNER: Final[tuple[TransformerPart, ...]] = ("query", "key", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformer:
    """The architecture of a transformer, as far as the roles of its weights depend on it.

    A layer of the encoder has two residual branches, self-attention and feed-forward network; one of the decoder has a
    third between them, attention to the encoder's outputs, where there is an encoder. Every branch has two layers, of
    which the first one of attention is made of queries, keys and values.

    Args:
        width: the length of the vectors of the residual stream.
        feed_forward: the units inside of a feed-forward network.
        heads: the number of heads, which divides the width.
        vocabulary: how many vectors each embedding has, and the head outputs.
        encoder_layers: the number of layers of the encoder; 0 where there is none.
        decoder_layers: that of the decoder.
        packed: whether queries, keys and values of self-attention are one weight, as PyTorch's `in_proj_weight`.
        activation: what stands inside of the feed-forward networks.

    Raises:
        InputError: if a count is none, the heads do not divide the width, or there is no layer.

    >>> roles = Transformer(width=8, feed_forward=32, heads=2, vocabulary=100, encoder_layers=6).roles
    >>> len(roles), roles[1].name, roles[1].branch.count, roles[1].transformer.parts
    (38, 'encoder.layers.1.self_attention.query', 12, ('query',))
    """

    width: int
    feed_forward: int
    heads: int
    vocabulary: int
    encoder_layers: int = 0
    decoder_layers: int = 0
    packed: bool = False
    activation: Activation = field(default_factory=ReLU)

    def __post_init__(self) -> None:
        for name in ("width", "feed_forward", "heads", "vocabulary"):
            check_positive_integer(name, getattr(self, name))
        for name in ("encoder_layers", "decoder_layers"):
            check_non_negative_integer(name, getattr(self, name))
        if self.width % self.heads:
            raise InputError("heads", f"must divide the width, which is {self.width}", self.heads)
        if not self.encoder_layers + self.decoder_layers:
            raise InputError("encoder_layers", "must be above 0 where `decoder_layers` is 0", self.encoder_layers)

    @property
    def branches(self) -> int:
        """The number of residual branches."""
        return 2 * self.encoder_layers + (3 if self.encoder_layers else 2) * self.decoder_layers

    @property
    def depth(self) -> int:
        """The number of layers of weights on the way through every branch, with embeddings and head."""
        return 2 * self.branches + 2

    @property
    def roles(self) -> tuple[Role, ...]:
        """The role of every weight in order: embeddings, encoder, decoder, head; `bias_role` makes those of biases."""
        stacks: list[Literal["encoder", "decoder"]] = []
        if self.encoder_layers:
            stacks.append("encoder")
        if self.decoder_layers:
            stacks.append("decoder")
        embeddings = [self._outside(stack, "embedding") for stack in stacks]
        return (*embeddings, *self._inside(stacks), self._outside(stacks[-1], "head"))

    def _place(self, stack: Literal["encoder", "decoder"]) -> TransformerPlace:
        own, other = self.encoder_layers, self.decoder_layers
        if stack == "decoder":
            own, other = other, own
        return TransformerPlace(parts=("query",), stack=stack, layers=own, other_layers=other or None, heads=self.heads)

    def _outside(self, stack: Literal["encoder", "decoder"], part: Literal["embedding", "head"]) -> Role:
        return weight_role(
            (self.vocabulary, self.width),
            operation="embedding" if part == "embedding" else "dense",
            name=f"{stack}.embedding" if part == "embedding" else "head",
            layer=1 if part == "embedding" else self.depth,
            depth=self.depth,
            transformer=replace(self._place(stack), parts=(part,)),
        )

    def _inside(self, stacks: list[Literal["encoder", "decoder"]]) -> Iterator[Role]:
        number = 0
        for stack in stacks:
            place = self._place(stack)
            for layer in range(1, place.layers + 1):
                here = replace(place, layer=layer)
                attentions = [("self_attention", here)]
                if stack == "decoder" and place.other_layers is not None:
                    attentions.append(("cross_attention", replace(here, cross_attention=True)))
                for name, attention in attentions:
                    number += 1
                    yield from self._attention(f"{stack}.layers.{layer}.{name}", attention, number)
                number += 1
                yield from self._feed_forward(f"{stack}.layers.{layer}.feed_forward", here, number)

    def _attention(self, name: str, place: TransformerPlace, number: int) -> Iterator[Role]:
        square = (self.width, self.width)
        if self.packed and not place.cross_attention:
            yield self._weight(f"{name}.packed", (3 * self.width, self.width), replace(place, parts=INNER), number, 1)
        else:
            for part in INNER:
                yield self._weight(f"{name}.{part}", square, replace(place, parts=(part,)), number, 1)
        yield self._weight(f"{name}.output", square, replace(place, parts=("attention_output",)), number, 2)

    def _feed_forward(self, name: str, place: TransformerPlace, number: int) -> Iterator[Role]:
        inner, outer = (self.feed_forward, self.width), (self.width, self.feed_forward)
        first = self._weight(f"{name}.in", inner, replace(place, parts=("feed_forward_in",)), number, 1)
        yield replace(first, activation=self.activation)
        yield self._weight(f"{name}.out", outer, replace(place, parts=("feed_forward_out",)), number, 2)

    def _weight(self, name: str, shape: tuple[int, int], place: TransformerPlace, number: int, position: int) -> Role:
        return weight_role(
            shape,
            parts=len(place.parts),
            name=name,
            layer=2 * number - 1 + position,
            depth=self.depth,
            branch=BranchPlace(number=number, count=self.branches, position=position, length=2),
            transformer=place,
        )
