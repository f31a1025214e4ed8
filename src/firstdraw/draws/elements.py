"""Which elements of a parameter are drawn: all, or those of a shard."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

from firstdraw.arrays import Shape
from firstdraw.errors import InputError
from firstdraw.rules import check_non_negative_integer

__all__ = ["Elements", "Shard", "elements_of"]

Shard: TypeAlias = slice | tuple[slice, ...]
"""A part of an array as an index writes it: a slice for each of the leading axes, in steps of 1."""

LARGEST_SIZE: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of an array with the indices first + sum_a j_a strides[a], 0 <= j_a < lengths[a].

    Indices count the array's elements row by row. The axes here are the fewest that serve: a whole array, or a shard of
    its first axis, is one run.

    Args:
        shape: the shape of the shard.
        first: the index of its first element.
        lengths: how far each j_a goes; the last axis is the innermost.
        strides: how far a step of j_a leads; the last is 1.
    """

    shape: Shape
    first: int
    lengths: tuple[int, ...]
    strides: tuple[int, ...]


def elements_of(shape: Shape, shard: Shard | None = None) -> Elements:
    """Return which elements `array[shard]` has, for an array of this shape; all of them without a shard.

    Raises:
        InputError: if the shape has a length that is no length, or more than 2^63 - 1 elements; if the shard is no
            slice or tuple of slices, has more of them than there are axes, or one whose step is not 1.

    >>> elements_of((4, 6), slice(1, 3))
    Elements(shape=(2, 6), first=6, lengths=(12,), strides=(1,))
    >>> elements_of((4, 6), (slice(1, 3), slice(0, 2)))
    Elements(shape=(2, 2), first=6, lengths=(2, 2), strides=(6, 1))
    """
    for axis, length in enumerate(shape):
        check_non_negative_integer(f"shape[{axis}]", length)
    if math.prod(shape) > LARGEST_SIZE:
        raise InputError("shape", "must have at most 2^63 - 1 elements", shape)
    ranges = _ranges(shape, shard)
    part = tuple(stop - start for start, stop in ranges)
    if 0 in part:
        return Elements(part, 0, (0,), (1,))
    first, stride = 0, 1
    lengths, strides = [1], [1]
    for axis in reversed(range(len(shape))):
        first += ranges[axis][0] * stride
        if stride == lengths[0] * strides[0]:
            lengths[0] *= part[axis]
        elif part[axis] > 1:
            lengths.insert(0, part[axis])
            strides.insert(0, stride)
        stride *= int(shape[axis])
    return Elements(part, first, tuple(lengths), tuple(strides))


def _ranges(shape: Shape, shard: Shard | None) -> list[tuple[int, int]]:
    """Return where the shard begins and ends on each axis."""
    slices = () if shard is None else shard if isinstance(shard, tuple) else (shard,)
    if len(slices) > len(shape):
        raise InputError("shard", f"must have at most one slice for each of the {len(shape)} axes", shard)
    for axis, one in enumerate(slices):
        # The annotation promises slices; a caller may still pass an index.
        if not isinstance(one, slice) or one.step not in {None, 1}:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"shard[{axis}]", "must be a slice in steps of 1", one)
    ranges = [(0, int(length)) for length in shape]
    for axis, one in enumerate(slices):
        try:
            start, stop, _ = one.indices(int(shape[axis]))
        except TypeError:
            raise InputError(f"shard[{axis}]", "must be a slice between integers", one) from None
        ranges[axis] = (start, max(start, stop))
    return ranges
