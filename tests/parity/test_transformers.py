"""What the schemes for transformers are known for, measured on transformers of PyTorch with weights from their laws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pytest

from firstdraw.activations import ReLU
from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.initializers.admin import Admin
from firstdraw.initializers.deepnorm import DeepNorm
from firstdraw.initializers.nf_resnet import NFResNet
from firstdraw.roles import BranchPlace, Role, multiplier_role, weight_role
from firstdraw.transformers import Transformer

pytestmark = pytest.mark.parity

WIDTH, HEADS, VOCABULARY = 64, 4, 50
Norms = Literal["before", "after", "both", "none"]


@pytest.fixture(scope="module")
def torch() -> Iterator[Any]:
    module = pytest.importorskip("torch")
    threads = module.get_num_threads()
    # Products this small take longer on several.
    module.set_num_threads(1)
    yield module
    module.set_num_threads(threads)


def architecture(layers: int) -> Transformer:
    return Transformer(width=WIDTH, feed_forward=128, heads=HEADS, vocabulary=VOCABULARY, encoder_layers=layers)


def drawn(torch: Any, role: Role, initializer: Initializer, seed: int) -> Any:
    values = initializer.law(role).sample(CounterDraws(seed), role.name, role.shape)
    return torch.tensor(values, requires_grad=True)


@dataclass(frozen=True)
class Encoder:
    """An encoder in PyTorch: where it normalizes, by what it multiplies the stream, and by what the branches.

    Norms "before" each branch, "after" each sum, "both" before a branch and before its last layer, or "none".
    """

    torch: Any
    layers: int
    norms: Norms
    skip_factor: float = 1.0
    multiplier: float = 1.0

    def normalized(self, x: Any) -> Any:
        return self.torch.nn.functional.layer_norm(x, x.shape[-1:])

    def attention(self, W: dict[str, Any], name: str, x: Any) -> Any:
        heads = (*x.shape[:2], HEADS, WIDTH // HEADS)
        q, k, v = ((x @ W[f"{name}.{part}"].T).view(heads).transpose(1, 2) for part in ("query", "key", "value"))
        y = self.torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        return (self.normalized(y) if self.norms == "both" else y) @ W[f"{name}.output"].T

    def feed_forward(self, W: dict[str, Any], name: str, x: Any) -> Any:
        y = self.torch.relu(x @ W[f"{name}.in"].T)
        return (self.normalized(y) if self.norms == "both" else y) @ W[f"{name}.out"].T

    def stream(self, W: dict[str, Any], x: Any) -> Any:
        branches: list[tuple[str, Callable[..., Any]]] = [
            ("self_attention", self.attention),
            ("feed_forward", self.feed_forward),
        ]
        for layer in range(1, self.layers + 1):
            for name, branch in branches:
                entering = self.normalized(x) if self.norms in {"before", "both"} else x
                added = self.multiplier * branch(W, f"encoder.layers.{layer}.{name}", entering)
                x = self.skip_factor * x + added
                x = self.normalized(x) if self.norms == "after" else x
        return x

    def output(self, W: dict[str, Any], x: Any) -> Any:
        x = self.stream(W, x)
        return self.normalized(x) if self.norms in {"before", "both"} else x


def batch(torch: Any, W: dict[str, Any], *, scaled: bool, seed: int = 1) -> tuple[Any, Any]:
    """Tokens as vectors of the stream, of variance 1 if `scaled`, and the tokens to be told."""
    generator = torch.Generator().manual_seed(seed)
    tokens, targets = (torch.randint(0, VOCABULARY, (4, 10), generator=generator) for _ in range(2))
    x = W["encoder.embedding"].detach()[tokens]
    return (x / x.std() if scaled else x), targets


def change_by_a_step(encoder: Encoder, initializer: Initializer, *, rate: float, seed: int = 0) -> float:
    """Return the root mean square change of the last layer's output by one step of SGD on all layers' weights."""
    torch = encoder.torch
    W = {role.name: drawn(torch, role, initializer, seed) for role in architecture(encoder.layers).roles}
    x, targets = batch(torch, W, scaled=encoder.norms != "none")
    before = encoder.output(W, x)
    loss = torch.nn.functional.cross_entropy((before @ W["head"].T).flatten(0, 1), targets.flatten())
    names = [name for name in W if name.startswith("encoder.layers")]
    gradients = torch.autograd.grad(loss, [W[name] for name in names])
    with torch.no_grad():
        moved = W | {name: W[name] - rate * g for name, g in zip(names, gradients, strict=True)}
        return float((encoder.output(moved, x) - before).pow(2).mean().sqrt())


def deepnorm(torch: Any, layers: int) -> Encoder:
    place = architecture(layers).roles[1].transformer
    assert place is not None
    return Encoder(torch, layers, "after", skip_factor=DeepNorm().skip_factor(place))


def test_a_step_of_sgd_changes_the_output_by_the_same_at_any_depth_under_deepnorm(torch: Any) -> None:
    scaled = [change_by_a_step(deepnorm(torch, layers), DeepNorm(), rate=1e-2) for layers in (6, 48)]
    plain = [
        change_by_a_step(Encoder(torch, layers, "after"), INITIALIZERS["glorot_normal"](), rate=1e-2)
        for layers in (6, 48)
    ]
    assert scaled[1] == pytest.approx(scaled[0], rel=0.25)
    # Eight times as deep; the output is normalized, so that its change cannot exceed 2.
    assert plain[1] > 5 * plain[0]
    assert plain[0] > 10 * scaled[0]


def test_a_step_of_sgd_changes_the_output_by_the_same_at_any_depth_under_t_fixup(torch: Any) -> None:
    scaled = [
        change_by_a_step(Encoder(torch, layers, "none"), INITIALIZERS["t_fixup"](), rate=1e-2) for layers in (6, 48)
    ]
    plain = [
        change_by_a_step(Encoder(torch, layers, "none"), INITIALIZERS["glorot_uniform"](), rate=1e-4)
        for layers in (3, 6)
    ]
    assert scaled[1] == pytest.approx(scaled[0], rel=0.25)
    # Without normalization twice the depth is enough.
    assert plain[1] > 50 * plain[0]


def test_a_step_of_sgd_changes_the_output_by_less_with_the_gains_of_sub_ln(torch: Any) -> None:
    shares = []
    for layers in (6, 48):
        encoder = Encoder(torch, layers, "both")
        ours, plain = (
            np.mean([change_by_a_step(encoder, INITIALIZERS[name](), rate=1e-3, seed=seed) for seed in range(2)])
            for name in ("sub_ln", "glorot_normal")
        )
        shares.append(ours / plain)
    # In theory 1/ln(2 N): 0.40 and 0.22. Queries and keys, whose gain is 1, and a finite width leave more.
    assert shares[1] < shares[0] < 0.65


def disturbance(torch: Any, admin: Admin, layers: int, seed: int) -> float:
    """Return the mean square change of the output by a change of every weight of a layer, 2 % of their deviation."""
    transformer = architecture(layers)
    encoder = Encoder(torch, layers, "after", skip_factor=admin.skip_factor(transformer.branches))
    W = {role.name: drawn(torch, role, admin, seed) for role in transformer.roles}
    x, _ = batch(torch, W, scaled=True)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        disturbed = {
            name: weight + 0.02 * weight.std() * torch.randn(weight.shape, generator=generator)
            if name.startswith("encoder.layers")
            else weight
            for name, weight in W.items()
        }
        return float((encoder.output(disturbed, x) - encoder.output(W, x)).pow(2).mean())


@pytest.mark.parametrize(
    ("output_change", "expected"),
    # From 12 to 96 branches: K/(K + 1), ln(K + 1) and K/2, the sums of the shares that the branches add.
    [("constant", (96 / 97) / (12 / 13)), ("logarithmic", math.log(97) / math.log(13)), ("linear", 8.0)],
)
def test_a_disturbance_of_all_weights_grows_with_depth_as_admin_says(
    torch: Any, output_change: Literal["constant", "logarithmic", "linear"], expected: float
) -> None:
    shallow, deep = (
        np.mean([disturbance(torch, Admin(output_change), layers, seed) for seed in range(2)]) for layers in (6, 48)
    )
    # To first order; what disturbed branches make of the disturbances before them comes on top.
    assert expected / 1.1 < deep / shallow < 1.6 * expected


def test_the_stream_stays_bounded_in_depth_under_gpt2(torch: Any) -> None:
    # The standard deviation with which a layer keeps the variance; GPT-2's 0.02 is that of its width.
    grown = {}
    for name in ("gpt2", "normal"):
        initializer = INITIALIZERS[name](standard_deviation=1 / math.sqrt(WIDTH))
        for layers in (6, 48):
            W = {role.name: drawn(torch, role, initializer, 0) for role in architecture(layers).roles}
            x, _ = batch(torch, W, scaled=True)
            with torch.no_grad():
                grown[name, layers] = float(Encoder(torch, layers, "before").stream(W, x).pow(2).mean())
    # Attention averages, and so adds less than the feed-forward network, half of 128/64: at most 1 and (1 + 2)/2.
    assert all(1 < grown["gpt2", layers] < 2.5 for layers in (6, 48))
    assert grown["normal", 48] == pytest.approx(8 * grown["normal", 6], rel=0.3)


@pytest.mark.parametrize("layers", [12, 24])
def test_blocks_start_near_the_identity_under_layer_scale(torch: Any, layers: int) -> None:
    transformer, initializer = architecture(layers), INITIALIZERS["layer_scale"]()
    role = transformer.roles[1]
    assert role.branch is not None
    scalar = multiplier_role(role.branch, layer=2, depth=transformer.depth, transformer=role.transformer)
    # A number for each channel, all from one law.
    factors = torch.tensor(initializer.law(scalar).sample(CounterDraws(0), "scale", (WIDTH,)))
    W = {role.name: drawn(torch, role, initializer, 0) for role in transformer.roles}
    x, _ = batch(torch, W, scaled=True)
    with torch.no_grad():
        moved = [
            float((Encoder(torch, layers, "before", multiplier=multiplier).stream(W, x) - x).norm() / x.norm())
            for multiplier in (factors, 1.0)
        ]
    assert moved[0] == pytest.approx(float(factors[0]) * moved[1], rel=0.3)
    assert moved[0] < (1e-2 if layers == 12 else 1e-5)


def test_a_factor_on_the_stream_is_its_inverse_on_the_branch_before_a_normalization(torch: Any) -> None:
    x, f = torch.tensor(np.random.default_rng(0).normal(size=(2, 5, WIDTH)))
    for alpha in (1.0, 2.5, 8.0):
        stream, branch = (
            torch.nn.functional.layer_norm(total, (WIDTH,), eps=0.0) for total in (alpha * x + f, x + f / alpha)
        )
        torch.testing.assert_close(stream, branch, rtol=1e-12, atol=1e-13)


def test_the_parts_of_a_packed_weight_are_xavier_s_of_their_slices(torch: Any) -> None:
    # MultiheadAttention stacks (q, k, v); Xavier's rule for the whole would be too small by sqrt(2).
    attention = torch.nn.MultiheadAttention(WIDTH, HEADS)
    role = next(role for role in replace(architecture(8), packed=True).roles if role.layout.parts == 3)
    assert tuple(attention.in_proj_weight.shape) == role.shape
    law: Any = DeepNorm().law(role)
    n, m = torch.nn.init._calculate_fan_in_and_fan_out(attention.in_proj_weight.view(3, WIDTH, WIDTH)[0])
    gains = (1.0, 1.0, (8 * 8) ** (-1 / 4))
    expected = [gain * math.sqrt(2 / (n + m)) for gain in gains]
    assert [part.standard_deviation for part in law.laws] == pytest.approx(expected, rel=1e-12)
    values = law.sample(CounterDraws(0), role.name, role.shape).reshape(3, WIDTH, WIDTH)
    for part, deviation in zip(values, expected, strict=True):
        assert part.std() == pytest.approx(deviation, rel=5 / math.sqrt(2 * WIDTH**2))


def test_mimetic_attention_looks_at_itself_and_takes_off_what_it_sees(torch: Any) -> None:
    width, heads, length = 96, 3, 16
    transformer = Transformer(width=width, feed_forward=8, heads=heads, vocabulary=5, encoder_layers=1, packed=True)
    packed, output = transformer.roles[1:3]
    x = torch.tensor(np.random.default_rng(0).normal(size=(4, length, width)))
    own, along = {}, {}
    for name in ("mimetic", "glorot_uniform"):
        attention = torch.nn.MultiheadAttention(width, heads, bias=False, batch_first=True, dtype=torch.float64)
        with torch.no_grad():
            attention.in_proj_weight.copy_(drawn(torch, packed, INITIALIZERS[name](), 0))
            attention.out_proj.weight.copy_(drawn(torch, output, INITIALIZERS[name](), 0))
            y, weights = attention(x, x, x)
        own[name] = float(weights.diagonal(dim1=1, dim2=2).mean())
        along[name] = float((x * y).sum() / (x.norm() * y.norm()))
    assert own["glorot_uniform"] == pytest.approx(1 / length, rel=0.3)
    assert own["mimetic"] > 3 / length
    assert abs(along["glorot_uniform"]) < 0.1
    assert along["mimetic"] < -0.4


def test_an_adapter_changes_nothing_until_its_second_layer_has_moved(torch: Any) -> None:
    places = [BranchPlace(number=1, count=1, position=position, length=2) for position in (1, 2)]
    roles = [weight_role((4, 30), name="A", branch=places[0]), weight_role((20, 4), name="B", branch=places[1])]
    A, B = (drawn(torch, role, INITIALIZERS["lora"](), 0) for role in roles)
    stream = np.random.default_rng(0)
    x, target, W = (torch.tensor(stream.normal(size=shape)) for shape in ((8, 30), (8, 20), (20, 30)))
    for step in range(2):
        out = x @ W.T + x @ A.T @ B.T
        assert torch.equal(out, x @ W.T) == (step == 0)
        slope_A, slope_B = torch.autograd.grad((out - target).pow(2).mean(), (A, B))
        assert bool(slope_B.abs().min() > 0)
        assert bool(slope_A.any()) == (step > 0)
        A, B = (tensor.detach().sub(0.1 * slope).requires_grad_() for tensor, slope in ((A, slope_A), (B, slope_B)))


def test_weights_are_standardized_already_and_keep_the_variance_of_a_convolution(torch: Any) -> None:
    initializer = NFResNet()
    role = weight_role((96, 96, 3, 3), operation="convolution", activation=ReLU())
    x = torch.tensor(np.random.default_rng(0).normal(size=(4, 96, 12, 12)))
    alpha = initializer.scalar_law(role).mean
    for block in range(6):
        expected = initializer.stream_variance(block)
        assert float(x.var()) == pytest.approx(expected, rel=0.1)
        y = x / math.sqrt(expected)
        for layer in range(2):
            W = drawn(torch, replace(role, name=f"{block}.{layer}"), initializer, 0).detach()
            # The parametrization of the paper leaves them as they are.
            variance, mean = torch.var_mean(W, dim=(1, 2, 3), keepdim=True, correction=0)
            gain = 1 / math.sqrt((1 - 1 / math.pi) / 2)
            torch.testing.assert_close(gain * (W - mean) / torch.sqrt(variance * 96 * 9), W, rtol=1e-12, atol=1e-14)
            padded = torch.nn.functional.pad(torch.relu(y), (1, 1, 1, 1), mode="circular")
            y = torch.nn.functional.conv2d(padded, W)
        # Two layers of 96 units each share their weights over places and examples.
        assert float(y.var()) == pytest.approx(1, rel=0.2)
        x = x + alpha * y
