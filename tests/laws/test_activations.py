"""What every activation of the catalogue must obey, and each one's gain."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate

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
from firstdraw.errors import InputError

# Every member with its defaults, and with other options where it has any.
MEMBERS = [
    *(cls() for cls in ACTIVATIONS.values()),
    LeakyReLU(0.2),
    LeakyReLU(-0.5),
    ELU(0.3),
    ELU(2.0),
]
every = pytest.mark.parametrize("phi", MEMBERS, ids=repr)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])

GRID = np.linspace(-6, 6, 601)


def test_every_option_of_an_activation_is_varied_in_these_tests() -> None:
    for cls in ACTIVATIONS.values():
        for option in dataclasses.fields(cls):  # type: ignore[arg-type]  # every member is a dataclass
            values = {getattr(phi, option.name) for phi in MEMBERS if type(phi) is cls}
            assert len(values) > 1, f"vary {option.name!r} of {cls.__name__} in MEMBERS"


def far_from_kinks(phi: Activation, z: np.ndarray, distance: float) -> np.ndarray:
    return z[[all(abs(x - kink) > distance for kink in phi.kinks) for x in z]]


@every
def test_the_derivative_equals_central_finite_differences(phi: Activation) -> None:
    h = 1e-5
    z = far_from_kinks(phi, GRID, 2 * h)
    measured = (phi.value(z + h) - phi.value(z - h)) / (2 * h)
    # h^2 phi'''/6 of truncation, and 1e-16 |phi| / h of rounding with |phi| up to 6.
    np.testing.assert_allclose(phi.derivative(z), measured, rtol=0, atol=5e-10)


@every
def test_the_second_derivative_equals_central_finite_differences(phi: Activation) -> None:
    h = 1e-5
    z = far_from_kinks(phi, GRID, 2 * h)
    measured = (phi.derivative(z + h) - phi.derivative(z - h)) / (2 * h)
    # h^2 phi''''/6 of truncation, and 1e-16 |phi'| / h of rounding with |phi'| up to 2.
    np.testing.assert_allclose(phi.second_derivative(z), measured, rtol=0, atol=5e-10)


@every
def test_at_a_kink_the_derivative_is_the_one_from_the_left(phi: Activation) -> None:
    for kink in phi.kinks:
        for derivative in (phi.derivative, phi.second_derivative):
            left = derivative(np.array([kink - 1e-12]))
            np.testing.assert_allclose(derivative(np.array([kink])), left, rtol=1e-11)


@every
def test_the_derivative_jumps_nowhere_but_at_a_kink(phi: Activation) -> None:
    z = np.append(GRID, 0.0)
    jump = abs(phi.derivative(z + 1e-9) - phi.derivative(z - 1e-9))
    assert {float(x) for x in z[jump > 1e-6]} <= set(phi.kinks)


@every
def test_the_value_is_continuous(phi: Activation) -> None:
    z = np.append(GRID, 0.0)
    np.testing.assert_allclose(phi.value(z + 1e-9), phi.value(z - 1e-9), rtol=0, atol=1e-8)


@every
@dtypes
@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 4), (2, 1, 3)])
def test_dtype_and_shape_are_kept(phi: Activation, dtype: type, shape: tuple[int, ...]) -> None:
    z = np.full(shape, 0.7, dtype)
    for result in (phi.value(z), phi.derivative(z), phi.second_derivative(z)):
        assert result.dtype == dtype
        assert result.shape == shape


@every
def test_the_argument_is_not_changed(phi: Activation) -> None:
    z = GRID.copy()
    phi.value(z)
    phi.derivative(z)
    phi.second_derivative(z)
    np.testing.assert_array_equal(z, GRID)


@every
def test_float32_results_are_those_of_float64_rounded(phi: Activation) -> None:
    z = GRID.astype(np.float32)
    wide = z.astype(np.float64)
    # A few units of 2^-24 of the terms, which are up to 6.
    np.testing.assert_allclose(phi.value(z), phi.value(wide), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(phi.derivative(z), phi.derivative(wide), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(phi.second_derivative(z), phi.second_derivative(wide), rtol=1e-6, atol=1e-6)


@every
@dtypes
def test_extreme_inputs_give_finite_results_without_a_warning(phi: Activation, dtype: type) -> None:
    smallest = np.finfo(dtype).smallest_subnormal
    tiny = np.finfo(dtype).tiny
    positive = np.array([0.0, smallest, tiny, 37.0, 88.0, 89.0, 104.0, 709.0, 745.0, 746.0, 1e4], dtype)
    z = np.concatenate([positive, -positive])
    with np.errstate(all="raise", under="ignore"):
        results = phi.value(z), phi.derivative(z), phi.second_derivative(z)
    for result in results:
        assert np.isfinite(result).all()


@pytest.mark.parametrize(
    ("phi", "left", "right"),
    [(ReLU(), 0, math.inf), (Tanh(), -1, 1), (Hardtanh(), -1, 1), (Softsign(), -1, 1), (Hardswish(), 0, math.inf)],
    ids=repr,
)
@dtypes
def test_infinities_have_their_limits_and_nan_stays(phi: Activation, left: float, right: float, dtype: type) -> None:
    with np.errstate(all="raise", under="ignore"):
        told = phi.value(np.array([-math.inf, math.inf, math.nan], dtype))
    np.testing.assert_array_equal(told, [left, right, math.nan])


@every
def test_bounded_says_whether_the_function_flattens_on_both_sides(phi: Activation) -> None:
    # So far out that also a slope of 1/z^2 is nothing.
    z = np.linspace(4e6, 6e6, 101)
    assert phi.bounded == (abs(phi.derivative(np.concatenate([-z, z]))).max() < 1e-12)


@every
def test_rectifying_says_whether_the_derivative_is_zero_on_a_half_line(phi: Activation) -> None:
    # Beyond the last kink, and up to 5, where no smooth member's derivative is so small that it rounds to 0.
    z = np.linspace(3.01, 5, 100)
    assert phi.rectifying == any((phi.derivative(side) == 0).all() for side in (z, -z))


@every
def test_homogeneous_says_whether_a_positive_factor_passes_through(phi: Activation) -> None:
    passes = all(np.allclose(phi.value(c * GRID), c * phi.value(GRID), rtol=1e-12, atol=0) for c in (0.5, 3.0))
    assert phi.homogeneous == passes


@every
def test_an_activation_states_its_formula_and_its_source(phi: Activation) -> None:
    assert phi.formula.strip()
    if phi.source is not None:
        assert phi.source.link.startswith("https://")


# What the functions are: their definitions in the standard library's words, one number at a time.
SCALAR = {
    Identity(): lambda z: z,
    ReLU(): lambda z: max(z, 0.0),
    LeakyReLU(0.2): lambda z: z if z > 0 else 0.2 * z,
    Tanh(): math.tanh,
    Sigmoid(): lambda z: 1 / (1 + math.exp(-z)),
    Softplus(): lambda z: math.log(1 + math.exp(z)),
    ELU(2.0): lambda z: z if z > 0 else 2 * (math.exp(z) - 1),
    # Klambauer et al. (2017), section 2: alpha_01 = 1.6733, lambda_01 = 1.0507.
    SELU(): lambda z: 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * (math.exp(z) - 1)),
    GELU(): lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2,
    SiLU(): lambda z: z / (1 + math.exp(-z)),
    Sin(): math.sin,
    Erf(): math.erf,
    Hardtanh(): lambda z: max(-1.0, min(1.0, z)),
    Softsign(): lambda z: z / (1 + abs(z)),
    Hardswish(): lambda z: z * min(max(z + 3, 0.0), 6.0) / 6,
    Mish(): lambda z: z * math.tanh(math.log1p(math.exp(z))),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_value_is_the_definition(name: str) -> None:
    definitions = [(phi, scalar) for phi, scalar in SCALAR.items() if type(phi) is ACTIVATIONS[name]]
    assert definitions, f"write the definition of {name!r} down in SCALAR"
    for phi, scalar in definitions:
        np.testing.assert_allclose(phi.value(GRID), [scalar(z) for z in GRID.tolist()], rtol=1e-13, atol=1e-15)


# Moments under z ~ N(0, 1), computed once by piecewise Gauss-Legendre quadrature, independently of the package:
# the gain 1/sqrt(E phi(z)^2), and E phi'(z)^2 where it is known (NaN elsewhere).
MOMENTS = [
    (Identity(), 1.0, 1.0),
    (ReLU(), 1.41421356, 0.5),
    (LeakyReLU(0.01), 1.41414286, (1 + 0.01**2) / 2),
    (LeakyReLU(0.2), 1.38675049, (1 + 0.2**2) / 2),
    (Tanh(), 1.59253742, 0.4644029),
    (Sigmoid(), 1.84622855, math.nan),
    (GELU(), 1.53353044, 0.45585087),
    (SiLU(), 1.67653247, 0.37948235),
    (ELU(), 1.24519830, 0.668102),
    (SELU(), 1.0, 1.07157499),
    (Softplus(), 1.04186684, math.nan),
    (Sin(), 1.52086662, math.nan),
    (Erf(), 1.46716695, math.nan),
    (Hardtanh(), 1.39203614, math.erf(1 / math.sqrt(2))),
    (Softsign(), 2.33753336, math.nan),
    (Hardswish(), 1.73665721, math.nan),
    (Mish(), 1.48684758, math.nan),
]


def gaussian_mean_of_square(phi: Activation, *, derivative: bool) -> float:
    function = phi.derivative if derivative else phi.value

    def integrand(z: float) -> float:
        return float(function(np.array([z]))[0]) ** 2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    # Beyond 13 standard deviations less than 1e-35 of the mass is left.
    panels = pairwise(sorted({-13.0, 0.0, 13.0, *phi.kinks}))
    return sum(integrate.quad(integrand, *ends, epsabs=1e-13, epsrel=1e-13)[0] for ends in panels)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_its_gain_written_down(name: str) -> None:
    assert any(type(phi) is ACTIVATIONS[name] for phi, _, _ in MOMENTS)


@pytest.mark.parametrize(("phi", "gain", "slope"), MOMENTS, ids=repr)
def test_the_gaussian_moments_are_the_known_ones(phi: Activation, gain: float, slope: float) -> None:
    measured = 1 / math.sqrt(gaussian_mean_of_square(phi, derivative=False))
    # The known values have 8 digits after the point.
    assert measured == pytest.approx(gain, abs=6e-9)
    if not math.isnan(slope):
        assert gaussian_mean_of_square(phi, derivative=True) == pytest.approx(slope, abs=6e-8)


def test_selu_keeps_a_standard_normal_centered() -> None:
    phi = SELU()

    def integrand(z: float) -> float:
        return float(phi.value(np.array([z]))[0]) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    mean = sum(integrate.quad(integrand, *ends, epsabs=1e-13)[0] for ends in ((-13, 0), (0, 13)))
    assert abs(mean) < 1e-12


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("leaky_relu", {"slope": math.nan}, "`slope` must be a finite number, got nan"),
        ("leaky_relu", {"slope": "0.1"}, "`slope` must be a finite number, got '0.1'"),
        ("elu", {"alpha": 0.0}, "`alpha` must be a finite number above 0, got 0.0"),
        ("elu", {"alpha": -1}, "`alpha` must be a finite number above 0, got -1"),
    ],
)
def test_options_that_make_no_activation_are_refused(name: str, options: dict[str, float], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        ACTIVATIONS[name](**options)
    assert str(caught.value) == sentence
