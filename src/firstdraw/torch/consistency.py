"""Whether what a tensor holds could have been drawn from a law.

Where elements are independent, the mean and the variance must lie within what so many draws vary, no element outside of
the support, and the largest distance between the distribution functions (Kolmogorov and Smirnov's) below its quantile;
for normal laws the kurtosis too (Anscombe & Glynn 1983, https://doi.org/10.1093/biomet/70.1.227), which sees tails that
were cut.
Laws without a distribution function here, as those of matrices, are held against what they promise: equal numbers,
W^T W = g^2 I, the number of zeros.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions import (
    Constant,
    Distribution,
    Normal,
    Orthogonal,
    Packed,
    PartialIdentity,
    Sparse,
    TruncatedNormal,
    Uniform,
)
from firstdraw.distributions.whole import FixedDistribution
from firstdraw.draws import CounterDraws
from firstdraw.lazy import LazyModule
from firstdraw.roles import Layout
from firstdraw.torch.observing import Observation, observe_array

if TYPE_CHECKING:
    from scipy import special, stats
else:
    special, stats = LazyModule("scipy.special"), LazyModule("scipy.stats")

__all__ = ["FALSE_ALARMS", "gain_of_orthogonal", "is_consistent", "log_likelihood"]

FALSE_ALARMS: Final = 1e-3
"""The share of tensors of a law that are said not to be of it, at most."""
# The mean, the variance, the kurtosis and the distribution function are four tests of one tensor.
TESTS: Final = 4
# The law of the kurtosis of fewer normal numbers is not approximated well.
FEWEST_FOR_KURTOSIS: Final = 20
# A product of matrices of this length takes seconds; longer ones are not multiplied.
LONGEST_SIDE: Final = 4096
FEW_ROWS: Final = 8
# Laws that draw nothing are computed whole to be compared; in larger tensors nobody has them.
LARGEST_FIXED: Final = 2**20


def is_consistent(
    law: Distribution, observation: Observation, array: Floats | None, *, level: float = FALSE_ALARMS
) -> bool | None:
    """Return whether a tensor could have been drawn from a law; None where no test of this law is known.

    Args:
        law: of the whole tensor.
        observation: what was seen in it.
        array: the tensor itself, for laws of matrices; None where there is none.
        level: the share of tensors of this law for which the answer is no, at most.
    """
    if not observation.finite or not observation.count:
        return False
    match law:
        case Constant() | Normal() | Uniform() | TruncatedNormal():
            return _is_entrywise(law, observation, level)
        case Packed(opposite=()):
            return None if array is None else _is_packed(law, observation, array, level)
        case Orthogonal(layout=layout, gain=gain):
            found = None if array is None else gain_of_orthogonal(array, layout, observation.rounding)
            return None if array is None else found is not None and math.isclose(found, gain, rel_tol=1e-3)
        case Sparse():
            return None if array is None else _is_sparse(law, observation, array, level)
        case FixedDistribution() | PartialIdentity():
            return None if array is None or array.size > LARGEST_FIXED else _is_fixed(law, observation, array)
        case _:
            return None


def _is_entrywise(law: Distribution, seen: Observation, level: float) -> bool:
    low, high = law.support
    slack = seen.rounding * max(abs(low), abs(high)) if math.isfinite(low) else 0.0
    if not (low - slack <= seen.smallest and seen.largest <= high + slack):
        return False
    sigma = law.standard_deviation
    if sigma == 0:
        return True
    z = float(special.ndtri(1 - level / TESTS / 2))
    if abs(seen.mean - law.mean) > z * sigma / math.sqrt(seen.count) + seen.rounding * sigma:
        return False
    # s^2 has the standard deviation sigma^2 sqrt((k - 1)/n), k the kurtosis; of few draws it is skewed.
    allowed = z * math.sqrt((law.kurtosis - 1) / seen.count) + z * z / seen.count
    second = (seen.variance + (seen.mean - law.mean) ** 2) / (sigma * sigma)
    if abs(second - 1) > allowed + 2 * seen.rounding:
        return False
    if isinstance(law, Normal) and seen.count >= FEWEST_FOR_KURTOSIS and abs(_kurtosis_score(seen)) > z:
        return False
    return _distance(law, seen.sample) <= _largest_distance(len(seen.sample), level / TESTS) + seen.rounding


def _kurtosis_score(seen: Observation) -> float:
    """Return the kurtosis of a sample as a number that is nearly N(0, 1) where it was drawn from a normal law.

    The kurtosis b of n normal numbers has the mean 3 (n - 1)/(n + 1); its law is that of a reciprocal of chi-squared
    numbers with A degrees of freedom, whose cube root is nearly normal (Wilson and Hilferty's).
    """
    n, b = float(seen.count), seen.kurtosis
    mean = 3 * (n - 1) / (n + 1)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (b - mean) / math.sqrt(variance)
    skewness = (
        6 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9)) * math.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    )
    A = 6 + 8 / skewness * (2 / skewness + math.sqrt(1 + 4 / skewness**2))
    ratio = (1 - 2 / A) / (1 + x * math.sqrt(2 / (A - 4)))
    root = math.copysign(abs(ratio) ** (1 / 3), ratio)
    return (1 - 2 / (9 * A) - root) / math.sqrt(2 / (9 * A))


def _distance(law: Distribution, sample: Floats) -> float:
    """Return the largest distance between the distribution function of a law and that of a sample in order."""
    below = _distribution_function(law, sample)
    count = len(sample)
    after, before = np.arange(1, count + 1) / count - below, below - np.arange(count) / count
    return float(max(after.max(), before.max()))


def _distribution_function(law: Distribution, x: Floats) -> Floats:
    match law:
        case Normal(scale=s, center=m):
            return special.ndtr((x - m) / s)
        case TruncatedNormal(scale=s, cut=c):
            outside = float(special.ndtr(-c))
            return np.clip((special.ndtr(x / s) - outside) / (1 - 2 * outside), 0, 1)
        case _:
            low, high = law.support
            return np.clip((x - low) / (high - low), 0, 1)


@cache
def _largest_distance(count: int, level: float) -> float:
    return float(stats.kstwo.isf(level, count))


def _is_packed(law: Packed, seen: Observation, array: Floats, level: float) -> bool | None:
    parts = np.moveaxis(law.layout.view(array), len(law.layout.stacked), 0)
    answers = [
        is_consistent(one, observe_array(part.reshape(-1), seen.rounding), None, level=level / len(law.laws))
        for one, part in zip(law.laws, parts, strict=True)
    ]
    return None if None in answers else all(answers)


def _is_sparse(law: Sparse, seen: Observation, array: Floats, level: float) -> bool:
    matrix = _matrices(array, law.layout)
    zeros = (matrix == 0).sum(axis=-2 if law.of == "input" else -1)
    if not (zeros == law.zeros).all():
        return False
    others = observe_array(matrix[matrix != 0], seen.rounding)
    return is_consistent(Normal(law.scale), others, None, level=level) is True


def _is_fixed(law: FixedDistribution | PartialIdentity, seen: Observation, array: Floats) -> bool:
    # Nothing is drawn: any seed will do.
    expected = law.blocks(CounterDraws(0), "")
    low, high = law.support
    tolerance = seen.rounding * max(abs(low), abs(high))
    return bool(np.allclose(law.layout.view(array), expected, rtol=seen.rounding, atol=tolerance))


def gain_of_orthogonal(array: Floats, layout: Layout, rounding: float) -> float | None:
    """Return g where every block W of a weight is g times orthogonal, its rows the outputs; None where it is not.

    The shorter side's products with each other are to be g^2 I within what rounding leaves of them: elements of
    relative precision u make an error of about u in a product of unit vectors, whatever their length.

    Args:
        array: the weight.
        layout: its layout.
        rounding: u, of the weight's type.
    """
    if layout.inputs is None:
        return None
    blocks = _matrices(array, layout)
    blocks = blocks.reshape(-1, *blocks.shape[-2:])
    if min(blocks.shape[-2:]) < 2 or max(blocks.shape[-2:]) > LONGEST_SIDE:
        return None
    if blocks.shape[-2] > blocks.shape[-1]:
        blocks = blocks.swapaxes(-1, -2)
    squares = float(np.einsum("bij,bij->", blocks, blocks)) / (blocks.shape[0] * blocks.shape[1])
    if not squares > 0:
        return None
    # A few rows tell most matrices that are not, before all are multiplied.
    largest = max(8 * rounding, 1e-4)
    for rows in (FEW_ROWS, blocks.shape[-2]):
        for block in blocks[:, :rows]:
            if not abs(block @ block.T / squares - np.eye(len(block))).max() <= largest:
                return None
    return math.sqrt(squares)


def log_likelihood(law: Distribution, observation: Observation) -> float:
    """Return the logarithm of the density that a law gives the observed sample; infinite for exact laws.

    Of several laws that a tensor is consistent with the likeliest is the first to name.

    Args:
        law: one that the tensor is consistent with.
        observation: what was seen in the tensor.
    """
    x, sigma = observation.sample, law.standard_deviation
    match law:
        case Normal(scale=s, center=m) if s > 0:
            return float(stats.norm.logpdf(x, m, s).sum())
        case TruncatedNormal(scale=s, cut=c) if s > 0:
            return float(stats.norm.logpdf(x, 0, s).sum()) - len(x) * math.log(math.erf(c / math.sqrt(2)))
        case Uniform(low=low, high=high) if sigma > 0:
            return -len(x) * math.log(high - low)
        case _:
            return math.inf


def _matrices(array: Floats, layout: Layout) -> Floats:
    """Return the blocks of a weight as matrices, outputs by inputs with all taps."""
    blocks = layout.view(array)
    return blocks.reshape(*blocks.shape[: len(layout.stacked) + 2], -1)
