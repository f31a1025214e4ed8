"""What the layers of the frameworks hold when nobody initializes them.

Facts of PyTorch 2.13, Keras 3.15, Flax, Haiku and Equinox; those of PyTorch and Keras are held against the installed
ones by tests, the others were read in their sources and documentation, and those of Flax and Haiku that JAX's own
initializers draw are held against these.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from firstdraw.arrays import Shape
from firstdraw.distributions import Constant, Distribution, Orthogonal, Packed, Uniform
from firstdraw.errors import UnknownNameError, either
from firstdraw.frameworks.laws import (
    RoleLaw,
    average_fan,
    constant,
    fan_out,
    normal,
    scaled_normal,
    scaled_truncated_normal,
    scaled_uniform,
    truncated_normal,
    uniform,
)
from firstdraw.roles import Operation, Role

__all__ = ["LAYERS", "LayerDefault", "layer_named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDefault:
    """What a layer holds when nobody initializes it.

    Args:
        name: the layer, as it is imported.
        operation: what it does with its weight; shapes are in PyTorch's order of axes.
        example: the shape of a weight to explain it with.
        formula: the law of the weight, with n = fan-in and m = fan-out.
        weight: this law.
        bias_formula: the law of the bias; empty where there is none.
        bias: this law, of the weight's role; None where there is none.
        parts: how many projections or gates lie in the weight, one after the other.
        remark: what to know about it.
        link: where it is documented or discussed.
    """

    name: str
    operation: Operation
    example: Shape
    formula: str
    weight: RoleLaw
    bias_formula: str = ""
    bias: RoleLaw | None = None
    parts: int = 1
    remark: str
    link: str


_DENSE: Final = (256, 256)
_CONVOLUTION: Final = (256, 128, 3, 3)
_TORCH_FORMULA: Final = "U[-1/sqrt(n), 1/sqrt(n))"
_TORCH_REMARK: Final = (
    "The code calls Kaiming's function with a = sqrt(5), which gives 1/(3 n) and not He's 2/n: a habit of Torch7 that "
    "was kept for compatibility."
)
_TORCH_ISSUE: Final = "https://github.com/pytorch/pytorch/issues/57109"
_KERAS_DENSE: Final = "Glorot's rule, made for linear layers and tanh near 0."
_GLOROT: Final = "U[-a, a), a = sqrt(6/(n + m))"
_TRUNCATED: Final = "N(0, 1/n) cut at two standard deviations and widened to this variance"


def _torch_convolution(name: str, example: Shape) -> LayerDefault:
    return LayerDefault(
        name=name,
        operation="convolution",
        example=example,
        formula=_TORCH_FORMULA,
        weight=scaled_uniform(1 / 3),
        bias_formula=_TORCH_FORMULA,
        bias=scaled_uniform(1 / 3),
        remark=_TORCH_REMARK,
        link=_TORCH_ISSUE,
    )


def _packed_attention(role: Role) -> Distribution:
    # Glorot's rule on the stacked matrix, whose rows are three projections.
    bound = math.sqrt(6 / sum(role.shape))
    return Uniform(-bound, bound)


def _by_state(role: Role) -> Distribution:
    # Each gate has a row for each element of the state.
    bound = math.sqrt(1 / role.layout.rows)
    return Uniform(-bound, bound)


def _torch_recurrent(name: str, gates: int, remark: str) -> LayerDefault:
    formula = "U[-1/sqrt(h), 1/sqrt(h)), h = the size of the state"
    return LayerDefault(
        name=name,
        operation="recurrent",
        example=(gates * 256, 256),
        formula=formula,
        weight=_by_state,
        bias_formula=formula,
        bias=_by_state,
        parts=gates,
        remark=remark,
        link="https://github.com/pytorch/pytorch/issues/750",
    )


def _keras_layer(name: str, example: Shape, operation: Operation, remark: str, page: str) -> LayerDefault:
    return LayerDefault(
        name=name,
        operation=operation,
        example=example,
        formula=_GLOROT,
        weight=scaled_uniform(1.0, average_fan),
        bias_formula="0",
        bias=constant(0.0),
        remark=remark,
        link=f"https://keras.io/api/layers/{page}/",
    )


def _all_channels(role: Role) -> Distribution:
    # Glorot's rule on (kernel..., in, multiplier), read as the kernel of a convolution over all channels.
    channels = role.layout.groups
    bound = math.sqrt(6 / (role.layout.taps * (channels + role.layout.rows)))
    return Uniform(-bound, bound)


def _packed_orthogonal(role: Role) -> Distribution:
    # One matrix for all gates.
    return Orthogonal(replace(role.layout, parts=1))


def _open_forget_gate(role: Role) -> Distribution:
    zero, one = Constant(0.0), Constant(1.0)
    return Packed(role.layout, (zero, one, zero, zero))


def _keras_recurrent(name: str, gates: int, bias_formula: str, bias: RoleLaw, remark: str) -> LayerDefault:
    packed = f"the packed ({gates} h, h), the gates one above the other" if gates > 1 else "the (h, h)"
    return LayerDefault(
        name=f"keras.layers.{name}",
        operation="recurrent",
        example=(gates * 256, 256),
        formula=f"orthogonal columns of {packed}",
        weight=_packed_orthogonal,
        bias_formula=bias_formula,
        bias=bias,
        parts=gates,
        remark=remark,
        link=f"https://keras.io/api/layers/recurrent_layers/{name.lower().replace('simplernn', 'simple_rnn')}/",
    )


_ENTRIES: Final = (
    LayerDefault(
        name="torch.nn.Linear",
        operation="dense",
        example=_DENSE,
        formula=_TORCH_FORMULA,
        weight=scaled_uniform(1 / 3),
        bias_formula=_TORCH_FORMULA,
        bias=scaled_uniform(1 / 3),
        remark=_TORCH_REMARK,
        link=_TORCH_ISSUE,
    ),
    _torch_convolution("torch.nn.Conv1d", (256, 128, 3)),
    _torch_convolution("torch.nn.Conv2d", _CONVOLUTION),
    _torch_convolution("torch.nn.Conv3d", (64, 32, 3, 3, 3)),
    LayerDefault(
        name="torch.nn.ConvTranspose2d",
        operation="transposed_convolution",
        example=(128, 256, 3, 3),
        formula="U[-1/sqrt(m), 1/sqrt(m))",
        weight=scaled_uniform(1 / 3, fan_out),
        bias_formula="U[-1/sqrt(m), 1/sqrt(m))",
        bias=scaled_uniform(1 / 3, fan_out),
        remark="The weight is stored (in, out, kernel), and PyTorch counts its second axis for the fan-in, as in a "
        "convolution: it takes the fan-out for the fan-in.",
        link=_TORCH_ISSUE,
    ),
    LayerDefault(
        name="torch.nn.Embedding",
        operation="embedding",
        example=(10_000, 256),
        formula="N(0, 1)",
        weight=normal(1.0),
        remark="A row is looked up and not multiplied, so no fan matters. Where the table is also the readout, its "
        "logits have the variance of the width: language models draw N(0, 0.02^2).",
        link="https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html",
    ),
    LayerDefault(
        name="torch.nn.MultiheadAttention",
        operation="dense",
        example=(768, 256),
        formula="U[-sqrt(6/(4 d)), sqrt(6/(4 d))), d = the width; the weight is the packed (3 d, d) of q, k and v",
        weight=_packed_attention,
        bias_formula="0",
        bias=constant(0.0),
        parts=3,
        remark="Glorot's rule sees the stacked matrix: its bound is 1/sqrt(2) of that of each projection alone. The "
        "projection of the output is a torch.nn.Linear, its bias 0.",
        link="https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html",
    ),
    _torch_recurrent(
        "torch.nn.LSTM",
        4,
        "All weights and both biases of each gate have this law; the forget gate is not opened, as its two biases have "
        "the mean 0.",
    ),
    _torch_recurrent("torch.nn.GRU", 3, "All weights and both biases of each gate have this law."),
    _torch_recurrent(
        "torch.nn.RNN", 1, "All weights and both biases have this law; the weight of the state does not keep its norm."
    ),
    _keras_layer("keras.layers.Dense", _DENSE, "dense", _KERAS_DENSE, "core_layers/dense"),
    _keras_layer(
        "keras.layers.EinsumDense",
        _DENSE,
        "dense",
        f"{_KERAS_DENSE} The layer tells the initializers of its own kind which axes of its kernel are inputs.",
        "core_layers/einsum_dense",
    ),
    _keras_layer(
        "keras.layers.MultiHeadAttention",
        _DENSE,
        "dense",
        f"{_KERAS_DENSE} Each of the four projections has this law, with the fans of its own matrix.",
        "attention_layers/multi_head_attention",
    ),
    *(
        _keras_layer(
            f"keras.layers.Conv{axes}D",
            example,
            "convolution",
            _KERAS_DENSE,
            f"convolution_layers/convolution{axes}d",
        )
        for axes, example in ((1, (256, 128, 3)), (2, _CONVOLUTION), (3, (64, 32, 3, 3, 3)))
    ),
    LayerDefault(
        name="keras.layers.DepthwiseConv2D",
        operation="depthwise_convolution",
        example=(128, 1, 3, 3),
        formula="U[-a, a), a = sqrt(6/(c k + m)), c = the number of all channels, k = the taps of the kernel",
        weight=_all_channels,
        bias_formula="0",
        bias=constant(0.0),
        remark="Keras counts all channels for the fan-in, though an output sees one: with 128 of them the variance is "
        "about 1/64 of that by Glorot's rule.",
        link="https://keras.io/api/layers/convolution_layers/depthwise_convolution2d/",
    ),
    _keras_layer(
        "keras.layers.Conv2DTranspose",
        (128, 256, 3, 3),
        "transposed_convolution",
        f"{_KERAS_DENSE} The weight is stored (kernel, out, in), and Keras takes the fan-out for the fan-in: the sum "
        "of both, which counts here, is right.",
        "convolution_layers/convolution2d_transpose",
    ),
    LayerDefault(
        name="keras.layers.Embedding",
        operation="embedding",
        example=(10_000, 256),
        formula="U[-0.05, 0.05)",
        weight=uniform(-0.05, 0.05),
        remark="A row is looked up and not multiplied, so no fan matters.",
        link="https://keras.io/api/layers/core_layers/embedding/",
    ),
    _keras_recurrent(
        "LSTM",
        4,
        "1 for the forget gate, 0 for the others",
        _open_forget_gate,
        "The four gates' weights of the state are pieces of one matrix: each has 1/4 of the second moment of an "
        "orthogonal one. The input's weight is Glorot's on the packed matrix, (n + 4 h), 2/5 of the variance that each "
        "gate would get for n = h. The forget gate is opened by `unit_forget_bias`.",
    ),
    _keras_recurrent(
        "GRU",
        3,
        "0",
        constant(0.0),
        "The three gates' weights of the state are pieces of one matrix: each has 1/3 of the second moment of an "
        "orthogonal one. The input's weight is Glorot's on the packed matrix, (n + 3 h). There are two biases.",
    ),
    _keras_recurrent(
        "SimpleRNN", 1, "0", constant(0.0), "The state keeps its norm. The input's weight is Glorot's, on (n + h)."
    ),
    LayerDefault(
        name="flax.linen.Dense",
        operation="dense",
        example=_DENSE,
        formula=_TRUNCATED,
        weight=scaled_truncated_normal(1.0),
        bias_formula="0",
        bias=constant(0.0),
        remark="LeCun's rule, made for linear layers and SELU.",
        link="https://flax.readthedocs.io/en/latest/api_reference/flax.linen/layers.html",
    ),
    LayerDefault(
        name="flax.linen.Conv",
        operation="convolution",
        example=_CONVOLUTION,
        formula=_TRUNCATED,
        weight=scaled_truncated_normal(1.0),
        bias_formula="0",
        bias=constant(0.0),
        remark="LeCun's rule, made for linear layers and SELU.",
        link="https://flax.readthedocs.io/en/latest/api_reference/flax.linen/layers.html",
    ),
    LayerDefault(
        name="flax.linen.Embed",
        operation="embedding",
        example=(10_000, 256),
        formula="N(0, 1/m)",
        weight=scaled_normal(1.0, fan_out),
        remark="A row has the norm 1, whatever the width m.",
        link="https://flax.readthedocs.io/en/latest/api_reference/flax.linen/layers.html",
    ),
    LayerDefault(
        name="haiku.Linear",
        operation="dense",
        example=_DENSE,
        formula="N(0, 1/n) cut at two standard deviations and not widened",
        weight=lambda role: truncated_normal(math.sqrt(1 / role.fan_in))(role),
        bias_formula="0",
        bias=constant(0.0),
        remark="LeCun's rule but for the cut, which leaves 0.774 of the variance.",
        link="https://dm-haiku.readthedocs.io/en/latest/api.html#linear",
    ),
    LayerDefault(
        name="equinox.nn.Linear",
        operation="dense",
        example=_DENSE,
        formula=_TORCH_FORMULA,
        weight=scaled_uniform(1 / 3),
        bias_formula=_TORCH_FORMULA,
        bias=scaled_uniform(1 / 3),
        remark="PyTorch's default.",
        link="https://docs.kidger.site/equinox/api/nn/linear/",
    ),
)

LAYERS: Final[Mapping[str, LayerDefault]] = {layer.name: layer for layer in _ENTRIES}
"""By the name a layer is imported under."""


def layer_named(name: str) -> LayerDefault:
    """Return what is known of a layer.

    Raises:
        UnknownNameError: if nothing is.

    >>> layer_named("torch.nn.Linear").formula
    'U[-1/sqrt(n), 1/sqrt(n))'
    """
    if name not in LAYERS:
        close = difflib.get_close_matches(name, LAYERS, n=3, cutoff=0.6)
        hint = f"did you mean {either(close)}?" if close else f"known: {', '.join(LAYERS)}"
        raise UnknownNameError("", "must name a known layer", name, hint=hint)
    return LAYERS[name]
