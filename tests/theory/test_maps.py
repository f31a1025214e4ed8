"""The maps of wide layers, their fixed points and depth scales: every printed number, and laws of the catalogue."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.activations import (
    ACTIVATIONS,
    ELU,
    GELU,
    SELU,
    Activation,
    Erf,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyReLU,
    ReLU,
    Sin,
    Tanh,
)
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.moments import gaussian_moments, second_moment_slope
from firstdraw.theory import (
    CorrelationKernel,
    MomentTable,
    WideLayer,
    correlation_fixed_point,
    depth_scale,
    pair_expectation,
    propagate,
    variance_fixed_points,
    variance_limit,
    variance_slope,
)

MEMBERS = [*(cls() for cls in ACTIVATIONS.values()), LeakyReLU(0.2), ELU(0.3)]
every = pytest.mark.parametrize("phi", MEMBERS, ids=repr)


def wide(phi: Activation, v: float, s: float = 0.0) -> WideLayer:
    return WideLayer(activation=phi, weight_variance=v, bias_variance=s)


# Tables and kernels beside what they stand for.


@every
def test_the_table_of_moments_is_the_moments(phi: Activation) -> None:
    table = MomentTable(phi)
    assert table.error < 1e-13
    for q in np.geomspace(1e-12, 1e7, 25).tolist():
        moments = gaussian_moments(phi, variance=q)
        told = [float(read(np.array(q))) for read in (table.second_moment, table.slope_second_moment)]
        assert told == pytest.approx([moments.second_moment, moments.slope_second_moment], rel=1e-12)


@every
def test_the_table_ends_in_the_limits(phi: Activation) -> None:
    table = MomentTable(phi)
    tiny = gaussian_moments(phi, variance=1e-24)
    q = np.array([1e-24])
    assert table.second_moment(q)[0] == pytest.approx(tiny.second_moment, rel=1e-7)
    assert table.slope_second_moment(q)[0] == pytest.approx(tiny.slope_second_moment, rel=1e-7)
    assert table.second_moment(np.array([0.0]))[0] == phi.value(np.zeros(1))[0] ** 2
    # Above q = 1e8 what is left of the bend is of the order of q^-1/2, of softsign's tails of ln(q) q^-1/2.
    far = gaussian_moments(phi, variance=1e11)
    assert table.second_moment(np.array([1e11]))[0] == pytest.approx(far.second_moment, rel=2e-3)
    assert table.slope_second_moment(np.array([1e11]))[0] == pytest.approx(far.slope_second_moment, rel=1e-3)


KERNELS = [(Tanh(), 1.0), (Tanh(), 30.0), (GELU(), 0.02), (SELU(), 1.0), (Erf(), 5.0), (ReLU(), 1.0)]
CUT_ELSEWHERE = [(phi, q) for phi in (Hardtanh(), Hardswish()) for q in (0.05, 1.0, 100.0, 1e5)]


@pytest.mark.parametrize(("phi", "q"), KERNELS + CUT_ELSEWHERE, ids=repr)
def test_the_kernel_is_the_expectations(phi: Activation, q: float) -> None:
    kernel = CorrelationKernel(phi, variance=q)
    for c in (-1.0, -0.7, 0.0, 0.3, 0.99, 1 - 1e-9, 1.0):
        true = pair_expectation(phi, variances=(q, q), correlation=c)
        assert abs(kernel(c) - true) <= 1e-11 * gaussian_moments(phi, variance=q).second_moment


@every
def test_the_variance_map_rises(phi: Activation) -> None:
    q = np.geomspace(1e-12, 1e8, 2000)
    following = wide(phi, 1.0).next_variance(q)
    assert (np.diff(following) > -1e-13 * following[1:]).all()


@every
def test_chi_is_the_slope_of_the_correlation_map_at_one(phi: Activation) -> None:
    layer = wide(phi, 1.3, 0.2)
    q = variance_limit(layer, 1.0)
    if math.isfinite(q):
        assert layer.correlation_slope(q, 1.0) == pytest.approx(float(layer.gradient_factor(q)), rel=1e-12)


@every
def test_the_slope_of_the_variance_map_by_two_roads(phi: Activation) -> None:
    layer, q = wide(phi, 1.3, 0.2), 0.7
    curvature = pair_expectation(phi, variances=(q, q), correlation=1.0, orders=(2, 0))
    expected = float(layer.gradient_factor(q)) + 1.3 * curvature
    assert variance_slope(layer, q) == pytest.approx(expected, abs=1e-12)
    assert variance_slope(layer, q) == pytest.approx(1.3 * second_moment_slope(phi, variance=q), rel=1e-14)


@every
def test_the_slope_of_the_variance_map_at_nothing_is_its_limit(phi: Activation) -> None:
    layer = wide(phi, 1.3)
    # Softsign's kink of the second derivative leaves some 1e-5, of the order of sqrt(q).
    assert variance_slope(layer, 0.0) == pytest.approx(variance_slope(layer, 1e-10), rel=1e-4)
    assert variance_slope(layer, 0.0) == pytest.approx(variance_slope(layer, 1e-14), rel=1e-6)


# Fixed points.


@every
@settings(max_examples=6)
@given(v=st.floats(0, 6), s=st.floats(0, 2), exponent=st.floats(-3, 3))
def test_the_limit_is_where_iteration_leads(phi: Activation, v: float, s: float, exponent: float) -> None:
    layer, q0 = wide(phi, v, s), 10.0**exponent
    limit = variance_limit(layer, q0)
    q = q0
    for _ in range(400):
        q = float(layer.next_variance(q))
    following = float(layer.next_variance(q))
    if math.isinf(limit):
        assert q == math.inf or following > q
    else:
        assert float(layer.next_variance(limit)) == pytest.approx(limit, rel=1e-11)
        # Iteration stays on its side, and has arrived or still approaches.
        assert (q - limit) * (q0 - limit) >= 0 or q == pytest.approx(limit, rel=1e-10)
        assert abs(following - limit) <= abs(q - limit) * (1 + 1e-9) + 1e-11 * limit


@every
@pytest.mark.parametrize(("v", "s"), [(0.5, 0.1), (1.5, 0.0), (2.2, 0.03)])
def test_fixed_points_are_fixed_and_in_order(phi: Activation, v: float, s: float) -> None:
    layer = wide(phi, v, s)
    points = variance_fixed_points(layer)
    assert [point.variance for point in points] == sorted({point.variance for point in points})
    for point in points:
        assert float(layer.next_variance(point.variance)) == pytest.approx(point.variance, rel=1e-12)
        assert point.gradient_factor == float(layer.gradient_factor(point.variance))
    # A rising map crosses the diagonal from above and from below in turns.
    stable = [point.stable for point in points]
    assert all(one != other for one, other in pairwise(stable))


def test_an_unstable_fixed_point_between_stable_ones_and_infinity() -> None:
    lower, upper = variance_fixed_points(wide(GELU(), 2.2, 0.05))
    assert (lower.stable, upper.stable) == (True, False)
    layer = wide(GELU(), 2.2, 0.05)
    assert variance_limit(layer, upper.variance * 0.99) == pytest.approx(lower.variance, rel=1e-12)
    assert variance_limit(layer, upper.variance * 1.01) == math.inf


@pytest.mark.parametrize(
    ("sw", "q", "chi"),
    [
        (1.1, 0.11274989, 1.01018936),
        (1.3, 0.40898323, 1.06436917),
        (1.5, 0.79335404, 1.13932322),
        (5 / 3, 1.17848049, None),
        (2, 2.12147357, 1.36267334),
        (4, 12.50060101, 2.37680158),
    ],
)
def test_the_printed_fixed_points_of_tanh_without_biases(sw: float, q: float, chi: float | None) -> None:
    layer = wide(Tanh(), sw * sw)
    zero, other = variance_fixed_points(layer)
    assert (zero.variance, zero.stable, other.stable) == (0.0, False, True)
    assert zero.slope == pytest.approx(sw * sw, rel=1e-12)
    assert other.variance == pytest.approx(q, abs=5e-9)
    if chi is None:
        assert gaussian_moments(Tanh(), variance=other.variance).second_moment == pytest.approx(0.42425298, abs=5e-9)
    else:
        assert other.gradient_factor == pytest.approx(chi, abs=5e-9)


@pytest.mark.parametrize(
    ("v", "q", "chi", "c", "xi_q", "xi_c", "trainable"),
    [
        (1.0, 0.193593, 0.759032, 1.0, 1.748, 3.627, 21.8),
        (1.5, 0.418037, 0.938636, 1.0, 1.683, 15.791, 94.7),
        (1.7, 0.533076, 0.986741, 1.0, 1.558, 74.918, 449.5),
        (1.8, 0.594132, 1.008223, 0.950411, 1.498, 125.8, 755),
        (2.0, 0.721762, 1.047666, 0.744082, 1.388, 25.213, 151.3),
        (3.0, 1.428008, 1.208934, 0.299318, 1.042, 9.051, 54.3),
        (4.0, 2.195494, 1.342402, 0.165065, 0.873, 6.980, 41.9),
    ],
)
def test_the_printed_scales_of_tanh(
    v: float, q: float, chi: float, c: float, xi_q: float, xi_c: float, trainable: float
) -> None:
    limit = propagate(wide(Tanh(), v, 0.05), depth=1).limit
    assert (limit.variance, limit.gradient_factor) == pytest.approx((q, chi), abs=6e-7)
    assert limit.correlation == pytest.approx(c, abs=6e-7)
    assert limit.variance_scale == pytest.approx(xi_q, abs=6e-4)
    # 125.8 and 755 are printed to four and three digits.
    assert limit.correlation_scale == pytest.approx(xi_c, abs=0.06 if v == 1.8 else 6e-4)
    assert limit.trainable_depth == pytest.approx(trainable, abs=0.6 if v == 1.8 else 0.06)
    assert limit.gradient_scale == pytest.approx(1 / abs(math.log(chi)), rel=1e-4)
    assert limit.phase == ("ordered" if chi < 1 else "chaotic")
    if chi < 1:
        assert limit.correlation_scale == pytest.approx(limit.gradient_scale, rel=1e-12)


def test_siren_sits_mildly_in_the_chaotic_phase() -> None:
    limit = propagate(wide(Sin(), 2.0), depth=1).limit
    assert limit.variance == pytest.approx(0.79681, abs=5e-6)
    assert limit.gradient_factor == pytest.approx(1.2032, abs=5e-5)
    assert limit.phase == "chaotic"


@pytest.mark.parametrize(
    ("phi", "v", "s"), [(Tanh(), 3.0, 0.1), (SELU(), 1.1, 0.05), (Erf(), 3.0, 0.0), (GELU(), 1.5, 0.1)], ids=repr
)
def test_the_correlation_goes_to_its_fixed_point(phi: Activation, v: float, s: float) -> None:
    layer = wide(phi, v, s)
    q = variance_limit(layer, 0.5)
    point = correlation_fixed_point(layer, q)
    c = propagate(layer, depth=400, q0=q, c0=0.3).correlation
    assert c[-1] == pytest.approx(point.correlation, abs=2e-6)
    # The last differences that are above rounding shrink by the slope.
    apart = abs(c - point.correlation)
    last = int(np.flatnonzero(apart > 1e-7)[-1])
    assert apart[last] / apart[last - 1] == pytest.approx(point.slope, abs=1e-2)


# Depth.

RELU_CORRELATIONS = {
    1: 0.3183098862,
    2: 0.4937310902,
    3: 0.6048257201,
    5: 0.7359463506,
    10: 0.8715355160,
    50: 0.9878619449,
    100: 0.9964231467,
    1000: 0.9999568703,
}


def test_the_printed_correlations_of_rectifiers() -> None:
    told = propagate(wide(ReLU(), 2.0), depth=1000)
    for depth, c in RELU_CORRELATIONS.items():
        assert told.correlation[depth] == pytest.approx(c, abs=5.1e-11)
    assert told.correlation[1] == pytest.approx(1 / math.pi, rel=1e-14)
    assert (told.variance == 1.0).all()
    for depth, ratio in ((100, 0.805), (1000, 0.971)):
        asymptote = 9 * math.pi**2 / (2 * depth**2)
        assert (1 - told.correlation[depth]) / asymptote == pytest.approx(ratio, abs=5e-4)
    limit = told.limit
    assert (limit.phase, limit.keeps_every_variance, limit.fixed_points) == ("critical", True, ())
    assert (limit.correlation, limit.correlation_scale, limit.trainable_depth) == (1.0, math.inf, math.inf)
    assert (limit.variance_scale, limit.gradient_scale) == (math.inf, math.inf)


def test_the_printed_variances_of_tanh_at_the_origin() -> None:
    told = propagate(wide(Tanh(), 1.0), depth=1000)
    for depth, value in ((10, 1.0440), (100, 1.0138), (1000, 1.0023)):
        assert 2 * depth * told.variance[depth] == pytest.approx(value, abs=5.1e-5)
    limit = told.limit
    assert (limit.variance, limit.phase, limit.correlation) == (0.0, "critical", None)
    assert (limit.variance_scale, limit.correlation_scale, limit.gradient_scale) == (math.inf, math.inf, math.inf)


def test_the_printed_approach_of_tanh_on_the_edge() -> None:
    layer = wide(Tanh(), 1.760955, 0.05)
    q = variance_limit(layer, 1.0)
    slopes = gaussian_moments(Tanh(), variance=q).slope_second_moment
    beta = 2 * slopes / (q * pair_expectation(Tanh(), variances=(q, q), correlation=1.0, orders=(2, 2)))
    assert beta == pytest.approx(6.171126, abs=5e-6)
    c = propagate(layer, depth=1000, q0=q).correlation
    assert 100 * (1 - c[100]) / beta == pytest.approx(1.046, abs=6e-4)
    assert 1000 * (1 - c[1000]) / beta == pytest.approx(1.013, abs=6e-4)


def test_rectifiers_with_biases() -> None:
    told = propagate(wide(ReLU(), 1.0, 0.1), depth=200, q0=5.0)
    assert told.variance[-1] == pytest.approx(0.2, rel=1e-12)
    assert told.limit.variance == pytest.approx(0.2, rel=1e-12)
    assert told.limit.gradient_factor == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("phi", [Identity(), ReLU(), LeakyReLU(0.2)], ids=repr)
def test_positively_homogeneous_layers_keep_every_variance_or_none(phi: Activation) -> None:
    v = 1 / gaussian_moments(phi).slope_second_moment
    for q0 in (1e-6, 1.0, 1e6):
        assert propagate(wide(phi, v), depth=50, q0=q0).variance.tolist() == [q0] * 51
    above = propagate(wide(phi, 4 * v), depth=600)
    assert (above.limit.phase, above.limit.variance, above.limit.fixed_points[0].stable) == (
        "diverging",
        math.inf,
        False,
    )
    assert above.variance[-1] == math.inf
    with_bias = propagate(wide(phi, v, 0.1), depth=20).limit
    assert (with_bias.phase, with_bias.fixed_points, with_bias.correlation) == ("diverging", (), None)


@every
@pytest.mark.parametrize(("v", "s"), [(0.0, 0.0), (0.0, 0.3), (1.0, 0.0), (8.0, 0.0), (3.0, 1.0)])
def test_no_curve_is_ever_nan(phi: Activation, v: float, s: float) -> None:
    told = propagate(wide(phi, v, s), depth=25, q0=0.8, c0=0.2)
    for curve in (told.variance, told.correlation, told.gradient_factor, told.gradient_ratio):
        assert curve.shape == (26,)
        assert not np.isnan(curve).any()
    assert (abs(told.correlation) <= 1).all()
    json.dumps(told.to_dict(), allow_nan=False)


def test_the_gradient_ratio_is_the_product_of_the_factors_behind() -> None:
    told = propagate(wide(Tanh(), 2.0, 0.1), depth=6)
    assert told.gradient_ratio[-1] == 1
    for layer in range(6):
        assert told.gradient_ratio[layer] == pytest.approx(math.prod(told.gradient_factor[layer:6]), rel=1e-13)


def test_a_wide_network_of_draws_is_near_the_theory() -> None:
    layer, n, rng = wide(Tanh(), 1.6, 0.1), 1500, np.random.default_rng(3)
    told = propagate(layer, depth=5, q0=1.3, c0=0.4)
    z: Floats = rng.normal(size=(2, n))
    z = math.sqrt(1.3) * np.stack([z[0], 0.4 * z[0] + math.sqrt(1 - 0.16) * z[1]])
    for depth in range(1, 6):
        W, b = rng.normal(size=(n, n)) * math.sqrt(1.6 / n), rng.normal(size=n) * math.sqrt(0.1)
        z = np.tanh(z) @ W.T + b
        q, c = (z**2).mean(), (z[0] * z[1]).mean() / (z**2).mean()
        # A mean of 1500 units has a relative standard deviation of sqrt(2/1500) = 3.7 %, and they add up.
        assert q == pytest.approx(told.variance[depth], rel=0.2)
        assert c == pytest.approx(told.correlation[depth], abs=0.1)


def test_a_scale_of_nothing() -> None:
    assert (depth_scale(1.0), depth_scale(-1.0), depth_scale(0.0)) == (math.inf, math.inf, 0.0)
    assert depth_scale(1 / math.e) == depth_scale(math.e) == 1.0


def test_the_value_as_json() -> None:
    document = propagate(wide(ReLU(), 2.0), depth=2).to_dict()
    assert document["activation"] == "relu"
    assert document["variance"] == [1.0, 1.0, 1.0]
    assert document["limit"]["correlation_scale"] is None
    assert document["limit"]["keeps_every_variance"] is True


# What is refused.


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"weight_variance": -1.0}, "`weight_variance` must be a finite number of at least 0, got -1.0"),
        ({"weight_variance": math.inf}, "`weight_variance` must be a finite number of at least 0, got inf"),
        ({"bias_variance": math.nan}, "`bias_variance` must be a finite number of at least 0, got nan"),
    ],
)
def test_no_layer_is_refused(change: dict[str, float], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        WideLayer(**({"activation": Tanh(), "weight_variance": 1.0} | change))  # type: ignore[arg-type]
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"depth": 0}, "`depth` must be a positive integer, got 0"),
        ({"depth": 10_001}, "`depth` must be at most 10000 layers, got 10001"),
        ({"q0": -0.5}, "`q0` must be a finite number of at least 0, got -0.5"),
        ({"c0": 1.5}, "`c0` must be at least -1 and at most 1, got 1.5"),
        ({"c0": math.nan}, "`c0` must be a finite number, got nan"),
    ],
)
def test_no_stack_is_refused(change: dict[str, float], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        propagate(wide(Tanh(), 1.0), **({"depth": 3} | change))  # type: ignore[arg-type]
    assert str(caught.value) == sentence
