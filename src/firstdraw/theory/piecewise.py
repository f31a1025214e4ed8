"""E[f(u) g(v)] for piecewise polynomials f and g of two correlated Gaussians, for whole arrays of pairs.

Each is written as the piece around 0 and what is added to it beyond each kink k, outward,

    f(z) = sum_j p_j z^j + sum_k sum_j a_kj (|z| - |k|)_+^j,    the latter where z has the sign of k,

so that small variances, which reach no kink, lose no digits. Of x and y with the variances 1 and the correlation c, the
moments M_ij = E[(x - a)_+^i (y - b)_+^j] follow from each other by parts, E[x h] = E[dh/dx] + c E[dh/dy]:

    M_(i+1)j = -a M_ij + i M_(i-1)j + c j M_i(j-1),

where 0 M_(-1)j stands for the density of x at a times E[(y - b)_+^j | x = a], and M_00 is the probability of a
quadrant, by two of Owen's T functions. Where variances are so large that powers cancel each other, a quadrature over u
takes the mean of g(v) given u in closed form.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.polynomial import hermite_e, polynomial

from firstdraw.activations import Activation, Hardswish, Hardtanh
from firstdraw.arrays import Floats
from firstdraw.lazy import LazyModule
from firstdraw.theory.quadrature import EVENLY, NODES, REACH, WEIGHTS

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

__all__ = ["PiecewisePolynomial", "piecewise_means", "piecewise_polynomial"]

Powers: TypeAlias = tuple[float, ...]
"""Coefficients of the powers, from that of 1 on."""

# So many standard deviations out there is nothing left of a Gaussian in float64.
FARTHEST: Final = 39.0
NOTHING: Final = 1e-200
# Rounding leaves some 1e-16 of the largest powers: so much more than the functions themselves they may be.
LARGEST_SURPLUS: Final = 1e4
# Given u, the mean of g bends within so many of v's standard deviations of a kink.
BENDS: Final = np.array([-8.0, -3.0, 0.0, 3.0, 8.0])
# So many pairs of a quadrature at a time.
CHUNK: Final = 512


@dataclass(frozen=True, kw_only=True)
class PiecewisePolynomial:
    """A function that is a polynomial between neighboring kinks.

    Args:
        kinks: where the pieces meet, ascending; none is 0.
        pieces: of each piece, one more than kinks, the coefficients of 1, z, z^2 and so on.

    >>> bounded = PiecewisePolynomial(kinks=(-1.0, 1.0), pieces=((-1.0,), (0.0, 1.0), (1.0,)))
    >>> bounded(np.array([-3.0, 0.5, 1.0])), (bounded * bounded).derivative.pieces
    (array([-1. ,  0.5,  1. ]), ((0.0,), (0.0, 2.0), (0.0,)))
    """

    kinks: tuple[float, ...]
    pieces: tuple[Powers, ...]

    def __call__(self, z: Floats) -> Floats:
        """Return f(z), at a kink that of the piece on the left."""
        value = polynomial.polyval(z, self.pieces[0])
        for k, piece in zip(self.kinks, self.pieces[1:], strict=True):
            value = np.where(z > k, polynomial.polyval(z, piece), value)
        return value

    def __mul__(self, other: PiecewisePolynomial) -> PiecewisePolynomial:
        """Return the product with a function of the same kinks."""
        products = (polynomial.polymul(one, two) for one, two in zip(self.pieces, other.pieces, strict=True))
        return PiecewisePolynomial(kinks=self.kinks, pieces=tuple(tuple(product.tolist()) for product in products))

    @cached_property
    def derivative(self) -> PiecewisePolynomial:
        """The derivative, piece by piece."""
        return PiecewisePolynomial(
            kinks=self.kinks, pieces=tuple(tuple(polynomial.polyder(piece).tolist()) for piece in self.pieces)
        )

    @property
    def identity(self) -> PiecewisePolynomial:
        """z, cut at the same kinks."""
        return PiecewisePolynomial(kinks=self.kinks, pieces=((0.0, 1.0),) * len(self.pieces))

    @cached_property
    def around_zero(self) -> Powers:
        """p_0, p_1 and so on."""
        return self.pieces[sum(k < 0 for k in self.kinks)]

    @cached_property
    def beyond(self) -> tuple[tuple[float, Powers], ...]:
        """Each k with its a_k0, a_k1 and so on."""
        added: list[tuple[float, Powers]] = []
        for k, left, right in zip(self.kinks, self.pieces[:-1], self.pieces[1:], strict=True):
            inner, outer = (left, right) if k > 0 else (right, left)
            outward = np.polynomial.Polynomial([k, math.copysign(1.0, k)])
            added.append((k, tuple(np.polynomial.Polynomial(polynomial.polysub(outer, inner))(outward).coef.tolist())))
        return tuple(added)

    @cached_property
    def surplus(self) -> int:
        """By how much the highest power exceeds that with which f grows."""
        degrees = [len(np.trim_zeros(piece, "b")) for piece in self.pieces]
        return max(degrees) - max(1, degrees[0], degrees[-1])

    def gaussian_mean(self, mean: Floats, deviation: Floats) -> Floats:
        """Return E[f(z)] for z ~ N(`mean`, `deviation`^2); of no deviation at a kink, the middle."""
        total = np.zeros(np.broadcast_shapes(mean.shape, deviation.shape))
        power, before = np.ones_like(total), np.zeros_like(total)
        for j, p in enumerate(self.around_zero):
            total += p * power
            power, before = mean * power + j * deviation**2 * before, power
        for k, added in self.beyond:
            moments = _truncated(math.copysign(1.0, k) * mean - abs(k), deviation, len(added))
            total += sum(a * moment for a, moment in zip(added, moments, strict=True))
        return total


HARDTANH: Final = PiecewisePolynomial(kinks=Hardtanh.kinks, pieces=((-1.0,), (0.0, 1.0), (1.0,)))
HARDSWISH: Final = PiecewisePolynomial(kinks=Hardswish.kinks, pieces=((0.0,), (0.0, 1 / 2, 1 / 6), (0.0, 1.0)))


def piecewise_polynomial(activation: Activation) -> PiecewisePolynomial | None:
    """Return phi where it consists of polynomials that meet elsewhere than at 0.

    >>> piecewise_polynomial(Hardtanh()).pieces
    ((-1.0,), (0.0, 1.0), (1.0,))
    """
    match activation:
        case Hardtanh():
            return HARDTANH
        case Hardswish():
            return HARDSWISH
        case _:
            return None


def piecewise_means(f: PiecewisePolynomial, g: PiecewisePolynomial, q1: Floats, q2: Floats, c: Floats) -> Floats:
    """Return E[f(u) g(v)] for (u, v) with variances q1 and q2 and the correlation c, which are broadcast together.

    Within 1e-11 of the larger of 1 and sqrt(E[f(u)^2] E[g(v)^2]) for phi and phi' of `piecewise_polynomial` and
    variances up to 1e8, for their products up to 1e5.

    Source: Owen (1956), Tables for Computing Bivariate Normal Probabilities, https://doi.org/10.1214/aoms/1177728074

    >>> phi = piecewise_polynomial(Hardtanh())
    >>> piecewise_means(phi, phi, np.array(1.0), np.array(1.0), np.array([0.0, 1.0])).round(8)
    array([0.        , 0.51605855])
    """
    s1, s2 = np.sqrt(q1), np.sqrt(q2)
    wide = np.maximum(s1, 1) ** f.surplus * np.maximum(s2, 1) ** g.surplus > LARGEST_SURPLUS
    if not wide.any():
        return _by_powers(f, g, s1, s2, c)
    s1, s2, c, wide = np.broadcast_arrays(s1, s2, c, wide)
    means = np.empty(c.shape)
    means[~wide] = _by_powers(f, g, s1[~wide], s2[~wide], c[~wide])
    means[wide] = _by_quadrature(f, g, s1[wide], s2[wide], c[wide])
    return means


def _by_powers(f: PiecewisePolynomial, g: PiecewisePolynomial, s1: Floats, s2: Floats, c: Floats) -> Floats:
    """Return E[f(s1 x) g(s2 y)]."""
    first, second = _hermite(f.around_zero, s1), _hermite(g.around_zero, s2)
    total = np.zeros(np.broadcast_shapes(s1.shape, s2.shape, c.shape))
    for n, (one, other) in enumerate(zip(first, second, strict=False)):
        total += math.factorial(n) * one * other * c**n
    total += _across(first, g, s2, c) + _across(second, f, s1, c)
    for (k, m, sign), coefficients in _pairs(f, g).items():
        moments = _quadrant_moments(_place(k, s1), _place(m, s2), sign * c, *coefficients.shape)
        for (i, j), coefficient in np.ndenumerate(coefficients):
            if coefficient:
                total += coefficient * s1**i * s2**j * moments[i, j]
    return total


def _pairs(f: PiecewisePolynomial, g: PiecewisePolynomial) -> dict[tuple[float, float, float], Floats]:
    """Return a_ki a_mj for each |k|, |m| and product of the signs of k and m, summed where these are the same."""
    pairs: dict[tuple[float, float, float], Floats] = defaultdict(lambda: np.zeros((1, 1)))
    for k, one in f.beyond:
        for m, other in g.beyond:
            place = abs(k), abs(m), math.copysign(1.0, k * m)
            products = np.outer(one, other)
            total = np.zeros(np.maximum(products.shape, pairs[place].shape))
            for part in (products, pairs[place]):
                total[: part.shape[0], : part.shape[1]] += part
            pairs[place] = total
    return pairs


def _place(k: float, s: Floats) -> Floats:
    """Return |k| in units of s."""
    return np.minimum(abs(k) / np.maximum(s, NOTHING), FARTHEST)


def _hermite(powers: Powers, s: Floats) -> list[Floats]:
    """Return a polynomial of s x in terms of Hermite's polynomials of x, whose products have the means n! c^n."""
    terms = [p * hermite_e.poly2herme([*[0.0] * j, 1.0]) for j, p in enumerate(powers)]
    return [np.asarray(sum(term[n] * s**j for j, term in enumerate(terms) if n <= j)) for n in range(len(powers))]


def _across(hermite: Sequence[Floats], g: PiecewisePolynomial, s: Floats, c: Floats) -> Floats:
    """Return the mean of a polynomial of x times what g adds beyond its kinks."""
    # With E[He_n(x) h(y)] = c^n E[He_n(y) h(y)].
    total = np.zeros(np.broadcast_shapes(hermite[0].shape, s.shape, c.shape))
    for k, added in g.beyond:
        b = _place(k, s)
        means, density = [_truncated(-b, np.ones_like(b), len(added))], _density(b)
        # By parts E[He_n(y) h(y)] = E[He_(n-1)(y) h'(y)], where the derivative of a step is a delta.
        for n in range(1, len(hermite)):
            at_kink = hermite_e.hermeval(b, [*[0.0] * (n - 1), 1.0]) * density
            means.append([at_kink, *(j * before for j, before in enumerate(means[-1][:-1], start=1))])
        outward = math.copysign(1.0, k) * c
        for n, coefficient in enumerate(hermite):
            total += coefficient * outward**n * sum(a * s**j * means[n][j] for j, a in enumerate(added) if a)
    return total


def _truncated(mean: Floats, deviation: Floats, count: int) -> list[Floats]:
    """Return E[z_+^j] for z ~ N(`mean`, `deviation`^2), j from 0; of no deviation, the limit."""
    with np.errstate(over="ignore"):
        ratio = mean / np.maximum(deviation, NOTHING)
    moments: list[Floats] = [special.ndtr(ratio)]
    if count > 1:
        moments.append(mean * moments[0] + deviation * _density(ratio))
    for j in range(2, count):
        moments.append(mean * moments[-1] + (j - 1) * deviation**2 * moments[-2])
    return moments


def _density(x: Floats) -> Floats:
    within = np.clip(x, -FARTHEST, FARTHEST)
    return np.exp(-within * within / 2) / math.sqrt(2 * math.pi)


def _quadrant_moments(a: Floats, b: Floats, c: Floats, rows: int, columns: int) -> dict[tuple[int, int], Floats]:
    """Return M_ij for i below `rows` and j below `columns`."""
    d = np.sqrt((1 - c) * (1 + c))
    # c a - b would lose the digits that are left where c is near 1 and a near b.
    given_a, given_b = (a - b) - (1 - c) * a, (b - a) - (1 - c) * b
    moments = {(0, 0): _quadrant(a, b, d, given_a, given_b)}
    if rows == columns == 1:
        return moments
    edge_a = [_density(a) * moment for moment in _truncated(given_a, d, columns)]
    edge_b = [_density(b) * moment for moment in _truncated(given_b, d, rows)]
    for j in range(columns - 1):
        falling = j * moments[0, j - 1] if j else edge_b[0]
        moments[0, j + 1] = -b * moments[0, j] + falling + c * edge_a[j]
    for i in range(rows - 1):
        for j in range(columns):
            falling = i * moments[i - 1, j] if i else edge_a[j]
            mixed = j * moments[i, j - 1] if j else edge_b[i]
            moments[i + 1, j] = -a * moments[i, j] + falling + c * mixed
    return moments


def _quadrant(a: Floats, b: Floats, d: Floats, given_a: Floats, given_b: Floats) -> Floats:
    """Return P(x > a, y > b) for a and b above 0."""
    tails = (special.ndtr(-a) + special.ndtr(-b)) / 2
    width = np.maximum(d, NOTHING)
    with np.errstate(over="ignore"):
        return tails - special.owens_t(a, -given_a / (a * width)) - special.owens_t(b, -given_b / (b * width))


def _by_quadrature(f: PiecewisePolynomial, g: PiecewisePolynomial, s1: Floats, s2: Floats, c: Floats) -> Floats:
    """Return E[f(s1 x) g(s2 y)] for vectors, which loses digits of g's largest powers given x alone."""
    if g.surplus > f.surplus:
        f, g, s1, s2 = g, f, s2, s1
    means = np.empty(c.shape)
    for start in range(0, c.size, CHUNK):
        part = slice(start, start + CHUNK)
        means[part] = _quadrature(f, g, *(array[part, np.newaxis] for array in (s1, s2, c)))
    return means


def _quadrature(f: PiecewisePolynomial, g: PiecewisePolynomial, s1: Floats, s2: Floats, c: Floats) -> Floats:
    """Return the same for columns, by Gauss and Legendre's rule between all places where the integrand bends."""
    d = np.sqrt((1 - c) * (1 + c))
    with np.errstate(over="ignore"):
        own = np.array(f.kinks) / np.maximum(s1, NOTHING)
        given = [(k / np.maximum(s2, NOTHING) + BENDS * d) / np.maximum(abs(c), NOTHING) for k in g.kinks]
    evenly = np.broadcast_to(EVENLY, (len(c), EVENLY.size))
    # The slope of y's mean has c's sign.
    cuts = [evenly, own.clip(-REACH, REACH), *((np.sign(c) * bends).clip(-REACH, REACH) for bends in given)]
    edges = np.sort(np.concatenate(cuts, axis=1), axis=1)
    half = (np.diff(edges) / 2)[..., np.newaxis]
    x = ((edges[:, 1:] + edges[:, :-1]) / 2)[..., np.newaxis] + half * NODES
    s1, s2, c, d = (column[..., np.newaxis] for column in (s1, s2, c, d))
    values = f(s1 * x) * g.gaussian_mean(c * s2 * x, s2 * d) * _density(x)
    return (half[..., 0] * (values @ WEIGHTS)).sum(axis=1)
