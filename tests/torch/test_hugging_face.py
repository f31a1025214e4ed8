"""Models of Hugging Face, made from their configurations: attention cannot be traced, and is read by its names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import firstdraw.torch
from firstdraw.activations import GELU, ReLU, SiLU, Tanh
from firstdraw.torch import roles_of

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

# Of each family: the first layer of a feed-forward network and what follows it, a weight of queries, its parts, the
# last layers of the branches of a block, how many branches there are, and whether their sum is normalized.
FAMILIES: list[tuple[str, str, Any, str, int, list[str], int, bool]] = [
    (
        "gpt2",
        "transformer.h.1.mlp.c_fc.weight",
        GELU(),
        "transformer.h.1.attn.c_attn.weight",
        3,
        ["transformer.h.1.attn.c_proj.weight", "transformer.h.1.mlp.c_proj.weight"],
        4,
        False,
    ),
    (
        "bert",
        "encoder.layer.1.intermediate.dense.weight",
        GELU(),
        "encoder.layer.1.attention.self.query.weight",
        1,
        ["encoder.layer.1.attention.output.dense.weight", "encoder.layer.1.output.dense.weight"],
        4,
        True,
    ),
    (
        "vit",
        "vit.layers.1.mlp.fc1.weight",
        GELU(),
        "vit.layers.1.attention.q_proj.weight",
        1,
        ["vit.layers.1.attention.o_proj.weight", "vit.layers.1.mlp.fc2.weight"],
        4,
        False,
    ),
    (
        "llama",
        "model.layers.1.mlp.gate_proj.weight",
        SiLU(),
        "model.layers.1.self_attn.q_proj.weight",
        1,
        ["model.layers.1.self_attn.o_proj.weight", "model.layers.1.mlp.down_proj.weight"],
        4,
        False,
    ),
    (
        "t5",
        "decoder.block.1.layer.2.DenseReluDense.wi.weight",
        ReLU(),
        "decoder.block.1.layer.1.EncDecAttention.q.weight",
        1,
        ["decoder.block.1.layer.1.EncDecAttention.o.weight", "decoder.block.1.layer.2.DenseReluDense.wo.weight"],
        10,
        False,
    ),
]


@pytest.mark.parametrize(("family", "first", "activation", "query", "parts", "last", "count", "after"), FAMILIES)
def test_the_places_in_a_transformer_are_read(
    make_hugging_face: Callable[[str], Any],
    family: str,
    first: str,
    activation: Any,
    query: str,
    parts: int,
    last: list[str],
    count: int,
    after: bool,
) -> None:
    found = roles_of(make_hugging_face(family))
    roles = {name: one.role for one in found.parameters for name in one.names}
    assert len(found.branches) == count
    assert [branch.normalized_after for branch in found.branches] == [after] * count
    assert roles[first].activation == activation
    assert roles[first].transformer.parts == ("feed_forward_in",)
    assert (roles[first].transformer.layer, roles[first].transformer.layers) == (2, 2)
    assert roles[first].branch.position == 1
    assert roles[query].transformer.parts[0] == "query"
    assert len(roles[query].transformer.parts) == parts
    assert roles[query].transformer.cross_attention is (family == "t5")
    assert (roles[query].branch.position, roles[query].branch.length) == (1, 2)
    for name in last:
        assert roles[name].branch.is_last
    # Every weight of a block is in a branch, but T5's table of distances.
    for name, role in roles.items():
        inside = any(part.isdigit() for part in name.split(".")) and role is not None and role.kind == "weight"
        assert (role is not None and role.branch is not None) or not inside or "relative_attention_bias" in name


def test_gpt_2_s_dense_layers_are_stored_with_the_inputs_first(make_hugging_face: Callable[[str], Any]) -> None:
    roles = {name: one.role for one in roles_of(make_hugging_face("gpt2")).parameters for name in one.names}
    up, packed = roles["transformer.h.0.mlp.c_fc.weight"], roles["transformer.h.0.attn.c_attn.weight"]
    assert (up.shape, up.fan_in, up.fan_out) == ((32, 128), 32, 128)
    assert (packed.shape, packed.fan_in, packed.fan_out, packed.layout.parts) == ((32, 96), 32, 32, 3)
    assert roles["lm_head.weight"].tied is not None


def test_bert_s_pooler_is_followed_by_tanh(make_hugging_face: Callable[[str], Any]) -> None:
    roles = {one.name: one.role for one in roles_of(make_hugging_face("bert")).parameters}
    assert roles["pooler.dense.weight"].activation == Tanh()


def test_gpt_2_gets_its_own_scheme(make_hugging_face: Callable[[str], Any]) -> None:
    """The laws that its authors state: N(0, 0.02^2), and of N layers 1/(2 N) of this variance at the branches' ends."""
    model = make_hugging_face("gpt2")
    record = firstdraw.torch.initialize(model, "auto")
    end = f"N(0, {0.02 / math.sqrt(4):.6g}²)"
    for name in ("attn.c_proj", "mlp.c_proj"):
        assert record[f"transformer.h.1.{name}.weight"].law == end
    for name in ("transformer.wte", "transformer.wpe", "transformer.h.0.attn.c_attn", "transformer.h.1.mlp.c_fc"):
        assert record[f"{name}.weight"].law == "N(0, 0.02²)"
    assert record.left == ()


@pytest.mark.parametrize("family", ["gpt2", "bert", "vit", "llama", "t5"])
def test_every_parameter_gets_a_law(make_hugging_face: Callable[[str], Any], family: str) -> None:
    model = make_hugging_face(family)
    record = firstdraw.torch.initialize(model, "he_normal", seed=1)
    assert record.left == ()
    assert all(torch_finite(parameter) for parameter in model.parameters())


def torch_finite(parameter: Any) -> bool:
    return bool(parameter.isfinite().all())
