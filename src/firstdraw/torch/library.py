"""PyTorch itself, imported by the first call that needs it; its values carry no types here."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final, TypeAlias

from firstdraw.errors import FirstdrawError

__all__ = ["Module", "Tensor", "pytorch", "type_name"]

# PyTorch is not there where the types of this package are checked.
Module: TypeAlias = Any
Tensor: TypeAlias = Any


# What PyTorch puts before the name of a module's class when it changes how the module holds its parameters.
PREFIXES: Final = ("FSDP", "Parametrized")


def type_name(module: Module) -> str:
    """Return the name of the class that a module was made from."""
    name = type(module).__name__
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def pytorch() -> Any:  # noqa: ANN401
    """Return the module `torch`.

    Raises:
        FirstdrawError: if it is not installed.
    """
    try:
        # Asked for with every tensor; to import what is there takes a tenth of the time of an operation on it.
        return sys.modules.get("torch") or importlib.import_module("torch")
    except ModuleNotFoundError:
        raise FirstdrawError(
            "`firstdraw.torch` needs PyTorch, which is not installed: `pip install 'firstdraw[torch]'`"
        ) from None
