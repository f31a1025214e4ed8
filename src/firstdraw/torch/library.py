"""PyTorch itself, imported by the first call that needs it; its values carry no types here."""

from __future__ import annotations

import importlib
from typing import Any, TypeAlias

from firstdraw.errors import FirstdrawError

__all__ = ["Module", "Tensor", "pytorch"]

# PyTorch is not there where the types of this package are checked.
Module: TypeAlias = Any
Tensor: TypeAlias = Any


def pytorch() -> Any:  # noqa: ANN401
    """Return the module `torch`.

    Raises:
        FirstdrawError: if it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ModuleNotFoundError:
        raise FirstdrawError(
            "`firstdraw.torch` needs PyTorch, which is not installed: `pip install 'firstdraw[torch]'`"
        ) from None
