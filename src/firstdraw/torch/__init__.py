"""Floor 7. What models of PyTorch do: `pip install 'firstdraw[torch]'`.

    import firstdraw.torch
    print(firstdraw.torch.check(model, batch))   # what its layers hold, what is wrong with it, and what to do

Names are loaded when they are first used; PyTorch is imported by the first call.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from firstdraw.torch.checking import check
    from firstdraw.torch.shown import Check

__all__ = ["Check", "check"]

_HOMES: Final = {"Check": "shown", "check": "checking"}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever the name stands for
    if name in _HOMES:
        return getattr(importlib.import_module(f"firstdraw.torch.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'firstdraw.torch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
