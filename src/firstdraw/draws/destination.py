"""The array that draws are written into: a new one in float64, or the caller's in float64 or float32."""

from __future__ import annotations

from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Shape
from firstdraw.errors import InputError

__all__ = ["destination", "write"]

TYPES: Final = (np.dtype(np.float64), np.dtype(np.float32))


def destination(out: Floats | None, shape: Shape) -> Floats:
    """Return `out`, or a new float64 array where there is none.

    Raises:
        InputError: if `out` is no array of this shape, of float64 or float32 in this machine's order of bytes, that is
            contiguous and can be written.
    """
    if out is None:
        return np.empty(shape, np.float64)
    if not isinstance(out, np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError("out", "must be a NumPy array", out)
    if out.shape != shape:
        raise InputError("out", f"must have the shape {shape} of what is drawn", out.shape)
    if out.dtype not in TYPES:
        raise InputError("out", "must hold float64 or float32 in this machine's order of bytes", out.dtype)
    if not out.flags.writeable:
        raise InputError("out", "must be an array that can be written")
    if not out.flags.c_contiguous or not out.flags.aligned:
        raise InputError("out", "must be contiguous, row by row, and aligned in memory")
    return out


def write(x: Floats, scale: float, shift: float, out: Floats) -> None:
    """Write `scale` x + `shift` into an array; the addition is left out where the shift is 0.

    Args:
        x: float64, overwritten.
        scale: a finite number.
        shift: a finite number.
        out: float64 or float32; may be x itself.
    """
    with np.errstate(over="ignore", under="ignore"):
        x *= float(scale)
        if shift:
            x += float(shift)
        if out is not x:
            out[...] = x
