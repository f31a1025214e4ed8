"""A model and its optimizer, made anew for each run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firstdraw.errors import InputError
from firstdraw.torch.failing import failing
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.refusals import check_model

__all__ = ["build", "optimizer_of"]


def build(factory: Callable[[], Module], device: Any, others: Module | None) -> Module:  # noqa: ANN401  # one of PyTorch
    """Return a new model, on the device.

    Args:
        factory: builds it.
        device: where it goes; None for where it is built.
        others: a model that the factory built before.

    Raises:
        InputError: if it is no model that can be trained, or shares memory with the other one.
        FirstdrawError: if the factory fails.
    """
    with failing("the factory"):
        model = factory()
    if not isinstance(model, pytorch().nn.Module):
        raise InputError("factory", "must return a `torch.nn.Module`", type(model).__name__)
    check_model(model)
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            raise InputError(
                "factory", f"must return a model with memory, and its `{name}` is on the meta device", hint="`to_empty`"
            )
    if others is not None:
        taken = {_place(parameter) for parameter in _trained(others)}
        if any(_place(parameter) in taken for parameter in _trained(model)):
            raise InputError(
                "factory",
                "must build a new model whenever it is called, and two of its models share parameters: each run would "
                "go on where the one before ended",
            )
    return model if device is None else model.to(device)


def _trained(model: Module) -> list[Tensor]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad and parameter.numel()]


def _place(tensor: Tensor) -> tuple[str, int]:
    return str(tensor.device), tensor.untyped_storage().data_ptr()


def optimizer_of(make: Callable[..., Any], model: Module, rate: float | None) -> Any:  # noqa: ANN401  # one of PyTorch
    """Return a new optimizer of a model's parameters.

    Args:
        make: makes it of the parameters, and of the rate if there is one.
        model: whose parameters.
        rate: the learning rate, where several are compared.

    Raises:
        InputError: if it is no optimizer, or of other parameters.
        FirstdrawError: if it cannot be made.
    """
    parameters = list(model.parameters())
    with failing("the function that makes the optimizer"):
        optimizer = make(parameters) if rate is None else make(parameters, rate)
    if not isinstance(optimizer, pytorch().optim.Optimizer):
        rule = "must make a `torch.optim.Optimizer` of the parameters"
        raise InputError("optimizer", rule if rate is None else f"{rule} and the rate", type(optimizer).__name__)
    own = {id(parameter) for parameter in parameters}
    if any(id(parameter) not in own for group in optimizer.param_groups for parameter in group["params"]):
        raise InputError("optimizer", "must hold parameters of the model that it is given, and holds others")
    return optimizer
