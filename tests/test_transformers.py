"""The roles of a transformer's weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from firstdraw.activations import GELU
from firstdraw.errors import InputError
from firstdraw.roles import TransformerPlace, bias_role, weight_role
from firstdraw.transformers import Transformer

BOTH = Transformer(width=8, feed_forward=12, heads=2, vocabulary=50, encoder_layers=2, decoder_layers=3)


def test_the_weights_are_those_of_an_encoder_and_a_decoder_in_order() -> None:
    attention = ["query", "key", "value", "output"]
    names = ["encoder.embedding", "decoder.embedding"]
    for stack, layers, attentions in (
        ("encoder", 2, ["self_attention"]),
        ("decoder", 3, ["self_attention", "cross_attention"]),
    ):
        for layer in range(1, layers + 1):
            names += [f"{stack}.layers.{layer}.{one}.{part}" for one in attentions for part in attention]
            names += [f"{stack}.layers.{layer}.feed_forward.{part}" for part in ("in", "out")]
    assert [role.name for role in BOTH.roles] == [*names, "head"]
    # 4 d^2 an attention, 2 d f a feed-forward network: 2 and 3 attentions and networks, and 3 attentions more.
    inner = sum(role.shape[0] * role.shape[1] for role in BOTH.roles if role.branch is not None)
    assert inner == 8 * 4 * 64 + 5 * 2 * 96


def test_a_place_says_where_a_weight_stands() -> None:
    roles = {role.name: role for role in BOTH.roles}
    role = roles["decoder.layers.2.cross_attention.value"]
    assert role.transformer == TransformerPlace(
        parts=("value",), stack="decoder", layers=3, other_layers=2, layer=2, cross_attention=True, heads=2
    )
    # Four branches of the encoder, three of the decoder's first layer, one of its second.
    assert role.branch is not None
    assert (role.branch.number, role.branch.count, role.branch.position) == (9, 13, 1)
    assert not role.branch.is_last
    assert bias_role(role).transformer == role.transformer
    head = roles["head"]
    assert head.layer == head.depth == BOTH.depth == 28
    assert all(role.layer < role.depth for role in BOTH.roles if role.name != "head")
    assert (head.fan_in, roles["encoder.embedding"].fan_out) == (8, 8)
    assert roles["encoder.embedding"].transformer == TransformerPlace(
        parts=("embedding",), stack="encoder", layers=2, other_layers=3, heads=2
    )


def test_every_branch_has_a_first_layer_and_a_last_one() -> None:
    for number in range(1, BOTH.branches + 1):
        inside = [role for role in BOTH.roles if role.branch is not None and role.branch.number == number]
        assert {role.layer for role in inside} == {2 * number, 2 * number + 1}
        assert [role.branch.is_last for role in inside if role.branch] == [False] * (len(inside) - 1) + [True]


def test_a_single_stack_has_no_other_and_its_own_embedding() -> None:
    for stack in ("encoder", "decoder"):
        options: dict[str, Any] = {f"{stack}_layers": 4}
        alone = Transformer(width=8, feed_forward=12, heads=2, vocabulary=50, activation=GELU(), **options)
        assert (alone.branches, alone.depth, len(alone.roles)) == (8, 18, 2 + 4 * 6)
        assert all(role.transformer is not None and role.transformer.other_layers is None for role in alone.roles)
        assert {role.activation for role in alone.roles} == {None, GELU()}


def test_packed_queries_keys_and_values_are_one_weight_of_three_parts() -> None:
    packed = {role.name: role for role in replace(BOTH, packed=True).roles}
    apart = {role.name: role for role in BOTH.roles}
    role = packed["encoder.layers.1.self_attention.packed"]
    assert role.shape == (24, 8)
    assert role.transformer is not None
    assert role.transformer.parts == ("query", "key", "value")
    query = apart["encoder.layers.1.self_attention.query"]
    assert (role.fan_in, role.fan_out, role.layer) == (query.fan_in, query.fan_out, query.layer)
    # The queries of attention to the encoder see other inputs than its keys and values.
    assert packed["decoder.layers.1.cross_attention.query"] == apart["decoder.layers.1.cross_attention.query"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"heads": 3}, "`heads` must divide the width, which is 8, got 3"),
        ({"encoder_layers": 0}, "`encoder_layers` must be above 0 where `decoder_layers` is 0, got 0"),
        ({"decoder_layers": -1}, "`decoder_layers` must be an integer of at least 0, got -1"),
        ({"vocabulary": 0}, "`vocabulary` must be a positive integer, got 0"),
    ],
)
def test_what_makes_no_transformer_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        Transformer(**{"width": 8, "feed_forward": 12, "heads": 2, "vocabulary": 50, "encoder_layers": 2, **options})
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"parts": ("queries",)},
            (
                "`parts` must be some of query, key, value, attention_output, feed_forward_in, feed_forward_out, "
                "embedding, head, got ('queries',)"
            ),
        ),
        ({"parts": ()}, "`parts` must be some of query, "),
        ({"layer": 7}, "`layer` must be at most `layers`, which is 6, got 7"),
        ({"layer": 0}, "`layer` must be a positive integer, got 0"),
        ({"other_layers": 0}, "`other_layers` must be a positive integer, got 0"),
        ({"heads": 0}, "`heads` must be a positive integer, got 0"),
    ],
)
def test_what_is_no_place_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        TransformerPlace(**{"parts": ("query",), "stack": "encoder", "layers": 6, **options})
    assert str(caught.value).startswith(sentence)


def test_a_place_tells_as_many_parts_as_there_are() -> None:
    place = TransformerPlace(parts=("query", "key"), stack="encoder", layers=6)
    with pytest.raises(InputError) as caught:
        weight_role((12, 4), parts=3, transformer=place)
    assert str(caught.value) == "`transformer.parts` must be as many as the 3 of the weight, got ('query', 'key')"
