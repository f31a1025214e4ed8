"""E[phi(u) phi(v)] and E[phi'(u) phi'(v)] as functions of the correlation, for many pairs of Gaussians at once.

Over the angle arccos c these expectations are smooth from end to end, without kinks of phi and with a kink at 0:
Chebyshev's polynomials in it take few terms. Over the logarithm of a variance they are smooth, too. With a kink k
elsewhere they are smooth over the angle where the variances are equal; others approach each other's kinks, k sqrt(q1)
and k sqrt(q2), at an angle of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import numpy as np
from scipy import fft
from threadpoolctl import threadpool_limits  # pyright: ignore[reportUnknownVariableType]  # publishes no types

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.rules import check_positive
from firstdraw.theory.expectations import closed_form, known_form, nested_mean, pair_expectations
from firstdraw.theory.moment_table import moment_table
from firstdraw.theory.piecewise import PiecewisePolynomial, piecewise_means, piecewise_polynomial
from firstdraw.theory.polar import means_by_angle, pair_means
from firstdraw.theory.quadrature import Function

__all__ = ["CorrelationKernel", "Kernel", "function_means", "pair_matrices", "single_kernel"]

Kernel: TypeAlias = Callable[[float], float]
"""E[phi(u) phi(v)], from the correlation."""
FirstOrders: TypeAlias = Literal[0, 1]

# Terms of this share of the largest value are the last ones that count; a fraction of it is dropped.
TOLERANCE: Final = 1e-11
FEWEST, MOST = 32, 2048
# Analytic within pi/2 of the real line in the logarithm of the variance, to 1e-11.
STRIP: Final = math.pi / 2
DIGITS: Final = -math.log(1e-11)
# So many numbers of a block stand in the processor's cache.
CHUNK: Final = 2**15


class CorrelationKernel:
    """E[phi(u) phi(v)] of (u, v) with variances q and correlation c, as a function of c.

    By a closed form where there is one; elsewhere by Chebyshev's polynomials in the angle arccos c, through as many
    points as it takes for the last terms to be below 1e-11. At c = 1 it is E[phi(u)^2].

    Args:
        activation: phi.
        variance: q, above 0.

    Raises:
        InputError: if q is not above 0, phi has no finite moments, or 2048 points do not suffice.

    >>> from firstdraw.activations import GELU
    >>> from firstdraw.theory.expectations import pair_expectation
    >>> kernel = CorrelationKernel(GELU(), variance=1.0)
    >>> abs(kernel(0.5) - pair_expectation(GELU(), variances=(1.0, 1.0), correlation=0.5)) < 1e-11
    True
    """

    def __init__(self, activation: Activation, *, variance: float) -> None:
        q = float(check_positive("variance", variance))
        self._read = _closed_kernel(activation, q) or _interpolated(activation, q)

    def __call__(self, c: float) -> float:
        """Return E[phi(u) phi(v)] for a correlation c in [-1, 1]."""
        return self._read(c)


def single_kernel(activation: Activation, q: float) -> Kernel:
    """Return what a `CorrelationKernel` is, by one integral for each correlation: sooner done for a few of them.

    >>> from firstdraw.activations import Tanh
    >>> round(single_kernel(Tanh(), 1.0)(1.0), 6)
    0.394294
    """
    closed = _closed_kernel(activation, q)
    if closed is not None:
        return closed
    f, variance = piecewise_polynomial(activation) or activation.value, np.array([q])
    return lambda c: function_means(f, f, kinks=activation.kinks, q=variance, c=np.array([c])).item()


def function_means(f: Function, g: Function, *, kinks: tuple[float, ...], q: Floats, c: Floats) -> Floats:
    """Return E[f(u) g(v)] for each variance q `[m]`, of u as of v, and the correlation c `[m]` in its place.

    Piecewise polynomials are taken as such; of other functions the kinks are those of both.

    >>> one = np.ones(1)
    >>> round(function_means(np.abs, np.abs, kinks=(0.0,), q=one, c=0 * one).item() * math.pi / 2, 12)
    1.0
    """
    if isinstance(f, PiecewisePolynomial) and isinstance(g, PiecewisePolynomial):
        return piecewise_means(f, g, q, q, c)
    pairs = zip(q[:, np.newaxis], c.tolist(), strict=True)
    if any(kinks):
        means = (nested_mean(f, g, kinks=kinks, q1=one.item(), q2=one.item(), c=rho) for one, rho in pairs)
    else:
        means = (pair_means(f, g, one, one, math.acos(rho)).item() for one, rho in pairs)
    return np.array(list(means))


def pair_matrices(activation: Activation, q1: Floats, q2: Floats, c: Floats) -> tuple[Floats, Floats]:
    """Return E[phi(u) phi(v)] and E[phi'(u) phi'(v)] for variances q1 `[m1]`, q2 `[m2]` and correlations c `[m1, m2]`.

    By closed forms where there are such. Elsewhere by Chebyshev's polynomials in the angle arccos c, whose coefficients
    are integrated for each different variance or, where there are many, for a few among which others are interpolated;
    for an activation that is none of the catalogue, with kinks elsewhere than at 0, by an integral for each pair.
    Within 1e-9 of the larger of 1 and sqrt(E[f(u)^2] E[f(v)^2]), f being phi or phi'.

    Raises:
        InputError: as `CorrelationKernel`.

    Source of the rectifiers' kernels: Cho & Saul (2009), Kernel Methods for Deep Learning,
    https://papers.nips.cc/paper/3628-kernel-methods-for-deep-learning

    >>> from firstdraw.activations import Tanh
    >>> values, slopes = pair_matrices(Tanh(), np.array([1.0]), np.array([1.0, 4.0]), np.array([[1.0, -0.5]]))
    >>> values.round(6), slopes.round(6)
    (array([[ 0.394294, -0.22588 ]]), array([[0.464403, 0.236457]]))
    """
    # Many small products: threads would wait for each other, longest where other programs run.
    with threadpool_limits(limits=1, user_api="blas"):
        return _pair_matrix(activation, 0, q1, q2, c), _pair_matrix(activation, 1, q1, q2, c)


def _pair_matrix(activation: Activation, order: FirstOrders, q1: Floats, q2: Floats, c: Floats) -> Floats:
    orders = (order, order)
    blocks = [known_form(activation, orders, q1[part, np.newaxis], q2, c[part]) for part in _blocks(c)]
    if blocks[0] is not None:
        return np.concatenate([block for block in blocks if block is not None])
    if _bends_elsewhere(activation):
        return pair_expectations(
            activation, first_variance=q1[:, np.newaxis], second_variance=q2, correlation=c, orders=orders
        )
    first, rows = _nodes(q1)
    second, columns = (first, rows) if np.array_equal(q1, q2) else _nodes(q2)
    # Over the root of the second moments, so that small variances beside large ones keep their digits.
    sizes = [_size(activation, order, q) for q in (first, second)]
    coefficients = _angle_coefficients(activation, order, first, second) / np.outer(*sizes)
    rows = rows * _size(activation, order, q1)[:, np.newaxis]
    columns = (columns * _size(activation, order, q2)[:, np.newaxis]).T
    x = 1 - 2 / math.pi * np.arccos(c)
    matrix = np.empty(c.shape)
    for part in _blocks(c):
        matrix[part] = _clenshaw(rows[part] @ coefficients, columns, x[part])
    return matrix


def _blocks(matrix: Floats) -> list[slice]:
    """Return blocks of rows, at least one."""
    step = max(1, CHUNK // max(1, matrix.shape[1]))
    return [slice(start, start + step) for start in range(0, max(1, len(matrix)), step)]


def _clenshaw(left: Floats, right: Floats, x: Floats) -> Floats:
    """Return the sum of the products of left_k and right times T_k(x)."""
    twice, after, before = 2 * x, np.zeros_like(x), np.zeros_like(x)
    for matrix in left[:0:-1]:
        after, before = twice * after - before + matrix @ right, after
    return x * after - before + left[0] @ right


def _size(activation: Activation, order: FirstOrders, q: Floats) -> Floats:
    """Return sqrt(E[f(u)^2]), and 1 where it is 0."""
    table = moment_table(activation)
    size = np.sqrt(table.slope_second_moment(q) if order else table.second_moment(q))
    return np.where(size > 0, size, 1.0)


def _nodes(q: Floats) -> tuple[Floats, Floats]:
    """Return k variances and the matrix `[m, k]` that makes values at q of those at the k."""
    different, places = np.unique(q, return_inverse=True)
    positive = different[different > 0]
    middle, half = 0.0, 0.0
    if positive.size:
        low, high = np.log(positive[[0, -1]]).tolist()
        middle, half = (high + low) / 2, (high - low) / 2
    count = math.ceil(DIGITS / math.asinh(STRIP / half)) + 1 if half else 1
    if different.size <= count + 1:
        return different, np.eye(different.size)[places]
    angles = (np.arange(count) + 0.5) * math.pi / count
    basis = np.cos(np.outer(np.arange(count), angles)) * (2 / count)
    basis[0] /= 2
    nothing = q == 0
    logarithms = np.log(np.where(nothing, 1.0, q))
    place = np.arccos(((logarithms - middle) / half).clip(-1, 1))
    matrix = np.where(nothing[:, np.newaxis], 0.0, np.cos(np.outer(place, np.arange(count))) @ basis)
    return np.append(np.exp(middle + half * np.cos(angles)), 0.0), np.column_stack([matrix, nothing])


def _closed_kernel(activation: Activation, q: float) -> Kernel | None:
    variance = np.array(q)

    def closed(c: float) -> Floats | None:
        return closed_form(activation, (0, 0), variance, variance, np.array(c))

    return None if closed(0.0) is None else lambda c: float(np.asarray(closed(c)))


def _interpolated(activation: Activation, q: float) -> Kernel:
    variance = np.array([q])
    coefficients = _angle_coefficients(activation, 0, variance, variance)[:, 0, 0]
    # Beside c = 1, where depth leads, it is the difference from there that counts.
    coefficients[0] += float(moment_table(activation).second_moment(np.array(q))) - coefficients.sum()
    powers = np.arange(coefficients.size)
    return lambda c: float(coefficients @ np.cos(powers * math.acos(max(-1.0, 1 - 2 / math.pi * math.acos(c)))))


def _angle_coefficients(activation: Activation, order: FirstOrders, q1: Floats, q2: Floats) -> Floats:
    """Return `[n, m1, m2]`, of Chebyshev's polynomials in 1 - 2 arccos(c)/pi."""
    count = FEWEST
    while count <= MOST:
        # From 0 to pi, closer to each other at both ends.
        angles = math.pi * np.sin(np.arange(count + 1) * math.pi / (2 * count)) ** 2
        values = _by_angle(activation, order, q1, q2, angles)
        coefficients = np.asarray(fft.dct(values, type=1, axis=0)) / count
        coefficients[[0, -1]] /= 2
        shares = (abs(coefficients) / np.maximum(abs(values).max(axis=0), np.finfo(float).tiny)).max(axis=(1, 2))
        if shares[-count // 8 :].max() <= TOLERANCE:
            return (
                coefficients[: np.flatnonzero(shares > TOLERANCE / 100)[-1] + 1] if shares.any() else coefficients[:1]
            )
        count *= 2
    raise InputError(
        "activation",
        f"must have a kernel that varies smoothly with the correlation, which that of a variance of {q1.max():g} "
        "does not",
        activation,
    )


def _by_angle(activation: Activation, order: FirstOrders, q1: Floats, q2: Floats, angles: Floats) -> Floats:
    if _bends_elsewhere(activation):
        return pair_expectations(
            activation,
            first_variance=q1[:, np.newaxis],
            second_variance=q2,
            correlation=np.cos(angles)[:, np.newaxis, np.newaxis],
            orders=(order, order),
        )
    f = activation.derivative if order else activation.value
    return means_by_angle(f, f, q1, q2, angles)


def _bends_elsewhere(activation: Activation) -> bool:
    """Whether there are kinks that polar coordinates do not cut the plane at."""
    return any(activation.kinks)
