"""E[phi(u) phi(v)] of equal variances as a function of the correlation, computed at a few and read off many times."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.rules import check_positive
from firstdraw.theory.expectations import closed_form, pair_expectation

__all__ = ["CorrelationKernel"]

TOLERANCE: Final = 1e-11
FEWEST, MOST = 8, 256


class CorrelationKernel:
    """E[phi(u) phi(v)] of (u, v) with variances q and correlation c, as a function of arrays of c.

    In the angle arccos c it is smooth up to both ends, also where phi has kinks, so that it is interpolated there by a
    polynomial through Chebyshev's points, as many as it takes for twice as many to agree to a relative 1e-11. Closed
    forms stay what they are.

    Args:
        activation: phi.
        variance: q, above 0.

    Raises:
        InputError: if q is not above 0, phi has no finite moments, or 256 points do not suffice.

    >>> from firstdraw.activations import Erf
    >>> kernel = CorrelationKernel(Erf(), variance=1.0)
    >>> bool(abs(kernel(np.array([0.5])) - 2 / math.pi * math.asin(1 / 3)) < 1e-15)
    True
    """

    def __init__(self, activation: Activation, *, variance: float) -> None:
        self._activation = activation
        self._q = float(check_positive("variance", variance))
        nothing = np.zeros(0)
        has_closed_form = self._closed_form(nothing) is not None
        self._angles, self._values = (nothing, nothing) if has_closed_form else self._interpolate()

    def __call__(self, c: Floats) -> Floats:
        """Return E[phi(u) phi(v)] for each correlation c in [-1, 1]."""
        closed = self._closed_form(c)
        return _barycentric(self._angles, self._values, np.arccos(c)) if closed is None else closed

    def _closed_form(self, c: Floats) -> Floats | None:
        q = np.full_like(c, self._q)
        return closed_form(self._activation, (0, 0), q, q, c)

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
