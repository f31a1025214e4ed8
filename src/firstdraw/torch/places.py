"""Where a layer stands in a transformer, by the names that its author gave it.

Attention branches on its values, so that it cannot be traced; but its layers bear names that nearly everybody uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from firstdraw.roles import TransformerPart, TransformerPlace
from firstdraw.torch.graph import Branch

__all__ = ["Place", "named_branches", "places_of"]

ATTENTION: Final = re.compile(r"attn|attention", re.IGNORECASE)
CROSS: Final = re.compile(r"cross|encoder_att|encdec|multihead_attn", re.IGNORECASE)
INNER: Final[tuple[TransformerPart, ...]] = ("query", "key", "value")
IN_ATTENTION: Final[dict[str, TransformerPart]] = {
    **dict.fromkeys(("q_proj", "query", "q", "wq", "q_lin", "to_q", "query_proj"), "query"),
    **dict.fromkeys(("k_proj", "key", "k", "wk", "k_lin", "to_k", "key_proj"), "key"),
    **dict.fromkeys(("v_proj", "value", "v", "wv", "v_lin", "to_v", "value_proj"), "value"),
    **dict.fromkeys(
        ("o_proj", "out_proj", "c_proj", "proj", "dense", "wo", "o", "out_lin", "to_out"), "attention_output"
    ),
}
PACKED: Final = frozenset({"c_attn", "qkv", "qkv_proj", "in_proj", "Wqkv", "query_key_value", "to_qkv"})
FEED_FORWARD: Final[dict[str, TransformerPart]] = {
    **dict.fromkeys(("c_fc", "fc1", "up_proj", "gate_proj", "gate_up_proj", "linear1", "w1", "w3"), "feed_forward_in"),
    **dict.fromkeys(("wi", "wi_0", "wi_1", "lin1", "dense_h_to_4h", "fc_in"), "feed_forward_in"),
    **dict.fromkeys(("c_proj", "fc2", "down_proj", "linear2", "w2", "wo", "lin2", "dense_4h_to_h"), "feed_forward_out"),
    "fc_out": "feed_forward_out",
}
# BERT calls its layers "dense" and tells them apart by the modules around them.
SURROUNDED: Final[dict[tuple[str, str], TransformerPart]] = {
    ("intermediate", "dense"): "feed_forward_in",
    ("output", "dense"): "feed_forward_out",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands.

    Args:
        part: what it does.
        branch: the name of the module that holds its branch.
        layers: the name of the list of the transformer's layers.
        layer: the place of its layer in this list, from 0.
    """

    part: Literal["packed"] | TransformerPart
    branch: str
    layers: str
    layer: int

    @property
    def stack(self) -> Literal["encoder", "decoder"]:
        """The stack it stands in, by its name; that of a network with one stack alone does not matter."""
        return "encoder" if "encoder" in self.layers and "decoder" not in self.layers else "decoder"

    @property
    def is_last(self) -> bool:
        """Whether its layer is the last of its branch."""
        return self.part in {"attention_output", "feed_forward_out"}


def places_of(names: Iterable[str]) -> dict[str, Place]:
    """Return the places of the layers with these names that are in the blocks of a transformer.

    >>> places = places_of(["h.0.attn.c_attn", "h.0.attn.c_proj", "h.0.mlp.c_fc", "h.0.mlp.c_proj", "head"])
    >>> [place.part for place in places.values()]
    ['packed', 'attention_output', 'feed_forward_in', 'feed_forward_out']
    """
    read = {name: place for name in names if (place := _place(name)) is not None}
    blocks = {(place.layers, place.layer) for place in read.values() if ATTENTION.search(place.branch)}
    return {name: place for name, place in read.items() if (place.layers, place.layer) in blocks}


def _place(name: str) -> Place | None:
    words = name.split(".")
    index = next((i for i, word in enumerate(words) if word.isdigit()), None)
    if index is None:
        return None
    layers, layer = ".".join(words[:index]), int(words[index])
    # The 0 of `to_out.0`, a layer before a dropout, says nothing.
    leaf = len(words) - 2 if words[-1].isdigit() and len(words) - 1 > index else len(words) - 1
    attention = next((i for i in range(index + 1, len(words)) if ATTENTION.search(words[i])), None)
    if attention is not None and words[attention] not in PACKED:
        branch = ".".join(words[: attention + 1])
        packed = leaf == attention or words[leaf] in PACKED
        part = "packed" if packed else IN_ATTENTION.get(words[leaf])
        return None if part is None else Place(part, branch, layers, layer)
    surrounded = SURROUNDED.get((words[leaf - 1], words[leaf]))
    if surrounded is not None:
        return Place(surrounded, ".".join(words[: leaf - 1]), layers, layer)
    part = FEED_FORWARD.get(words[leaf])
    return None if part is None else Place(part, ".".join(words[:leaf]), layers, layer)


def named_branches(places: dict[str, Place], *, normalized_after: bool) -> Iterator[Branch]:
    """Yield the residual branches of a transformer that has these places.

    Args:
        places: by the names of the layers.
        normalized_after: whether the sum of a branch and what it skips is normalized.
    """
    branches: dict[str, list[str]] = {}
    for name, place in places.items():
        kind = (
            "attention"
            if ATTENTION.search(place.branch) and place.part in {*INNER, "packed", "attention_output"}
            else "ff"
        )
        branches.setdefault(f"{place.branch} {kind}", []).append(name)
    for layers in branches.values():
        positions = tuple(2 if places[name].is_last else 1 for name in layers)
        if 2 in positions and 1 in positions:
            yield Branch(tuple(layers), positions, normalized_after, not normalized_after)


def transformer_place(name: str, parts: int, places: dict[str, Place]) -> TransformerPlace | None:
    """Return the place of a weight of a layer as initializers read it; None where the layer has none.

    Args:
        name: the layer's.
        parts: how many projections lie in its weight.
        places: by the names of the layers.
    """
    place = places.get(name)
    if place is None:
        return None
    inner = ("key", "value") if parts == 2 else INNER
    named = inner if place.part == "packed" else (place.part,) * parts
    if len(named) != parts:
        return None
    lists = {other.layers: other.stack for other in places.values()}
    counts = {layers: 1 + max(other.layer for other in places.values() if other.layers == layers) for layers in lists}
    others = [counts[layers] for layers, stack in lists.items() if stack != place.stack]
    return TransformerPlace(
        parts=named,
        stack=place.stack,
        layers=counts[place.layers],
        other_layers=sum(others) or None,
        layer=place.layer + 1,
        cross_attention=bool(CROSS.search(place.branch.rpartition(".")[2])) and bool(others),
    )
