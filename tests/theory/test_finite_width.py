"""Fluctuations of networks of finite width: the printed numbers, sums over chi^2 laws, and drawn networks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from firstdraw.activations import ACTIVATIONS, Activation, Identity, LeakyReLU, ReLU
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.theory.finite_width import (
    jacobian_entry_kurtosis,
    leading_log_size,
    log_size,
    relative_second_moment,
)

HOMOGENEOUS = [Identity(), ReLU(), LeakyReLU(0.2), LeakyReLU(-0.5)]
homogeneous = pytest.mark.parametrize("phi", HOMOGENEOUS, ids=repr)
Sampler = Callable[[np.random.Generator, tuple[int, ...]], Floats]
# Laws of variance 1, with their kurtosis.
LAWS: dict[str, tuple[Sampler, float]] = {
    "normal": (lambda stream, shape: stream.normal(size=shape), 3.0),
    "uniform": (lambda stream, shape: stream.uniform(-math.sqrt(3), math.sqrt(3), shape), 1.8),
    "logistic": (lambda stream, shape: stream.logistic(scale=math.sqrt(3) / math.pi, size=shape), 4.2),
}


@pytest.mark.parametrize(
    ("phi", "width", "depth", "printed"),
    [(ReLU(), 100, 20, 2.6533), (ReLU(), 50, 10, 2.5937), (ReLU(), 100, 50, 11.467), (Identity(), 100, 20, 1.4859)],
)
def test_the_second_moments_are_the_printed_ones(phi: Activation, width: int, depth: int, printed: float) -> None:
    assert relative_second_moment(phi, [width] * depth) == pytest.approx(printed, abs=6e-4)


def test_an_entry_of_the_jacobian_has_the_printed_kurtosis() -> None:
    assert jacobian_entry_kurtosis(ReLU(), [20] * 5) == pytest.approx(9.16, abs=6e-3)


@given(widths=st.lists(st.integers(1, 500), min_size=1, max_size=30))
def test_gaussian_weights_give_the_products(widths: list[int]) -> None:
    for phi, k in ((ReLU(), 5), (Identity(), 2)):
        product = math.prod(1 + k / n for n in widths)
        assert relative_second_moment(phi, widths) == pytest.approx(product, rel=1e-12)
        assert jacobian_entry_kurtosis(phi, widths) == pytest.approx(3 * product, rel=1e-12)


def _drawn(
    phi: Activation, widths: tuple[int, ...], sampler: Sampler, x: Floats, networks: int
) -> tuple[Floats, Floats]:
    """Return |h_L|^2 and an entry of the Jacobian of drawn networks, both over what they are in the mean (square)."""
    stream = np.random.default_rng(7)
    d = len(x)
    h = np.broadcast_to(x / np.linalg.norm(x), (networks, d))
    tangent = np.broadcast_to(np.eye(d)[0], (networks, d))
    keeps = np.mean(phi.value(np.array([-1.0, 1.0])) ** 2)
    for n in widths:
        W = sampler(stream, (networks, n, h.shape[1])) / math.sqrt(n * keeps)
        z = np.einsum("aij,aj->ai", W, h)
        h, tangent = phi.value(z), phi.derivative(z) * np.einsum("aij,aj->ai", W, tangent)
    readout = sampler(stream, tangent.shape)
    return (h * h).sum(axis=1), (readout * tangent).sum(axis=1)


@homogeneous
@pytest.mark.parametrize("name", LAWS)
def test_moments_are_those_of_drawn_networks(phi: Activation, name: str) -> None:
    sampler, kurtosis = LAWS[name]
    widths, networks = (12, 6, 9), 40_000
    x = np.array([2.0, -1.0, 0.5])
    concentration = float(np.sum(x**4) / np.sum(x**2) ** 2)
    size, entry = _drawn(phi, widths, sampler, x, networks)
    told = relative_second_moment(phi, widths, kurtosis=kurtosis, input_concentration=concentration)
    for sample, exact in (
        (size, 1.0),
        (size**2, told),
        (entry**2, 1.0),
        (entry**4, jacobian_entry_kurtosis(phi, widths, kurtosis=kurtosis)),
    ):
        # Five standard errors.
        assert abs(sample.mean() - exact) <= 5 * sample.std() / math.sqrt(networks)


def test_the_first_layer_shows_the_kurtosis_of_its_weights() -> None:
    """From a single feature, E z^4 = K, half of which a rectifier keeps: 1 + (2 K - 1)/N."""
    for kurtosis in (1.0, 1.8, 3.0, 4.2):
        told = relative_second_moment(ReLU(), [50], kurtosis=kurtosis, input_concentration=1.0)
        assert told == pytest.approx(1 + (2 * kurtosis - 1) / 50, rel=1e-14)


@homogeneous
def test_logarithms_are_those_of_drawn_networks(phi: Activation) -> None:
    widths, networks = (12, 6, 9), 40_000
    size, _ = _drawn(phi, widths, LAWS["normal"][0], np.array([2.0, -1.0, 0.5]), networks)
    logs = np.log(size[size > 0])
    told = log_size(phi, widths)
    assert abs(logs.mean() - told.mean) <= 5 * logs.std() / math.sqrt(len(logs))
    squares = (logs - told.mean) ** 2
    assert abs(squares.mean() - told.variance) <= 5 * squares.std() / math.sqrt(len(logs))


def _chi_squared_mixture(width: int) -> tuple[float, float]:
    """Mean and variance of ln(2 chi^2_K/N), K ~ Binomial(N, 1/2) and not 0."""
    K = np.arange(1, width + 1)
    p = stats.binom.pmf(K, width, 0.5)
    p /= p.sum()
    mean, variance = special.digamma(K / 2) + math.log(4 / width), special.polygamma(1, K / 2)
    return float(p @ mean), float(p @ (variance + (mean - p @ mean) ** 2))


@pytest.mark.parametrize("width", [1, 2, 3, 7, 20, 100, 1000, 10_000])
def test_logarithms_are_sums_over_the_units_that_answer(width: int) -> None:
    rectified, linear = log_size(ReLU(), [width]), log_size(Identity(), [width])
    assert (rectified.mean, rectified.variance) == pytest.approx(_chi_squared_mixture(width), abs=1e-12)
    exact = special.digamma(width / 2) + math.log(2 / width), float(special.polygamma(1, width / 2))
    assert (linear.mean, linear.variance) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("slope", [0.9, 0.01, 1e-8, 1e-100])
@pytest.mark.parametrize("width", [1, 4])
def test_logarithms_of_two_slopes_are_sums_over_gammas(slope: float, width: int) -> None:
    """One unit's is a mixture of two; the mean of more by integrating the law of the other sum's share."""
    told = log_size(LeakyReLU(slope), [width])
    kept = (1 + slope**2) / 2
    mean, square = 0.0, 0.0
    nodes, weights = special.roots_legendre(400)
    for K in range(width + 1):
        p = math.comb(width, K) / 2**width
        # K squares on the right, N - K on the left: chi^2_N times b + (1 - b) slope^2, with b of a beta law.
        log_sum, spread = special.digamma(width / 2) + math.log(2 / width / kept), special.polygamma(1, width / 2)
        if K in (0, width):
            first, second = (2 * math.log(slope), 4 * math.log(slope) ** 2) if K == 0 else (0.0, 0.0)
        else:
            # Beta(K/2, (N-K)/2), in an angle that smooths its ends.
            angle = (nodes + 1) * math.pi / 4
            b = np.sin(angle) ** 2
            density = 2 * np.sin(angle) ** (K - 1) * np.cos(angle) ** (width - K - 1)
            density *= weights * math.pi / 4 / special.beta(K / 2, (width - K) / 2)
            share = np.log(b + (1 - b) * slope**2)
            first, second = float(density @ share), float(density @ share**2)
        mean += p * (log_sum + first)
        square += p * (spread + log_sum**2 + 2 * log_sum * first + second)
    # The comparison loses digits near the angle 0, where ln b is singular.
    assert told.mean == pytest.approx(mean, rel=1e-4, abs=1e-9)
    assert told.variance == pytest.approx(square - mean**2, rel=1e-4, abs=1e-9)


@homogeneous
def test_the_leading_order_is_the_limit_of_wide_layers(phi: Activation) -> None:
    errors = []
    for width in (100, 1000):
        exact, leading = log_size(phi, [width] * 5), leading_log_size(phi, [width] * 5)
        assert leading.mean == pytest.approx(-leading.variance / 2, rel=1e-14)
        errors.append((abs(exact.mean / leading.mean - 1), abs(exact.variance / leading.variance - 1)))
    # The next order is 1/N relative to the leading one.
    assert np.array(errors[0]) == pytest.approx(10 * np.array(errors[1]), rel=0.2)


def test_the_printed_drift() -> None:
    # Measured: -0.505 and -1.263 against -0.5 and -1.25, within the noise of the draws, 0.004 and 0.006.
    assert log_size(ReLU(), [100] * 20).mean == pytest.approx(-0.505, abs=0.01)
    assert log_size(ReLU(), [100] * 50).mean == pytest.approx(-1.263, abs=0.01)
    assert leading_log_size(ReLU(), [100] * 20).mean == pytest.approx(-0.5, rel=1e-14)


@given(widths=st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_the_typical_signal_shrinks(widths: list[int]) -> None:
    for phi in HOMOGENEOUS:
        # By Jensen's inequality; given that a rectifier answers, only from wider layers on.
        if phi != ReLU() or min(widths) >= 2:
            assert log_size(phi, widths).mean < 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_only_homogeneous_activations_are_taken(name: str) -> None:
    phi = ACTIVATIONS[name]()
    if phi.homogeneous:
        assert log_size(phi, [10]).variance > 0
        return
    for predict in (log_size, leading_log_size, relative_second_moment, jacobian_entry_kurtosis):
        with pytest.raises(InputError) as caught:
            predict(phi, [10])
        assert str(caught.value) == (f"`activation` must be homogeneous, phi(c z) = c phi(z) for c > 0, got {phi!r}")


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(InputError, match="`hidden_widths` must have an entry for each layer, one or more"):
        log_size(ReLU(), [])
    with pytest.raises(InputError) as caught:
        relative_second_moment(ReLU(), [10], kurtosis=0.5)
    assert str(caught.value) == "`kurtosis` must be at least 1, as of every law, got 0.5"
    with pytest.raises(InputError) as caught:
        relative_second_moment(ReLU(), [10], input_concentration=1.5)
    assert str(caught.value) == "`input_concentration` must be a number from 0 to 1, got 1.5"
    with pytest.raises(InputError, match="`kurtosis` must be a finite number, got nan"):
        jacobian_entry_kurtosis(ReLU(), [10], kurtosis=math.nan)


@pytest.mark.parametrize(("N", "g"), [(4, 1.14474), (16, 1.03241), (64, 1.007884), (100, 1.005029), (256, 1.0019576)])
def test_the_printed_gains_that_keep_the_typical_size_of_linear_networks(N: int, g: float) -> None:
    """Sussillo & Abbott's random walk: weights of the variance g^2/N leave ln |h| without a drift."""
    assert math.exp(-log_size(Identity(), [N]).mean / 2) == pytest.approx(g, abs=6e-6)


@pytest.mark.parametrize(("N", "g"), [(16, 1.5453), (64, 1.4432), (100, 1.4326)])
def test_the_drawn_gains_that_keep_the_typical_size_of_rectifiers(N: int, g: float) -> None:
    # Measured with draws of networks that answer, to three digits.
    assert math.sqrt(2) * math.exp(-log_size(ReLU(), [N]).mean / 2) == pytest.approx(g, abs=1e-3)
