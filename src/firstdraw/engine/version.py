"""What of an engine determines its numbers, beside the problem and the starts."""

from __future__ import annotations

from typing import Final

from firstdraw.compiled import best_target
from firstdraw.engine.choice import Engine

__all__ = ["ENGINE_VERSION", "identity_of"]

ENGINE_VERSION: Final = 1
"""Raised by every change after which the same spec and seed leave other numbers: in an engine, the draws, a law, a data
set or a fit. Stored runs of another version are kept, and are not taken for runs of this one."""


def identity_of(engine: Engine) -> dict[str, str | int]:
    """Return what distinguishes runs of this engine from all others.

    The native engine's instruction set is a part of it: vectors of another width add up in another order, and
    of the exercise's costs one in fifty differs in its last bit. Which compiler built it, and which NumPy carries the
    reference engine, is none: the last bit is promised within one installation.

    >>> from firstdraw.engine import engine_named
    >>> identity_of(engine_named("reference"))
    {'name': 'reference', 'version': 1}
    """
    identity: dict[str, str | int] = {"name": engine.name, "version": ENGINE_VERSION}
    return identity | {"instructions": best_target()} if engine.name == "native" else identity
