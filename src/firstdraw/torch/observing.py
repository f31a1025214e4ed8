"""What the elements of a tensor are like: their number, moments, bounds, and a sample of them in order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.torch.library import Tensor, pytorch

__all__ = ["Observation", "observe", "observe_array"]

# Elements that are looked at at a time: 32 MB of float64.
PIECE: Final = 2**22
# More elements do not make a law clearer, and they would have to be sorted.
LARGEST_SAMPLE: Final = 2**16
# The short types round to steps that a larger sample would see.
LARGEST_SHORT_SAMPLE: Final = 2**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen in a tensor; without elements, or with some that are not finite, the numbers are NaN.

    Args:
        count: the number of elements.
        finite: whether all are finite.
        mean: their mean.
        variance: their variance around it.
        kurtosis: their fourth central moment over the square of the variance; NaN where all are equal.
        smallest: the smallest of them.
        largest: the largest.
        sample: some of them, or all where they are few, in increasing order.
        rounding: the relative distance of two neighbors of the tensor's type.
    """

    count: int
    finite: bool
    mean: float
    variance: float
    kurtosis: float
    smallest: float
    largest: float
    sample: Floats
    rounding: float

    @property
    def second_moment(self) -> float:
        """The mean of the squares."""
        return self.variance + self.mean * self.mean

    @property
    def is_constant(self) -> bool:
        """Whether all elements are equal."""
        return self.smallest == self.largest


def observe(tensor: Tensor) -> Observation:
    """Observe a tensor on any device, a piece of it at a time.

    Args:
        tensor: of real numbers, with memory.
    """
    torch = pytorch()
    flat = tensor.detach().reshape(-1)
    count, rounding = int(flat.numel()), float(torch.finfo(tensor.dtype).eps)
    if not count:
        return _nothing(0, rounding, finite=True)
    # A NaN anywhere makes both of them NaN.
    smallest, largest = (float(value) for value in torch.aminmax(flat))
    if not (math.isfinite(smallest) and math.isfinite(largest)):
        return _nothing(count, rounding, finite=False)
    sample = _sample(flat, LARGEST_SAMPLE if rounding < 1e-4 else LARGEST_SHORT_SAMPLE)
    mean, variance, fourth = _moments(flat, float(sample.mean()))
    constant = smallest == largest
    return Observation(
        count=count,
        finite=True,
        mean=smallest if constant else mean,
        variance=0.0 if constant else variance,
        kurtosis=math.nan if constant or not variance**2 > 0 else fourth / variance**2,
        smallest=smallest,
        largest=largest,
        sample=sample,
        rounding=rounding,
    )


def _moments(flat: Tensor, shift: float) -> tuple[float, float, float]:
    """Return the mean, and the second and the fourth moment around it.

    Args:
        flat: the elements.
        shift: a number near to their mean, around which sums of powers lose no digits.
    """
    sums = [0.0] * 4
    for piece in flat.split(PIECE):
        # A copy always: in float64 the piece is the tensor's own memory.
        x = piece.to(pytorch().float64, copy=True).sub_(shift)
        squared = x.square()
        sums[0] += float(x.sum())
        sums[1] += float(squared.sum())
        sums[2] += float(x.mul_(squared).sum())
        sums[3] += float(squared.square_().sum())
    first, second, third, fourth = (total / flat.numel() for total in sums)
    variance = second - first * first
    central = fourth - 4 * first * third + 6 * first * first * second - 3 * first**4
    return shift + first, variance, central


def observe_array(values: Floats, rounding: float) -> Observation:
    """Observe an array, as a tensor whose type rounds to `rounding`."""
    seen = observe(pytorch().from_numpy(np.ascontiguousarray(values, np.float64)))
    limit = LARGEST_SAMPLE if rounding < 1e-4 else LARGEST_SHORT_SAMPLE
    # Every so many of the sample in order: it stays one in order.
    return replace(seen, sample=seen.sample[:: max(1, -(-len(seen.sample) // limit))], rounding=rounding)


def _nothing(count: int, rounding: float, *, finite: bool) -> Observation:
    return Observation(
        count=count,
        finite=finite,
        mean=math.nan,
        variance=math.nan,
        kurtosis=math.nan,
        smallest=math.nan,
        largest=math.nan,
        sample=np.empty(0),
        rounding=rounding,
    )


def _sample(flat: Tensor, limit: int) -> Floats:
    torch = pytorch()
    if flat.numel() > limit:
        # Places at random, the same each time: evenly spaced ones would all fall into one part of a packed weight.
        places = np.random.default_rng(0).choice(flat.numel(), limit, replace=False, shuffle=False)
        flat = flat[torch.from_numpy(places).to(flat.device)]
    return np.sort(flat.double().cpu().numpy())
