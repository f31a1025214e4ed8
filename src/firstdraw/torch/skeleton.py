"""A copy of a model without its memory, to be traced: nothing that its code does reaches the model itself."""

from __future__ import annotations

import contextlib
import copy
import itertools
from collections.abc import Generator
from typing import Any, Final

from firstdraw.torch.library import Module, Tensor, pytorch

__all__ = ["inner", "quiet", "skeleton", "stripped"]

# What wrappers put before or into the names of the modules that they hold.
WRAPPERS: Final = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")


def inner(model: Module) -> Module:
    """Return the model that a wrapper (`torch.compile`, `DataParallel`) holds; the model itself where there is none."""
    torch = pytorch()
    while True:
        if hasattr(model, "_orig_mod"):
            model = model._orig_mod
        elif isinstance(model, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel):
            model = model.module
        else:
            return model


def stripped(name: str) -> str:
    """Return the name that a parameter has without wrappers inside of the model.

    >>> stripped("layers.0._orig_mod.weight")
    'layers.0.weight'
    """
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def skeleton(model: Module) -> Module | None:
    """Return a copy of a model on the meta device, without its hooks; None where it cannot be copied."""
    try:
        copied = copy.deepcopy(model, _memory(model))
    except Exception:  # a copy runs code of the model's author
        try:
            copied = _rebuilt(model, _memory(model))
        except Exception:
            return None
    for module in copied.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            hooks.clear()
    return copied


def _memory(model: Module) -> dict[int, Any]:
    """Return what copies stand for the tensors of a model, by their identity."""
    return {id(tensor): _on_meta(tensor) for tensor in itertools.chain(model.parameters(), model.buffers())}


def _rebuilt(module: Module, memo: dict[int, Any]) -> Module:
    """Return a copy of a module that does not let itself be copied, as those of `fully_shard` do not.

    What is neither a module nor a tensor, and cannot be copied either, is shared with the module.
    """
    if id(module) in memo:
        return memo[id(module)]
    # `fully_shard` makes a class of its own from the module's.
    cls: Any = next(one for one in type(module).__mro__ if not one.__name__.startswith("FSDP"))
    made = memo[id(module)] = cls.__new__(cls)
    for key, value in module.__dict__.items():
        made.__dict__[key] = {} if key == "_modules" else _shared_or_copied(value, memo)
    for key, child in module._modules.items():
        made._modules[key] = None if child is None else _rebuilt(child, memo)
    return made


def _shared_or_copied(value: Any, memo: dict[int, Any]) -> Any:  # noqa: ANN401
    try:
        return copy.deepcopy(value, memo)
    except Exception:
        return value


def _on_meta(tensor: Tensor) -> Tensor:
    torch = pytorch()
    empty = torch.empty(tuple(tensor.shape), dtype=tensor.dtype, device="meta")
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Run code of a model's author without moving PyTorch's random numbers, and without its warnings."""
    import warnings

    torch = pytorch()
    with torch.random.fork_rng(devices=[]), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
