"""The widths of hidden layers, as the predictions of this floor take them."""

from __future__ import annotations

from collections.abc import Sequence

from firstdraw.errors import InputError
from firstdraw.rules import check_positive_integer

__all__ = ["check_widths"]


def check_widths(name: str, widths: Sequence[int]) -> tuple[int, ...]:
    """Refuse what is not one positive integer or more.

    >>> check_widths("hidden_widths", [10, 0])
    Traceback (most recent call last):
    ...
    firstdraw.errors.InputError: `hidden_widths[1]` must be a positive integer, got 0
    """
    if not widths:
        raise InputError(name, "must have an entry for each layer, one or more", widths)
    return tuple(int(check_positive_integer(f"{name}[{i}]", width)) for i, width in enumerate(widths))
