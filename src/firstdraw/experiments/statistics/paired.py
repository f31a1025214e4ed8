"""Two initializations over common seeds: which is better, how surely and by how much.

Throughout, less is better, as of costs; an infinite value, of a run that diverged, is worse than any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Booleans, Floats
from firstdraw.errors import InputError
from firstdraw.experiments.statistics.intervals import Estimate, median_interval

__all__ = ["PairedComparison", "SignedRank", "compare_paired", "differences", "mcnemar", "signed_rank"]

# Costs that agree to six digits are a tie: less is rounding in float32, and of two deterministic starts it is the same
# rounding with every seed.
TIE: Final = 1e-6
# As in SciPy, whose exact test knows no ties; with more the normal distribution is near.
MOST_EXACT: Final = 50


@dataclass(frozen=True, slots=True)
class SignedRank:
    """Wilcoxon's signed-rank test.

    Args:
        decided: the number of pairs whose values differ.
        rank_biserial: from -1, the first always worse, to 1, the first always better.
        p: two-sided.
    """

    decided: int
    rank_biserial: float
    p: float


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """One initialization beside another.

    Args:
        better: in how many pairs the first is better.
        worse: in how many it is worse.
        tied: in how many both are equal.
        superiority: the probability that the first is better, ties counted half.
        rank_biserial: from -1, the first always worse, to 1, the first always better.
        median_difference: first minus second; below 0 where the first is better.
        p: of Wilcoxon's signed-rank test, two-sided.
    """

    better: int
    worse: int
    tied: int
    superiority: float
    rank_biserial: float
    median_difference: Estimate
    p: float


def compare_paired(
    first: Sequence[float] | Floats, second: Sequence[float] | Floats, *, level: float = 0.95, seed: int = 0
) -> PairedComparison:
    """Return how one initialization does beside another over common seeds.

    With d_i = a_i - b_i, values that agree to six digits tied at d_i = 0,

        superiority        (#{d_i < 0} + #{d_i = 0}/2)/n
        rank-biserial      of `signed_rank`
        median difference  of the d_i, with its BCa interval.

    It holds for independent seeds.

    Args:
        first: a, one value a seed; less is better, and infinity is the worst.
        second: b, in the order of the same seeds.
        level: the confidence of the interval.
        seed: of its resamples.

    Raises:
        InputError: if the lengths differ, there is no value, one is not a number, or the level is not above 0 and below
            1.

    Source: Grissom & Kim (2012), Effect Sizes for Research, 2nd edition, https://doi.org/10.4324/9780203803233

    >>> found = compare_paired([1.0, 2.0, 1.5, 1.2, 1.8, 1.1], [2.0, 2.5, 1.5, 2.4, 1.7, 2.9])
    >>> found.better, found.worse, found.tied, found.superiority, found.p
    (4, 1, 1, 0.75, 0.125)
    """
    d = differences(first, second)
    test = signed_rank(d)
    better, worse, tied = (int(np.sum(np.sign(d) == sign)) for sign in (-1, 1, 0))
    return PairedComparison(
        better=better,
        worse=worse,
        tied=tied,
        superiority=(better + tied / 2) / len(d),
        rank_biserial=test.rank_biserial,
        median_difference=median_interval(d, level=level, seed=seed),
        p=test.p,
    )


def differences(first: Sequence[float] | Floats, second: Sequence[float] | Floats) -> Floats:
    """Return a_i - b_i, and 0 where both agree to six digits or are infinite alike.

    Args:
        first: a, one value a seed.
        second: b, in the order of the same seeds.

    Raises:
        InputError: if the lengths differ, there is no value, or one is not a number.

    >>> differences([1.0, np.inf, np.inf], [1.0000001, 2.0, np.inf])
    array([ 0., inf,  0.])
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.ndim != 1 or not a.size:
        raise InputError("first", "must be a list with a value a seed", first)
    if b.shape != a.shape:
        raise InputError("second", f"must have one value a seed, as many as the first, {len(a)}", b.shape)
    _check_numbers("first", a)
    _check_numbers("second", b)
    with np.errstate(invalid="ignore", over="ignore"):
        d = a - b
        size = np.maximum(np.abs(a), np.abs(b))
        tied = (a == b) | (np.isfinite(size) & (np.abs(d) <= TIE * size))
    return np.where(tied, 0.0, d)


def signed_rank(d: Sequence[float] | Floats) -> SignedRank:
    """Test whether paired differences lie symmetrically about 0.

    With r_i the rank of |d_i| among the n that are not 0, ties at their mean rank, and R- and R+ the sums of the ranks
    of the negative and the positive ones,

        rank-biserial r = (R- - R+)/(R- + R+).

    p is exact up to 50 differences, and beyond that of the normal distribution, corrected for ties. Where two
    initializations do not differ, exchanging them within a seed changes nothing, which is the symmetry that is tested.
    Of n differences the least possible p is 2^(1 - n). Where none differs from 0, nothing is compared, and p is 1.

    Args:
        d: the differences, infinite ones allowed.

    Raises:
        InputError: if one is not a number.

    Sources: Wilcoxon (1945), Individual Comparisons by Ranking Methods, https://doi.org/10.2307/3001968; Kerby (2014),
    The Simple Difference Formula: An Approach to Teaching Nonparametric Correlation, https://doi.org/10.2466/11.IT.3.1

    >>> signed_rank([-4.0, -3.0, -2.0, -1.0, 5.0])
    SignedRank(decided=5, rank_biserial=0.3333333333333333, p=0.625)
    """
    from scipy import stats

    values = np.asarray(d, np.float64)
    _check_numbers("d", values)
    values = values[values != 0]
    if not values.size:
        return SignedRank(0, 0.0, 1.0)
    # The test knows differences by their signs and ranks alone, and ranks are finite.
    sizes = stats.rankdata(np.abs(values))
    ranks = np.sign(values) * sizes
    has_ties = len(np.unique(sizes)) < len(sizes)
    return SignedRank(
        decided=len(ranks),
        rank_biserial=float(-ranks.sum() / sizes.sum()),
        p=_with_ties(ranks) if has_ties and len(ranks) <= MOST_EXACT else float(stats.wilcoxon(ranks).pvalue),
    )


def mcnemar(first: Sequence[bool] | Booleans, second: Sequence[bool] | Booleans) -> tuple[int, float]:
    """Test whether two initializations fail equally often, exactly.

    Of the D seeds with which one of them fails and the other does not, the first fails with K. Where they fail equally
    often, K is binomial with 1/2; p is two-sided. Where D is 0, nothing is compared, and p is 1.

    Args:
        first: whether the first failed, one a seed.
        second: whether the second did, in the order of the same seeds.

    Returns:
        D and p.

    Raises:
        InputError: if the lengths differ.

    Source: McNemar (1947), Note on the Sampling Error of the Difference between Correlated Proportions or Percentages,
    https://doi.org/10.1007/BF02295996

    >>> mcnemar([True] * 6 + [False] * 4, [False] * 10)
    (6, 0.03125)
    """
    from scipy import stats

    a, b = np.asarray(first, np.bool_), np.asarray(second, np.bool_)
    if a.shape != b.shape:
        raise InputError("second", f"must say of as many seeds as the first whether it failed, {len(a)}", len(b))
    first_alone, second_alone = int(np.sum(a & ~b)), int(np.sum(~a & b))
    discordant = first_alone + second_alone
    return discordant, float(stats.binomtest(first_alone, discordant).pvalue) if discordant else 1.0


def _with_ties(ranks: Floats) -> float:
    """Return the share of all choices of signs whose sum is as far from 0 as that of the signed ranks, or farther.

    Twice a mean rank is an integer, so the sums are counted rank by rank, as the coefficients of
    prod_i (x^(-2 r_i) + x^(2 r_i))/2: the shift algorithm of Streitberg & Roehmel (1986), Exact Distributions for
    Permutation and Rank Tests, Statistical Software Newsletter 12, 10-17.
    """
    shares = np.ones(1)
    for size in np.abs(2 * ranks).astype(int).tolist():
        moved = np.zeros(len(shares) + 2 * size)
        moved[: len(shares)] += shares / 2
        moved[2 * size :] += shares / 2
        shares = moved
    middle = len(shares) // 2
    farther = abs(np.arange(len(shares)) - middle) >= abs(int(2 * ranks.sum()))
    return min(1.0, float(shares[farther].sum()))


def _check_numbers(name: str, values: Floats) -> None:
    for i in np.flatnonzero(np.isnan(values)).tolist():
        raise InputError(f"{name}[{i}]", "must be a number, or infinite for a run that diverged", float(values[i]))
