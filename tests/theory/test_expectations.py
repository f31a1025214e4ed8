"""Expectations of pairs: closed form, quadrature, arbitrary precision and draws agree, up to c = 1 and c = -1."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import mpmath
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
    Hardtanh,
    Identity,
    LeakyReLU,
    ReLU,
    Sin,
    Tanh,
)
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.moments import gaussian_moments, power_moment, second_moment_slope
from firstdraw.theory import Order, pair_expectation, pair_expectations
from firstdraw.theory.correlations import pair_matrices

ORDERS: list[tuple[Order, Order]] = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (0, 2), (2, 1), (1, 2), (2, 2)]


@dataclass(frozen=True, slots=True)
class Unrecognized(Activation):
    """An activation whose closed forms are not known, as its name is not."""

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


@dataclass(frozen=True, slots=True)
class Explosion(Activation):
    """phi(z) = exp(z^2/4): its second moment is finite for q < 1 only."""

    def value(self, z: Floats) -> Floats:
        return np.exp(z * z / 4)

    def derivative(self, z: Floats) -> Floats:
        return z / 2 * self.value(z)

    def second_derivative(self, z: Floats) -> Floats:
        return (0.5 + z * z / 4) * self.value(z)


MEMBERS = [*(cls() for cls in ACTIVATIONS.values()), LeakyReLU(-0.5), ELU(0.3)]
every = pytest.mark.parametrize("phi", MEMBERS, ids=repr)
CLOSED = [Identity(), ReLU(), LeakyReLU(0.2), LeakyReLU(-0.5), Erf(), Sin()]


ORDER = st.sampled_from([0, 1])


def told(phi: Activation, q1: float, q2: float, c: float, orders: tuple[Order, Order] = (0, 0)) -> float:
    return pair_expectation(phi, variances=(q1, q2), correlation=c, orders=orders)


# The same in arbitrary precision: the definitions once more, on a grid of (u, v) instead of one variable inside the
# other, and phi'' by parts, which takes its deltas along: E[f'(u) g(v)] = -E[f(u) g(v) d/du ln p(u, v)].

LINEAR = (lambda a: lambda z: z if z > 0 else a * z, lambda a: lambda z: 1 if z > 0 else a)


def _mish(z: object) -> object:
    return z * mpmath.tanh(mpmath.log1p(mpmath.exp(z)))


def _definitions(phi: Activation) -> tuple[object, object]:
    match phi:
        case Identity():
            return lambda z: z, lambda z: z**0
        case ReLU():
            return LINEAR[0](0), LINEAR[1](0)
        case LeakyReLU(slope=a):
            return LINEAR[0](a), LINEAR[1](a)
        case Tanh():
            return mpmath.tanh, lambda z: mpmath.sech(z) ** 2
        case ELU(alpha=a):
            return lambda z: z if z > 0 else a * mpmath.expm1(z), lambda z: 1 if z > 0 else a * mpmath.exp(z)
        case SELU(LAMBDA=b, ALPHA=a):
            return (
                lambda z: b * (z if z > 0 else a * mpmath.expm1(z)),
                lambda z: b * (1 if z > 0 else a * mpmath.exp(z)),
            )
        case GELU():
            return lambda z: z * mpmath.ncdf(z), lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z)
        case Sin():
            return mpmath.sin, mpmath.cos
        case Erf():
            return mpmath.erf, lambda z: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-z * z)
        case Hardtanh():
            return lambda z: min(max(z, -1), 1), lambda z: int(abs(z) < 1)
        case _:
            return {
                "sigmoid": (lambda z: 1 / (1 + mpmath.exp(-z)), lambda z: mpmath.sech(z / 2) ** 2 / 4),
                "softplus": (lambda z: mpmath.log1p(mpmath.exp(z)), lambda z: 1 / (1 + mpmath.exp(-z))),
                "silu": (
                    lambda z: z / (1 + mpmath.exp(-z)),
                    lambda z: (1 + mpmath.exp(-z) + z * mpmath.exp(-z)) / (1 + mpmath.exp(-z)) ** 2,
                ),
                "softsign": (lambda z: z / (1 + abs(z)), lambda z: (1 + abs(z)) ** -2),
                "hardswish": (
                    lambda z: z * max(0, min(6, z + 3)) / 6,
                    lambda z: (2 * z + 3) / 6 if abs(z) < 3 else int(z > 0),
                ),
                "mish": (_mish, lambda z: mpmath.diff(_mish, z)),
            }[ACTIVATIONS.name_of(phi)]


NODES = mpmath.calculus.quadrature.GaussLegendre(mpmath.mp).calc_nodes(4, 80)


def _long(values: list[object]) -> Floats:
    """Round to long doubles, of at least the 53 bits of a float."""
    return np.array([np.longdouble(mpmath.nstr(mpmath.mpf(value), 22)) for value in values])


@cache
def _axis(q: float) -> tuple[list[object], Floats]:
    """Nodes and weights in one variable, on panels that are cut where any activation here has a kink."""
    ends = 10 * math.sqrt(q)
    cuts = [mpmath.mpf(x) for x in sorted({-3.0, -1.0, 0.0, 1.0, 3.0, *np.linspace(-ends, ends, 13).tolist()})]
    with mpmath.workdps(22):
        panels = [((a + b) / 2, (b - a) / 2) for a, b in pairwise(cuts)]
        points = [middle + half * node for middle, half in panels for node, _ in NODES]
        return points, _long([half * weight for _, half in panels for _, weight in NODES])


@cache
def _precise_table(phi: Activation, q: float) -> tuple[Floats, Floats]:
    """phi and phi' at the nodes, times their weights."""
    points, weights = _axis(q)
    with mpmath.workdps(22):
        value, slope = (_long([f(x) for x in points]) for f in _definitions(phi))  # type: ignore[operator]
    return value * weights, slope * weights


def precisely(phi: Activation, q1: float, q2: float, c: float, orders: tuple[Order, Order]) -> float:
    first, second = (_precise_table(phi, q)[min(order, 1)] for q, order in zip((q1, q2), orders, strict=True))
    return float(first @ _density(q1, q2, c)[orders[0] == 2, orders[1] == 2] @ second)


@cache
def _density(q1: float, q2: float, c: float) -> dict[tuple[bool, bool], Floats]:
    """The density of (u, v) at the nodes, and its derivatives by u, by v and by both, the single ones negated."""
    u, v = (_long(_axis(q)[0]) for q in (q1, q2))
    u, v = u[:, np.newaxis], v[np.newaxis]
    covariance = np.longdouble(c) * np.sqrt(np.longdouble(q1)) * np.sqrt(np.longdouble(q2))
    determinant = q1 * q2 - covariance**2
    a, b, m = q2 / determinant, q1 / determinant, -covariance / determinant
    pi = np.longdouble(mpmath.nstr(mpmath.pi, 22))
    p = np.exp(-(a * u * u + 2 * m * u * v + b * v * v) / 2) / (2 * pi * np.sqrt(determinant))
    du, dv = a * u + m * v, m * u + b * v
    return {(False, False): p, (True, False): p * du, (False, True): p * dv, (True, True): p * (du * dv - m)}


@every
@pytest.mark.parametrize(("q1", "q2", "c"), [(1.3, 0.7, -0.6), (4.0, 0.3, 0.8)])
def test_expectations_are_those_of_arbitrary_precision(phi: Activation, q1: float, q2: float, c: float) -> None:
    for orders in ORDERS:
        # The stated error is 1e-10; what is reached is a thousand times less.
        assert told(phi, q1, q2, c, orders) == pytest.approx(precisely(phi, q1, q2, c, orders), abs=1e-13), orders


@every
def test_matrices_of_pairs_are_those_of_arbitrary_precision(phi: Activation) -> None:
    for q1, q2, c in ((1.3, 0.7, -0.6), (4.0, 0.3, 0.8)):
        told = pair_matrices(phi, np.array([q1]), np.array([q2]), np.array([[c]]))
        for order in (0, 1):
            assert told[order].item() == pytest.approx(precisely(phi, q1, q2, c, (order, order)), abs=1e-9)
    q = np.array([0.05, 1.0, 100.0])
    for c in (-1.0, 1.0):
        told = pair_matrices(phi, q, q, np.full((3, 3), c))
        for order, f in enumerate(_definitions(phi)):
            for i, variance in enumerate(q.tolist()):
                exact = _single_mean(lambda x, f=f, c=c: f(x) * f(c * x), variance, phi.kinks)
                size = max(1.0, gaussian_moments(phi, variance=variance).second_moment) if order == 0 else 1.0
                assert abs(told[order][i, i] - exact) <= 1e-9 * size


def _single_mean(f: Callable[[object], object], q: float, kinks: tuple[float, ...]) -> float:
    """The mean under N(0, q) in arbitrary precision; f has kinks at k and -k."""
    s = mpmath.sqrt(q)
    cuts = sorted({-12, -3, -0.5, 0, 0.5, 3, 12, *(sign * k / s for k in kinks for sign in (-1, 1))})
    return float(mpmath.quad(lambda z: f(s * z) * mpmath.npdf(z), cuts))


@pytest.mark.parametrize("phi", CLOSED, ids=repr)
@settings(max_examples=8)
@given(q1=st.floats(-6, 3), q2=st.floats(-6, 3), distance=st.floats(-9, 0), sign=st.sampled_from([-1, 1]), order=ORDER)
def test_closed_forms_and_quadrature_agree(
    phi: Activation, q1: float, q2: float, distance: float, sign: int, order: Order
) -> None:
    q1, q2, c = 10.0**q1, 10.0**q2, sign * (1 - 10.0**distance)
    closed, measured = (told(one, q1, q2, c, (order, order)) for one in (phi, Unrecognized(phi)))
    size = math.sqrt(told(phi, q1, q1, 1.0, (order, order)) * told(phi, q2, q2, 1.0, (order, order)))
    assert abs(closed - measured) <= 1e-12 * max(1.0, size)


@pytest.mark.parametrize("q", [100.0, 1e4, 1e8])
@pytest.mark.parametrize("c", [-0.9999, 0.6, 0.999999])
def test_quadrature_resolves_what_is_a_step_at_large_variances(q: float, c: float) -> None:
    for order in (0, 1):
        closed, measured = (told(phi, q, q, c, (order, order)) for phi in (Erf(), Unrecognized(Erf())))
        assert measured == pytest.approx(closed, abs=1e-12)


@every
@pytest.mark.parametrize("q", [0.04, 20.0])
def test_equal_inputs_have_the_moments_of_one(phi: Activation, q: float) -> None:
    moments = gaussian_moments(phi, variance=q)
    size = max(1.0, moments.second_moment)
    assert abs(told(phi, q, q, 1.0) - moments.second_moment) <= 1e-13 * size
    assert abs(told(phi, q, q, 1.0, (1, 1)) - moments.slope_second_moment) <= 1e-13
    # d/dq E[phi^2] = E[phi'^2] + E[phi'' phi], in which phi'' has its deltas.
    curvature = second_moment_slope(phi, variance=q) - moments.slope_second_moment
    assert abs(told(phi, q, q, 1.0, (2, 0)) - curvature) <= 1e-12 * size


@every
def test_inputs_that_have_nothing_in_common_have_the_product_of_means(phi: Activation) -> None:
    means = [power_moment(phi, 1, variance=q) for q in (0.5, 3.0)]
    assert told(phi, 0.5, 3.0, 0.0) == pytest.approx(means[0] * means[1], abs=1e-14)


@every
@pytest.mark.parametrize("orders", [(0, 1), (1, 1), (2, 1)])
def test_the_ends_are_the_limits_in_the_correlation(phi: Activation, orders: tuple[Order, Order]) -> None:
    for end in (-1.0, 1.0):
        near = told(phi, 0.8, 0.8, end * (1 - 1e-10), orders)
        # A kink approaches its limit as the angle does, sqrt(2e-10).
        assert told(phi, 0.8, 0.8, end, orders) == pytest.approx(near, abs=3e-5)


@every
@pytest.mark.parametrize("orders", [(0, 0), (2, 0), (2, 1)])
def test_swapping_the_inputs_swaps_the_orders(phi: Activation, orders: tuple[Order, Order]) -> None:
    one, other = told(phi, 2.0, 0.4, 0.7, orders), told(phi, 0.4, 2.0, 0.7, orders[::-1])
    assert abs(one - other) <= 1e-13


@every
def test_expectations_agree_with_draws(phi: Activation) -> None:
    q1, q2, c = 1.3, 0.7, -0.4
    z = np.random.default_rng(11).normal(size=(2, 400_000))
    u, v = math.sqrt(q1) * z[0], math.sqrt(q2) * (c * z[0] + math.sqrt(1 - c * c) * z[1])
    for product, orders in ((phi.value(u) * phi.value(v), (0, 0)), (phi.derivative(u) * phi.derivative(v), (1, 1))):
        # Five standard errors: one false alarm in 1.7 million; a constant has only its rounding.
        assert abs(product.mean() - told(phi, q1, q2, c, orders)) <= 5 * product.std() / math.sqrt(z[0].size) + 1e-12


def test_the_printed_kernels_of_one_case() -> None:
    q1, q2, c = 1.3, 0.7, 0.4 / math.sqrt(1.3 * 0.7)
    assert told(ReLU(), q1, q2, c) == pytest.approx(0.265378, abs=5e-7)
    assert told(ReLU(), q1, q2, c, (1, 1)) == pytest.approx(0.318865, abs=5e-7)
    assert told(Erf(), q1, q2, c) == pytest.approx(0.175480, abs=5e-7)
    assert told(Sin(), q1, q2, c) == pytest.approx(0.151107, abs=5e-7)


@pytest.mark.parametrize(("c", "expected"), [(0.0, 0.318310 / 2), (0.5, 0.608998 / 2)])
def test_the_rectifier_of_equal_variances(c: float, expected: float) -> None:
    assert told(ReLU(), 1.0, 1.0, c) == pytest.approx(expected, abs=5e-7)


@every
def test_an_input_of_zeros_is_a_constant(phi: Activation) -> None:
    at_zero = phi.value(np.zeros(1))[0]
    assert told(phi, 0.0, 2.0, 0.3) == pytest.approx(at_zero * power_moment(phi, 1, variance=2.0), abs=1e-14)
    assert told(phi, 0.0, 0.0, 0.3, (1, 1)) == pytest.approx(phi.derivative(np.zeros(1))[0] ** 2, rel=1e-15)
    assert told(phi, 0.0, 2.0, -0.9, (1, 1)) == pytest.approx(told(Unrecognized(phi), 0.0, 2.0, 0.2, (1, 1)), abs=1e-14)


def test_a_delta_away_from_zero_counts() -> None:
    # E[phi''(u) phi(u)] of the hard tanh is all deltas: -1 at 1, where phi is 1, and 1 at -1, where phi is -1.
    density = math.exp(-1 / (2 * 0.5)) / math.sqrt(2 * math.pi * 0.5)
    assert told(Hardtanh(), 0.5, 0.5, 1.0, (2, 0)) == pytest.approx(-2 * density, abs=1e-14)


@every
def test_arrays_are_the_single_expectations(phi: Activation) -> None:
    c = np.array([[-1.0, 0.2], [0.2, 1.0]])
    table = pair_expectations(phi, first_variance=[0.5, 2.0], second_variance=1.0, correlation=c)
    assert table.shape == (2, 2)
    for (i, j), value in np.ndenumerate(table):
        assert value == pytest.approx(told(phi, (0.5, 2.0)[j], 1.0, c[i, j]), abs=1e-15)


# What is refused.


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"variances": (-1.0, 1.0)}, "`variances[0]` must be a finite number of at least 0, got -1.0"),
        ({"variances": (1.0, math.inf)}, "`variances[1]` must be a finite number of at least 0, got inf"),
        ({"correlation": 1.01}, "`correlation` must be at least -1 and at most 1, got 1.01"),
        ({"correlation": math.nan}, "`correlation` must be a finite number, got nan"),
        ({"orders": (0, 3)}, "`orders[1]` must be 0, 1 or 2, for phi, phi' or phi'', got 3"),
    ],
)
def test_no_pair_is_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        pair_expectation(Tanh(), **({"variances": (1.0, 1.0), "correlation": 0.5} | options))  # type: ignore[arg-type]
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"first_variance": [1.0, -2.0]}, "`first_variance` must hold finite numbers of at least 0, got -2.0"),
        ({"second_variance": math.nan}, "`second_variance` must hold finite numbers of at least 0, got nan"),
        ({"correlation": -1.5}, "`correlation` must hold finite numbers of at least -1 and at most 1, got -1.5"),
    ],
)
def test_no_pair_of_an_array_is_refused(options: dict[str, object], sentence: str) -> None:
    given_: dict[str, object] = {"first_variance": 1.0, "second_variance": 1.0, "correlation": 0.5} | options
    with pytest.raises(InputError) as caught:
        pair_expectations(Tanh(), **given_)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("phi", "variances", "correlation", "orders"),
    [
        (Explosion(), (1.0, 1.0), 0.5, (0, 0)),
        (Explosion(), (0.5, 1.5), 0.0, (1, 1)),
        # Two deltas on one line, and one without a Gaussian to spread it.
        (ReLU(), (1.0, 1.0), 1.0, (2, 2)),
        (ReLU(), (0.0, 1.0), 0.5, (2, 0)),
    ],
)
def test_an_infinite_expectation_is_refused(
    phi: Activation, variances: tuple[float, float], correlation: float, orders: tuple[Order, Order]
) -> None:
    with pytest.raises(InputError) as caught:
        pair_expectation(phi, variances=variances, correlation=correlation, orders=orders)
    names = ["phi", "phi'", "phi''"]
    assert str(caught.value) == (
        f"`activation` must have finite Gaussian moments, and E[{names[orders[0]]}(u) {names[orders[1]]}(v)] has none "
        f"with variances of {variances[0]:g} and {variances[1]:g} and a correlation of {correlation:g}, got {phi!r}"
    )


def test_a_second_moment_that_exists_is_enough() -> None:
    # E[exp((u^2 + v^2)/4)] = 1/sqrt((1 - q/2)^2 - (c q/2)^2) at equal variances q.
    q, c = 0.9, 0.5
    assert told(Explosion(), q, q, c) == pytest.approx(1 / math.sqrt((1 - q / 2) ** 2 - (c * q / 2) ** 2), rel=1e-12)
