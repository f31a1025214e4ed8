"""The largest eigenvalue of a symmetric matrix that is known only by its products with vectors.

Lanczos: from a start v_1 of norm 1, beta_0 = 0,

    w = M v_j - beta_(j-1) v_(j-1),    alpha_j = v_j . w,
    w <- w - alpha_j v_j,    beta_j = |w|,    v_(j+1) = w/beta_j.

The largest eigenvalue of the tridiagonal matrix T_j of the alphas and betas grows towards that of M, and M has an
eigenvalue within beta_j |s_j| of it, s the eigenvector of T_j. Only three vectors are held: without
reorthogonalization rounding brings copies of eigenvalues that are found already, which leave the largest where it is.

Source: Paige (1972), Computational variants of the Lanczos method for the eigenproblem,
https://doi.org/10.1093/imamat/10.3.373
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.rules import check_positive_integer, check_share

__all__ = ["LargestEigenvalue", "largest_eigenvalue"]


@dataclass(frozen=True, slots=True)
class LargestEigenvalue:
    """An eigenvalue found by products.

    Args:
        value: the eigenvalue; nan where a product was not finite.
        error: there is an eigenvalue within this distance of `value`.
        products: how many products it took.
        converged: whether the error is within the tolerance asked for.
    """

    value: float
    error: float
    products: int
    converged: bool


def largest_eigenvalue(
    product: Callable[[Floats], Floats], start: Floats, *, tolerance: float = 1e-3, most_products: int = 100
) -> LargestEigenvalue:
    """Return the largest eigenvalue of a symmetric matrix M, the sign counted.

    Args:
        product: from v `[n]` to M v `[n]`.
        start: any vector `[n]` that is not orthogonal to the eigenvector: a random one.
        tolerance: how large the error may be relative to the eigenvalue, at least 0 and below 1.
        most_products: how many products may be made.

    Raises:
        InputError: if the tolerance or the number of products breaks its rule.

    >>> M = np.diag([-5.0, 1.0, 3.0])
    >>> found = largest_eigenvalue(lambda v: M @ v, np.ones(3), tolerance=1e-12)
    >>> round(found.value, 12), found.products, found.converged
    (3.0, 3, True)
    """
    check_share("tolerance", tolerance)
    check_positive_integer("most_products", most_products)
    with np.errstate(all="ignore"):
        v, before = start / np.linalg.norm(start), np.zeros_like(start)
        alphas: list[float] = []
        betas: list[float] = []
        value = error = math.nan
        while len(alphas) < most_products:
            w = product(v)
            if betas:
                w -= v.dtype.type(betas[-1]) * before
            alphas.append(float(v @ w))
            w -= v.dtype.type(alphas[-1]) * v
            beta = float(np.linalg.norm(w))
            if not (math.isfinite(alphas[-1]) and math.isfinite(beta)):
                return LargestEigenvalue(math.nan, math.nan, len(alphas), converged=False)
            value, error = _largest_of_tridiagonal(alphas, betas, beta)
            rounding = float(np.finfo(v.dtype).eps) * max(map(abs, alphas + betas))
            if error <= max(tolerance * abs(value), rounding):
                return LargestEigenvalue(value, error, len(alphas), converged=True)
            betas.append(beta)
            before, v = v, w / v.dtype.type(beta)
    return LargestEigenvalue(value, error, len(alphas), converged=False)


def _largest_of_tridiagonal(alphas: list[float], betas: list[float], beta: float) -> tuple[float, float]:
    """Return the largest eigenvalue of T, and the distance within which M has one."""
    from scipy import linalg

    last = len(alphas) - 1
    values, vectors = linalg.eigh_tridiagonal(alphas, betas, select="i", select_range=(last, last))
    return float(values[0]), beta * abs(float(vectors[-1, 0]))
