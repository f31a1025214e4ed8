"""What the type of a module says of the parameters that it holds itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from firstdraw.roles import Operation, Order
from firstdraw.torch.library import Module, pytorch, type_name

__all__ = ["Holding", "ParameterKind", "held_by", "is_layer", "is_normalization"]

ParameterKind: TypeAlias = Literal["weight", "bias", "scale", "shift", "slope", "bare"]

# Projections that lie one after the other along the outputs, by the names that models give them.
PACKED: Final = {
    "qkv": 3,
    "qkv_proj": 3,
    "c_attn": 3,
    "in_proj": 3,
    "Wqkv": 3,
    "query_key_value": 3,
    "to_qkv": 3,
    "kv": 2,
    "kv_proj": 2,
    "to_kv": 2,
}
GATED: Final = frozenset({"gate_up_proj", "w12", "wi_packed"})
GATES: Final = {"LSTM": 4, "GRU": 3, "RNN": 1, "RNN_TANH": 1, "RNN_RELU": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One parameter of a module.

    Args:
        kind: a weight and a bias are a layer's; a scale and a shift a normalization's; a slope that of a rectifier; a
            bare one stands in a module whose type says nothing of it.
        operation: what the layer does with its weight.
        order: whose order of axes it has.
        groups: into how many groups the channels are split.
        parts: how many projections or gates lie along the outputs.
        weight: the name of the weight in the same module whose outputs a bias is added to.
        gates: "LSTM" where the parts are its gates, and so on; "" elsewhere.
    """

    kind: ParameterKind
    operation: Operation = "dense"
    order: Order = "torch"
    groups: int = 1
    parts: int = 1
    weight: str = ""
    gates: str = ""


def is_normalization(module: Module) -> bool:
    """Whether a module normalizes what passes: PyTorch's own, and others by their name (`LlamaRMSNorm`)."""
    torch = pytorch()
    own = (torch.nn.modules.batchnorm._NormBase, torch.nn.LayerNorm, torch.nn.GroupNorm, torch.nn.LocalResponseNorm)
    name = type_name(module)
    return isinstance(module, own) or (name.endswith("Norm") or "LayerNorm" in name or "RMSNorm" in name)


def is_layer(module: Module) -> bool:
    """Whether a module multiplies what passes with a weight of its own."""
    return any(holding.kind == "weight" for _, holding in held_by(module, ""))


def held_by(module: Module, name: str) -> list[tuple[str, Holding]]:
    """Return the name and the holding of each parameter that the module holds itself, in order.

    Args:
        module: any.
        name: that of the module in its model, whose last part tells packed projections.
    """
    own = [*(key for key, value in module._parameters.items() if value is not None), *_parametrized(module)]
    return [(key, _holding(module, name.rpartition(".")[2], key)) for key in own]


def _parametrized(module: Module) -> tuple[str, ...]:
    return tuple(module.parametrizations) if pytorch().nn.utils.parametrize.is_parametrized(module) else ()


def _holding(module: Module, name: str, key: str) -> Holding:
    torch = pytorch()
    if isinstance(module, torch.nn.RNNBase | torch.nn.RNNCellBase):
        return _recurrent(module, key)
    if isinstance(module, torch.nn.MultiheadAttention):
        return _attention(key)
    if is_normalization(module):
        return Holding(kind="shift" if key in {"bias", "beta"} else "scale")
    if isinstance(module, torch.nn.PReLU):
        return Holding(kind="slope")
    if isinstance(module, torch.nn.Embedding | torch.nn.EmbeddingBag):
        return Holding(kind="weight", operation="embedding")
    if key not in {"weight", "bias"}:
        return Holding(kind="bare")
    kind: ParameterKind = "weight" if key == "weight" else "bias"
    if isinstance(module, torch.nn.modules.conv._ConvNd):
        return Holding(
            kind=kind,
            operation=_convolution(module),
            groups=int(module.groups),
            weight="weight" if key == "bias" else "",
        )
    weight = "weight" if key == "bias" else ""
    if isinstance(module, torch.nn.Linear):
        outputs, inputs = module.out_features, module.in_features
        return Holding(kind=kind, parts=_parts(name, outputs, inputs), weight=weight)
    # GPT-2's layer of this name is dense, its weight stored (in, out).
    if type_name(module) == "Conv1D" and module.weight.ndim == 2:
        inputs, outputs = module.weight.shape
        return Holding(kind=kind, order="keras", parts=_parts(name, outputs, inputs), weight=weight)
    return Holding(kind="bare")


def _parts(name: str, outputs: int, inputs: int) -> int:
    if name in GATED:
        return 2 if outputs % 2 == 0 else 1
    # Keys and values may be fewer than queries: then the parts are unequal, and none is counted.
    parts = PACKED.get(name, 1)
    if name == "c_attn" and outputs == 2 * inputs:
        return 2
    return parts if outputs == parts * inputs else 1


def _convolution(module: Module) -> Operation:
    if module.transposed:
        return "transposed_convolution"
    depthwise = module.groups > 1 and module.groups == module.in_channels
    return "depthwise_convolution" if depthwise else "convolution"


def _attention(key: str) -> Holding:
    packed = {"in_proj_weight": 3, "q_proj_weight": 1, "k_proj_weight": 1, "v_proj_weight": 1}
    if key in packed:
        return Holding(kind="weight", parts=packed[key])
    if key == "in_proj_bias":
        # Where the three weights are apart, the bias of one is that of all.
        return Holding(kind="bias", parts=3, weight="in_proj_weight")
    return Holding(kind="bare")


def _recurrent(module: Module, key: str) -> Holding:
    gates = getattr(module, "mode", None) or type_name(module).removesuffix("Cell")
    parts = GATES.get(gates, 1)
    first, _, rest = key.partition("_")
    if first == "bias":
        return Holding(kind="bias", operation="recurrent", parts=parts, weight=f"weight_{rest}", gates=gates)
    if rest.startswith("hr"):
        return Holding(kind="weight", operation="dense")
    state = rest.startswith("hh")
    return Holding(kind="weight", operation="recurrent" if state else "dense", parts=parts, gates=gates)
