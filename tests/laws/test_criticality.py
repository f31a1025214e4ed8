"""The edge of chaos, against published tables, by another quadrature, and over the catalogue of activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from firstdraw.activations import (
    ACTIVATIONS,
    GELU,
    SELU,
    Activation,
    Erf,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Sin,
    Softplus,
    Tanh,
)
from firstdraw.arrays import Floats
from firstdraw.criticality import CriticalVariances, critical_variances, critical_variances_of_bias
from firstdraw.errors import InputError

FINE = np.linspace(-12, 12, 2_400_001)
DENSITY = np.exp(-FINE * FINE / 2) / math.sqrt(2 * math.pi) * (FINE[1] - FINE[0])


@dataclass(frozen=True)
class HardTanh(Activation):
    """An activation that the catalogue lacks: the edge of chaos is computed for any."""

    kinks: ClassVar[tuple[float, ...]] = (-1.0, 1.0)

    def value(self, z: Floats) -> Floats:
        return np.clip(z, -1, 1)

    def derivative(self, z: Floats) -> Floats:
        return (abs(z) < 1).astype(z.dtype)

    def second_derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)


@dataclass(frozen=True)
class SoftSign(Activation):
    kinks: ClassVar[tuple[float, ...]] = (0.0,)

    def value(self, z: Floats) -> Floats:
        return z / (1 + abs(z))

    def derivative(self, z: Floats) -> Floats:
        return (1 + abs(z)) ** -2.0

    def second_derivative(self, z: Floats) -> Floats:
        return -2 * np.sign(z) * (1 + abs(z)) ** -3.0


@dataclass(frozen=True)
class Flat(Activation):
    def value(self, z: Floats) -> Floats:
        return np.ones_like(z)

    def derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)

    def second_derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)


def by_riemann_sums(phi: Activation, q: float) -> tuple[float, float]:
    """E[phi(x)^2] and E[phi'(x)^2] by a fine sum over the line."""
    x = math.sqrt(q) * FINE
    return float(DENSITY @ phi.value(x) ** 2), float(DENSITY @ phi.derivative(x) ** 2)


# The variance of weights times the fan-in, and that of biases, at q* = 0.1, 0.5, 1 and 2.
TABLE: dict[Activation, list[tuple[float, float]]] = {
    Tanh(): [(1.17757, 0.00083), (1.68798, 0.03804), (2.15330, 0.15096), (2.86116, 0.51226)],
    Sin(): [(1.09967, 0.00033), (1.46212, 0.03788), (1.76159, 0.23841), (1.96403, 1.03597)],
    SoftSign(): [(2.03313, 0.00480), (3.36656, 0.06780), (4.39230, 0.19615), (5.86761, 0.54047)],
    SELU(): [(0.64644, 0.00134), (0.82454, 0.02241), (0.93321, 0.06679), (1.05631, 0.18049)],
    GELU(): [(3.30020, 0.00400), (2.45551, 0.03454), (2.19370, 0.06719), (2.04285, 0.11632)],
    ReLU(): [(2.0, 0.0)] * 4,
}


@pytest.mark.parametrize("activation", TABLE, ids=repr)
def test_the_edge_of_chaos_passes_through_the_points_of_the_table(activation: Activation) -> None:
    found = [critical_variances(activation, q) for q in (0.1, 0.5, 1.0, 2.0)]
    for point, (weight, bias) in zip(found, TABLE[activation], strict=True):
        assert (point.weight, point.bias) == pytest.approx((weight, bias), abs=0.6e-5)


@pytest.mark.parametrize(
    ("bias", "weight", "second_moment", "weight_of_erf"),
    [
        (0.0, 1.0, 0.0, 0.785398),
        (1e-4, 1.086026, 0.045709, 0.852588),
        (0.001, 1.189190, 0.107292, 0.932583),
        (0.01, 1.424205, 0.273301, 1.114280),
        (0.05, 1.760955, 0.570048, 1.375839),
        (0.1, 1.986073, 0.805799, 1.552118),
        (0.2, 2.285152, 1.164496, 1.788180),
        (0.5, 2.843167, 1.971031, 2.233660),
        (1.0, 3.443211, 3.036397, 2.718381),
    ],
)
def test_the_critical_line_of_tanh_and_erf_is_the_known_one(
    bias: float, weight: float, second_moment: float, weight_of_erf: float
) -> None:
    tanh = critical_variances_of_bias(Tanh(), bias)
    # The table was computed with 200 points of Gauss and Hermite's rule: its last digit may be one off.
    assert (tanh.weight, tanh.second_moment) == pytest.approx((weight, second_moment), abs=1e-6)
    assert tanh.bias == pytest.approx(bias, rel=1e-9)
    assert critical_variances_of_bias(Erf(), bias).weight == pytest.approx(weight_of_erf, abs=1e-6)


@pytest.mark.parametrize("q", [0.1, 0.5, 1.0, 2.0])
def test_the_edge_of_chaos_of_hard_tanh_is_that_of_its_closed_forms(q: float) -> None:
    inside = math.erf(1 / math.sqrt(2 * q))
    second_moment = q * inside - math.sqrt(2 * q / math.pi) * math.exp(-1 / (2 * q)) + 1 - inside
    point = critical_variances(HardTanh(), q)
    assert point.weight == pytest.approx(1 / inside, rel=1e-12)
    assert point.bias == pytest.approx(q - second_moment / inside, abs=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("q", [0.02, 0.3, 1.0, 5.0, 60.0])
def test_a_critical_point_has_chi_1_and_its_fixed_point_by_another_quadrature(name: str, q: float) -> None:
    activation = ACTIVATIONS[name]()
    second_moment, slope = by_riemann_sums(activation, q)
    if q - second_moment / slope < 0 and not activation.homogeneous:
        with pytest.raises(InputError, match=r"^`second_moment` must be a fixed point on the edge of chaos of "):
            critical_variances(activation, q)
        return
    point = critical_variances(activation, q)
    # A kink between two points of the sum, 1e-5 apart, costs it as much.
    error = 1e-9 if not activation.kinks else 1e-5
    assert point.weight * slope == pytest.approx(1, rel=error)
    assert point.weight * second_moment + point.bias == pytest.approx(q, rel=error)


@pytest.mark.parametrize("name", [name for name, phi in ACTIVATIONS.items() if not phi().homogeneous])
@pytest.mark.parametrize("bias", [1e-4, 0.05, 2.0])
def test_the_point_of_a_bias_variance_is_the_point_of_its_second_moment(name: str, bias: float) -> None:
    activation = ACTIVATIONS[name]()
    if activation == Softplus():
        return
    point = critical_variances_of_bias(activation, bias)
    assert point.bias == pytest.approx(bias, rel=1e-9)
    assert critical_variances(activation, point.second_moment) == point


def test_a_sigmoid_becomes_critical_only_among_large_pre_activations() -> None:
    point = critical_variances_of_bias(Sigmoid(), 0.0)
    assert point.bias == pytest.approx(0, abs=1e-9)
    assert critical_variances(Sigmoid(), 1.01 * point.second_moment).bias > 0
    assert point.second_moment > 10


@pytest.mark.parametrize("activation", [ReLU(), LeakyReLU(0.2)], ids=repr)
def test_the_edge_of_chaos_of_a_rectifier_is_one_point(activation: LeakyReLU | ReLU) -> None:
    slope = getattr(activation, "slope", 0.0)
    for point in (
        critical_variances_of_bias(activation, 0.0),
        critical_variances(activation, 0.0),
        critical_variances(activation, 7.0),
    ):
        assert point.weight == pytest.approx(2 / (1 + slope**2), rel=1e-15)
        assert point.bias == 0


def test_at_small_second_moments_the_point_tends_to_its_limit() -> None:
    for activation in (Tanh(), SELU(), GELU(), Sin()):
        limit = critical_variances(activation, 0.0)
        assert limit.bias == 0
        assert critical_variances(activation, 1e-8).weight == pytest.approx(limit.weight, rel=1e-3)
    assert critical_variances(Tanh(), 0.0) == CriticalVariances(weight=1.0, bias=0.0, second_moment=0.0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: critical_variances(Softplus(), 1.0),
            (
                "`second_moment` must be a fixed point on the edge of chaos of Softplus(), which asks for biases of "
                "the variance -2.14 there, got 1.0"
            ),
        ),
        (
            lambda: critical_variances_of_bias(Softplus(), 0.1),
            (
                "`bias` must be the bias variance of a point on the edge of chaos of Softplus(), and none up to "
                "q* = 1e+08 has it, got 0.1"
            ),
        ),
        (
            lambda: critical_variances_of_bias(ReLU(), 0.1),
            "`bias` must be 0 for ReLU(), whose edge of chaos is the single point (2, 0), got 0.1",
        ),
        (
            lambda: critical_variances(Flat(), 1.0),
            "`activation` must have a slope for the edge of chaos to be reached, got Flat()",
        ),
        (
            lambda: critical_variances(Tanh(), -1.0),
            "`second_moment` must be a finite number of at least 0, got -1.0",
        ),
        (
            lambda: critical_variances_of_bias(Tanh(), math.inf),
            "`bias` must be a finite number of at least 0, got inf",
        ),
    ],
    ids=range(6),
)
def test_what_has_no_critical_point_is_refused(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == sentence
