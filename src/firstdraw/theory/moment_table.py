"""The second moments of an activation over 24 decades of variance, computed once and read off many times."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.moments import gaussian_moments
from firstdraw.theory.expectations import Order, closed_form
from firstdraw.theory.quadrature import gaussian_means

__all__ = ["MomentTable", "moment_table"]

# Panels in ln q, each a polynomial. Moments are analytic in ln q within a distance of pi/2 or more of the real line, so
# that a degree of 23 over a half width of 1 leaves about (pi/2 + sqrt(1 + pi^2/4))^-24 = 1e-13.
DEGREE: Final = 23
LOWEST, HIGHEST, PANELS = 1e-16, 1e8, 28
LARGEST_ERROR: Final = 1e-9
ANGLES: Final = (np.arange(DEGREE + 1) + 0.5) * math.pi / (DEGREE + 1)
BETWEEN: Final = np.array([-0.93, 0.41, 0.77])


class MomentTable:
    """E[phi(x)^2] and E[phi'(x)^2] of x ~ N(0, q), as functions of arrays of q.

    Chebyshev polynomials of degree 23 in ln q on 28 panels from q = 1e-16 to q = 1e8. Below, both go linearly to their
    limits at q = 0; above, both go on as the power of q, a multiple of 1/2, that they end with.

    Args:
        activation: phi.

    Raises:
        InputError: if the moments are not finite up to q = 1e8, or no such polynomials are within 1e-9 of them.

    Attributes:
        error: the largest relative difference from quadrature between the nodes, of three points a panel.

    >>> from firstdraw.activations import Sin
    >>> table = MomentTable(Sin())
    >>> bool(abs(table.second_moment(np.array([0.3])) + np.expm1(-0.6) / 2) < 1e-12), table.error < 1e-11
    (True, True)
    """

    def __init__(self, activation: Activation) -> None:
        gaussian_moments(activation, variance=HIGHEST)
        self._activation = activation
        self._edges = np.linspace(math.log(LOWEST), math.log(HIGHEST), PANELS + 1)
        basis = np.cos(np.outer(np.arange(DEGREE + 1), ANGLES)) * (2 / (DEGREE + 1))
        basis[0] /= 2
        seconds, slopes = self._quadrature(self._variances(np.cos(ANGLES)))
        self._seconds, self._slopes = seconds @ basis.T, slopes @ basis.T
        zero = np.zeros(1)
        sides = np.nextafter([0.0, 0.0], [-1.0, 1.0])
        self._second_at_zero = float(activation.value(zero)[0]) ** 2
        self._slope_at_zero = float((activation.derivative(sides) ** 2).mean())
        self.error = self._measured_error()
        if not self.error <= LARGEST_ERROR:
            rule = f"must have second moments that vary smoothly with the variance; a table errs by {self.error:.1g}"
            raise InputError("activation", rule, activation)

    def second_moment(self, q: Floats) -> Floats:
        """Return E[phi(x)^2]."""
        return self._read(self._seconds, self._second_at_zero, q)

    def slope_second_moment(self, q: Floats) -> Floats:
        """Return E[phi'(x)^2]; at q = 0 the middle of its limits from the left and from the right."""
        return self._read(self._slopes, self._slope_at_zero, q)

    def _variances(self, places: Floats) -> Floats:
        """Return the q at places from -1 to 1 of each panel, a panel a row."""
        middle, half = (self._edges[1:] + self._edges[:-1]) / 2, (self._edges[1] - self._edges[0]) / 2
        return np.exp(middle[:, np.newaxis] + half * places)

    def _quadrature(self, q: Floats) -> tuple[Floats, Floats]:
        return self._square_means(0, q), self._square_means(1, q)

    def _square_means(self, order: Order, q: Floats) -> Floats:
        phi = self._activation
        closed = closed_form(phi, (order, order), q, q, np.ones_like(q))
        if closed is not None:
            return closed
        f = phi.derivative if order else phi.value
        return gaussian_means(lambda x: f(x) ** 2, means=0.0, deviations=np.sqrt(q), kinks=phi.kinks)

    def _measured_error(self) -> float:
        q = self._variances(BETWEEN)
        told = self.second_moment(q), self.slope_second_moment(q)
        return max(
            float((abs(one - other) / np.maximum(other, np.finfo(float).tiny)).max())
            for one, other in zip(told, self._quadrature(q), strict=True)
        )

    def _read(self, coefficients: Floats, at_zero: float, q: Floats) -> Floats:
        within = q.clip(LOWEST, HIGHEST)
        place = (np.log(within) - self._edges[0]) / (self._edges[1] - self._edges[0])
        panel = np.minimum(place.astype(np.intp), PANELS - 1)
        x = 2 * (place - panel) - 1
        value = _clenshaw(coefficients.T[:, panel], x)
        below = at_zero + (value - at_zero) * (np.minimum(q, LOWEST) / LOWEST)
        return np.where(q < LOWEST, below, np.where(q > HIGHEST, self._beyond(coefficients, q), value))

    def _beyond(self, coefficients: Floats, q: Floats) -> Floats:
        """Go on as the power of q, a multiple of 1/2, that the highest panel ends with."""
        last = coefficients[-1]
        end, before = float(last.sum()), float(_clenshaw(last, np.array(0.0)))
        half_panel = (self._edges[-1] - self._edges[-2]) / 2
        power = round(2 * math.log(end / before) / half_panel) / 2 if end > 0 and before > 0 else 0.0
        with np.errstate(over="ignore"):
            return end * (np.maximum(q, HIGHEST) / HIGHEST) ** power


def _clenshaw(coefficients: Floats, x: Floats) -> Floats:
    """Return the sum of c_k T_k(x)."""
    after = before = np.zeros_like(x)
    for c in coefficients[:0:-1]:
        after, before = 2 * x * after - before + c, after
    return x * after - before + coefficients[0]


@cache
def moment_table(activation: Activation) -> MomentTable:
    """Return the table of an activation, made once."""
    return MomentTable(activation)
