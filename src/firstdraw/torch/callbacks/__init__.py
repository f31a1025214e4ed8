"""Callbacks of trainers that check a model on its first batch, and leave the training as it is, bit for bit.

    from firstdraw.torch.callbacks import LightningCheck
    lightning.pytorch.Trainer(callbacks=[LightningCheck(on_broken="raise")])

    from firstdraw.torch.callbacks import HuggingFaceCheck
    transformers.Trainer(..., callbacks=[HuggingFaceCheck()])

Each needs its library, which is imported when the class is first asked for.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

__all__ = ["HuggingFaceCheck", "LightningCheck"]  # pyright: ignore[reportUnsupportedDunderAll]  # made when asked for

_HOMES: Final = {"HuggingFaceCheck": "hugging_face", "LightningCheck": "lightning_trainer"}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # a class whose base is known once its library is imported
    if name in _HOMES:
        return importlib.import_module(f"firstdraw.torch.callbacks.{_HOMES[name]}").callback_class()
    raise AttributeError(f"module 'firstdraw.torch.callbacks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
