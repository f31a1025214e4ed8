"""The rules that single values must obey, each checked in one place and said in one sentence.

Every check returns the value it was given, so that a rule reads as part of an assignment. Booleans are no numbers
here, and neither NaN nor infinity obeys any of the rules.
"""

from __future__ import annotations

import math
import numbers
from fractions import Fraction
from typing import Final

from firstdraw.errors import InputError

__all__ = [
    "LARGEST_COUNT",
    "check_finite",
    "check_non_negative",
    "check_non_negative_integer",
    "check_positive",
    "check_positive_integer",
    "check_share",
    "is_integer",
]

# Counts above this are typing errors: no array of that many elements fits an address space.
LARGEST_COUNT: Final = 2**48


def _is_finite(value: object) -> bool:
    # Fractions are real numbers too, but no array takes them.
    if isinstance(value, bool | Fraction) or not isinstance(value, numbers.Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the largest float
        return False


def check_finite(name: str, value: float) -> float:
    """Refuse what is not a finite number."""
    if not _is_finite(value):
        raise InputError(name, "must be a finite number", value)
    return value


def check_positive(name: str, value: float) -> float:
    """Refuse what is not a finite number above 0."""
    if not (_is_finite(value) and value > 0):
        raise InputError(name, "must be a finite number above 0", value)
    return value


def check_non_negative(name: str, value: float) -> float:
    """Refuse what is not a finite number of at least 0."""
    if not (_is_finite(value) and value >= 0):
        raise InputError(name, "must be a finite number of at least 0", value)
    return value


def check_share(name: str, value: float) -> float:
    """Refuse what is not a number in [0, 1).

    >>> check_share("momentum", 1.0)
    Traceback (most recent call last):
    ...
    firstdraw.errors.InputError: `momentum` must be a number of at least 0 and below 1, got 1.0
    """
    if not (_is_finite(value) and 0 <= value < 1):
        raise InputError(name, "must be a number of at least 0 and below 1", value)
    return value


def is_integer(value: object) -> bool:
    """Whether a value is an integer, and no boolean."""
    return not isinstance(value, bool) and isinstance(value, numbers.Integral)


def check_positive_integer(name: str, value: int) -> int:
    """Refuse what is not an integer from 1 to 2^48."""
    if not (is_integer(value) and value >= 1):
        raise InputError(name, "must be a positive integer", value)
    if value > LARGEST_COUNT:
        raise InputError(name, "must be at most 2^48", value)
    return value


def check_non_negative_integer(name: str, value: int) -> int:
    """Refuse what is not an integer from 0 to 2^48."""
    if not (is_integer(value) and value >= 0):
        raise InputError(name, "must be an integer of at least 0", value)
    if value > LARGEST_COUNT:
        raise InputError(name, "must be at most 2^48", value)
    return value
