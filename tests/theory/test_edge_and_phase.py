"""The edge of chaos and the phase plane: every printed number, and the plane beside single layers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from firstdraw.activations import (
    ACTIVATIONS,
    GELU,
    SELU,
    Activation,
    Erf,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Sin,
    Softplus,
    Softsign,
    Tanh,
)
from firstdraw.arrays import Floats
from firstdraw.criticality import critical_variances
from firstdraw.errors import InputError
from firstdraw.theory import (
    CorrelationKernel,
    MomentTable,
    Phase,
    WideLayer,
    correlations,
    edge_of_chaos,
    edge_point,
    edge_points,
    phase_plane,
    variance_limit,
    variance_slope,
)

MEMBERS = [*(cls() for cls in ACTIVATIONS.values()), LeakyReLU(0.2)]
every = pytest.mark.parametrize("phi", MEMBERS, ids=repr)


@dataclass(frozen=True, slots=True)
class ScaledErf(Activation):
    """phi(z) = erf(sqrt(pi) z/2), with the slope 1 at 0."""

    def value(self, z: Floats) -> Floats:
        return Erf().value(math.sqrt(math.pi) / 2 * z)

    def derivative(self, z: Floats) -> Floats:
        return math.sqrt(math.pi) / 2 * Erf().derivative(math.sqrt(math.pi) / 2 * z)

    def second_derivative(self, z: Floats) -> Floats:
        return math.pi / 4 * Erf().second_derivative(math.sqrt(math.pi) / 2 * z)


@dataclass(frozen=True, slots=True)
class Steep(Activation):
    """phi(z) = tanh(3000 z): a jump, on the scale of 1."""

    def value(self, z: Floats) -> Floats:
        return np.tanh(3000 * z)

    def derivative(self, z: Floats) -> Floats:
        return 3000 * (1 - self.value(z) ** 2)

    def second_derivative(self, z: Floats) -> Floats:
        return -6000 * self.value(z) * self.derivative(z)


@dataclass(frozen=True, slots=True)
class Exploding(Activation):
    """phi(z) = exp(z^2)."""

    def value(self, z: Floats) -> Floats:
        return np.exp(z * z)

    def derivative(self, z: Floats) -> Floats:
        return 2 * z * np.exp(z * z)

    def second_derivative(self, z: Floats) -> Floats:
        return (2 + 4 * z * z) * np.exp(z * z)


# Bias variance, then the weight variance on the edge for tanh, tanh's fixed point, erf and erf(sqrt(pi) z/2). Computed
# by Gauss and Hermite's rule of 200 nodes.
BY_BIAS = [
    (0.0, 1.0, 0.0, 0.785398, 1.0),
    (1e-4, 1.086026, 0.045709, 0.852588, 1.078843),
    (0.001, 1.189190, 0.107292, 0.932583, 1.172486),
    (0.01, 1.424205, 0.273301, 1.114280, 1.384307),
    (0.05, 1.760955, 0.570048, 1.375839, 1.687361),
    (0.1, 1.986073, 0.805799, 1.552118, 1.890589),
    (0.2, 2.285152, 1.164496, 1.788180, 2.161738),
    (0.5, 2.843167, 1.971031, 2.233660, 2.671148),
    (1.0, 3.443211, 3.036397, 2.718381, 3.223188),
]


@pytest.mark.parametrize(("bias", "tanh", "q", "erf", "scaled"), BY_BIAS)
def test_the_printed_edge_by_bias(bias: float, tanh: float, q: float, erf: float, scaled: float) -> None:
    for phi, v in ((Tanh(), tanh), (Erf(), erf), (ScaledErf(), scaled)):
        (point,) = edge_points(phi, bias)
        assert point.bias_variance == bias
        assert point.weight_variance == pytest.approx(v, abs=6e-7)
        if phi == Tanh():
            assert point.variance == pytest.approx(q, abs=1e-6)


# For q = 0.1, 0.5, 1, 2 the weight and the bias variance of the edge.
BY_FIXED_POINT = [
    (Tanh(), [(1.17757, 0.00083), (1.68798, 0.03804), (2.15330, 0.15096), (2.86116, 0.51226)]),
    (Sin(), [(1.09967, 0.00033), (1.46212, 0.03788), (1.76159, 0.23841), (1.96403, 1.03597)]),
    (Softsign(), [(2.03313, 0.00480), (3.36656, 0.06780), (4.39230, 0.19615), (5.86761, 0.54047)]),
    (SELU(), [(0.64644, 0.00134), (0.82454, 0.02241), (0.93321, 0.06679), (1.05631, 0.18049)]),
    (GELU(), [(3.30020, 0.00400), (2.45551, 0.03454), (2.19370, 0.06719), (2.04285, 0.11632)]),
]


@pytest.mark.parametrize(("phi", "points"), BY_FIXED_POINT, ids=repr)
def test_the_printed_edge_by_fixed_point(phi: Activation, points: list[tuple[float, float]]) -> None:
    for q, (v, s) in zip((0.1, 0.5, 1.0, 2.0), points, strict=True):
        point = edge_point(phi, q)
        assert point is not None
        assert (point.weight_variance, point.bias_variance) == pytest.approx((v, s), abs=6e-6)


def test_the_edge_of_the_hard_tanh_in_closed_form() -> None:
    for q in (0.1, 0.5, 1.0, 2.0):
        # With a = 1/sqrt(q) and p the density of N(0, 1): E[phi'^2] = P(|z| < a), and E[phi^2] is q times
        # E[z^2; |z| < a] = P(|z| < a) - 2 a p(a), and the probability of the rest.
        a = 1 / math.sqrt(q)
        within, density = math.erf(a / math.sqrt(2)), math.exp(-a * a / 2) / math.sqrt(2 * math.pi)
        second = q * (within - 2 * a * density) + 1 - within
        point = edge_point(Hardtanh(), q)
        assert point is not None
        assert point.weight_variance == pytest.approx(1 / within, rel=1e-12)
        assert point.bias_variance == pytest.approx(q - second / within, abs=1e-12)
    # At q = 1/2 P(|z| < a) is erf(1).
    half = edge_point(Hardtanh(), 0.5)
    assert half is not None
    assert half.weight_variance == pytest.approx(1.186661, abs=5e-7)


def test_weights_of_gelu_fall_along_the_edge_and_its_fixed_points_are_unstable_there() -> None:
    points = [edge_point(GELU(), q) for q in (0.1, 0.5, 1.0, 2.0)]
    weights = [point.weight_variance for point in points if point]
    assert weights == sorted(weights, reverse=True)
    assert [point.stable for point in points if point] == [False] * 4
    assert all(point.stable for q in (0.1, 0.5, 1.0, 2.0) if (point := edge_point(Tanh(), q)))


@every
def test_a_point_of_the_edge_is_a_fixed_point_with_chi_one(phi: Activation) -> None:
    for point in edge_of_chaos(phi, np.geomspace(1e-3, 1e3, 13)).points:
        layer = WideLayer(activation=phi, weight_variance=point.weight_variance, bias_variance=point.bias_variance)
        assert float(layer.next_variance(point.variance)) == pytest.approx(point.variance, rel=1e-12)
        assert float(layer.gradient_factor(point.variance)) == pytest.approx(1.0, rel=1e-12)
        assert point.slope == pytest.approx(variance_slope(layer, point.variance), rel=1e-12)


@every
def test_points_by_bias_and_by_fixed_point_are_the_same(phi: Activation) -> None:
    for bias in (0.0, 0.03, 0.7):
        for point in edge_points(phi, bias):
            other = edge_point(phi, point.variance)
            assert other is not None
            assert other.weight_variance == pytest.approx(point.weight_variance, rel=1e-12)
            assert other.bias_variance == pytest.approx(bias, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("phi", "kind"),
    [
        (Tanh(), "curve"),
        (GELU(), "curve"),
        (SiLU(), "curve"),
        (Sigmoid(), "curve"),
        (Hardtanh(), "curve"),
        (Softsign(), "curve"),
        (Hardswish(), "curve"),
        (Mish(), "curve"),
        (ReLU(), "single point"),
        (LeakyReLU(0.2), "single point"),
        (Identity(), "single point"),
        (Softplus(), "none"),
    ],
    ids=repr,
)
def test_the_edge_is_a_curve_a_point_or_nothing(phi: Activation, kind: str) -> None:
    assert edge_of_chaos(phi).kind == kind


@pytest.mark.parametrize(("phi", "v"), [(ReLU(), 2.0), (LeakyReLU(0.2), 2 / 1.04), (Identity(), 1.0)], ids=repr)
def test_the_single_points(phi: Activation, v: float) -> None:
    (point,) = edge_of_chaos(phi).points
    assert (point.weight_variance, point.bias_variance, point.slope) == (pytest.approx(v, rel=1e-15), 0.0, 1.0)
    assert not point.stable
    assert (edge_points(phi, 0.0), edge_points(phi, 0.1)) == ((point,), ())


def test_nothing_is_on_an_edge_that_is_not_there() -> None:
    assert edge_point(Softplus(), 1.0) is None
    assert edge_points(Softplus(), 0.0) == ()


# The plane.


@every
def test_the_plane_is_its_single_layers(phi: Activation) -> None:
    v, s = np.array([0.0, 0.4, 1.0, 1.7, 2.0, 3.3]), np.array([0.0, 1e-6, 0.05, 1.0])
    plane = phase_plane(phi, weight_variances=v, bias_variances=s)
    assert plane.phase.shape == plane.variance.shape == (4, 6)
    for (i, j), q in np.ndenumerate(plane.variance):
        layer = WideLayer(activation=phi, weight_variance=v[j], bias_variance=s[i])
        assert q == pytest.approx(variance_limit(layer, 1.0), rel=1e-10, abs=1e-11)
        phase, chi = Phase(int(plane.phase[i, j])), plane.gradient_factor[i, j]
        if math.isinf(q):
            assert phase is Phase.DIVERGING
        else:
            assert chi == pytest.approx(float(layer.gradient_factor(q)), rel=1e-12)
            assert phase is (Phase.CRITICAL if abs(chi - 1) <= 1e-7 else Phase.ORDERED if chi < 1 else Phase.CHAOTIC)
    assert not np.isnan(plane.depth_scale).any()


def test_the_plane_of_rectifiers() -> None:
    plane = phase_plane(ReLU(), weight_variances=np.array([1.0, 2.0, 2.5]), bias_variances=np.array([0.0, 0.1]))
    assert plane.variance.tolist() == [[0.0, 1.0, math.inf], [pytest.approx(0.2, rel=1e-12), math.inf, math.inf]]
    assert [[Phase(one).name for one in row] for row in plane.phase] == [
        ["ORDERED", "CRITICAL", "DIVERGING"],
        ["ORDERED", "DIVERGING", "DIVERGING"],
    ]
    assert plane.depth_scale[0, 1] == math.inf


def test_the_plane_depends_on_the_input_where_there_are_two_ends() -> None:
    v, s = np.array([2.2]), np.array([0.05])
    low, high = (phase_plane(GELU(), weight_variances=v, bias_variances=s, q0=q0).variance[0, 0] for q0 in (0.1, 50.0))
    assert math.isfinite(low)
    assert high == math.inf


def test_the_edge_runs_between_the_phases() -> None:
    (point,) = edge_points(Tanh(), 0.05)
    v = point.weight_variance * np.array([0.999, 1.0, 1.001])
    plane = phase_plane(Tanh(), weight_variances=v, bias_variances=np.array([0.05]))
    assert [Phase(one).name for one in plane.phase[0]] == ["ORDERED", "CRITICAL", "CHAOTIC"]


# What is refused.


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"weight_variances": np.array([1.0, -1.0])},
            "`weight_variances` must hold finite numbers of at least 0, got -1.0",
        ),
        ({"bias_variances": np.array([math.nan])}, "`bias_variances` must hold finite numbers of at least 0, got nan"),
        (
            {"weight_variances": np.zeros((2, 2))},
            "`weight_variances` must be a list of at least one variance, got (2, 2)",
        ),
        ({"q0": -1.0}, "`q0` must be a finite number of at least 0, got -1.0"),
    ],
)
def test_no_plane_is_refused(change: dict[str, object], sentence: str) -> None:
    given: dict[str, object] = {"weight_variances": np.ones(1), "bias_variances": np.zeros(1)} | change
    with pytest.raises(InputError) as caught:
        phase_plane(Tanh(), **given)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_no_variance_of_an_edge_is_refused() -> None:
    with pytest.raises(InputError, match="`q` must be a finite number of at least 0, got -1"):
        edge_point(Tanh(), -1.0)
    with pytest.raises(InputError, match="`bias_variance` must be a finite number of at least 0, got nan"):
        edge_points(Tanh(), math.nan)


def test_an_activation_without_moments_has_no_phases() -> None:
    with pytest.raises(InputError, match="must have finite Gaussian moments, and the integral"):
        edge_of_chaos(Exploding())


def test_an_activation_far_from_the_scale_of_one_has_no_table() -> None:
    with pytest.raises(InputError) as caught:
        MomentTable(Steep())
    assert "must have second moments that vary smoothly with the variance; a table errs by" in str(caught.value)


def test_a_kernel_that_takes_too_many_points_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlations, "MOST", 32)
    with pytest.raises(InputError) as caught:
        CorrelationKernel(Tanh(), variance=400.0)
    assert str(caught.value) == (
        "`activation` must have a kernel that varies smoothly with the correlation, which that of a variance of 400 "
        "does not, got Tanh()"
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_edge_is_that_of_the_initializer_that_takes_its_variances(name: str) -> None:
    phi = ACTIVATIONS[name]()
    for q in (0.1, 1.0, 3.0):
        point = edge_point(phi, q)
        if point is None:
            with pytest.raises(InputError, match="must be a fixed point on the edge of chaos"):
                critical_variances(phi, q)
            continue
        other = critical_variances(phi, q)
        assert point.weight_variance == pytest.approx(other.weight, rel=1e-11)
        assert point.bias_variance == pytest.approx(other.bias, abs=1e-11)
