"""Many tests at once: p-values that may be read together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firstdraw.errors import InputError

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values of m tests, corrected for their number.

    With p_(1) <= ... <= p_(m),

        p'_(i) = min(1, max_(j <= i) (m - j + 1) p_(j)).

    To reject where p' <= alpha makes one false rejection or more with a probability of at most alpha, however the tests
    depend on each other.

    Args:
        p_values: p, in any order, each from 0 to 1.

    Returns:
        p', in the order of p.

    Raises:
        InputError: if one is not a number from 0 to 1.

    Source: Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure, https://www.jstor.org/stable/4615733

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    for i, value in enumerate(p_values):
        if not 0 <= value <= 1:
            raise InputError(f"p_values[{i}]", "must be a number from 0 to 1", value)
    p = np.asarray(p_values, np.float64)
    m = len(p)
    order = np.argsort(p, kind="stable")
    corrected = np.empty(m)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate((m - np.arange(m)) * p[order]))
    return tuple(corrected.tolist())
