"""E[phi(u) phi(v)] and E[phi'(u) phi'(v)] for many pairs of Gaussians at once, of different variances.

Over Hermite's polynomials h_j, orthonormal under N(0, 1), with (u, v) of variances q1 and q2 and correlation c,

    E[f(u) g(v)] = sum_j a_j b_j c^j,    a_j = E[f(sqrt(q1) z) h_j(z)],    b_j = E[g(sqrt(q2) z) h_j(z)].

A variance is seen by one factor alone, so that a matrix of pairs takes one set of coefficients a row and one a column.
Where phi' jumps by J at 0, coefficients fall slowly, as those of J relu do; of these, whose sum is known in closed
form, the series holds the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, Literal

import numpy as np

from firstdraw.activations import Activation, ReLU
from firstdraw.arrays import Floats
from firstdraw.theory.expectations import closed_form

__all__ = ["hermite_coefficients", "pair_matrices"]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
# Beyond so many standard deviations the products that are integrated are below 1e-18.
REACH: Final = 13.0
# So wide a panel holds a bend of the last polynomial.
WIDEST: Final = 0.5
TERMS: Final = 400
# What the terms that are left out may come to, as a share of the largest mean square.
LEFT_OUT: Final = 1e-13


def hermite_coefficients(functions: Sequence[Callable[[Floats], Floats]], q: Floats) -> list[Floats]:
    """Return a_j = E[f(sqrt(q) z) h_j(z)] for j below 400, `[m, 400]` for m variances q, for each f of some functions.

    The functions are smooth but at 0 and vary on the scale of 1.

    >>> (cubes,) = hermite_coefficients([lambda x: x**3], np.array([1.0]))
    >>> (abs(cubes[0, :5]) ** 2).round(9)
    array([0., 9., 0., 6., 0.])
    """
    z, H = _polynomials(math.sqrt(q.max(initial=0)))
    return [f(np.sqrt(q)[:, np.newaxis] * z) @ H for f in functions]


def pair_matrices(activation: Activation, q1: Floats, q2: Floats, c: Floats) -> tuple[Floats, Floats]:
    """Return E[phi(u) phi(v)] and E[phi'(u) phi'(v)] for variances q1 `[m1]`, q2 `[m2]` and correlations c `[m1, m2]`.

    By closed forms where there are such. Elsewhere by a series of at most 400 terms. For variances up to 10 and
    every c, the two are within 1e-11 for smooth activations without saturation, 1e-7 for tanh, 1e-5 and 1e-3 for ELU
    and SELU, whose error is at c = 1 and falls fast beside it. Larger variances make a step of tanh, and the series
    misses more of it.

    Source of the rectifiers' kernels: Cho & Saul (2009), Kernel Methods for Deep Learning,
    https://papers.nips.cc/paper/3628-kernel-methods-for-deep-learning

    >>> from firstdraw.activations import Tanh
    >>> values, slopes = pair_matrices(Tanh(), np.array([1.0]), np.array([1.0, 4.0]), np.array([[1.0, -0.5]]))
    >>> values.round(6), slopes.round(6)
    (array([[ 0.394294, -0.22588 ]]), array([[0.464403, 0.236457]]))
    """
    rows, columns = np.broadcast_to(q1[:, np.newaxis], c.shape), np.broadcast_to(q2, c.shape)
    values = closed_form(activation, (0, 0), rows, columns, c)
    slopes = closed_form(activation, (1, 1), rows, columns, c)
    if values is None:
        values = _series(activation, 0, q1, q2, c)
    if slopes is None:
        slopes = _series(activation, 1, q1, q2, c)
    return values, slopes


def _series(activation: Activation, order: Literal[0, 1], q1: Floats, q2: Floats, c: Floats) -> Floats:
    f, rectifier = (activation.value, activation.derivative)[order], (ReLU().value, ReLU().derivative)[order]
    z, H = _polynomials(math.sqrt(max(q1.max(initial=0), q2.max(initial=0))))
    a, b = (f(np.sqrt(q)[:, np.newaxis] * z) @ H for q in (q1, q2))
    # A rectifier's values grow with the standard deviation, its slopes do not.
    jump, kink = _jump(activation), rectifier(z) @ H
    sizes = [jump * np.sqrt(q) ** (1 - order) for q in (q1, q2)]
    kinks = np.outer(*sizes)
    total = np.zeros(c.shape)
    for j in reversed(range(_terms_needed(np.concatenate([a, b]), np.concatenate(sizes), kink))):
        total *= c
        total += np.outer(a[:, j], b[:, j])
        if jump:
            total -= kink[j] ** 2 * kinks
    if jump:
        total += kinks * _rectified(order, c)
    return total


def _rectified(order: Literal[0, 1], c: Floats) -> Floats:
    """Return E[relu(u) relu(v)] or E[relu'(u) relu'(v)] for variances of 1 and correlations c."""
    opposite = math.pi - np.arccos(c)
    return (opposite if order else np.sqrt((1 - c) * (1 + c)) + opposite * c) / (2 * math.pi)


def _polynomials(largest: float) -> tuple[Floats, Floats]:
    """Return nodes z `[n]` and h_j(z) `[n, TERMS]`, weighted so that a product with f(z) is a mean under N(0, 1)."""
    # An activation bends where its argument is of the order of 1: closer and closer panels towards 0.
    finest = WIDEST / max(1.0, largest)
    geometric = finest * 2.0 ** np.arange(math.ceil(math.log2(WIDEST / finest)) + 1)
    right = np.unique(np.concatenate([[0.0], geometric, np.arange(WIDEST, REACH + WIDEST / 2, WIDEST)]))
    edges = np.concatenate([-right[:0:-1], right])
    half = np.diff(edges) / 2
    z = ((edges[1:] + edges[:-1]) / 2)[:, np.newaxis] + half[:, np.newaxis] * NODES
    density = half[:, np.newaxis] * WEIGHTS * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    z = z.ravel()
    H = np.empty((TERMS, z.size))
    H[0], H[1] = density.ravel(), z * density.ravel()
    for j in range(1, TERMS - 1):
        H[j + 1] = (z * H[j] - math.sqrt(j) * H[j - 1]) / math.sqrt(j + 1)
    return z, H.T


def _terms_needed(coefficients: Floats, sizes: Floats, kink: Floats) -> int:
    """Return after how many terms the rest is nothing, for any correlation."""
    largest = abs(coefficients**2 - (sizes[:, np.newaxis] * kink) ** 2).max(axis=0, initial=0)
    rest = np.cumsum(largest[::-1])[::-1]
    return int(np.count_nonzero(rest > LEFT_OUT * (coefficients**2).sum(axis=1).max(initial=0)))


def _jump(activation: Activation) -> float:
    """Return by how much phi' jumps at 0."""
    left, right = activation.derivative(np.nextafter(np.zeros(2), [-math.inf, math.inf])).tolist()
    return right - left if 0.0 in activation.kinks else 0.0
