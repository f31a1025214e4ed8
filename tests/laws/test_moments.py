"""Gaussian moments of every activation: closed form, quadrature and mpmath agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import ACTIVATIONS, ELU, GELU, SELU, Activation, LeakyReLU, ReLU, Sin, Tanh
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.moments import GaussianMoments, gaussian_mean, gaussian_moments, power_moment, second_moment_slope

MEMBERS = [*(cls() for cls in ACTIVATIONS.values()), LeakyReLU(0.2), LeakyReLU(-0.5), ELU(0.3), ELU(2.0)]
every = pytest.mark.parametrize("phi", MEMBERS, ids=repr)

Real = mpmath.mpf


def _elu(scale: Real, alpha: Real, z: Real) -> Real:
    return scale * (z if z > 0 else alpha * mpmath.expm1(z))


def _mish(z: Real) -> Real:
    return z * mpmath.tanh(mpmath.log1p(mpmath.exp(z)))


# The definitions once more, in arbitrary precision, and their derivatives.
PRECISE = {
    "identity": (lambda _, z: z, lambda _, z: z**0),
    "relu": (lambda _, z: max(z, mpmath.mpf(0)), lambda _, z: mpmath.mpf(z > 0)),
    "leaky_relu": (lambda phi, z: z if z > 0 else phi.slope * z, lambda phi, z: mpmath.mpf(1 if z > 0 else phi.slope)),
    "tanh": (lambda _, z: mpmath.tanh(z), lambda _, z: mpmath.sech(z) ** 2),
    "sigmoid": (lambda _, z: 1 / (1 + mpmath.exp(-z)), lambda _, z: mpmath.sech(z / 2) ** 2 / 4),
    "softplus": (lambda _, z: mpmath.log1p(mpmath.exp(z)), lambda _, z: 1 / (1 + mpmath.exp(-z))),
    "elu": (
        lambda phi, z: _elu(mpmath.mpf(1), mpmath.mpf(phi.alpha), z),
        lambda phi, z: mpmath.mpf(1) if z > 0 else phi.alpha * mpmath.exp(z),
    ),
    "selu": (
        lambda phi, z: _elu(mpmath.mpf(phi.LAMBDA), mpmath.mpf(phi.ALPHA), z),
        lambda phi, z: phi.LAMBDA * (mpmath.mpf(1) if z > 0 else phi.ALPHA * mpmath.exp(z)),
    ),
    "gelu": (lambda _, z: z * mpmath.ncdf(z), lambda _, z: mpmath.ncdf(z) + z * mpmath.npdf(z)),
    "silu": (
        lambda _, z: z / (1 + mpmath.exp(-z)),
        lambda _, z: (1 + mpmath.exp(-z) + z * mpmath.exp(-z)) / (1 + mpmath.exp(-z)) ** 2,
    ),
    "sin": (lambda _, z: mpmath.sin(z), lambda _, z: mpmath.cos(z)),
    "erf": (lambda _, z: mpmath.erf(z), lambda _, z: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-z * z)),
    "hardtanh": (lambda _, z: max(-1, min(1, z)), lambda _, z: mpmath.mpf(abs(z) < 1)),
    "softsign": (lambda _, z: z / (1 + abs(z)), lambda _, z: (1 + abs(z)) ** -2),
    "hardswish": (
        lambda _, z: z * max(0, min(6, z + 3)) / 6,
        lambda _, z: (2 * z + 3) / 6 if abs(z) < 3 else mpmath.mpf(z > 0),
    ),
    "mish": (lambda _, z: _mish(z), lambda _, z: mpmath.diff(_mish, z)),
}


def _precisely(phi: Activation, q: float, m: float = 0.0) -> GaussianMoments:
    value, slope = PRECISE[ACTIVATIONS.name_of(phi)]
    with mpmath.workdps(25):
        s = mpmath.sqrt(q)
        # Cut at the kinks and where the activations bend.
        bends = {-4.0, 0.0, 4.0, *phi.kinks}
        cuts = sorted({*range(-15, 16, 5), *((mpmath.mpf(x) - m) / s for x in bends if abs(x - m) < 14 * s)})

        def mean(f: object) -> float:
            return float(mpmath.quad(lambda z: f(m + s * z) * mpmath.npdf(z), cuts))  # type: ignore[operator]

        return GaussianMoments(
            mean=mean(lambda x: value(phi, x)),
            second_moment=mean(lambda x: value(phi, x) ** 2),
            slope_second_moment=mean(lambda x: slope(phi, x) ** 2),
        )


def _values(moments: GaussianMoments) -> tuple[float, float, float]:
    return moments.mean, moments.second_moment, moments.slope_second_moment


def _by_quadrature(phi: Activation, q: float, m: float = 0.0) -> tuple[float, float, float]:
    return (
        power_moment(phi, 1, variance=q, mean=m),
        power_moment(phi, 2, variance=q, mean=m),
        gaussian_mean(lambda x: phi.derivative(x) ** 2, variance=q, mean=m, kinks=phi.kinks),
    )


@every
@pytest.mark.parametrize(("q", "m"), [(1.0, 0.0), (0.05, 0.0), (9.0, 0.0), (1.0, 0.7), (0.3, -1.5)])
def test_moments_are_those_of_arbitrary_precision(phi: Activation, q: float, m: float) -> None:
    told = gaussian_moments(phi, variance=q, mean=m)
    exact = _values(_precisely(phi, q, m))
    # The stated error is 1e-12; what is reached is a hundred times less.
    for given_, true in zip(_values(told), exact, strict=True):
        assert abs(given_ - true) <= 1e-14 * max(1, abs(true))


@every
@given(exponent=st.floats(-12, 8))
def test_closed_forms_and_quadrature_agree_over_twenty_decades(phi: Activation, exponent: float) -> None:
    q = 10.0**exponent
    closed, measured = _values(gaussian_moments(phi, variance=q)), _by_quadrature(phi, q)
    # The mean of a function whose halves cancel is known to within its size.
    sizes = (math.sqrt(measured[1]), measured[1], measured[2])
    for one, other, size in zip(closed, measured, sizes, strict=True):
        assert abs(one - other) <= 1e-13 * max(1.0, size)


@every
@pytest.mark.parametrize("q", [1e-6, 1e-10])
def test_small_moments_keep_their_digits(phi: Activation, q: float) -> None:
    # phi(x)^2 = phi(0)^2 + 2 phi(0) phi'(0) x + ..., so E is known to a relative O(q) from one-sided slopes.
    at_zero, tiny = float(phi.value(np.array([0.0]))[0]), np.array([-1e-12, 1e-12])
    left, right = ((phi.value(tiny) - at_zero) / tiny).tolist()
    if at_zero == 0:
        assert gaussian_moments(phi, variance=q).second_moment == pytest.approx((left**2 + right**2) / 2 * q, rel=1e-2)


@every
def test_a_gaussian_without_variance_is_its_mean(phi: Activation) -> None:
    moments = gaussian_moments(phi, variance=0.0, mean=-0.7)
    value, slope = phi.value(np.array([-0.7]))[0], phi.derivative(np.array([-0.7]))[0]
    assert _values(moments) == (value, value**2, slope**2)
    assert abs(moments.variance) < 1e-16


@every
@pytest.mark.parametrize("q", [0.3, 1.0, 4.0])
def test_the_slope_of_the_second_moment_by_two_roads(phi: Activation, q: float) -> None:
    told = second_moment_slope(phi, variance=q)
    # Differentiating the density instead of phi: d/dq E[f] = E[(x^2/q - 1) f] / (2q).
    other = gaussian_mean(lambda x: (x * x / q - 1) * phi.value(x) ** 2, variance=q, kinks=phi.kinks) / (2 * q)
    assert told == pytest.approx(other, rel=1e-13, abs=1e-13)
    h = 1e-4 * q
    above, below = (gaussian_moments(phi, variance=q + sign * h).second_moment for sign in (1, -1))
    # h^2 f'''/6 of truncation.
    assert told == pytest.approx((above - below) / (2 * h), abs=1e-7)


@pytest.mark.parametrize(
    ("power", "moment"), [(1, 1 / math.sqrt(2 * math.pi)), (3, 2 / math.sqrt(2 * math.pi)), (6, 7.5)]
)
def test_higher_powers_of_a_rectifier_are_half_moments(power: int, moment: float) -> None:
    # E|z|^3 = 2 sqrt(2/pi), E z^6 = 15; a rectifier keeps half of each.
    assert power_moment(ReLU(), power) == pytest.approx(moment, rel=1e-14)


def test_shifted_rectifiers_have_the_textbook_moments() -> None:
    m, q = 0.8, 2.5
    s = math.sqrt(q)
    density = math.exp(-m * m / (2 * q)) / math.sqrt(2 * math.pi)
    below = (1 + math.erf(m / s / math.sqrt(2))) / 2
    moments = gaussian_moments(ReLU(), variance=q, mean=m)
    assert moments.mean == pytest.approx(m * below + s * density, rel=1e-14)
    assert moments.second_moment == pytest.approx((m * m + q) * below + m * s * density, rel=1e-14)
    assert moments.slope_second_moment == pytest.approx(below, rel=1e-14)


def test_a_jump_that_is_not_announced_is_found() -> None:
    # P(z > 0.3), with the jump on no edge of a panel.
    assert gaussian_mean(lambda z: (z > 0.3) * 1.0) == pytest.approx(math.erfc(0.3 / math.sqrt(2)) / 2, rel=1e-13)


def test_moments_agree_with_draws() -> None:
    z = np.random.default_rng(5).normal(0.4, 1.7, 1_000_000)
    for phi in MEMBERS:
        moments = gaussian_moments(phi, variance=1.7**2, mean=0.4)
        for drawn, exact in ((phi.value(z), moments.mean), (phi.derivative(z) ** 2, moments.slope_second_moment)):
            # Five standard errors: one false alarm in 1.7 million.
            assert abs(drawn.mean() - exact) <= 5 * drawn.std() / 1000


# What has no moments.


@dataclass(frozen=True, slots=True)
class Explosion(Activation):
    """phi(z) = exp(c z^2): its second moment is finite for c below 1/4 only, at q = 1."""

    c: float = 1.0

    def value(self, z: Floats) -> Floats:
        return np.exp(self.c * z * z)

    def derivative(self, z: Floats) -> Floats:
        return 2 * self.c * z * self.value(z)

    def second_derivative(self, z: Floats) -> Floats:
        return (2 * self.c + (2 * self.c * z) ** 2) * self.value(z)


@dataclass(frozen=True, slots=True)
class Pole(Activation):
    """phi(z) = 1/(z - 0.3)."""

    def value(self, z: Floats) -> Floats:
        return 1 / (z - 0.3)

    def derivative(self, z: Floats) -> Floats:
        return -1 / (z - 0.3) ** 2

    def second_derivative(self, z: Floats) -> Floats:
        return 2 / (z - 0.3) ** 3


def test_a_moment_that_only_just_exists_is_computed() -> None:
    # E exp(2 c z^2) = 1/sqrt(1 - 4 c).
    assert power_moment(Explosion(0.2), 2) == pytest.approx(1 / math.sqrt(0.2), rel=1e-13)


@pytest.mark.parametrize(
    ("activation", "what"),
    [(Explosion(), "phi(x)"), (Explosion(0.25), "phi(x)^2"), (Explosion(0.3), "phi(x)^2"), (Pole(), "phi(x)^2")],
    ids=repr,
)
def test_an_activation_without_moments_is_refused(activation: Activation, what: str) -> None:
    with pytest.raises(InputError) as caught:
        power_moment(activation, 2 if what.endswith("2") else 1)
    assert str(caught.value) == (
        f"`activation` must have finite Gaussian moments, and the integral E[{what}], x ~ N(0, 1), has no limit, "
        f"got {activation!r}"
    )
    with pytest.raises(InputError, match="must have finite Gaussian moments, and the integral"):
        gaussian_moments(activation)


def test_an_oscillation_without_end_is_refused_soon() -> None:
    with pytest.raises(InputError) as caught:
        gaussian_mean(np.sin, variance=1e14, mean=1.0)
    assert str(caught.value) == "`f` must have a Gaussian mean, and the integral under N(1, 1e+14) has no limit"
    assert gaussian_moments(Sin(), variance=1e14).second_moment == 0.5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"variance": -1.0}, "`variance` must be a finite number of at least 0, got -1.0"),
        ({"variance": math.inf}, "`variance` must be a finite number of at least 0, got inf"),
        ({"mean": math.nan}, "`mean` must be a finite number, got nan"),
    ],
)
def test_no_gaussian_is_refused(options: dict[str, float], sentence: str) -> None:
    for moment in (gaussian_moments, lambda phi, **options: power_moment(phi, 2, **options)):
        with pytest.raises(InputError) as caught:
            moment(Tanh(), **options)
        assert str(caught.value) == sentence


def test_no_power_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        power_moment(GELU(), 0)
    assert str(caught.value) == "`power` must be a positive integer, got 0"
    with pytest.raises(InputError) as caught:
        second_moment_slope(SELU(), variance=0.0)
    assert str(caught.value) == "`variance` must be a finite number above 0, got 0.0"
