"""Modules that are imported when they are first used, so that what does without them starts fast."""

from __future__ import annotations

import importlib

__all__ = ["LazyModule"]


class LazyModule:
    """Stands for a module until something of it is asked for.

    For checkers of types the module itself is imported, under `TYPE_CHECKING`.

    Args:
        name: the module's name, as an import writes it.

    >>> LazyModule("math").sqrt(4.0)
    2.0
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        value: object = getattr(importlib.import_module(self._name), attribute)
        # Asked for once: the next time the attribute is found here.
        setattr(self, attribute, value)
        return value
