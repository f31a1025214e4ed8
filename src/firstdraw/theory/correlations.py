"""E[phi(u) phi(v)] of equal variances as a function of the correlation, prepared once and read off many times."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.rules import check_positive
from firstdraw.theory.expectations import closed_form, pair_expectation
from firstdraw.theory.quadrature import LANDMARKS, REACH

__all__ = ["CorrelationKernel", "Kernel", "quick_kernel"]

Kernel: TypeAlias = Callable[[float], float]
"""E[phi(u) phi(v)], from the correlation."""

REST: Final = 1e-13
MOST_COEFFICIENTS: Final = 4000
# Activations that are analytic to a distance of about 1 from the real line take about 45 q of them.
LARGEST_VARIANCE: Final = 80.0
# h_k has about one zero in pi/sqrt(k): ten in a panel of a width of 1/2.
EVENLY: Final = np.linspace(-REACH, REACH, 57)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
TOLERANCE: Final = 1e-11
FEWEST, MOST = 8, 256


class CorrelationKernel:
    """E[phi(u) phi(v)] of (u, v) with variances q and correlation c, as a function of c.

    By a closed form where there is one. Where phi has no kinks, by its Hermite coefficients a_k (Mehler's formula),

        E[phi(u) phi(v)] = sum_k a_k^2 c^k,    a_k = E[phi(sqrt(q) z) h_k(z)],    E[h_j(z) h_k(z)] = 1 if j = k else 0,

    up to the k at which the rest, E[phi(u)^2] - sum a_k^2, is below 1e-13 of E[phi(u)^2]: no c makes more of it. Where
    that takes more than 4000 coefficients, and where phi has kinks, by a polynomial in the angle arccos c, in which the
    expectation is smooth up to both ends; through as many of Chebyshev's points as it takes for twice as many to agree
    within 1e-11.

    Args:
        activation: phi.
        variance: q, above 0.

    Raises:
        InputError: if q is not above 0, phi has no finite moments, or 256 points do not suffice.

    >>> from firstdraw.activations import GELU
    >>> kernel = CorrelationKernel(GELU(), variance=1.0)
    >>> abs(kernel(0.5) - pair_expectation(GELU(), variances=(1.0, 1.0), correlation=0.5)) < 1e-12
    True
    """

    def __init__(self, activation: Activation, *, variance: float) -> None:
        self._activation = activation
        self._q = float(check_positive("variance", variance))
        self._read = quick_kernel(activation, self._q) or self._by_angles()

    def __call__(self, c: float) -> float:
        """Return E[phi(u) phi(v)] for a correlation c in [-1, 1]."""
        return self._read(c)

    def _by_angles(self) -> Kernel:
        angles, values = self._interpolate()
        return lambda c: float(_barycentric(angles, values, np.array(math.acos(c))))

    def _interpolate(self) -> tuple[Floats, Floats]:
        count = FEWEST
        angles = _chebyshev_points(count)
        values = self._integrate(angles)
        while count < MOST:
            finer = _chebyshev_points(2 * count)
            between = self._integrate(finer[1::2])
            agree = abs(_barycentric(angles, values, finer[1::2]) - between).max() <= TOLERANCE * abs(values).max()
            refined = np.empty(2 * count + 1)
            # Every other of the finer points is one of the coarser.
            refined[::2], refined[1::2] = values, between
            count, angles, values = 2 * count, finer, refined
            if agree:
                return angles, values
        raise InputError(
            "activation",
            f"must have a kernel that varies smoothly with the correlation, which that of a variance of {self._q:g} "
            "does not",
            self._activation,
        )

    def _integrate(self, angles: Floats) -> Floats:
        pairs = (self._q, self._q)
        return np.array([pair_expectation(self._activation, variances=pairs, correlation=c) for c in np.cos(angles)])


def quick_kernel(activation: Activation, q: float) -> Kernel | None:
    """Return what a `CorrelationKernel` reads, where that is a closed form or a power series; else None."""
    variance = np.array(q)

    def closed(c: float) -> Floats | None:
        return closed_form(activation, (0, 0), variance, variance, np.array(c))

    if closed(0.0) is not None:
        return lambda c: float(np.asarray(closed(c)))
    squares = None if activation.kinks or q > LARGEST_VARIANCE else _hermite_squares(activation, q)
    if squares is None:
        return None
    powers = np.arange(squares.size)
    return lambda c: float(squares @ c**powers)


def _hermite_squares(activation: Activation, q: float) -> Floats | None:
    """Return a_0^2, a_1^2, ... until what is left of their sum is rounding; None where that takes too many."""
    edges: Floats = np.unique(np.append(EVENLY, (np.array(LANDMARKS) / math.sqrt(q)).clip(-REACH, REACH)))
    half = np.diff(edges)[:, np.newaxis] / 2
    z = ((edges[1:] + edges[:-1])[:, np.newaxis] / 2 + half * NODES).ravel()
    # Each of the two factors takes one root of the density, so that no h_k overflows.
    root = np.exp(-z * z / 4) / (2 * math.pi) ** 0.25
    f = activation.value(math.sqrt(q) * z) * root
    weights = (half * WEIGHTS).ravel()
    rest = total = float(weights @ f**2)
    before, h = np.zeros_like(z), root
    squares: list[float] = []
    for k in range(MOST_COEFFICIENTS):
        squares.append(float(weights @ (f * h)) ** 2)
        rest -= squares[-1]
        if k % 2 and rest <= REST * total:
            return np.array(squares)
        before, h = h, (z * h - math.sqrt(k) * before) / math.sqrt(k + 1)
    return None


def _chebyshev_points(count: int) -> Floats:
    """Return count + 1 points from 0 to pi, closer to each other at both ends."""
    return math.pi * np.sin(np.arange(count + 1) * math.pi / (2 * count)) ** 2


def _barycentric(points: Floats, values: Floats, x: Floats) -> Floats:
    """Return the polynomial through the values at Chebyshev's points."""
    weights = (-1.0) ** np.arange(points.size)
    weights[[0, -1]] /= 2
    apart = x[..., np.newaxis] - points
    hits = apart == 0
    shares = weights / np.where(hits, 1.0, apart)
    shares = np.where(hits.any(axis=-1, keepdims=True), hits, shares)
    return (shares * values).sum(axis=-1) / shares.sum(axis=-1)
