"""The counter-based draws, compiled: written once, straight into the array, by as many threads as there are cores."""

from __future__ import annotations

from typing import Final

import numpy as np

from firstdraw import compiled
from firstdraw.arrays import Floats
from firstdraw.compiled import TARGETS, Target
from firstdraw.draws.elements import Elements
from firstdraw.draws.stream import DrawsLaw, Stream

__all__ = ["fill"]

# The order of the enumeration in native/draws.hpp.
LAW_CODES: Final[tuple[DrawsLaw, ...]] = ("uniform", "normal", "truncated_normal")


def fill(
    out: Floats, stream: Stream, elements: Elements, *, threads: int | None = None, target: Target | None = None
) -> None:
    """Fill a contiguous array with these elements of a stream, in order.

    Args:
        out: float64 or float32, with as many elements.
        stream: where the numbers come from.
        elements: which of them.
        threads: how many may work at a time, none of them on fewer than 2^16 elements; by default one a core.
        target: the instruction set; by default the widest that this machine has.
    """
    call = compiled.module.fill_float64 if out.dtype == np.float64 else compiled.module.fill_float32
    call(
        out.reshape(-1),
        LAW_CODES.index(stream.law),
        *stream.key,
        stream.seed,
        elements.first,
        np.array(elements.lengths, np.int64),
        np.array(elements.strides, np.int64),
        stream.scale,
        stream.shift,
        stream.cut,
        *stream.masses,
        threads or compiled.cores(),
        TARGETS.index(target or compiled.best_target()),
    )
