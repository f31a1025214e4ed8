"""The squared singular values of wide Jacobians: printed numbers, known laws, exact moments, and drawn networks."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS, Activation, Erf, Identity, LeakyReLU, ReLU, Tanh
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.moments import gaussian_moments
from firstdraw.theory.jacobian import (
    JacobianSpectrum,
    WeightKind,
    jacobian_moment,
    jacobian_spectrum,
    singular_value_moments,
)

# All that have a density.
SPECTRA: list[tuple[Activation, WeightKind, int]] = [
    *((Identity(), "gaussian", L) for L in (1, 2, 3, 8, 40)),
    *((ReLU(), "gaussian", L) for L in (1, 2, 3, 8, 40)),
    *((ReLU(), "orthogonal", L) for L in (2, 3, 4, 8, 40)),
]
spectra = pytest.mark.parametrize(("phi", "weights", "depth"), SPECTRA)


def _critical(phi: Activation) -> float:
    return 1 / gaussian_moments(phi).slope_second_moment


def _spectrum(phi: Activation, weights: WeightKind, depth: int, points: int = 4000) -> JacobianSpectrum:
    return jacobian_spectrum(phi, depth, weights=weights, weight_variance=_critical(phi), points=points)


@pytest.mark.parametrize("depth", [1, 2, 8, 16])
def test_the_variances_are_the_printed_ones(depth: int) -> None:
    expected = {
        (Identity(), "gaussian"): depth,
        (ReLU(), "gaussian"): 2 * depth,
        (Identity(), "orthogonal"): 0,
        (ReLU(), "orthogonal"): depth,
    }
    for (phi, weights), variance in expected.items():
        told = singular_value_moments(phi, depth, weights=weights, weight_variance=_critical(phi))  # type: ignore[arg-type]
        assert (told.mean, told.variance) == pytest.approx((1, variance), rel=1e-14)


@pytest.mark.parametrize(("depth", "largest"), [(2, 6.75), (8, 23.09)])
def test_the_largest_values_are_the_printed_ones(depth: int, largest: float) -> None:
    assert _spectrum(Identity(), "gaussian", depth).largest == pytest.approx(largest, abs=5.1e-3)


@given(depth=st.integers(2, 200))
def test_the_largest_values_in_closed_form(depth: int) -> None:
    L = depth
    assert _spectrum(Identity(), "gaussian", L, 1).largest == pytest.approx((L + 1) * (1 + 1 / L) ** L, rel=1e-12)
    # From dx/dm = 0 at m = 1/(L - 2).
    assert _spectrum(ReLU(), "orthogonal", L, 1).largest == pytest.approx(L * (1 + 1 / (L - 1)) ** (L - 1), rel=1e-12)


@pytest.mark.parametrize("L", [1, 2, 5, 20])
def test_gaussian_products_have_the_fuss_catalan_density(L: int) -> None:
    """In the parametric form that is known for it, with another parameter."""
    angle = np.linspace(0.01, 0.99, 50) * math.pi / (L + 1)
    x = np.sin((L + 1) * angle) ** (L + 1) / (np.sin(angle) * np.sin(L * angle) ** L)
    density = np.sin(angle) ** 2 * np.sin(L * angle) ** (L - 1) / (math.pi * np.sin((L + 1) * angle) ** L)
    told = _spectrum(Identity(), "gaussian", L, 100_000)
    log_x, log_density = np.log(told.squared_singular_values), np.log(told.density)
    # The density is interpolated between points that lie 3e-5 apart in their angle.
    assert np.interp(np.log(x), log_x, log_density) == pytest.approx(np.log(density), abs=1e-6)


def test_one_layer_of_open_units_has_the_marchenko_pastur_density() -> None:
    """Half of the units are open: a Gaussian matrix [n/2, n], whose density is known between 2 (1 -+ sqrt(1/2))^2."""
    told = _spectrum(ReLU(), "gaussian", 1)
    low, high = (2 * (1 + sign * math.sqrt(0.5)) ** 2 for sign in (-1, 1))
    x = told.squared_singular_values
    assert (x[0], told.largest) == pytest.approx((low, high), rel=1e-6)
    # sqrt((high - x)(x - low)) / (2 pi sigma^2 x), sigma_w^2 = 2, of all n singular values.
    assert told.density == pytest.approx(np.sqrt(abs((high - x) * (x - low))) / (4 * math.pi * x), abs=1e-6)


def test_two_projections_have_the_arc_sine_density() -> None:
    told = _spectrum(ReLU(), "orthogonal", 2)
    x = told.squared_singular_values[:-100]
    assert told.density[:-100] == pytest.approx(1 / (2 * math.pi * np.sqrt(x * (4 - x))), rel=1e-6)


@spectra
def test_mass_and_moments_of_the_density_are_exact(phi: Activation, weights: WeightKind, depth: int) -> None:
    told = _spectrum(phi, weights, depth)
    x, mass = told.squared_singular_values, told.mass_above
    # Next to the end of an arc sine law the points are too near to each other for float64.
    assert np.all(np.diff(x) >= -1e-14)
    assert np.all(np.diff(mass) <= 1e-12)
    assert told.zeros == (0.5 if phi == ReLU() else 0.0)
    # All the mass lies between the ends.
    assert mass[0] == pytest.approx(1 - told.zeros, abs=2e-6)
    assert mass[-1] == pytest.approx(0, abs=1e-6)
    assert x[-1] == pytest.approx(told.largest, rel=1e-5)
    steps, ends = -np.diff([1 - told.zeros, *mass, 0.0]), np.array([0.0, *x, told.largest])
    for k in (1, 2, 3, 4):
        exact = jacobian_moment(phi, depth, k, weights=weights, weight_variance=_critical(phi))
        # The trapezoidal rule over 4000 points is within a few millionths.
        assert np.sum((ends[1:] ** k + ends[:-1] ** k) / 2 * steps) == pytest.approx(exact, rel=1e-5)


@spectra
def test_the_density_is_the_slope_of_the_mass(phi: Activation, weights: WeightKind, depth: int) -> None:
    told = _spectrum(phi, weights, depth)
    x, inner = told.squared_singular_values, slice(400, -400)
    # In ln x, over which the density times x is smooth.
    slope = np.gradient(told.mass_above[inner], np.log(x[inner]))
    assert -slope[1:-1] == pytest.approx((told.density * x)[inner][1:-1], rel=2e-3, abs=1e-9)


@given(depth=st.integers(1, 12), power=st.integers(1, 8))
def test_gaussian_products_have_the_fuss_catalan_numbers(depth: int, power: int) -> None:
    exact = Fraction(math.comb((depth + 1) * power, power), depth * power + 1)
    told = jacobian_moment(Identity(), depth, power, weights="gaussian", weight_variance=1.0)
    assert told == float(exact)


@given(depth=st.integers(1, 40), variance=st.floats(0.1, 4.0))
def test_the_first_two_moments_are_the_mean_and_the_variance(depth: int, variance: float) -> None:
    weights: WeightKind
    for phi in (Identity(), ReLU()):
        for weights in ("gaussian", "orthogonal"):
            first, second = (jacobian_moment(phi, depth, k, weights=weights, weight_variance=variance) for k in (1, 2))
            told = singular_value_moments(phi, depth, weights=weights, weight_variance=variance)
            assert told.mean == pytest.approx(first, rel=1e-12)
            assert told.variance == pytest.approx(second - first**2, rel=1e-9, abs=1e-12 * first**2)


@given(depth=st.integers(1, 20), power=st.integers(1, 6))
def test_an_isometry_has_equal_singular_values(depth: int, power: int) -> None:
    assert jacobian_moment(Identity(), depth, power, weights="orthogonal", weight_variance=1.0) == 1
    # Of one layer of open units, those that are open.
    assert jacobian_moment(ReLU(), 1, power, weights="orthogonal", weight_variance=1.0) == 0.5


def _drawn(phi: Activation, weights: WeightKind, depth: int, weight_variance: float, n: int, seed: int) -> Floats:
    """Return the squared singular values of the Jacobian of a network, at an input of unit second moment."""
    stream = np.random.default_rng(seed)
    h, J = stream.normal(size=n), np.eye(n)
    # The pre-activations of every layer are kept at variance 1, where phi' is taken.
    for _ in range(depth):
        W = stream.normal(size=(n, n)) / math.sqrt(n)
        if weights == "orthogonal":
            Q, R = np.linalg.qr(W)
            W = Q * np.sign(np.diag(R))
        W *= math.sqrt(weight_variance)
        z = W @ h
        z /= math.sqrt(np.mean(z**2))
        h, J = phi.value(z), phi.derivative(z)[:, np.newaxis] * (W @ J)
    return np.linalg.svd(J, compute_uv=False) ** 2


@pytest.mark.parametrize(
    ("phi", "weights", "depth"),
    [(Identity(), "gaussian", 4), (ReLU(), "gaussian", 3), (ReLU(), "orthogonal", 2), (ReLU(), "orthogonal", 6)],
)
def test_drawn_networks_have_the_predicted_spectrum(phi: Activation, weights: WeightKind, depth: int) -> None:
    n = 300
    told = _spectrum(phi, weights, depth)
    drawn = np.sort(_drawn(phi, weights, depth, _critical(phi), n, seed=depth))
    x = told.squared_singular_values
    above = 1 - np.searchsorted(drawn, x) / n
    # Where a rectifier's zeros are, rounding decides.
    seen = x > 1e-9
    # Counts of eigenvalues fluctuate by units, not by their square root; the number of open units does, with a standard
    # deviation of sqrt(1/(4 n)) = 0.029 of the share, by layer; what is left are corrections of order 1/n.
    tolerance = 0.01 if phi == Identity() else 0.06
    assert np.abs(above - told.mass_above)[seen].max() < tolerance
    assert drawn[-1] == pytest.approx(told.largest, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("phi", "weights", "depth"), [SPECTRA[3], SPECTRA[8], SPECTRA[13]])
def test_larger_networks_come_closer_to_the_predicted_spectrum(
    phi: Activation, weights: WeightKind, depth: int
) -> None:
    n, networks = 700, 4
    told = _spectrum(phi, weights, depth)
    x = told.squared_singular_values[told.squared_singular_values > 1e-9]
    drawn = np.sort([_drawn(phi, weights, depth, _critical(phi), n, seed) for seed in range(networks)], axis=1)
    above = 1 - np.mean([np.searchsorted(values, x) for values in drawn], axis=0) / n
    # Open units: sqrt(1/(4 * 2800)) = 0.0095 by layer; three of these, and 1/n.
    tolerance = 0.003 if phi == Identity() else 0.03
    assert np.abs(above - told.mass_above[told.squared_singular_values > 1e-9]).max() < tolerance


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("phi", [Tanh(), Erf(), LeakyReLU(0.3)], ids=repr)
def test_drawn_networks_have_the_predicted_mean_and_variance(phi: Activation, weights: WeightKind) -> None:
    depth, n = 3, 100
    told = singular_value_moments(phi, depth, weights=weights, weight_variance=_critical(phi))
    drawn = np.array([_drawn(phi, weights, depth, _critical(phi), n, seed) for seed in range(4)])
    means, variances = drawn.mean(axis=1), drawn.var(axis=1)
    for sample, exact in ((means, told.mean), (variances, told.variance)):
        # Five standard errors of four networks, and corrections of a few 1/n.
        assert abs(sample.mean() - exact) <= 5 * sample.std(ddof=1) / 2 + 5 / n * max(1, exact)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_orthogonal_weights_stretch_less_unequally(name: str) -> None:
    phi = ACTIVATIONS[name]()
    one, other = (
        singular_value_moments(phi, 5, weights=weights, weight_variance=1.5, variance=0.7)
        for weights in ("gaussian", "orthogonal")
    )
    assert one.mean == other.mean
    # By exactly one a layer, in units of the mean squared.
    assert one.variance - other.variance == pytest.approx(5 * one.mean**2, rel=1e-12)
    assert other.variance >= -1e-15


def test_what_has_no_spectrum_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        jacobian_spectrum(Tanh(), 3, weights="gaussian", weight_variance=1.0)
    assert str(caught.value) == "`activation` must be the identity or a rectifier, whose phi' is 0 or 1, got Tanh()"
    for phi, depth in ((Identity(), 5), (ReLU(), 1)):
        with pytest.raises(InputError) as caught:
            jacobian_spectrum(phi, depth, weights="orthogonal", weight_variance=1.0)
        assert str(caught.value) == (
            "`weights` must be 'gaussian' for the identity and for a single layer: orthogonal ones stretch all "
            "directions alike, got 'orthogonal'"
        )
    with pytest.raises(InputError, match="`weights` must be 'gaussian' or 'orthogonal', got 'uniform'"):
        singular_value_moments(Tanh(), 3, weights="uniform", weight_variance=1.0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`weight_variance` must be a finite number above 0, got 0"):
        singular_value_moments(Tanh(), 3, weights="gaussian", weight_variance=0.0)
    with pytest.raises(InputError, match="`power` must be a positive integer, got 0"):
        jacobian_moment(ReLU(), 3, 0, weights="gaussian", weight_variance=1.0)
    with pytest.raises(InputError) as caught:
        jacobian_spectrum(ReLU(), 2000, weights="gaussian", weight_variance=4.0)
    assert str(caught.value) == (
        "`depth` must leave the mean squared singular value, 2 to this power, within float64, got 2000"
    )
    with pytest.raises(InputError) as caught:
        jacobian_moment(Identity(), 100, 900, weights="gaussian", weight_variance=1.0)
    assert str(caught.value) == "`power` must leave the moment within the range of float64, got 900"
