"""How many steps training takes to a threshold, of runs some of which never reach it."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firstdraw.arrays import Booleans, Floats, Integers
from firstdraw.errors import InputError
from firstdraw.experiments.statistics.intervals import Estimate, check_level
from firstdraw.rules import check_finite

if TYPE_CHECKING:
    from scipy.stats import CensoredData

__all__ = ["LogRank", "Survival", "Times", "log_rank", "survival", "times_to"]


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Until when runs were watched, and whether they reached the threshold then.

    Args:
        steps: the step of the event or of the end of watching, `[n]`.
        reached: whether it was the event, `[n]`.

    Raises:
        InputError: if there is no run, the lengths differ, or a step is not a finite number of at least 0.
    """

    steps: Floats
    reached: Booleans

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", np.asarray(self.steps, np.float64))
        object.__setattr__(self, "reached", np.asarray(self.reached, np.bool_))
        if self.steps.ndim != 1 or not self.steps.size:
            raise InputError("steps", "must be a list with one step or more, one a run", self.steps.tolist())
        if self.reached.shape != self.steps.shape:
            raise InputError("reached", f"must have one entry a run, {len(self.steps)}", self.reached.shape)
        for i, step in enumerate(self.steps.tolist()):
            if check_finite(f"steps[{i}]", step) < 0:
                raise InputError(f"steps[{i}]", "must be at least 0", step)


@dataclass(frozen=True, slots=True, eq=False)
class Survival:
    """The share of runs that have not reached a threshold, by steps.

    Args:
        steps: the steps at which the share changes or a run is no longer watched, ascending, `[k]`.
        share: S at and after each of them, up to the next, `[k]`; before the first it is 1.
        low: the lower end of its interval, `[k]`.
        high: the upper end, `[k]`.
        median: the first step at which half of the runs or more have reached it; infinite where that is not seen.
        runs: how many there are.
        reached: how many of them reached it.
        level: the confidence of the intervals, each for itself.
    """

    steps: Floats
    share: Floats
    low: Floats
    high: Floats
    median: Estimate
    runs: int
    reached: int
    level: float


@dataclass(frozen=True, slots=True)
class LogRank:
    """Whether two groups of runs reach a threshold equally fast.

    Args:
        statistic: Z, below 0 where the first group reaches it later than expected.
        p: two-sided.
    """

    statistic: float
    p: float


def times_to(level: float, steps: Integers, cost: Floats, *, leave_at_divergence: bool = False) -> Times:
    """Return when the costs of runs first fall to a level.

    A run reaches it at the first recorded step s with cost C(s) <= c; between records it may have been there earlier.
    One that does not is watched until the last record. A run that diverged will never reach it, and so by default stays
    among those that have not, until the last record: S then is the share of all runs. To let it leave at its last
    finite record supposes that it would have gone on like the others, which hides failures.

    Args:
        level: c.
        steps: s, the recorded steps, ascending, `[R]`.
        cost: C, NaN after a divergence, `[n, R]`.
        leave_at_divergence: whether a diverged run is watched until its last finite record only.

    Raises:
        InputError: if the level is not finite, or the shapes do not fit.

    >>> steps, cost = np.array([0, 10, 20]), np.array([[1.0, 0.4, 0.2], [1.0, 0.9, 0.8], [1.0, np.nan, np.nan]])
    >>> found = times_to(0.5, steps, cost)
    >>> found.steps, found.reached
    (array([10., 20., 20.]), array([ True, False, False]))
    """
    check_finite("level", level)
    cost = np.asarray(cost)
    if cost.ndim != 2 or not cost.size or cost.shape[1] != len(steps):
        raise InputError("cost", f"must have a row a run and a column a recorded step, {len(steps)}", cost.shape)
    below: Booleans = cost <= level
    reached: Booleans = np.any(below, axis=1)
    finite = np.isfinite(cost).sum(axis=1)
    last = np.maximum(finite, 1) - 1 if leave_at_divergence else np.full(len(cost), len(steps) - 1)
    return Times(np.asarray(steps, np.float64)[np.where(reached, below.argmax(axis=1), last)], reached)


def survival(times: Times, *, level: float = 0.95) -> Survival:
    """Return the Kaplan-Meier estimate of the share of runs that have not reached a threshold.

        S(t) = prod_(t_i <= t) (1 - d_i/n_i),

    d_i the runs that reach it at step t_i, n_i those watched until then. The interval is that of log(-log S), with
    Greenwood's variance; where S is 1 or 0 it has none, and the whole of [0, 1] is given. The median is the first step
    with S <= 1/2, its ends those of the interval's curves from the first event on (Brookmeyer & Crowley 1982). It holds
    for independent runs whose watching ends for no reason that tells of their time, as at a common budget.

    Args:
        times: t, and which are events.
        level: the confidence of the intervals.

    Raises:
        InputError: if the level is not above 0 and below 1.

    Sources: Kaplan & Meier (1958), Nonparametric Estimation from Incomplete Observations,
    https://doi.org/10.1080/01621459.1958.10501452; Brookmeyer & Crowley (1982), A Confidence Interval for the Median
    Survival Time, https://doi.org/10.2307/2530286

    >>> found = survival(Times([1, 2, 3, 3, 5], [1, 1, 1, 0, 0]))
    >>> found.share.round(2), found.median.value
    (array([0.8, 0.6, 0.4, 0.4]), 3.0)
    """
    from scipy import stats

    check_level(level)
    curve = stats.ecdf(_censored(times)).sf
    with warnings.catch_warnings():
        # At S = 1 and S = 0, where the interval is undefined.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval: Any = curve.confidence_interval(level, method="log-log")
    steps, share = np.asarray(curve.quantiles, np.float64), np.asarray(curve.probabilities, np.float64)
    low: Floats = np.nan_to_num(interval.low.probabilities, nan=0.0)
    high: Floats = np.nan_to_num(interval.high.probabilities, nan=1.0)
    median = _median(steps, share, low, high, level)
    return Survival(steps, share, low, high, median, len(times.steps), int(times.reached.sum()), level)


def log_rank(first: Times, second: Times) -> LogRank:
    """Test whether two groups of runs reach a threshold equally fast.

    Over the steps t_i at which d_i of the n_i runs still watched reach it, n_1i of the n_i being of the first group,
    and with O_1 the number of all of the first group that reach it,

        Z = (O_1 - sum_i d_i n_1i/n_i)/sqrt(sum_i d_i (n_1i/n_i) (1 - n_1i/n_i) (n_i - d_i)/(n_i - 1)).

    p is that of a normal Z, which holds for ten or more events; fewer tell less than it says. The groups are taken as
    independent: over common seeds, which tie them, the test is cautious. Where no run reaches it, nothing is compared,
    and p is 1.

    Args:
        first: the times of one group.
        second: of the other.

    Source: Mantel (1966), Evaluation of Survival Data and Two New Rank Order Statistics Arising in Its Consideration,
    Cancer Chemotherapy Reports 50, 163-170, https://pubmed.ncbi.nlm.nih.gov/5910392/

    >>> slow, fast = Times([8, 9, 9, 10], [1, 1, 0, 0]), Times([1, 2, 2, 3], [1, 1, 1, 1])
    >>> round(log_rank(slow, fast).p, 4)
    0.0069
    """
    from scipy import stats

    with np.errstate(divide="ignore", invalid="ignore"):
        found = stats.logrank(_censored(first), _censored(second))
    if not np.isfinite(found.statistic):
        return LogRank(0.0, 1.0)
    return LogRank(float(found.statistic), float(found.pvalue))


def _censored(times: Times) -> CensoredData[Any]:
    from scipy import stats

    return stats.CensoredData.right_censored(times.steps, ~times.reached)


def _median(steps: Floats, share: Floats, low: Floats, high: Floats, level: float) -> Estimate:
    """Return the first step with a share of at most 1/2, and those of the interval's curves."""
    begun = share < 1
    if not begun.any():
        return Estimate(math.inf, 0.0, math.inf, level, "no run reaches it")
    middle, first, last = (_first(steps[begun], curve[begun] <= 0.5) for curve in (share, low, high))
    remark = "" if math.isfinite(middle) else "it is not seen that half of the runs reach it"
    return Estimate(middle, first, last, level, remark)


def _first(steps: Floats, where: Booleans) -> float:
    return float(steps[where][0]) if where.any() else math.inf
