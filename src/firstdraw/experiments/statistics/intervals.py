"""What some runs tell of all runs: a mean, a median, a share, each with its interval."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.rules import check_finite, check_non_negative_integer, check_positive_integer, check_share

__all__ = ["Estimate", "check_level", "mean_interval", "median_interval", "share_interval"]

# The ends of an interval of 95 % then rest on some 250 resamples each.
RESAMPLES: Final = 9999
# Of a thousand runs, as many resamples at once fill 8 MB.
RESAMPLES_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    Args:
        value: of the sample.
        low: the lower end; -infinity where the sample says nothing of it.
        high: the upper end.
        level: the confidence with which the interval holds the number of all runs.
        remark: what is particular about the interval; empty where nothing is.

    >>> f"{Estimate(0.5, 0.25, 0.75, 0.95):.0%}"
    '50% (25% to 75%)'
    """

    value: float
    low: float
    high: float
    level: float
    remark: str = ""

    def __format__(self, pattern: str) -> str:
        value, low, high = (format(number, pattern) for number in (self.value, self.low, self.high))
        return value if low == value == high else f"{value} ({low} to {high})"


def check_level(level: float) -> float:
    """Refuse a level of confidence that is not above 0 and below 1.

    Raises:
        InputError: if it is not.
    """
    if not check_share("level", level):
        raise InputError("level", "must be above 0 and below 1", level)
    return level


def mean_interval(values: Sequence[float] | Floats, *, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return the mean of a sample with its BCa bootstrap interval.

    Of n values x_i with mean t, let t* be the mean of n values drawn from them with replacement, G the distribution
    function of t*, and Phi that of the normal distribution. At the level 1 - 2 a the interval is

        [G^-1(Phi(z0 + (z0 + z_a)/(1 - k (z0 + z_a)))), the same with z_(1-a)],   z_a = Phi^-1(a),
        z0 = Phi^-1(G(t)),   k = sum_i u_i^3/(6 (sum_i u_i^2)^(3/2)),

    with u_i = t_(.) - t_(i), t_(i) the mean without x_i and t_(.) the mean of those. It holds for independent values of
    finite variance; of few it covers less than it says (at 95 %, of 5 normal ones in 84 % of cases, of 20 in 92 %).

    Args:
        values: x, one value or more.
        level: 1 - 2 a.
        seed: of the resamples.

    Returns:
        The estimate. One value leaves an interval without ends; of equal ones the interval is a point.

    Raises:
        InputError: if there is no value, one is not finite, or the level is not above 0 and below 1.

    Source: Efron (1987), Better Bootstrap Confidence Intervals, https://doi.org/10.2307/2289144

    >>> print(f"{mean_interval([3.1, 2.4, 5.6, 4.0, 2.2, 3.7]):.2f}")
    3.50 (2.73 to 4.62)
    """
    sample = _sample(values)
    for i, value in enumerate(sample.tolist()):
        check_finite(f"values[{i}]", value)
    return _estimate(sample, np.mean, level, seed)


def median_interval(values: Sequence[float] | Floats, *, level: float = 0.95, seed: int = 0) -> Estimate:
    """Return the median of a sample with its BCa bootstrap interval.

    The formula is that of `mean_interval`, with medians for means. A value may be infinite, as the cost of a run that
    diverged: it stands in the order behind all others, and an end that falls there is infinite; half way between both
    infinities is 0. It holds for independent values; where all jackknife medians are equal, k is 0/0 and the percentile
    interval [G^-1(a), G^-1(1 - a)] is given instead, and said.

    Args:
        values: x, one value or more.
        level: 1 - 2 a.
        seed: of the resamples.

    Returns:
        The estimate. One value leaves an interval without ends; of equal ones the interval is a point.

    Raises:
        InputError: if there is no value, one is not a number, or the level is not above 0 and below 1.

    Source: Efron (1987), Better Bootstrap Confidence Intervals, https://doi.org/10.2307/2289144

    >>> median_interval([3.0, 2.0, 5.0, 4.0, 1.0, math.inf, math.inf]).high
    inf
    >>> median_interval([0.5, 0.5, 0.5])
    Estimate(value=0.5, low=0.5, high=0.5, level=0.95, remark='all 3 values are equal')
    """
    sample = _sample(values)
    for i, value in enumerate(sample.tolist()):
        if math.isnan(value):
            raise InputError(f"values[{i}]", "must be a number or infinite", value)
    return _estimate(sample, np.median, level, seed)


def share_interval(count: int, runs: int, *, level: float = 0.95) -> Estimate:
    """Return a share of runs with Wilson's interval.

    Of k among n runs, with p = k/n and z = Phi^-1(1 - a) at the level 1 - 2 a,

        (p + z^2/(2 n) +- z sqrt(p (1 - p)/n + z^2/(4 n^2)))/(1 + z^2/n).

    It holds for independent runs, also where none or all are counted.

    Args:
        count: k, from 0 to n.
        runs: n, at least 1.
        level: 1 - 2 a.

    Raises:
        InputError: if a count is no integer in its range, or the level is not above 0 and below 1.

    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference,
    https://doi.org/10.1080/01621459.1927.10502953

    >>> print(f"{share_interval(0, 20):.1%}")
    0.0% (0.0% to 16.1%)
    """
    from scipy import stats

    check_level(level)
    check_positive_integer("runs", runs)
    if check_non_negative_integer("count", count) > runs:
        raise InputError("count", f"must be at most the number of runs, {runs}", count)
    interval = stats.binomtest(count, runs).proportion_ci(confidence_level=level, method="wilson")
    return Estimate(count / runs, float(interval.low), float(interval.high), level)


def _sample(values: Sequence[float] | Floats) -> Floats:
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not sample.size:
        raise InputError("values", "must be a list of one number or more", values)
    return sample


def _estimate(values: Floats, statistic: Callable[..., Any], level: float, seed: int) -> Estimate:
    check_level(level)
    # In order, so that the resamples are the same in whatever order the runs come.
    sample = np.sort(values)
    if len(sample) == 1:
        return Estimate(float(sample[0]), -math.inf, math.inf, level, "one value tells nothing of others")
    if sample[0] == sample[-1]:
        value = float(sample[0])
        return Estimate(value, value, value, level, f"all {len(sample)} values are equal")
    scale = _Scale.of(sample)
    scaled = scale.down(sample)
    low, high, remark = _bootstrap(scaled, statistic, level, seed)
    return Estimate(scale.up(float(statistic(scaled))), scale.up(low), scale.up(high), level, remark)


@dataclass(frozen=True, slots=True)
class _Scale:
    """A power of 2 over which no square of a value overflows, and beyond what a number stands for an infinite one.

    Args:
        exponent: of the power.
        lowest: the smallest finite value over the power; -infinity where all values are finite.
        highest: the largest; infinity where all are finite.
    """

    exponent: int
    lowest: float
    highest: float

    @classmethod
    def of(cls, sample: Floats) -> _Scale:
        known = sample[np.isfinite(sample)]
        if not known.size:
            return cls(0, 0.0, 0.0)
        exponent = int(np.frexp(np.abs(known).max())[1])
        if len(known) == len(sample):
            return cls(exponent, -math.inf, math.inf)
        lowest, highest = np.ldexp(known[[0, -1]], -exponent).tolist()
        return cls(exponent, lowest, highest)

    def down(self, sample: Floats) -> Floats:
        """Return finite values within (-1, 1), and infinite ones so far beyond that a mean with one is beyond, too."""
        return np.clip(np.ldexp(sample, -self.exponent), -3.0, 3.0)

    def up(self, value: float) -> float:
        if value < self.lowest:
            return -math.inf
        return float(np.ldexp(value, self.exponent)) if value <= self.highest else math.inf


def _bootstrap(sample: Floats, statistic: Callable[..., Any], level: float, seed: int) -> tuple[float, float, str]:
    """Return both ends of the BCa interval, or of the percentile interval where there is none, and a remark."""
    from scipy import stats

    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (sample,),
            statistic,
            n_resamples=RESAMPLES,
            batch=RESAMPLES_AT_ONCE,
            confidence_level=level,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    low, high = (float(end) for end in found.confidence_interval)
    if not (math.isnan(low) or math.isnan(high)):
        return low, high, ""
    low, high = np.quantile(found.bootstrap_distribution, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high, "a percentile interval, as BCa has none for it"
