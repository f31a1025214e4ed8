"""The gains of every activation: the printed table, their meaning in a wide layer, and what is convention."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

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
from firstdraw.errors import InputError
from firstdraw.gains import conventional_gain, gains
from firstdraw.moments import gaussian_moments

MEMBERS = [*(cls() for cls in ACTIVATIONS.values()), LeakyReLU(0.2), LeakyReLU(-0.5), ELU(0.3), ELU(2.0)]
every = pytest.mark.parametrize("phi", MEMBERS, ids=repr)

# E phi, E phi^2, forward, centered and backward gain under N(0, 1), to six digits, computed once by piecewise
# Gauss-Legendre quadrature, independently of the package; those of ELU and of the last three by arbitrary precision.
TABLE = [
    (Identity(), 0.0, 1.0, 1.0, 1.0, 1.0),
    (ReLU(), 0.398942, 0.5, 1.414214, 1.712859, 1.414214),
    (LeakyReLU(0.01), 0.394953, 0.500050, 1.414143, 1.704832, 1.414143),
    (LeakyReLU(0.2), 0.319154, 0.52, 1.386750, 1.546460, 1.386750),
    (Tanh(), 0.0, 0.394294, 1.592537, 1.592537, 1.467414),
    (Sigmoid(), 0.5, 0.293379, 1.846229, 4.801313, 4.722646),
    (Erf(), 0.0, 0.464559, 1.467167, 1.467167, 1.325218),
    (Sin(), 0.0, 0.432332, 1.520867, 1.520867, 1.327251),
    (SELU(), 0.0, 1.0, 1.0, 1.0, 0.966026),
    (GELU(), 0.282095, 0.425221, 1.533530, 1.700926, 1.481114),
    (SiLU(), 0.206621, 0.355776, 1.676532, 1.787187, 1.623320),
    (Softplus(), 0.806059, 0.921246, 1.041867, 1.919126, 1.846229),
    (ELU(), 0.160521, 0.644945, 1.245198, 1.270843, 1.223429),
    (Hardtanh(), 0.0, 0.516059, 1.392036, 1.392036, 1.210287),
    (Softsign(), 0.0, 0.183014, 2.337533, 2.337533, 2.095781),
    (Hardswish(), 0.166217, 0.331567, 1.736657, 1.813871, 1.670076),
    (Mish(), 0.240404, 0.452342, 1.486848, 1.592025, 1.444755),
]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_stands_in_the_table(name: str) -> None:
    assert any(type(row[0]) is ACTIVATIONS[name] for row in TABLE)


@pytest.mark.parametrize(("phi", "mean", "second", "forward", "centered", "backward"), TABLE, ids=repr)
def test_the_gains_are_those_of_the_table(
    phi: Activation, mean: float, second: float, forward: float, centered: float, backward: float
) -> None:
    moments, told = gaussian_moments(phi), gains(phi)
    assert (moments.mean, moments.second_moment) == pytest.approx((mean, second), abs=5.1e-7)
    assert (told.forward, told.centered, told.backward) == pytest.approx((forward, centered, backward), abs=5.1e-7)


@every
@pytest.mark.parametrize("q", [0.25, 1.0, 3.0])
def test_the_forward_gain_keeps_the_second_moment_and_the_centered_one_the_variance(phi: Activation, q: float) -> None:
    told = gains(phi, variance=q)
    moments = gaussian_moments(phi, variance=q)
    assert told.forward**2 * moments.second_moment == pytest.approx(q, rel=1e-13)
    assert told.centered**2 * moments.variance == pytest.approx(q, rel=1e-12)
    assert told.backward**2 * moments.slope_second_moment == pytest.approx(1, rel=1e-13)


@every
def test_a_wide_layer_keeps_what_the_gains_say(phi: Activation) -> None:
    n, m = 4000, 4000
    stream = np.random.default_rng(3)
    z, W, delta = stream.normal(size=n), stream.normal(size=(m, n)) / math.sqrt(n), stream.normal(size=m)
    told = gains(phi)
    forward = np.mean((told.forward * W @ phi.value(z)) ** 2)
    centered_weights = W - W.mean(axis=1, keepdims=True)
    centered = np.mean((told.centered * centered_weights @ phi.value(z)) ** 2)
    backward = np.mean((told.backward * phi.derivative(z) * (W.T @ delta)) ** 2)
    # Means of thousands of squares: standard errors of sqrt(2/m) = 2 % and, with phi's, at most 5 %.
    assert forward == pytest.approx(1, abs=0.2)
    assert centered == pytest.approx(1, abs=0.2)
    assert backward == pytest.approx(1, abs=0.2)


@every
def test_a_scale_free_gain_is_the_same_at_every_variance(phi: Activation) -> None:
    here = gains(phi)
    same = all(
        gains(phi, variance=q).forward == pytest.approx(here.forward, rel=1e-12)
        and gains(phi, variance=q).backward == pytest.approx(here.backward, rel=1e-12)
        for q in (0.1, 7.0)
    )
    assert here.scale_free == same


@every
def test_the_slope_says_whether_a_disturbed_second_moment_comes_back(phi: Activation) -> None:
    told = gains(phi)
    q = 1.001
    for _ in range(20):
        q = told.forward**2 * gaussian_moments(phi, variance=q).second_moment
    assert (q - 1) / 0.001 == pytest.approx(told.slope**20, rel=0.05, abs=1e-6)
    assert told.stable == (abs(q - 1) < 0.00099)


@pytest.mark.parametrize(
    ("phi", "stable"),
    [
        (Tanh(), True),
        (Hardtanh(), True),
        (Softsign(), True),
        (SELU(), True),
        (GELU(), False),
        (SiLU(), False),
        (Mish(), False),
        (Hardswish(), False),
        (ReLU(), False),
    ],
    ids=repr,
)
def test_saturating_activations_return_to_their_scale_and_gelu_leaves_it(phi: Activation, stable: bool) -> None:
    assert gains(phi).stable == stable


@dataclass(frozen=True, slots=True)
class Flat(Activation):
    """phi(z) = c."""

    c: float

    def value(self, z: Floats) -> Floats:
        return np.full_like(z, self.c)

    def derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)

    def second_derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)


def test_what_is_not_there_needs_an_infinite_gain() -> None:
    told = gains(Flat(0.5))
    assert told.forward == pytest.approx(2, rel=1e-14)
    assert told.backward == math.inf
    assert gains(Flat(0.0)).forward == math.inf
    assert conventional_gain(Flat(0.5)) is None


def test_the_conventional_gain_is_no_theory() -> None:
    for phi in (Identity(), ReLU(), LeakyReLU(0.2)):
        assert gains(phi).conventional == pytest.approx(gains(phi).forward, rel=1e-15)
    for phi in (Tanh(), Sigmoid(), SELU()):
        told = gains(phi)
        assert told.conventional is not None
        assert abs(told.conventional / told.forward - 1) > 0.04
        assert abs(told.conventional / told.backward - 1) > 0.04


def test_a_gain_without_a_scale_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        gains(Tanh(), variance=0.0)
    assert str(caught.value) == "`variance` must be a finite number above 0, got 0.0"
