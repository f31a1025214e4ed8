"""Floor 0. The compiled module, where there is one, and the instruction sets that it was compiled for."""

from __future__ import annotations

import contextlib
import importlib
import os
from typing import Any, Final, Literal, cast

__all__ = ["TARGETS", "Target", "best_target", "cores", "is_built", "module", "targets"]

Target = Literal["baseline", "avx2", "avx512", "neon"]

# The order of the enumeration in native/target.hpp.
TARGETS: Final[tuple[Target, ...]] = ("baseline", "avx2", "avx512", "neon")

module = cast("Any", None)
# The compiled module is there if a compiler was when the package was installed.
with contextlib.suppress(ImportError):
    module = importlib.import_module("firstdraw._native")


def is_built() -> bool:
    """Whether there was a compiler when the package was installed."""
    return module is not None


def targets() -> tuple[Target, ...]:
    """Return the instruction sets that were compiled and that this machine has."""
    return tuple(target for code, target in enumerate(TARGETS) if is_built() and bool(module.has_target(code)))


def best_target() -> Target:
    """Return the widest of the instruction sets."""
    return TARGETS[int(module.best_target())]


def cores() -> int:
    """Return how many cores this process may use."""
    # Not every system can bind a process to some of the machine's cores.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
