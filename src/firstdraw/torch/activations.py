"""The activations of the catalogue by the modules and the functions of PyTorch that compute them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from firstdraw.activations import (
    ELU,
    GELU,
    SELU,
    Activation,
    Erf,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Sin,
    Softplus,
    Softsign,
    Tanh,
)
from firstdraw.torch.library import Module, type_name

__all__ = ["activation_of_function", "activation_of_module"]

Maker = Callable[[Any], Activation]

# By the name of the class, as PyTorch and those who write classes of their own (transformers, timm) call them.
MODULES: Final[dict[str, Maker]] = {
    "ReLU": lambda _: ReLU(),
    "ReLU6": lambda _: ReLU(),  # the cut at 6 is met by no signal of a moderate scale
    "LeakyReLU": lambda module: LeakyReLU(float(module.negative_slope)),
    "PReLU": lambda _: LeakyReLU(0.25),  # the slope that it starts with
    "RReLU": lambda module: LeakyReLU((float(module.lower) + float(module.upper)) / 2),
    "ELU": lambda module: ELU(float(module.alpha)),
    "CELU": lambda _: ELU(),
    "SELU": lambda _: SELU(),
    "GELU": lambda _: GELU(),
    "GELUActivation": lambda _: GELU(),
    "GELUTanh": lambda _: GELU(),
    "NewGELUActivation": lambda _: GELU(),
    "FastGELUActivation": lambda _: GELU(),
    "QuickGELUActivation": lambda _: GELU(),
    "PytorchGELUTanh": lambda _: GELU(),
    "SiLU": lambda _: SiLU(),
    "SiLUActivation": lambda _: SiLU(),
    "Swish": lambda _: SiLU(),
    "Mish": lambda _: Mish(),
    "Hardswish": lambda _: Hardswish(),
    "Hardtanh": lambda _: Hardtanh(),
    "Softplus": lambda _: Softplus(),
    "Softsign": lambda _: Softsign(),
    "Sigmoid": lambda _: Sigmoid(),
    "Tanh": lambda _: Tanh(),
    "Sine": lambda _: Sin(),
    "Sin": lambda _: Sin(),
}

# By the name of the function or the method.
FUNCTIONS: Final[dict[str, Activation]] = {
    "relu": ReLU(),
    "relu_": ReLU(),
    "relu6": ReLU(),
    "elu": ELU(),
    "selu": SELU(),
    "gelu": GELU(),
    "silu": SiLU(),
    "mish": Mish(),
    "hardswish": Hardswish(),
    "hardtanh": Hardtanh(),
    "softplus": Softplus(),
    "softsign": Softsign(),
    "sigmoid": Sigmoid(),
    "sigmoid_": Sigmoid(),
    "tanh": Tanh(),
    "tanh_": Tanh(),
    "sin": Sin(),
    "erf": Erf(),
}


def activation_of_module(module: Module) -> Activation | None:
    """Return the activation that a module computes; None where it computes none that is known."""
    maker = MODULES.get(type_name(module))
    return None if maker is None else maker(module)


def activation_of_function(
    name: str, arguments: tuple[Any, ...] = (), options: Mapping[str, Any] | None = None
) -> Activation | None:
    """Return the activation that a function of this name computes; None where it computes none that is known.

    Args:
        name: the function's, without its module.
        arguments: what it is called with, the signal first.
        options: its keyword arguments.
    """
    if name in {"leaky_relu", "leaky_relu_"}:
        given: Any = arguments[1] if len(arguments) > 1 else (options or {}).get("negative_slope", 0.01)
        return LeakyReLU(float(given)) if isinstance(given, int | float) else None
    return FUNCTIONS.get(name)
