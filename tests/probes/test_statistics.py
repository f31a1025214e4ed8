"""Statistics of a layer's values, against their definitions in plain NumPy and in loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.arrays import Floats
from firstdraw.probes import effective_rank, statistics
from firstdraw.probes.statistics import cosine, mean_cosine, norm, spread, sums

# Powers of two, so that the values themselves are not rounded: beyond them squares underflow, or overflow.
SCALES = [1.0, 2.0**-700, 2.0**700]
shapes = {"N": st.integers(1, 7), "m": st.integers(1, 9), "seed": st.integers(0, 2**32 - 1)}


def drawn(N: int, m: int, seed: int) -> Floats:
    stream = np.random.default_rng(seed)
    return stream.normal(stream.normal(), 1, (N, m))


@given(**shapes)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_moments_are_those_of_their_definitions(N: int, m: int, seed: int, dtype: type) -> None:
    x = drawn(N, m, seed).astype(dtype)
    exact = x.astype(np.float64)
    found = sums(x)
    moments = found.moments
    assert moments.mean == pytest.approx(exact.mean(), rel=1e-12, abs=1e-15)
    assert moments.second_moment == pytest.approx(np.mean(exact**2), rel=1e-12)
    assert moments.variance == pytest.approx(exact.var(), rel=1e-12, abs=1e-15)
    assert moments.example_variance == pytest.approx(exact.var(axis=1).mean(), rel=1e-12, abs=1e-15)
    assert moments.varying_share == pytest.approx(exact.var(axis=1).mean() / np.mean(exact**2), rel=1e-12, abs=1e-15)
    assert found.rms == pytest.approx(math.sqrt(np.mean(exact**2)), rel=1e-12)
    assert norm(x) == pytest.approx(math.sqrt(np.sum(exact**2)), rel=1e-12)


def test_blocks_of_rows_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    x = drawn(7, 5, 0)
    whole, cosines, spreads = sums(x), mean_cosine(x, sums(x)), spread(x, sums(x))
    monkeypatch.setattr(statistics, "ELEMENTS_A_BLOCK", 10)
    monkeypatch.setattr(statistics, "ROWS_A_GRAM", 3)
    parts = sums(x)
    np.testing.assert_array_equal(parts.unit_means, whole.unit_means)
    np.testing.assert_array_equal(parts.unit_variances, whole.unit_variances)
    np.testing.assert_allclose(parts.squares, whole.squares, rtol=1e-15)
    assert mean_cosine(x, parts) == pytest.approx(cosines, rel=1e-13)
    assert spread(x, parts).participation_ratio == pytest.approx(spreads.participation_ratio, rel=1e-13)
    assert spread(x, parts).largest_correlation == pytest.approx(spreads.largest_correlation, rel=1e-13)


@given(**shapes)
def test_the_mean_cosine_is_that_of_all_pairs(N: int, m: int, seed: int) -> None:
    x = drawn(N, m, seed)
    pairs = [cosine(x[:, i], x[:, j]) for i, j in itertools.combinations(range(m), 2)]
    found = mean_cosine(x, sums(x))
    assert math.isnan(found) if m < 2 else found == pytest.approx(np.mean(pairs), rel=1e-10, abs=1e-13)


def test_columns_of_zeros_have_no_cosine() -> None:
    x = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    assert mean_cosine(x, sums(x)) == pytest.approx(math.sqrt(0.5), rel=1e-15)
    x[:, 2] = 0
    assert math.isnan(mean_cosine(x, sums(x)))


@given(N=st.integers(2, 7), m=st.integers(3, 9), seed=st.integers(0, 2**32 - 1))
def test_the_participation_ratio_and_the_largest_correlation_are_those_of_the_covariance(
    N: int, m: int, seed: int
) -> None:
    x = drawn(N, m, seed)
    C, R = np.cov(x, bias=True), np.corrcoef(x)
    found = spread(x, sums(x))
    assert found.participation_ratio == pytest.approx(np.trace(C) ** 2 / np.trace(C @ C), rel=1e-11)
    assert found.largest_correlation == pytest.approx(np.abs(R - np.eye(N)).max(), rel=1e-9)
    # The Gram matrix of the smaller side has the same two traces.
    centered = x - x.mean(axis=1, keepdims=True)
    G = centered.T @ centered
    assert found.participation_ratio == pytest.approx(np.trace(G) ** 2 / np.trace(G @ G), rel=1e-11)


@pytest.mark.parametrize("scale", SCALES)
def test_a_signal_that_has_nearly_vanished_or_overflowed_is_measured_as_any_other(scale: float) -> None:
    x = drawn(4, 6, 3)
    one, other = sums(x), sums(scale * x)
    assert other.rms == scale * one.rms
    assert norm(scale * x) == scale * norm(x)
    assert cosine(scale * x[:, 0], scale * x[:, 1]) == pytest.approx(cosine(x[:, 0], x[:, 1]), rel=1e-14)
    assert mean_cosine(scale * x, other) == mean_cosine(x, one)
    assert spread(scale * x, other) == spread(x, one)
    assert effective_rank(scale * x) == effective_rank(x)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_k_equal_directions_are_k_by_both_measures(k: int) -> None:
    # Each of k units is 1 on one example and -1 on another; the other units repeat them.
    x = np.zeros((2 * k, 2 * k))
    for j in range(2 * k):
        x[j, 2 * (j % k) : 2 * (j % k) + 2] = 1, -1
    assert spread(x, sums(x)).participation_ratio == pytest.approx(k, rel=1e-14)
    assert effective_rank(x) == pytest.approx(k, rel=1e-12)
    assert spread(x, sums(x)).largest_correlation == pytest.approx(1, rel=1e-14)


@given(N=st.integers(1, 6), m=st.integers(2, 8), seed=st.integers(0, 2**32 - 1))
def test_the_effective_rank_is_that_of_its_definition_and_below_the_rank(N: int, m: int, seed: int) -> None:
    x = drawn(N, m, seed)
    eigenvalues = np.linalg.eigvalsh(np.cov(x, bias=True).reshape(N, N))
    p = np.sqrt(np.clip(eigenvalues, 0, None))
    p /= p.sum()
    entropy = -sum(float(q) * math.log(q) for q in p if q > 1e-6)
    # Eigenvalues lose half of the digits of singular values.
    assert effective_rank(x) == pytest.approx(math.exp(entropy), rel=1e-4)
    assert 1 - 1e-12 <= effective_rank(x) <= min(N, m - 1) + 1e-9


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("m", [1, 3, 1000])
def test_what_does_not_vary_has_no_rank_and_no_variance_over_the_examples(m: int, dtype: type) -> None:
    x = np.repeat(np.array([[0.1], [0.7], [-3.3]], dtype), m, axis=1)
    assert sums(x).moments.example_variance == 0
    assert sums(x).moments.varying_share == 0
    assert math.isnan(spread(x, sums(x)).participation_ratio)
    assert math.isnan(spread(x, sums(x)).largest_correlation)
    assert math.isnan(effective_rank(x))
    # Rounding of the last bit, as a matrix product may leave it, is no variance either.
    x[:, ::2] *= dtype(1 + np.finfo(dtype).eps)
    assert sums(x).moments.example_variance == 0


def test_a_unit_that_does_not_vary_is_left_out_of_the_correlations() -> None:
    x = np.array([[1.0, 2.0, 4.0], [5.0, 5.0, 5.0], [1.0, 0.0, 1.0]])
    assert spread(x, sums(x)).largest_correlation == pytest.approx(abs(np.corrcoef(x[[0, 2]])[0, 1]), rel=1e-12)
    assert math.isnan(spread(x[:2], sums(x[:2])).largest_correlation)
    assert spread(x[:2], sums(x[:2])).participation_ratio == pytest.approx(1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_effective_rank_of_what_is_not_finite_is_nan_without_a_warning(value: float) -> None:
    assert math.isnan(effective_rank(np.array([[1.0, value], [0.0, 1.0]])))


def test_zeros_have_no_varying_share() -> None:
    assert math.isnan(sums(np.zeros((2, 3))).moments.varying_share)
