"""Which sizes are asked for: widths at one depth, depths at one width, or both, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from firstdraw.errors import InputError
from firstdraw.rules import check_positive_integer

__all__ = ["FEWEST_SIZES", "Axis", "Scan", "Size", "scans_of"]

Axis: TypeAlias = Literal["width", "depth"]

FEWEST_SIZES: Final = 3
"""A line goes through any two points; of three on it can be said that it is one."""


@dataclass(frozen=True, slots=True)
class Size:
    """What the factory is asked for.

    Args:
        width: None where the factory is asked for depths alone.
        depth: None where it is asked for widths alone.
    """

    width: int | None
    depth: int | None

    def along(self, axis: Axis) -> int:
        """Return the width or the depth, which is known."""
        value = self.width if axis == "width" else self.depth
        assert value is not None  # noqa: S101  # no scan is along an axis that is not asked for
        return value

    @property
    def named(self) -> dict[str, int]:
        """What is asked for, by name."""
        return {name: value for name, value in (("width", self.width), ("depth", self.depth)) if value is not None}

    @property
    def arguments(self) -> tuple[tuple[int, ...], dict[str, int]]:
        """What a factory is called with: one number by place, or both by name."""
        named = self.named
        return ((), named) if len(named) > 1 else (tuple(named.values()), {})

    def __str__(self) -> str:
        return " and ".join(f"{name} {value}" for name, value in self.named.items())


@dataclass(frozen=True, slots=True)
class Scan:
    """Sizes along one axis, the other fixed.

    Args:
        axis: which one.
        sizes: in increasing order.
    """

    axis: Axis
    sizes: tuple[Size, ...]


def scans_of(widths: int | Sequence[int] | None, depths: int | Sequence[int] | None) -> tuple[Scan, ...]:
    """Return the scans that are asked for: of two sequences one along each, the other at its smallest.

    Raises:
        InputError: if nothing is to be scanned, a sequence has fewer than three sizes, or they do not increase.
    """
    width, depth = _read("widths", widths), _read("depths", depths)
    if len(width) < 2 and len(depth) < 2:
        name, value = ("depths", depths) if widths is None and depths is not None else ("widths", widths)
        raise InputError(name, f"must be {FEWEST_SIZES} sizes or more", value)
    scans: list[Scan] = []
    if len(width) > 1:
        scans.append(Scan("width", tuple(Size(one, depth[0] if depth else None) for one in width)))
    if len(depth) > 1:
        scans.append(Scan("depth", tuple(Size(width[0] if width else None, one) for one in depth)))
    return tuple(scans)


def _read(name: str, given: int | Sequence[int] | None) -> list[int]:
    """Return no sizes, one that is fixed, or those that are scanned."""
    if given is None:
        return []
    if isinstance(given, int | float | np.number):
        return [int(check_positive_integer(name, given))]
    try:
        sizes: list[int] = list(given)
    except TypeError:
        raise InputError(name, "must be a sequence of sizes, or one that is fixed", given) from None
    for i, size in enumerate(sizes):
        check_positive_integer(f"{name}[{i}]", size)
        if i and size <= sizes[i - 1]:
            raise InputError(f"{name}[{i}]", f"must be larger than the one before it, {sizes[i - 1]}", size)
    if len(sizes) < FEWEST_SIZES:
        raise InputError(name, f"must be {FEWEST_SIZES} sizes or more", sizes)
    return [int(size) for size in sizes]
