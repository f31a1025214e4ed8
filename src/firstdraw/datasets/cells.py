"""What the texts in a table's cells mean: numbers, or the names of classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np

from firstdraw.arrays import Integers
from firstdraw.errors import InputError

__all__ = ["number_classes", "parse_number"]


def parse_number(text: str) -> float | None:
    """Return the number that a text writes, perhaps NaN or infinite, or None if it writes none.

    >>> parse_number("1e3"), parse_number("x"), parse_number("1_000")
    (1000.0, None, None)
    """
    # Python reads 1_000 as a thousand; in a table it is an identifier or an accident.
    if "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def number_classes(labels: Sequence[str], place: Callable[[int], str]) -> tuple[Integers, tuple[str, ...]]:
    """Return the class number of each label, and the classes' names in order.

    Where all labels are numbers they are sorted as numbers, and "1" and "1.0" are one class; otherwise they
    are sorted as texts.

    Args:
        labels: one for each example.
        place: where a label stands, by its index, for error sentences.

    Raises:
        InputError: if labels are numbers that are not whole.

    >>> number_classes(["10", "9", "10"], str)
    (array([1, 0, 1]), ('9', '10'))
    """
    distinct = list(dict.fromkeys(labels))
    if any(parse_number(label) is None for label in distinct):
        names = tuple(sorted(distinct))
        number_of = {name: number for number, name in enumerate(names)}
    else:
        whole = {label: _whole(label, lambda label=label: place(labels.index(label))) for label in distinct}
        values = sorted(set(whole.values()))
        names = tuple(str(value) for value in values)
        rank = {value: number for number, value in enumerate(values)}
        number_of = {label: rank[value] for label, value in whole.items()}
    return np.array([number_of[label] for label in labels], np.int64), names


def _whole(label: str, place: Callable[[], str]) -> int:
    """Return the integer that a label writes; exactly, where a float64 would round."""
    if math.isfinite(float(label)):
        exact = Decimal(label)
        if exact == exact.to_integral_value():
            return int(exact)
    raise InputError(
        "target",
        f"must name classes by texts or whole numbers, and {place()} holds {label}",
        hint='to predict a number use task = "regression"',
    )
