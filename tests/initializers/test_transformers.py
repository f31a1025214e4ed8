"""The schemes for transformers and other deep architectures: their laws by hand, and what they are known for."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from firstdraw.activations import ACTIVATIONS, ReLU
from firstdraw.arrays import Floats
from firstdraw.distributions import Constant, Distribution, Normal, Orthogonal, Packed, PairedFactor, Uniform
from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS
from firstdraw.initializers.admin import Admin
from firstdraw.initializers.deepnorm import DeepNorm
from firstdraw.initializers.nf_resnet import NFResNet
from firstdraw.networks import MultilayerPerceptron, repeated_branches
from firstdraw.roles import BranchPlace, Role, TransformerPart, multiplier_role, weight_role
from firstdraw.transformers import Transformer

BOTH = Transformer(width=48, feed_forward=96, heads=4, vocabulary=70, encoder_layers=16, decoder_layers=9)
ALONE = Transformer(width=48, feed_forward=96, heads=4, vocabulary=70, decoder_layers=32)


def named(transformer: Transformer) -> dict[str, Role]:
    return {role.name: role for role in transformer.roles}


def drawn(role: Role, law: Distribution, seed: int = 0) -> Floats:
    return law.sample(CounterDraws(seed), role.name, role.shape)


def gain(role: Role, law: Distribution) -> float:
    """What a law's standard deviation is in units of Glorot's."""
    return law.standard_deviation / math.sqrt(2 / (role.fan_in + role.fan_out))


# With N = 16 and M = 9 layers, and 32 in a single stack; what is written through is scaled, queries and keys are not.
GAINS = [
    # The authors' table: (8 N)^(-1/4); 0.87 (N^4 M)^(-1/16) and (12 M)^(-1/4).
    ("deepnorm", {}, ALONE, "decoder", 256 ** (-1 / 4)),
    ("deepnorm", {}, BOTH, "encoder", 0.87 * (65536 * 9) ** (-1 / 16)),
    ("deepnorm", {}, BOTH, "decoder", 108 ** (-1 / 4)),
    # torchscale divides by this.
    ("deepnorm", {"constants": "torchscale"}, BOTH, "encoder", 1 / ((65536 * 9) ** (1 / 16) / 1.15)),
    ("deepnorm", {"constants": "torchscale"}, BOTH, "decoder", 108 ** (-1 / 4)),
    ("sub_ln", {}, ALONE, "decoder", math.sqrt(math.log(64))),
    ("sub_ln", {}, BOTH, "encoder", math.sqrt(math.log(27) * math.log(32) / 3)),
    ("sub_ln", {}, BOTH, "decoder", math.sqrt(math.log(27))),
    # T-Fixup's code: 0.67 * 16^(-1/4), (9 * 9)^(-1/4).
    ("t_fixup", {}, BOTH, "encoder", 0.335),
    ("t_fixup", {}, BOTH, "decoder", 1 / 3),
]


@pytest.mark.parametrize(("name", "options", "transformer", "stack", "expected"), GAINS)
def test_the_weights_that_write_to_the_stream_have_the_published_gain(
    name: str, options: dict[str, str], transformer: Transformer, stack: str, expected: float
) -> None:
    initializer = INITIALIZERS[name](**options)
    for role in transformer.roles:
        place = role.transformer
        assert place is not None
        if place.stack != stack or role.operation == "embedding":
            continue
        # The list of the authors' code, by the ends of names.
        writes = role.name.endswith((".value", ".output", ".in", ".out"))
        if name == "sub_ln" and "cross_attention" in role.name:
            writes = False
        assert gain(role, initializer.law(role)) == pytest.approx(expected if writes else 1.0, rel=1e-12), role.name


@pytest.mark.parametrize("name", ["deepnorm", "sub_ln", "t_fixup"])
def test_a_packed_weight_has_the_laws_of_its_parts(name: str) -> None:
    apart, packed = named(BOTH), named(replace(BOTH, packed=True))
    initializer = INITIALIZERS[name]()
    for stack in ("encoder", "decoder"):
        attention = f"{stack}.layers.3.self_attention"
        law = initializer.law(packed[f"{attention}.packed"])
        assert isinstance(law, Packed)
        assert law.laws == tuple(initializer.law(apart[f"{attention}.{part}"]) for part in ("query", "key", "value"))
    # Parts of one law are not told apart.
    assert isinstance(INITIALIZERS["ds_init"]().law(packed["encoder.layers.3.self_attention.packed"]), Uniform)


def test_t_fixup_s_embeddings_look_at_the_decoder() -> None:
    t_fixup = INITIALIZERS["t_fixup"]()
    for name in ("encoder.embedding", "decoder.embedding"):
        assert t_fixup.law(named(BOTH)[name]) == Normal(81 ** (-1 / 4) / math.sqrt(48))
    assert t_fixup.law(named(ALONE)["decoder.embedding"]) == Normal(288 ** (-1 / 4) / math.sqrt(48))
    assert t_fixup.law(weight_role((70, 48), operation="embedding")) == Normal(1 / math.sqrt(48))


def test_deepnorm_s_stream_is_scaled_as_published_and_a_multiplier_by_its_inverse() -> None:
    for name, transformer, expected in (
        ("decoder.layers.1.self_attention.output", ALONE, 64 ** (1 / 4)),
        ("encoder.layers.1.self_attention.output", BOTH, 0.81 * (65536 * 9) ** (1 / 16)),
        ("decoder.layers.1.cross_attention.output", BOTH, 27 ** (1 / 4)),
    ):
        role = named(transformer)[name]
        assert role.transformer is not None
        assert role.branch is not None
        assert DeepNorm().skip_factor(role.transformer) == pytest.approx(expected, rel=1e-14)
        multiplier = multiplier_role(role.branch, layer=3, depth=role.depth, transformer=role.transformer)
        law = DeepNorm().law(multiplier)
        assert isinstance(law, Constant)
        assert law.value == pytest.approx(1 / expected, rel=1e-14)
        assert DeepNorm().law(replace(multiplier, transformer=None)) == Constant(1.0)


def test_admin_s_stream_is_scaled_as_its_library_s() -> None:
    assert Admin().skip_factor(12) == pytest.approx(math.sqrt(13 / math.log(13) - 1), rel=1e-15)
    assert Admin("constant").skip_factor(16) == 4.0
    assert Admin("linear").skip_factor(16) == 1.0
    # The share of the stream's variance that a disturbance of each branch adds: ln(K + 1)/(K + 1).
    for branches in (2, 10, 100):
        share = 1 / (Admin().skip_factor(branches) ** 2 + 1)
        assert share == pytest.approx(math.log(branches + 1) / (branches + 1), rel=1e-12)


@pytest.mark.parametrize(("layers", "expected"), [(12, 0.1), (18, 0.1), (24, 1e-5), (25, 1e-6), (48, 1e-6)])
def test_layer_scale_looks_at_the_depth(layers: int, expected: float) -> None:
    transformer = Transformer(width=8, feed_forward=8, heads=1, vocabulary=5, encoder_layers=layers)
    role = transformer.roles[-2]
    assert role.branch is not None
    multiplier = multiplier_role(role.branch, layer=3, depth=9, transformer=role.transformer)
    assert INITIALIZERS["layer_scale"]().law(multiplier) == Constant(expected)


def test_the_layers_of_a_transformer_count_once_for_gpt_neox() -> None:
    roles = named(ALONE)
    out, inside = roles["decoder.layers.5.feed_forward.out"], roles["decoder.layers.5.feed_forward.in"]
    assert INITIALIZERS["gpt_neox"]().law(out) == Normal(2 / (32 * math.sqrt(48)))
    assert INITIALIZERS["neox_orthogonal"]().law(out) == Orthogonal(out.layout, 0.25)
    assert INITIALIZERS["neox_orthogonal"]().law(inside) == Orthogonal(inside.layout, math.sqrt(2))
    # GPT-2 counts branches, two a layer.
    assert INITIALIZERS["gpt2"]().law(out) == Normal(0.02 / math.sqrt(2 * 32))
    # Without a transformer, branches are layers.
    branch = BranchPlace(number=1, count=8, position=2, length=2)
    plain = weight_role((48, 48), branch=branch)
    assert INITIALIZERS["neox_orthogonal"]().law(plain) == Orthogonal(plain.layout, 0.5)


def test_ds_init_shrinks_with_the_layer_or_with_the_branch() -> None:
    ds_init = INITIALIZERS["ds_init"]()
    roles = named(BOTH)
    for layer in (1, 4, 9):
        for stack in ("encoder", "decoder"):
            for part in ("self_attention.query", "feed_forward.out"):
                role = roles[f"{stack}.layers.{layer}.{part}"]
                assert gain(role, ds_init.law(role)) == pytest.approx(1 / math.sqrt(layer), rel=1e-12)
    assert gain(roles["head"], ds_init.law(roles["head"])) == pytest.approx(1, rel=1e-12)
    inside = weight_role((48, 48), branch=BranchPlace(number=4, count=8, position=1, length=2))
    assert gain(inside, ds_init.law(inside)) == pytest.approx(0.5, rel=1e-12)


def test_what_a_branch_of_two_layers_adds_falls_with_the_square_of_its_layer_under_ds_init() -> None:
    transformer = Transformer(width=300, feed_forward=600, heads=1, vocabulary=5, encoder_layers=9)
    roles, x = named(transformer), np.random.default_rng(0).normal(size=(300, 50))
    ds_init, squares = INITIALIZERS["ds_init"](), {}
    for layer in (1, 3, 9):
        inner, outer = (roles[f"encoder.layers.{layer}.feed_forward.{part}"] for part in ("in", "out"))
        f = drawn(outer, ds_init.law(outer)) @ np.maximum(drawn(inner, ds_init.law(inner)) @ x, 0)
        squares[layer] = np.mean(f**2)
    # (n/2) Var W_2 n Var W_1 with both variances 2/900.
    expected = 300 * (2 / 900) * 600 / 2 * (2 / 900)
    for layer, square in squares.items():
        # 300 units, each of its own weights, deviate by sqrt(2/300) of it.
        assert square * layer**2 == pytest.approx(expected, rel=5 * math.sqrt(2 / 300))


# Mimetic: pairs of weights.


def factors(transformer: Transformer, stack: str = "encoder", layer: int = 2) -> dict[str, Floats]:
    """The weights of one self-attention, apart."""
    roles, mimetic = named(transformer), INITIALIZERS["mimetic"]()
    prefix = f"{stack}.layers.{layer}.self_attention"
    found = {part: roles.get(f"{prefix}.{part}") for part in ("query", "key", "value", "output")}
    weights = {part: drawn(role, mimetic.law(role)) for part, role in found.items() if role is not None}
    if packed := roles.get(f"{prefix}.packed"):
        parts = packed.layout.view(drawn(packed, mimetic.law(packed)))
        weights |= dict(zip(("query", "key", "value"), parts, strict=True))
    return weights


VISION = Transformer(width=96, feed_forward=64, heads=3, vocabulary=10, encoder_layers=2, decoder_layers=2)


@pytest.mark.parametrize("packed", [False, True])
def test_mimetic_scores_have_a_diagonal_and_values_a_negative_one(*, packed: bool) -> None:
    W = factors(replace(VISION, packed=packed))
    d, k = 96, 32
    for head in range(3):
        rows = slice(head * k, (head + 1) * k)
        product = W["query"][rows].T @ W["key"][rows]
        rest = product - np.diag(np.diag(product))
        # Of 0.7 (Z + I) the 32 largest of 96 singular values keep more than a third of the trace, 0.7 d; without
        # the diagonal the trace deviates from 0 by that of Z alone, 0.7.
        assert 0.7 * d / 3 < np.trace(product) < 0.7 * d
        assert abs(rest.mean()) < 0.01 * np.diag(product).mean()
    product = W["output"] @ W["value"]
    # 0.4 (Z - I), Z of variance 1/d: the trace is that of d elements of variance 0.16/d about -0.4 d.
    assert np.trace(product) == pytest.approx(-0.4 * d, abs=5 * 0.4)
    assert np.var(product - np.diag(np.diag(product))) == pytest.approx(0.16 / d, rel=5 * math.sqrt(2) / d)


SMALL = replace(VISION, width=24)


def test_mimetic_weights_are_the_same_packed_and_apart() -> None:
    apart, packed = factors(SMALL), factors(replace(SMALL, packed=True))
    for part, W in apart.items():
        np.testing.assert_array_equal(W, packed[part])


def test_mimetic_pairs_of_different_layers_and_stacks_are_not_the_same() -> None:
    first, *others = (factors(SMALL, *place) for place in (("encoder", 2), ("encoder", 1), ("decoder", 2)))
    for other in others:
        assert all((first[part] != other[part]).all() for part in ("query", "key", "value", "output"))


def test_mimetic_leaves_other_weights_and_attention_to_the_encoder_as_vision_transformers_have_them() -> None:
    roles, mimetic = named(SMALL), INITIALIZERS["mimetic"]()
    for name in ("decoder.layers.1.cross_attention.query", "encoder.layers.1.feed_forward.in", "head"):
        assert mimetic.law(roles[name]).standard_deviation == pytest.approx(0.02, rel=1e-12)
    assert mimetic.law(roles["encoder.layers.1.self_attention.key"]) == PairedFactor(
        roles["encoder.layers.1.self_attention.key"].layout, "encoder.1.attention.scores", "second", 0.7, 0.7, 3
    )


# Depth.


def branches(name: str, count: int, width: int = 200) -> float:
    """Return the second moment of what leaves the last of some branches, relative to what enters the first."""
    depth = 2 * count + 2
    network = replace(
        MultilayerPerceptron((width, *[width] * (depth - 1), 10), ReLU()), branches=repeated_branches(depth, 2)
    )
    theta = network.draw([INITIALIZERS[name]().law(role) for role in network.roles], CounterDraws(0))
    A = network.forward(network.layers(theta), np.random.default_rng(0).normal(size=(width, 20))).A
    return float(np.mean(A[-2] ** 2) / np.mean(A[1] ** 2))


@pytest.mark.parametrize("count", [3, 10, 30])
def test_weight_normalized_branches_add_a_share_of_one_in_all_of_them(count: int) -> None:
    # Each branch multiplies the second moment by 1 + 1/K; the share 1/(K + 1) that it adds deviates by some sqrt(5/200)
    # of itself, independently of the others.
    deviation = math.sqrt(count * 5 / 200) / (count + 1)
    assert branches("weight_norm", count) == pytest.approx((1 + 1 / count) ** count, rel=5 * deviation)


def test_weight_normalized_layers_keep_the_length_of_a_vector_while_the_width_changes() -> None:
    x = np.random.default_rng(0).normal(size=(200, 40))
    length, widths = np.sum(x**2), (200, 800, 300, 1000)
    for layer, (n, m) in enumerate(pairwise(widths)):
        role = weight_role((m, n), name=str(layer))
        x = np.maximum(drawn(role, INITIALIZERS["weight_norm"]().law(role)) @ x, 0)
    assert np.sum(x**2) == pytest.approx(length, rel=5 * math.sqrt(5 / 300))


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "silu", "softplus"])
def test_standardized_weights_keep_the_variance_of_what_passes_an_activation(activation: str) -> None:
    phi = ACTIVATIONS[activation]()
    role = weight_role((1500, 1500), activation=phi)
    W = drawn(role, NFResNet().law(role))
    np.testing.assert_allclose(W.sum(axis=1), 0, atol=1e-12)
    x = phi.value(np.random.default_rng(0).normal(size=(1500, 40)))
    z = W @ x
    # A mean of phi leaves nothing behind, where weights of the same length that do not sum to 0 would add its square.
    assert np.mean(z**2) == pytest.approx(1, rel=5 * math.sqrt(2 / 1500))


def test_the_variance_of_an_nf_resnet_grows_by_the_multiplier_s_square_and_starts_anew_at_a_transition() -> None:
    width, initializer = 600, NFResNet(0.5)
    alpha = initializer.scalar_law(
        multiplier_role(BranchPlace(number=1, count=1, position=1, length=2), layer=1, depth=1)
    )
    role = weight_role((width, width), activation=ReLU())

    def layer(name: str, x: Floats) -> Floats:
        return drawn(replace(role, name=name), initializer.law(role)) @ np.maximum(x, 0)

    x = np.random.default_rng(0).normal(size=(width, 30))
    for stage in range(2):
        for block in range(4):
            b = math.sqrt(initializer.stream_variance(block))
            assert np.var(x) == pytest.approx(b * b, rel=0.1)
            skip = layer(f"{stage}.skip", x / b) if stage and not block else x
            if stage and not block:
                # The transition's skip has the variance 1 again, whatever came before.
                assert np.var(skip) == pytest.approx(1, rel=0.1)
            x = skip + alpha.mean * layer(f"{stage}.{block}.2", layer(f"{stage}.{block}.1", x / b))
        if not stage:
            assert np.var(x) == pytest.approx(initializer.stream_variance(4), rel=0.1)
            # What enters the transition is divided by the root of its own variance.
            x = x / math.sqrt(initializer.stream_variance(4))


# Networks that make or adapt others.


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("variance", [0.25, 4.0])
def test_a_hypernetwork_makes_weights_of_he_s_variance(mode: str, variance: float) -> None:
    n, (m_main, n_main) = 200, (60, 90)
    fan = n_main if mode == "fan_in" else m_main
    hyperfan = INITIALIZERS["hyperfan"](main_fan=fan, mode=mode, embedding_variance=variance)
    role = weight_role((m_main * n_main, n))
    e = np.random.default_rng(0).normal(size=n)
    made = drawn(role, hyperfan.law(role)) @ (e * math.sqrt(n * variance) / np.linalg.norm(e))
    assert np.var(made) == pytest.approx(2 / fan, rel=5 * math.sqrt(2 / made.size))


def test_weights_and_biases_that_are_made_bring_half_of_the_variance_each() -> None:
    n, m_main, n_main = 100, 4000, 50
    weights = INITIALIZERS["hyperfan"](main_fan=n_main, rectifier=False, biases=True)
    biases = INITIALIZERS["hyperfan"](main_fan=1, rectifier=False, biases=True)
    e = np.ones(n)
    for hyperfan, outputs, expected in ((weights, m_main * n_main, 0.5 / n_main), (biases, m_main, 0.5)):
        role = weight_role((outputs, n))
        assert hyperfan.law(role).variance * np.sum(e**2) == pytest.approx(expected, rel=1e-12)


def test_an_adapter_starts_as_nothing_and_its_second_layer_learns_at_once() -> None:
    down, up = (BranchPlace(number=1, count=1, position=position, length=2) for position in (1, 2))
    roles = weight_role((4, 60), branch=down), weight_role((50, 4), branch=up)
    A, B = (drawn(role, INITIALIZERS["lora"]().law(role)) for role in roles)
    stream = np.random.default_rng(0)
    x, slope = stream.normal(size=(60, 8)), stream.normal(size=(50, 8))
    assert not (B @ A @ x).any()
    # The gradients of a loss whose slope at the output is given.
    assert (slope @ (A @ x).T).all()
    assert not (B.T @ slope @ x.T).any()


def test_experts_of_a_switch_transformer_have_a_tenth_of_the_variance_of_one_of_them() -> None:
    role = weight_role((6, 200, 300), stacked=1)
    W = drawn(role, INITIALIZERS["switch_transformer"]().law(role))
    for expert in W:
        assert np.var(expert) == pytest.approx(0.1 / 300, rel=5 * math.sqrt(2 / expert.size))
    assert abs(W).max() <= 2 * math.sqrt(0.1 / 300) / 0.8796256610342398


def test_every_part_of_a_transformer_is_served_by_every_scheme_for_one() -> None:
    parts: set[TransformerPart] = set()
    small = Transformer(width=8, feed_forward=12, heads=2, vocabulary=9, encoder_layers=2, decoder_layers=3)
    for role in (*small.roles, *replace(small, packed=True).roles):
        assert role.transformer is not None
        parts |= set(role.transformer.parts)
        for name in ("deepnorm", "sub_ln", "t_fixup", "ds_init", "admin", "layer_scale", "mimetic", "neox_orthogonal"):
            assert np.isfinite(drawn(role, INITIALIZERS[name]().law(role))).all()
    assert parts == {
        "query", "key", "value", "attention_output", "feed_forward_in", "feed_forward_out", "embedding", "head",
    }  # fmt: skip
