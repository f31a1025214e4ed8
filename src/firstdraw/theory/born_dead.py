"""How likely a ReLU network is dead before training: no unit of its last hidden layer answers to any input.

Without biases and with weights of a symmetric law, what an input makes of a layer depends on its direction alone, and
a unit is silent for it with probability 1/2, independently of the other units of the layer and of the layers before.

Source: Lu, Shin, Su & Karniadakis (2019), Dying ReLU and Initialization: Theory and Numerical Examples,
https://arxiv.org/abs/1903.06733
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions import Distribution, Normal
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.lazy import LazyModule
from firstdraw.rules import check_positive_integer
from firstdraw.theory.widths import check_widths

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

__all__ = ["BornDeadBounds", "BornDeadEstimate", "born_dead_bounds", "dead_probability", "estimate_born_dead"]

# So many numbers of a layer stand in memory at once: 32 MB.
LARGEST_CHUNK: Final = 2**22
# Of a 95 % interval.
OUTSIDE: Final = 0.05


def dead_probability(hidden_widths: Sequence[int]) -> float:
    """Return the probability that a ReLU network answers to one given input with 0, whatever its last layer.

        1 - prod_l (1 - 2^(-N_l)),    N_l = `hidden_widths[l]`

    Exact for every input but 0, with biases of 0 and weights of any symmetric law without atoms, independent from unit
    to unit.

    Raises:
        InputError: if `hidden_widths` is empty or holds no positive integer.

    >>> round(dead_probability((2,) * 9), 4), round(dead_probability((10,) * 9), 4)
    (0.9249, 0.0088)
    """
    widths = check_widths("hidden_widths", hidden_widths)
    # The probability is small for wide layers, and 1 minus a product near 1 would lose its digits.
    return -math.expm1(sum(_log_alive(width) for width in widths))


def _log_alive(width: int) -> float:
    return math.log1p(-(2.0**-width))


@dataclass(frozen=True, slots=True, kw_only=True)
class BornDeadBounds:
    """Between which numbers the probability lies that a network is dead for every input.

    Args:
        lower: the lower bound, for networks of one input; exact for one and for two hidden layers.
        upper: the upper bound, for any number of inputs: the probability that it is dead for one given input.
    """

    lower: float
    upper: float


def born_dead_bounds(hidden_widths: Sequence[int]) -> BornDeadBounds:
    """Return bounds of the probability that a ReLU network of one input is dead on the whole line.

    On each of the two rays that the line consists of, a layer's output is a fixed vector times the input's size. A pair
    of such vectors without negative entries is at most at a right angle, which is where the two are silenced together
    least: by one unit with probability 1/4. Of two vectors, the next layer of N units leaves

        none            with probability  4^-N
        one direction                     2^(1-N) + (N-2) 4^-N    one of them, or both in the same single unit
        two                               1 - 2^(1-N) - (N-1) 4^-N

    and of one direction none with probability 2^-N. The first layer leaves one ray with probability 2^(1-N), else two
    at a right angle. The chain of these steps gives the lower bound; after two layers it is exact. The upper bound is
    the probability for a single input. Both hold for biases of 0 and Gaussian weights; the upper one for every law
    that `dead_probability` covers.

    Args:
        hidden_widths: N_l, the widths of the hidden layers.

    Raises:
        InputError: if `hidden_widths` is empty or holds no positive integer.

    >>> bounds = born_dead_bounds((3,) * 9)
    >>> round(bounds.lower, 4), round(bounds.upper, 4)
    (0.5134, 0.6993)
    """
    first, *others = check_widths("hidden_widths", hidden_widths)
    one = 2.0 ** (1 - first)
    two, dead = 1 - one, 0.0
    for N in others:
        p = 2.0**-N
        dead += one * p + two * p * p
        one, two = one * (1 - p) + two * (2 * p + (N - 2) * p * p), two * (1 - 2 * p - (N - 1) * p * p)
    return BornDeadBounds(lower=dead, upper=dead_probability(hidden_widths))


@dataclass(frozen=True, slots=True, kw_only=True)
class BornDeadEstimate:
    """How many of some drawn networks are dead, and what this says of their law.

    Args:
        dead: the number of networks that are dead on all inputs.
        networks: the number of networks drawn.
    """

    dead: int
    networks: int

    @property
    def probability(self) -> float:
        """The share of dead networks."""
        return self.dead / self.networks

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's interval, which covers the probability in at least 95 % of all estimates.

        Source: Clopper & Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the
        binomial, https://doi.org/10.1093/biomet/26.4.404

        >>> low, high = BornDeadEstimate(dead=0, networks=100).interval
        >>> low, round(high, 4)
        (0.0, 0.0362)
        """
        alive = self.networks - self.dead
        low = float(special.betaincinv(self.dead, alive + 1, OUTSIDE / 2)) if self.dead else 0.0
        high = float(special.betaincinv(self.dead + 1, alive, 1 - OUTSIDE / 2)) if alive else 1.0
        return low, high


def estimate_born_dead(
    hidden_widths: Sequence[int],
    draws: Draws,
    *,
    networks: int = 10_000,
    inputs: Floats | None = None,
    law: Distribution | None = None,
) -> BornDeadEstimate:
    """Draw ReLU networks without biases, and count those whose last hidden layer is 0 for every one of some inputs.

    The inputs 1 and -1 stand for the whole line. In more dimensions, a network that is dead on the inputs given may
    answer to others: the estimate is one of the probability to be dead on these inputs.

    Args:
        hidden_widths: the widths of the hidden layers.
        draws: where the random numbers come from; the estimate is a function of it.
        networks: how many networks to draw.
        inputs: `[d, m]`, d features of m inputs; by default 1 and -1, one feature.
        law: the law of the weights, independent from element to element; by default N(0, 1). Its scale does not matter.

    Raises:
        InputError: if `hidden_widths` or `networks` holds no positive integer, the inputs are no finite `[d, m]`, or
            the elements of the law are not independent.

    >>> from firstdraw.draws import CounterDraws
    >>> estimate = estimate_born_dead((2, 2), CounterDraws(seed=0), networks=2000)
    >>> low, high = estimate.interval
    >>> low < born_dead_bounds((2, 2)).lower == 0.15625 < high
    True
    """
    widths = check_widths("hidden_widths", hidden_widths)
    check_positive_integer("networks", networks)
    X = np.array([[1.0, -1.0]]) if inputs is None else inputs
    if X.ndim != 2 or not X.size or not np.isfinite(X).all():
        raise InputError("inputs", "must be finite numbers, an input a column", X)
    weights = Normal() if law is None else law
    if not weights.entrywise:
        raise InputError("law", "must have independent elements, so that networks can be drawn side by side", law)
    largest = max(n * max(m, X.shape[1]) for n, m in zip(widths, (len(X), *widths), strict=False))
    chunk = max(1, LARGEST_CHUNK // largest)
    starts = range(0, networks, chunk)
    dead = sum(_dead_among(widths, draws, weights, X, networks, slice(s, min(s + chunk, networks))) for s in starts)
    return BornDeadEstimate(dead=dead, networks=networks)


def _dead_among(
    widths: tuple[int, ...], draws: Draws, law: Distribution, X: Floats, networks: int, shard: slice
) -> int:
    """Return how many of the networks of a shard are dead on the inputs X `[d, m]`."""
    h = np.broadcast_to(X, (shard.stop - shard.start, *X.shape))
    for number, width in enumerate(widths, start=1):
        shape = (networks, width, h.shape[1])
        W = law.sample(draws, f"born_dead.layers.{number}.weight", shape, shard=shard)
        h = np.maximum(W @ h, 0)
        # Only directions matter, and the sizes of deep and narrow networks leave the range of float64.
        h /= np.maximum(h.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return len(h) - int(np.count_nonzero(h.any(axis=(1, 2))))
