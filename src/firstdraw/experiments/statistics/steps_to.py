"""After how many steps the runs of series cost a share of what guessing costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firstdraw.arrays import Booleans
from firstdraw.errors import InputError
from firstdraw.experiments.grid_record import SeriesRecord
from firstdraw.experiments.statistics.survival import Survival, Times, survival, times_to
from firstdraw.rules import check_positive

__all__ = ["leaving", "steps_to"]


def steps_to(series: Sequence[SeriesRecord], share: float, *, level: float = 0.95) -> Survival:
    """Return the share of runs whose training cost has not fallen yet to a share of what guessing costs.

    Guessing is the best prediction that ignores the inputs; for the rest see `times_to` and `survival`. Of several
    series, as those of several cells, all runs are taken together; the intervals then hold for this mixture of cells.

    Args:
        series: with one run or more between them.
        share: above 0.
        level: the confidence of the intervals.

    Raises:
        InputError: if there is no run, the share is no finite number above 0, or the level is not above 0 and below 1.
    """
    check_positive("share", share)
    known = [one for one in series if len(one.runs)]
    if not known:
        raise InputError("series", "must have one run or more, and has none")
    times = [times_to(share * one.constant_cost, one.runs.steps, one.runs.cost) for one in known]
    steps, reached = np.concatenate([one.steps for one in times]), np.concatenate([one.reached for one in times])
    return survival(Times(steps, reached), level=level)


def leaving(found: Survival) -> Booleans:
    """Return at which of the steps of a curve runs are no longer watched that have not reached the threshold `[k]`.

    That is where the share does not change, and the last step where some are left.

    >>> leaving(survival(Times([1, 2, 3, 3], [1, 0, 1, 0])))
    array([False, True, True])
    """
    left = np.diff(found.share, prepend=1.0) == 0
    left[-1:] |= found.share[-1:] > 0
    return left
