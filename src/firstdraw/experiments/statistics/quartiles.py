"""The middle half of a sample, of which some may be infinite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.errors import InputError

__all__ = ["Quartiles", "quartiles"]


@dataclass(frozen=True, slots=True, eq=False)
class Quartiles:
    """The quartiles of a sample, or of one at each of k places.

    Args:
        low: the first, below which a quarter lies, `[]` or `[k]`.
        median: the second.
        high: the third.
    """

    low: Floats
    median: Floats
    high: Floats


def quartiles(values: Floats | Sequence[float], *, higher_is_better: bool = False) -> Quartiles:
    """Return the quartiles of runs: of one number of each, or of one at each of k places.

    With x_0 <= ... <= x_(n-1) the sorted values and h = (n - 1) p, the quantile p = 1/4, 1/2, 3/4 is

        (1 - f) x_i + f x_(i+1),    i = floor(h), f = h - i.

    What is not a number, of a run that diverged, is the worst of all, infinity: so no median looks good because the
    runs that failed are left out. Where an infinite value takes part, the quantile is infinite.

    Args:
        values: `[n]` or `[n, k]`, n at least 1.
        higher_is_better: whether more is better, as of accuracies: then the worst is -infinity.

    Raises:
        InputError: if there is no run.

    Source: Hyndman & Fan (1996), Sample Quantiles in Statistical Packages, definition 7,
    https://doi.org/10.1080/00031305.1996.10473566

    >>> found = quartiles([0.1, 0.2, 0.3, np.nan])
    >>> float(found.median), float(found.high)
    (0.25, inf)
    """
    sample = np.asarray(values, np.float64)
    if not sample.ndim or not len(sample):
        raise InputError("values", "must have one run or more, and is empty")
    ordered = np.sort(np.where(np.isnan(sample), -np.inf if higher_is_better else np.inf, sample), axis=0)
    low, median, high = (_quantile(ordered, share) for share in (0.25, 0.5, 0.75))
    return Quartiles(low, median, high)


def _quantile(ordered: Floats, share: float) -> Floats:
    place = (len(ordered) - 1) * share
    i = int(place)
    f = place - i
    if f == 0:
        return ordered[i]
    below, above = ordered[i], ordered[i + 1]
    # Rounding alone leads out of between both.
    return np.clip((1 - f) * below + f * above, below, above)
