"""What is said of the layers and the initializers of PyTorch, Keras and JAX, against the installed ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from firstdraw.arrays import Floats
from firstdraw.distributions import Distribution, Orthogonal, TruncatedNormal, Uniform
from firstdraw.draws import CounterDraws
from firstdraw.frameworks import COUNTERPARTS, LAYERS
from firstdraw.frameworks.laws import RoleLaw
from firstdraw.roles import bias_role, weight_role

pytestmark = pytest.mark.parity
SHAPE = (300, 100, 3, 3)
# What is called a layer has tests of its own below.
LAYER = ("torch.nn.Linear", "keras.layers.")


def _follows(drawn: Floats, law: Distribution) -> None:
    """Compare a sample with a law: mean and variance to six standard errors, and the ends of the support."""
    lowest, highest = law.support
    if lowest == highest:
        assert (drawn == lowest).all()
        return
    n, variance = drawn.size, law.variance
    assert abs(drawn.mean() - law.mean) <= 6 * np.sqrt(variance / n)
    # The kurtosis is at most the Gaussian's.
    assert abs(drawn.var() / variance - 1) <= 6 * np.sqrt(2 / n)
    # To the rounding of float32.
    assert drawn.min() >= lowest - 1e-6 * abs(lowest)
    assert drawn.max() <= highest + 1e-6 * abs(highest)
    # A law without ends passes 3.5 standard deviations in ten thousand draws; one with ends comes near to them.
    assert drawn.max() >= (3.5 * np.sqrt(variance) if np.isinf(highest) else lowest + 0.98 * (highest - lowest))


def _calls(framework: str) -> list[Any]:
    return [
        pytest.param(item.call, item.law, id=item.call)
        for items in COUNTERPARTS.values()
        for item in items
        if item.framework == framework and item.law is not None and not item.call.startswith(LAYER)
    ]


@pytest.mark.parametrize(("call", "law"), _calls("PyTorch"))
def test_pytorch_s_initializers_draw_what_is_said(call: str, law: RoleLaw) -> None:
    import torch

    torch.manual_seed(1)
    w = torch.empty(SHAPE)
    eval(call, {"torch": torch, "w": w})  # noqa: S307
    _follows(w.numpy().astype(np.float64), law(weight_role(SHAPE, operation="convolution")))


@pytest.mark.parametrize(("call", "law"), _calls("JAX"))
def test_jax_s_initializers_draw_what_is_said(call: str, law: RoleLaw) -> None:
    jax = pytest.importorskip("jax")

    # The same layer in JAX's order of axes.
    shape = (3, 3, 100, 300)
    drawn = eval(call, {"jax": jax})(jax.random.key(1), shape)  # noqa: S307
    _follows(np.asarray(drawn, np.float64), law(weight_role(shape, operation="convolution", order="jax")))


@pytest.mark.parametrize(("call", "law"), _calls("Keras"))
def test_keras_s_initializers_draw_what_is_said(call: str, law: RoleLaw) -> None:
    keras = pytest.importorskip("keras")

    keras.utils.set_random_seed(1)
    shape = (3, 3, 100, 300)
    drawn = held_by(eval(call, {"keras": keras})(shape))  # noqa: S307
    said = law(weight_role(shape, operation="convolution", order="keras"))
    # The few numbers that are not cut have a test of their own.
    cut = abs(drawn) <= said.support[1] * (1 + 1e-6) if isinstance(said, TruncatedNormal) else np.full(shape, True)
    assert drawn.size - cut.sum() < 15
    _follows(drawn[cut], said)


def test_keras_does_not_cut_one_number_in_233_000_with_pytorch_for_its_backend() -> None:
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "torch":
        pytest.skip("a fact of Keras on PyTorch")
    keras.utils.set_random_seed(1)
    drawn = held_by(keras.initializers.TruncatedNormal(stddev=1.0)((4000, 1000)))
    expected = drawn.size * (2 * stats.norm.sf(2)) ** 4
    assert expected == pytest.approx(drawn.size / 233_000, rel=0.01)
    assert abs(np.sum(abs(drawn) > 2) - expected) < 6 * expected**0.5
    assert any("one number in 233,000" in item.remark for item in COUNTERPARTS["truncated_normal"])


def held_by(array: Any) -> Floats:
    """The numbers of a variable or a tensor of Keras, whatever its backend."""
    value = getattr(array, "value", array)
    return np.asarray(value.detach().numpy() if hasattr(value, "detach") else value).astype(np.float64)


# How each layer is made with the weight of its example, and what its weight and biases are called.
MADE = {
    "torch.nn.Linear": ((256, 256), {}, "weight", ["bias"]),
    "torch.nn.Conv1d": ((128, 256, 3), {}, "weight", ["bias"]),
    "torch.nn.Conv2d": ((128, 256, 3), {}, "weight", ["bias"]),
    "torch.nn.Conv3d": ((32, 64, 3), {}, "weight", ["bias"]),
    "torch.nn.ConvTranspose2d": ((128, 256, 3), {}, "weight", ["bias"]),
    "torch.nn.Embedding": ((10_000, 256), {}, "weight", []),
    "torch.nn.MultiheadAttention": ((256, 4), {}, "in_proj_weight", ["in_proj_bias"]),
    "torch.nn.LSTM": ((256, 256), {}, "weight_hh_l0", ["bias_ih_l0", "bias_hh_l0"]),
    "torch.nn.GRU": ((256, 256), {}, "weight_ih_l0", ["bias_ih_l0", "bias_hh_l0"]),
    "torch.nn.RNN": ((256, 256), {}, "weight_hh_l0", ["bias_ih_l0", "bias_hh_l0"]),
}


@pytest.mark.parametrize("name", [name for name in LAYERS if name.startswith("torch.")])
def test_pytorch_s_layers_hold_what_is_said(name: str) -> None:
    import torch

    torch.manual_seed(2)
    arguments, options, weight, biases = MADE[name]
    layer = LAYERS[name]
    made = getattr(torch.nn, name.rpartition(".")[2])(*arguments, **options)
    held = made.get_parameter(weight).detach().numpy().astype(np.float64)
    assert held.shape == layer.example
    role = weight_role(layer.example, operation=layer.operation, parts=layer.parts)
    _follows(held, layer.weight(role))
    assert bool(biases) == (layer.bias is not None)
    for bias in biases:
        assert layer.bias is not None
        drawn, law = made.get_parameter(bias).detach().numpy().astype(np.float64), layer.bias(bias_role(role))
        # Too few for moments: inside the ends, and more than half of the way to them.
        assert abs(drawn).max() <= law.support[1] * (1 + 1e-6)
        assert abs(drawn).max() >= law.support[1] / 2


# How each layer of Keras is made and built so that its weight, in Keras's order of axes, is that of its example; what
# its weight and its biases are called, and how the axes are brought into PyTorch's order.
KERAS_MADE: dict[str, tuple[dict[str, Any], tuple[Any, ...], str, list[str], tuple[int, ...]]] = {
    "Dense": ({"units": 256}, (None, 256), "kernel", ["bias"], (1, 0)),
    "EinsumDense": (
        {"equation": "abc,cde->abde", "output_shape": (None, 8, 32), "bias_axes": "de"},
        (None, 10, 256),
        "kernel",
        ["bias"],
        (1, 0),
    ),
    "Conv1D": ({"filters": 256, "kernel_size": 3}, (None, 9, 128), "kernel", ["bias"], (2, 1, 0)),
    "Conv2D": ({"filters": 256, "kernel_size": 3}, (None, 9, 9, 128), "kernel", ["bias"], (3, 2, 0, 1)),
    "Conv3D": ({"filters": 64, "kernel_size": 3}, (None, 9, 9, 9, 32), "kernel", ["bias"], (4, 3, 0, 1, 2)),
    "DepthwiseConv2D": ({"kernel_size": 3}, (None, 9, 9, 128), "kernel", ["bias"], (2, 3, 0, 1)),
    "Conv2DTranspose": ({"filters": 256, "kernel_size": 3}, (None, 9, 9, 128), "kernel", ["bias"], (3, 2, 0, 1)),
    "Embedding": ({"input_dim": 10_000, "output_dim": 256}, (None,), "embeddings", [], (0, 1)),
    "LSTM": ({"units": 256}, (None, 10, 256), "recurrent_kernel", ["bias"], (1, 0)),
    "GRU": ({"units": 256}, (None, 10, 256), "recurrent_kernel", ["bias"], (1, 0)),
    "SimpleRNN": ({"units": 256}, (None, 10, 256), "recurrent_kernel", ["bias"], (1, 0)),
}
KERAS = [name for name in LAYERS if name.startswith("keras.") and "Attention" not in name]


def built(name: str) -> Any:
    """The layer of Keras with the numbers that it holds when nobody initializes it."""
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(2)
    options, shape, *_ = KERAS_MADE[name]
    layer = getattr(keras.layers, name)(**options)
    layer.build(shape)
    return layer


@pytest.mark.parametrize("name", KERAS)
def test_keras_s_layers_hold_what_is_said(name: str) -> None:
    layer = LAYERS[name]
    _, _, weight, biases, axes = KERAS_MADE[name.rpartition(".")[2]]
    variables = {one.path.rpartition("/")[2]: held_by(one) for one in built(name.rpartition(".")[2]).weights}
    assert sorted(variables) == sorted([weight, *biases, *(["kernel"] if weight == "recurrent_kernel" else [])])
    held = variables[weight]
    if held.ndim != len(axes):
        # Several axes of the outputs make one.
        held = held.reshape(len(held), -1)
    held = held.transpose(axes)
    assert held.shape == layer.example
    role = weight_role(layer.example, operation=layer.operation, parts=layer.parts)
    law = layer.weight(role)
    if isinstance(law, Orthogonal):
        np.testing.assert_allclose(held.T @ held, np.eye(256), atol=1e-4)
        assert np.mean(held**2) == pytest.approx(law.variance, rel=1e-6)
    elif layer.operation == "depthwise_convolution":
        # A thousand numbers: inside the ends, and near to them.
        assert 0.98 * law.support[1] <= abs(held).max() <= law.support[1]
    else:
        _follows(held, law)
    assert bool(biases) == (layer.bias is not None)
    for bias in biases:
        assert layer.bias is not None
        role_of_bias = bias_role(role)
        expected = layer.bias(role_of_bias).sample(CounterDraws(0), "bias", role_of_bias.shape)
        # A gated recurrent unit has two biases.
        np.testing.assert_array_equal(np.atleast_2d(variables[bias]).reshape(-1, expected.size)[0], expected)
        assert (variables[bias].reshape(-1, expected.size) == expected).all()


@pytest.mark.parametrize(("name", "gates"), [("LSTM", 4), ("GRU", 3), ("SimpleRNN", 1)])
def test_the_input_s_weight_of_keras_s_recurrences_is_glorot_s_on_all_gates(name: str, gates: int) -> None:
    layer = LAYERS[f"keras.layers.{name}"]
    said = "Glorot's on the packed matrix" if gates > 1 else "Glorot's, on (n + h)"
    assert said in layer.remark
    kernel = next(held_by(one) for one in built(name).weights if one.path.endswith("/kernel"))
    bound = (6 / (256 + gates * 256)) ** 0.5
    _follows(kernel, Uniform(-bound, bound))


def test_keras_s_attention_holds_what_is_said() -> None:
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(2)
    attention = keras.layers.MultiHeadAttention(8, 32)
    attention.build((None, 10, 256), (None, 10, 256))
    layer = LAYERS["keras.layers.MultiHeadAttention"]
    kernels = [held_by(one) for one in attention.weights if one.path.endswith("kernel")]
    assert [kernel.shape for kernel in kernels] == [(256, 8, 32)] * 3 + [(8, 32, 256)]
    for kernel in kernels:
        _follows(kernel, layer.weight(weight_role(layer.example)))
    assert all((held_by(one) == 0).all() for one in attention.weights if one.path.endswith("bias"))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("flax.linen.Dense", "jax.nn.initializers.lecun_normal()"),
        ("flax.linen.Conv", "jax.nn.initializers.lecun_normal()"),
        ("flax.linen.Embed", "jax.nn.initializers.variance_scaling(1.0, 'fan_in', 'normal', out_axis=0)"),
        ("haiku.Linear", "jax.nn.initializers.truncated_normal(1 / 256**0.5)"),
    ],
)
def test_the_defaults_that_jax_s_initializers_draw_are_what_is_said(name: str, call: str) -> None:
    """The call is what the layer's documentation names; the layers themselves are not installed here."""
    jax = pytest.importorskip("jax")
    layer = LAYERS[name]
    shape = layer.example
    if layer.operation != "embedding":
        shape = (*shape[2:], shape[1], shape[0])
    drawn = eval(call, {"jax": jax})(jax.random.key(2), shape)  # noqa: S307
    _follows(np.asarray(drawn, np.float64), layer.weight(weight_role(shape, operation=layer.operation, order="jax")))
