"""What no model may have that is read, filled or run; everything is checked before anything is written."""

from __future__ import annotations

from typing import Final

from firstdraw.errors import InputError
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.sharding import is_sharded
from firstdraw.torch.watching import has_own_operations

__all__ = ["check_fillable", "check_model", "check_runnable"]

FILLED: Final = ("float64", "float32", "float16", "bfloat16")


def check_model(model: Module) -> None:
    """Refuse what has no parameters to read.

    Raises:
        InputError: if it is no module, is TorchScript, has no trainable parameters, or has ones that are lazy,
            quantized, sparse, or of a class with operations of its own.
    """
    torch = pytorch()
    if not isinstance(model, torch.nn.Module):
        is_word = model is None or isinstance(model, str | type)
        hint = "a class or a function that makes one is to be called" if callable(model) else ""
        raise InputError("model", "must be a `torch.nn.Module`", model if is_word else type(model).__name__, hint=hint)
    compiled = [name for name, part in model.named_modules() if isinstance(part, torch.jit.ScriptModule)]
    if compiled:
        which = f"`{compiled[0]}`" if compiled[0] else "it"
        raise InputError(
            "model",
            f"must run in Python, where its layers are known by their types, and {which} is compiled to TorchScript",
            hint="take the model that it was made of",
        )
    quantized = _quantized(model)
    if quantized:
        raise InputError(
            quantized, "is quantized, and rounded numbers are no start", hint="take the model before it is quantized"
        )
    for name, buffer in model.named_buffers():
        _check_lazy(name, buffer)
    parameters = list(model.named_parameters())
    for name, parameter in parameters:
        _check_lazy(name, parameter)
        if parameter.layout != torch.strided:
            raise InputError(name, "must be dense in memory", parameter.layout)
        if has_own_operations(parameter) and not is_sharded(parameter):
            raise InputError(
                name, "must be a tensor that PyTorch's kernels work on, or a `DTensor`", type(parameter).__name__
            )
        if type(parameter).__name__ == "FlatParameter":
            raise InputError(
                name,
                "is the flattened memory of several parameters, whose shapes are not known",
                hint="wrap the model with `use_orig_params=True`, or with `fully_shard`",
            )
    if not any(parameter.requires_grad for _, parameter in parameters):
        raise InputError("model", "must have a trainable parameter, and it has none", hint=_why_none(parameters))


def _check_lazy(name: str, tensor: Tensor) -> None:
    if pytorch().nn.parameter.is_lazy(tensor):
        raise InputError(
            name, "must have a shape, which a lazy layer gives it on its first input", hint="call the model once"
        )


def check_runnable(model: Module) -> None:
    """Refuse what has no memory for numbers to run with, or memory that no gradient comes to.

    Raises:
        InputError: as `check_model`, and if a parameter or a buffer is on the meta device or made in inference mode.
    """
    check_model(model)
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_meta:
            raise InputError(
                name, "must have memory, and is on the meta device", hint="`model.to_empty` gives it some, to be filled"
            )
        if tensor.is_inference():
            raise InputError(name, "must be made outside of inference mode, which keeps gradients from it for good")


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
