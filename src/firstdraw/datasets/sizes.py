"""How many examples a made data set may have, and what its columns are called."""

from __future__ import annotations

from typing import Final

from firstdraw.errors import InputError
from firstdraw.rules import check_non_negative_integer, check_positive_integer

__all__ = ["LARGEST_DATA", "check_sizes", "numbered"]

# 2 GiB of float64: more than the small networks of a laboratory learn from, less than a laptop has.
LARGEST_DATA: Final = 2**28


def check_sizes(train_size: int, test_size: int, *, classes: int = 2, features: int = 2) -> None:
    """Refuse sizes that leave a class without a training example, or inputs of more than 2^28 numbers.

    >>> check_sizes(1, 0)
    Traceback (most recent call last):
    ...
    firstdraw.errors.InputError: `train_size` must be at least 2, one example a class, got 1
    """
    check_positive_integer("train_size", train_size)
    check_non_negative_integer("test_size", test_size)
    if train_size < classes:
        raise InputError("train_size", f"must be at least {classes}, one example a class", train_size)
    # Python's integers, because NumPy's overflow.
    values = (int(train_size) + int(test_size)) * int(features)
    if values > LARGEST_DATA:
        raise InputError(
            "", f"the data must have at most 2^28 input values (2 GiB): examples times features are {values}"
        )


def numbered(features: int) -> tuple[str, ...]:
    """Return the names of columns that have no other.

    >>> numbered(2)
    ('x1', 'x2')
    """
    return tuple(f"x{i}" for i in range(1, features + 1))
