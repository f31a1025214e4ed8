"""What no model may have for its parameters to be read or filled; everything is checked before anything is written."""

from __future__ import annotations

from typing import Final

from firstdraw.errors import InputError
from firstdraw.torch.library import Module, Tensor, pytorch

__all__ = ["check_fillable", "check_model"]

FILLED: Final = ("float64", "float32", "float16", "bfloat16")


def check_model(model: Module) -> None:
    """Refuse what has no parameters to read.

    Raises:
        InputError: if it is no module, has no trainable parameters, lazy ones, or quantized ones.
    """
    torch = pytorch()
    if not isinstance(model, torch.nn.Module):
        raise InputError("model", "must be a `torch.nn.Module`", model)
    quantized = _quantized(model)
    if quantized:
        raise InputError(
            quantized, "is quantized, and rounded numbers are no start", hint="initialize the model, then quantize it"
        )
    parameters = list(model.named_parameters())
    for name, parameter in parameters:
        if torch.nn.parameter.is_lazy(parameter):
            raise InputError(
                name,
                "must have a shape, which a lazy layer gives it on its first input",
                hint="call the model once",
            )
        if type(parameter).__name__ == "FlatParameter":
            raise InputError(
                name,
                "is the flattened memory of several parameters, whose shapes are not known",
                hint="wrap the model with `use_orig_params=True`, or with `fully_shard`",
            )
    if not any(parameter.requires_grad for _, parameter in parameters):
        raise InputError("model", "must have a trainable parameter, and it has none", hint=_why_none(parameters))


def _why_none(parameters: list[tuple[str, Tensor]]) -> str:
    return f"all {len(parameters)} are frozen" if parameters else "it holds no parameters at all"


def _quantized(model: Module) -> str:
    """Return the name of what is quantized: a module of PyTorch's, or a tensor; "" where nothing is."""
    for name, module in model.named_modules():
        if ".quantized" in type(module).__module__:
            return name or type(module).__name__
        for key, tensor in [*module._parameters.items(), *module._buffers.items()]:
            if tensor is not None and tensor.is_quantized:
                return f"{name}.{key}" if name else key
    return ""


def check_fillable(name: str, tensor: Tensor) -> None:
    """Refuse a tensor that no numbers can be written into.

    Raises:
        InputError: if it is on the meta device, of integers, sparse, of repeated memory, or locked by inference mode.
    """
    torch = pytorch()
    if tensor.is_meta:
        raise InputError(
            name,
            "must have memory, which is not so on the meta device",
            hint="`model.to_empty(device=...)` gives a model its own, and the numbers are the same as without",
        )
    kind = str(tensor.dtype).removeprefix("torch.")
    if kind not in FILLED:
        raise InputError(name, f"must be of one of the types {', '.join(FILLED)}", kind)
    if tensor.layout != torch.strided:
        raise InputError(name, "must be dense in memory", tensor.layout)
    if any(stride == 0 and length > 1 for stride, length in zip(tensor.stride(), tensor.shape, strict=True)):
        raise InputError(name, "must have an own place in memory for every number, and it is expanded")
    if tensor.is_inference() and not torch.is_inference_mode_enabled():
        raise InputError(name, "must be written in inference mode, as it was made there")
