"""Floor 7. The initializers in the forms that PyTorch, JAX and Keras expect."""

from __future__ import annotations

from typing import Any

from firstdraw.dropins.jax import as_jax
from firstdraw.dropins.keras import as_keras, keras_class
from firstdraw.dropins.torch import as_torch

__all__ = ["as_jax", "as_keras", "as_torch"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # a class whose base is known once Keras is imported
    if name == "KerasInitializer":
        return keras_class()
    raise AttributeError(f"module 'firstdraw.dropins' has no attribute {name!r}")
