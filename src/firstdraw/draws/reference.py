"""The counter-based draws in NumPy: slow, readable, the truth that the compiled ones equal bit for bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firstdraw.arrays import Floats
from firstdraw.draws.destination import write
from firstdraw.draws.elements import Elements
from firstdraw.draws.gaussian import box_muller
from firstdraw.draws.philox import HALF, LOW, Words, philox
from firstdraw.draws.quantile import truncated_normal
from firstdraw.draws.stream import Stream

__all__ = ["fill"]

UNIT = 2.0**-53


def fill(out: Floats, stream: Stream, elements: Elements) -> None:
    """Fill a contiguous array with these elements of a stream, in order."""
    write(_standard(stream, elements).reshape(out.shape), stream.scale, stream.shift, out)


def _standard(stream: Stream, elements: Elements) -> Floats:
    """Return the elements of the law as it is, `[runs, length]`."""
    starts, length = _starts(elements), elements.lengths[-1]
    # One block more than half of the elements: enough where a run begins in the middle of one, too.
    block = starts[:, np.newaxis] // 2 + np.arange(length // 2 + 1, dtype=np.uint64)
    first, second = _pairs(stream, block)
    if stream.law == "normal":
        first, second = box_muller(1.0 - first, second)
    elif stream.law == "truncated_normal":
        first, second = truncated_normal(first, stream.cut), truncated_normal(second, stream.cut)
    both = np.stack((first, second), axis=-1).reshape(len(starts), -1)
    in_the_middle = starts[:, np.newaxis] % 2 == 1
    return np.where(in_the_middle, both[:, 1 : length + 1], both[:, :length])


def _starts(elements: Elements) -> NDArray[np.uint64]:
    """Return where each run of neighbors begins."""
    starts = np.array([elements.first], np.uint64)
    for length, stride in zip(elements.lengths[:-1], elements.strides[:-1], strict=True):
        starts = (starts[:, np.newaxis] + np.arange(length, dtype=np.uint64) * np.uint64(stride)).ravel()
    return starts


def _pairs(stream: Stream, block: Words) -> tuple[Floats, Floats]:
    """Return the two numbers in [0, 1) of each block."""
    seed_low, seed_high = np.uint64(stream.seed & 0xFFFFFFFF), np.uint64(stream.seed >> 32)
    words = philox(
        (block & LOW, block >> HALF, np.full_like(block, seed_low), np.full_like(block, seed_high)), stream.key
    )
    return _unit_interval(words[0], words[1]), _unit_interval(words[2], words[3])


def _unit_interval(low: Words, high: Words) -> Floats:
    """Return the upper 53 of the 64 bits (high, low) as a float64 in [0, 1)."""
    bits = (high << HALF | low) >> np.uint64(11)
    return bits.astype(np.float64) * UNIT
