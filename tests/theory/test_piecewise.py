"""Means of piecewise polynomials by moments, by a quadrature of conditional means and by arbitrary precision agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS, Activation, Hardswish, Hardtanh
from firstdraw.arrays import Floats
from firstdraw.theory import CorrelationKernel, WideLayer, piecewise
from firstdraw.theory.bands import correlation_band
from firstdraw.theory.correlations import function_means, pair_matrices
from firstdraw.theory.expectations import nested_mean, pair_expectation
from firstdraw.theory.piecewise import PiecewisePolynomial, piecewise_means, piecewise_polynomial

MEMBERS: list[Activation] = [Hardtanh(), Hardswish()]
every = pytest.mark.parametrize("phi", MEMBERS, ids=repr)
# Not even, not odd, not continuous, with two kinks on one side.
UNEVEN = PiecewisePolynomial(
    kinks=(-2.0, 0.5, 1.5), pieces=((0.5, -1.0), (1.0, 0.25, -0.5), (0.0, 0.0, 0.0, 1.0), (2.0,))
)


@dataclass(frozen=True, slots=True)
class Unrecognized(Activation):
    """An activation that is not known to be a piecewise polynomial, as its name is not."""

    phi: Activation

    @property
    def kinks(self) -> tuple[float, ...]:  # type: ignore[override]
        return self.phi.kinks

    def value(self, z: Floats) -> Floats:
        return self.phi.value(z)

    def derivative(self, z: Floats) -> Floats:
        return self.phi.derivative(z)

    def second_derivative(self, z: Floats) -> Floats:
        return self.phi.second_derivative(z)


def polynomial_of(phi: Activation) -> PiecewisePolynomial:
    polynomial = piecewise_polynomial(phi)
    assert polynomial is not None
    return polynomial


def told(f: PiecewisePolynomial, g: PiecewisePolynomial, q1: float, q2: float, c: float) -> float:
    return piecewise_means(f, g, *(np.array(x) for x in (q1, q2, c))).item()


def test_each_activation_that_is_one_between_kinks_elsewhere_is_taken_as_one() -> None:
    for cls in ACTIVATIONS.values():
        phi = cls()
        polynomial = piecewise_polynomial(phi)
        assert (polynomial is not None) == any(phi.kinks)
        if polynomial is None:
            continue
        assert polynomial.kinks == phi.kinks
        z = np.linspace(-5, 5, 401)
        z = z[~np.isin(z, phi.kinks)]
        assert polynomial(z) == pytest.approx(phi.value(z), abs=1e-14)
        assert polynomial.derivative(z) == pytest.approx(phi.derivative(z), abs=1e-14)
        assert (polynomial * polynomial.identity)(z) == pytest.approx(z * phi.value(z), abs=1e-13)


# In arbitrary precision: over v on each piece by the recursion of a truncated Gaussian's moments, over u by quadrature.


def _given(f: PiecewisePolynomial, mean: object, s: object) -> object:
    total = mpmath.mpf(0)
    for (low, high), piece in zip(pairwise((-mpmath.inf, *f.kinks, mpmath.inf)), f.pieces, strict=True):
        a, b = ((end - mean) / s for end in (low, high))
        moments = [mpmath.ncdf(b) - mpmath.ncdf(a), mpmath.npdf(a) - mpmath.npdf(b)]
        for n in range(2, len(piece)):
            edges = [0 if mpmath.isinf(x) else x ** (n - 1) * mpmath.npdf(x) for x in (a, b)]
            moments.append((n - 1) * moments[n - 2] + edges[0] - edges[1])
        for j, p in enumerate(piece):
            total += p * sum(mpmath.binomial(j, n) * mean ** (j - n) * s**n * moments[n] for n in range(j + 1))
    return total


def precisely(f: PiecewisePolynomial, g: PiecewisePolynomial, q1: float, q2: float, c: float) -> float:
    with mpmath.workdps(22):
        q1, q2, c = mpmath.mpf(q1), mpmath.mpf(q2), mpmath.mpf(c)
        s1, s2, d = mpmath.sqrt(q1), mpmath.sqrt(q2), mpmath.sqrt((1 - c) * (1 + c))
        cuts = {mpmath.mpf(x) for x in (-14, -7, -2, 0, 2, 7, 14)} | {k / s1 for k in f.kinks}
        cuts |= {(k / s2 + bend * d) / c for k in g.kinks for bend in (-7, -2, 0, 2, 7)}
        edges = sorted(x for x in cuts if abs(x) <= 14)

        def integrand(x: object) -> object:
            u = s1 * x
            piece = f.pieces[sum(u > k for k in f.kinks)]
            return mpmath.polyval(piece[::-1], u) * _given(g, c * s2 * x, s2 * d) * mpmath.npdf(x)

        return float(mpmath.quad(integrand, edges, method="gauss-legendre", maxdegree=4))


@every
@pytest.mark.parametrize(
    ("q1", "q2", "c"),
    [(0.05, 0.05, 0.9), (0.05, 100.0, -0.999), (1.0, 1.001, 0.99999), (100.0, 90.0, 0.7), (3.0, 3.0, -0.9999999)],
)
def test_means_are_those_of_arbitrary_precision(phi: Activation, q1: float, q2: float, c: float) -> None:
    value = polynomial_of(phi)
    for f in (value, value.derivative):
        # The stated error is 1e-11.
        assert told(f, f, q1, q2, c) == pytest.approx(precisely(f, f, q1, q2, c), rel=1e-13, abs=2e-13)


@pytest.mark.parametrize(("q1", "q2", "c"), [(0.7, 1.3, -0.6), (2.0, 0.4, 0.999)])
def test_any_pieces_are_those_of_arbitrary_precision(q1: float, q2: float, c: float) -> None:
    cubic = polynomial_of(Hardswish()) * polynomial_of(Hardswish()).identity
    for f, g in ((UNEVEN, UNEVEN), (UNEVEN, cubic), (cubic, UNEVEN.derivative)):
        assert told(f, g, q1, q2, c) == pytest.approx(precisely(f, g, q1, q2, c), rel=1e-12)


LOGARITHM = st.floats(-6, 8)


@every
@settings(max_examples=60)
@given(q1=LOGARITHM, q2=LOGARITHM, distance=st.floats(-15, 0), sign=st.sampled_from([-1, 1]), equal=st.booleans())
def test_moments_and_quadrature_are_one_to_every_scale(
    phi: Activation, q1: float, q2: float, distance: float, sign: int, equal: bool
) -> None:
    q1, q2, c = 10.0**q1, 10.0 ** (q1 if equal else q2), sign * (1 - 10.0**distance)
    value = polynomial_of(phi)
    for f, named in ((value, phi.value), (value.derivative, phi.derivative)):
        another = nested_mean(named, named, kinks=phi.kinks, q1=q1, q2=q2, c=c)
        sizes = (told(f, f, q, q, 1.0) for q in (q1, q2))
        assert abs(told(f, f, q1, q2, c) - another) <= 1e-11 * max(1.0, math.sqrt(math.prod(sizes)))


@every
@pytest.mark.parametrize("surplus", [0.0, math.inf])
def test_both_roads_hold_where_variances_are_moderate(
    phi: Activation, surplus: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    q, c = np.array([[0.3], [2.0], [40.0]]), np.array([-1.0, -0.4, 0.0, 0.5, 1.0])
    value = polynomial_of(phi)
    exact = [piecewise_means(f, f, q, q[::-1], c) for f in (value, value.derivative)]
    monkeypatch.setattr(piecewise, "LARGEST_SURPLUS", surplus)
    for f, means in zip((value, value.derivative), exact, strict=True):
        assert piecewise_means(f, f, q, q[::-1], c) == pytest.approx(means, rel=1e-12, abs=1e-12)


@every
def test_wide_pairs_beside_narrow_ones_are_the_single_ones(phi: Activation) -> None:
    q1, q2, c = np.array([[1e-3], [1.0], [1e7]]), np.array([0.5, 2e6]), np.array([[0.3], [-0.8], [0.999]])
    f = polynomial_of(phi)
    means = piecewise_means(f, f, q1, q2, c)
    assert means.shape == (3, 2)
    for (i, j), mean in np.ndenumerate(means):
        assert mean == pytest.approx(told(f, f, q1[i, 0], q2[j], c[i, 0]), rel=1e-14)


@every
def test_products_are_the_means_of_functions(phi: Activation) -> None:
    f, q, c = polynomial_of(phi), np.array([0.05, 1.2, 1e3, 1e5]), np.array([0.4, -0.9, 0.9999, 0.7])
    square, cube = f * f, f * f * f

    def powers(k: int) -> object:
        return lambda z: phi.value(z) ** k

    for one, other, k, m in ((square, square, 2, 2), (cube, f, 3, 1), (f.derivative * f.identity, f, 0, 1)):
        left = powers(k) if k else lambda z: z * phi.derivative(z)
        exact = function_means(left, powers(m), kinks=phi.kinks, q=q, c=c)  # type: ignore[arg-type]
        sizes = np.sqrt(piecewise_means(one, one, q, q, np.ones(4)) * piecewise_means(other, other, q, q, np.ones(4)))
        assert np.all(
            abs(function_means(one, other, kinks=phi.kinks, q=q, c=c) - exact) <= 1e-11 * np.maximum(1, sizes)
        )


@every
def test_a_matrix_of_no_inputs_is_empty(phi: Activation) -> None:
    for matrix in pair_matrices(phi, np.empty(0), np.ones(2), np.empty((0, 2))):
        assert matrix.shape == (0, 2)


# Activations that are none of the catalogue, with kinks elsewhere than at 0, are integrated pair by pair.


@every
def test_other_activations_with_kinks_have_the_same_kernels(phi: Activation) -> None:
    q1, q2, c = np.array([0.3, 2.0]), np.array([0.31, 2.0, 5.0]), np.array([[0.99, -0.4, 0.7], [0.2, 1.0, -0.9]])
    other = Unrecognized(phi)
    for one, another in zip(pair_matrices(phi, q1, q2, c), pair_matrices(other, q1, q2, c), strict=True):
        assert another == pytest.approx(one, abs=1e-12)
    kernel, reference = (CorrelationKernel(one, variance=0.5) for one in (other, phi))
    for rho in (-1.0, -0.3, 0.99, 1.0):
        exact = pair_expectation(phi, variances=(0.5, 0.5), correlation=rho)
        assert (kernel(rho), reference(rho)) == pytest.approx((exact, exact), abs=1e-11)


@every
def test_other_activations_with_kinks_have_the_same_bands(phi: Activation) -> None:
    one, other = (
        correlation_band(
            WideLayer(activation=member, weight_variance=1.5, bias_variance=0.1), (60,) * 4, correlation=0.3
        )
        for member in (phi, Unrecognized(phi))
    )
    for name in ("predicted", "lower", "upper"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), abs=1e-11)
