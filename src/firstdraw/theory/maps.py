"""What one wide layer does: to the variance of pre-activations, to the likeness of two inputs, to gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.rules import check_non_negative
from firstdraw.theory.expectations import pair_expectation
from firstdraw.theory.moment_table import moment_table

__all__ = ["WideLayer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WideLayer:
    """A layer z' = W phi(z) + b of n inputs, in the limit of n to infinity.

        W ~ N(0, v/n), b ~ N(0, s),    v = `weight_variance`, s = `bias_variance`

    All elements are independent; any law of W and b with these variances has the same limit. With z ~ N(0, q),

        variance map        q' = v E[phi(z)^2] + s
        gradient factor     chi_1 = v E[phi'(z)^2]
        correlation map     c' = (v E[phi(z1) phi(z2)] + s) / q',  z1, z2 ~ N(0, q) with correlation c

    and chi_1 is at once what a layer multiplies the variance of gradients with on their way back and, at a fixed point
    of the variance map, the slope of the correlation map at c = 1.

    Args:
        activation: phi.
        weight_variance: v = n Var[w], the square of the gain.
        bias_variance: s.

    Raises:
        InputError: if a variance is negative or not finite.

    Sources: Poole et al. (2016), https://arxiv.org/abs/1606.05340; Schoenholz et al. (2017),
    https://arxiv.org/abs/1611.01232

    >>> from firstdraw.activations import ReLU
    >>> he = WideLayer(activation=ReLU(), weight_variance=2.0)
    >>> he.next_variance([3.0, 4.0]).round(12), he.gradient_factor([3.0, 4.0]).round(12)
    (array([3., 4.]), array([1., 1.]))
    >>> round(he.next_correlation(3.0, 0.0) * math.pi, 12)
    1.0
    """

    activation: Activation
    weight_variance: float
    bias_variance: float = 0.0

    def __post_init__(self) -> None:
        check_non_negative("weight_variance", self.weight_variance)
        check_non_negative("bias_variance", self.bias_variance)

    def next_variance(self, q: ArrayLike) -> Floats:
        """Return q' for each q, within a relative 1e-9, and 1e-13 for the activations of the catalogue."""
        moments = moment_table(self.activation).second_moment(np.asarray(q, dtype=np.float64))
        with np.errstate(over="ignore"):
            return self.weight_variance * moments + self.bias_variance

    def gradient_factor(self, q: ArrayLike) -> Floats:
        """Return chi_1 for each q; at q = 0 the limit."""
        moments = moment_table(self.activation).slope_second_moment(np.asarray(q, dtype=np.float64))
        return self.weight_variance * moments

    def next_correlation(self, q: float, c: float) -> float:
        """Return c' for two inputs of variance q and correlation c.

        Where q' is 0 it is c' = c: nothing is left to be compared.

        Raises:
            InputError: if q is negative or c is not in [-1, 1].
        """
        return self.correlation_of(pair_expectation(self.activation, variances=(q, q), correlation=c), q, c)

    def correlation_of(self, product: float, q: float, c: float) -> float:
        """Return c' where E[phi(z1) phi(z2)] is known already, as `product`."""
        following = float(self.next_variance(q))
        if following == 0:
            return c
        # Rounding alone leads out of [-1, 1].
        return min(1.0, max(-1.0, (self.weight_variance * product + self.bias_variance) / following))

    def correlation_slope(self, q: float, c: float) -> float:
        """Return dc'/dc = v E[phi'(z1) phi'(z2)] at a fixed point q of the variance map."""
        return self.weight_variance * pair_expectation(self.activation, variances=(q, q), correlation=c, orders=(1, 1))

    @property
    def keeps_every_variance(self) -> bool:
        """Whether q' = q for every q: phi(k z) = k phi(z) for all k > 0, chi_1 = 1 and no bias."""
        exact = self.activation.homogeneous and self.bias_variance == 0
        return exact and math.isclose(float(self.gradient_factor(1.0)), 1.0, rel_tol=1e-12)
