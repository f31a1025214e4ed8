"""Matrices of a recurrence, scaled by their own eigenvalues."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import WholeDistribution, check_square
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_positive

__all__ = ["PositiveDefinite", "SpectralRadius"]


@DISTRIBUTIONS.register("positive_definite")
@dataclass(frozen=True, slots=True)
class PositiveDefinite(WholeDistribution):
    """W = (A + I)/e, A = R^T R/n, R `[n, n]` with elements from N(0, 1), e the largest eigenvalue of A + I.

    Symmetric, with eigenvalues in (0, 1] of which the largest is 1. The moments are not known in closed form, as e is
    random.

    Args:
        layout: that of a square weight.
    """

    layout: Layout

    def __post_init__(self) -> None:
        check_square(self.layout, "a positive definite weight")

    @property
    def mean(self) -> float:
        return math.nan if self.layout.rows > 1 else 1.0

    @property
    def variance(self) -> float:
        return math.nan if self.layout.rows > 1 else 0.0

    @property
    def kurtosis(self) -> float:
        return math.nan

    @property
    def support(self) -> tuple[float, float]:
        # An element off the diagonal is at most half the largest eigenvalue of a matrix that is positive definite.
        return (-0.5, 1.0) if self.layout.rows > 1 else (1.0, 1.0)

    def blocks(self, draws: Draws, name: str) -> Floats:
        n = self.layout.rows
        R = draws.normal(name, self.layout.block_shape)
        W = R.swapaxes(-2, -1) @ R / n + np.eye(n)
        return W / np.linalg.eigvalsh(W)[..., -1:, np.newaxis]

    def __str__(self) -> str:
        return "(R^T R/n + I)/its largest eigenvalue"


@DISTRIBUTIONS.register("spectral_radius")
@dataclass(frozen=True, slots=True)
class SpectralRadius(WholeDistribution):
    """W = r S/max |e|, S with elements from U[-1, 1) of which a share d is kept, e the eigenvalues of S.

    The mean is 0; the variance is not known in closed form, as the eigenvalues are random.

    Args:
        layout: that of a square weight.
        radius: r, above 0.
        density: d, the probability that an element is not 0, above 0 and at most 1.

    Raises:
        InputError: on drawing a matrix whose eigenvalues are all 0, which a low density leaves of a small one.
    """

    layout: Layout
    radius: float = 0.9
    density: float = 0.1

    def __post_init__(self) -> None:
        check_square(self.layout, "a spectral radius")
        check_positive("radius", self.radius)
        check_positive("density", self.density)
        if self.density > 1:
            raise InputError("density", "must be at most 1", self.density)

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return math.nan if self.layout.rows > 1 else self.radius * self.radius

    @property
    def kurtosis(self) -> float:
        return math.nan if self.layout.rows > 1 else 1.0

    @property
    def support(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self.layout.rows > 1 else (-self.radius, self.radius)

    def blocks(self, draws: Draws, name: str) -> Floats:
        shape = self.layout.block_shape
        S = draws.uniform(name, shape, scale=2.0, shift=-1.0)
        S[draws.uniform(f"{name}/zeros", shape) >= self.density] = 0.0
        largest = np.abs(np.linalg.eigvals(S)).max(axis=-1)
        if not largest.all():
            raise InputError(
                "density",
                f"must leave an eigenvalue other than 0, and of this matrix, {self.layout.rows} by {self.layout.rows}, "
                "it left none",
                self.density,
            )
        return self.radius * S / largest[..., np.newaxis, np.newaxis]

    def __str__(self) -> str:
        return f"sparse uniform of density {self.density:g} with the spectral radius {self.radius:.6g}"
