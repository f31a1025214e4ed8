"""The native engine's own elementary functions against mpmath, over their whole range, on every instruction set."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from firstdraw.draws import CounterDraws
from firstdraw.engine import native

pytestmark = pytest.mark.skipif(not native.is_built(), reason="the native engine was not compiled here")

# Of this module alone: a precision set for all of mpmath slows down every other test of the process.
exact_numbers = mpmath.MPContext()
exact_numbers.prec = 1300  # enough to reduce the largest float64 by pi

# The function, where it is sampled, and its largest error in units in the last place: what was measured with ten times
# as many samples, rounded up.
EXACT: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "exponential": (exact_numbers.exp, 745.0, 1.0),
    "exponential_minus_one": (exact_numbers.expm1, 709.0, 1.5),
    "logarithm_1p": (exact_numbers.log1p, 1e300, 1.5),
    "tanh": (exact_numbers.tanh, 25.0, 2.5),
    "sigmoid": (lambda x: 1 / (1 + exact_numbers.exp(-x)), 745.0, 2.5),
    "softplus": (lambda x: exact_numbers.log1p(exact_numbers.exp(x)), 700.0, 2.0),
    "erf": (exact_numbers.erf, 7.0, 2.0),
    "normal": (lambda x: exact_numbers.erfc(-x / exact_numbers.sqrt(2)) / 2, 37.0, 6.0),
    "normal_density": (lambda x: exact_numbers.exp(-x * x / 2) / exact_numbers.sqrt(2 * exact_numbers.pi), 37.0, 2.5),
    "sine": (exact_numbers.sin, 1e300, 2.5),
    "cosine": (exact_numbers.cos, 1e300, 2.5),
    "square_root": (exact_numbers.sqrt, 1e300, 0.51),
}
POSITIVE = ("logarithm_1p", "square_root")


def samples(name: str, dtype: Any) -> np.ndarray:
    """Return points of every size up to the function's bound, of both signs where it has both."""
    bound = min(EXACT[name][1], float(np.finfo(dtype).max) / 4)
    if dtype is np.float32:
        bound = min(bound, {"exponential": 87, "exponential_minus_one": 88, "softplus": 88, "normal": 12, "sigmoid": 87,
                            "normal_density": 12}.get(name, bound))  # fmt: skip
    draws = CounterDraws(1)
    smallest = math.log(float(np.finfo(dtype).tiny))
    sizes = np.exp(smallest + draws.uniform("size", (300,)) * (math.log(bound) - smallest))
    even = draws.uniform("even", (500,)) * min(bound, 50.0)
    x = np.concatenate([sizes, even])
    signs = 1 if name in POSITIVE else np.where(draws.uniform("sign", x.shape) < 0.5, -1.0, 1.0)
    return (x * signs).astype(dtype)


def error_in_ulp(name: str, x: np.ndarray, y: np.ndarray) -> float:
    worst = 0.0
    for argument, value in zip(x.tolist(), y, strict=True):
        exact = EXACT[name][0](exact_numbers.mpf(argument))
        rounded = value.dtype.type(float(exact))
        if abs(rounded) < np.finfo(value.dtype).tiny:
            unit = float(np.finfo(value.dtype).smallest_subnormal)
        else:
            unit = float(np.spacing(abs(rounded)))
        worst = max(worst, abs(float((exact_numbers.mpf(float(value)) - exact) / unit)))
    return worst


@pytest.mark.parametrize("target", native.targets())
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", native.FUNCTIONS)
def test_a_function_is_exact_to_its_last_digits(name: str, dtype: Any, target: Any) -> None:
    x = samples(name, dtype)
    assert error_in_ulp(name, x, native.evaluate(name, x, target)) <= EXACT[name][2]


INF, NAN = math.inf, math.nan
SPECIAL: dict[str, list[tuple[float, float]]] = {
    "exponential": [(INF, INF), (-INF, 0.0), (0.0, 1.0), (1e4, INF), (-1e4, 0.0)],
    "exponential_minus_one": [(INF, INF), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0), (1e4, INF), (-1e4, -1.0)],
    "logarithm_1p": [(INF, INF), (0.0, 0.0)],
    "tanh": [(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0), (1e300, 1.0)],
    "sigmoid": [(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (-1e4, 0.0)],
    "softplus": [(INF, INF), (-INF, 0.0), (-1e4, 0.0), (1e4, 1e4)],
    "erf": [(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0)],
    "normal": [(INF, 1.0), (-INF, 0.0), (0.0, 0.5)],
    "normal_density": [(INF, 0.0), (-INF, 0.0)],
    "sine": [(INF, NAN), (-INF, NAN), (0.0, 0.0), (-0.0, -0.0)],
    "cosine": [(INF, NAN), (0.0, 1.0)],
    "square_root": [(INF, INF), (0.0, 0.0), (-1.0, NAN)],
}


@pytest.mark.parametrize("target", native.targets())
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", native.FUNCTIONS)
def test_infinities_zeros_and_nan_travel_as_in_numpy(name: str, dtype: Any, target: Any) -> None:
    with np.errstate(over="ignore"):
        x = np.array([argument for argument, _ in SPECIAL[name]] + [NAN], dtype)
        expected = np.array([value for _, value in SPECIAL[name]] + [NAN], dtype)
    y = native.evaluate(name, x, target)
    np.testing.assert_array_equal(y, expected)
    signed = (expected == 0) & (x == 0)
    np.testing.assert_array_equal(np.signbit(y[signed]), np.signbit(expected[signed]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["exponential_minus_one", "logarithm_1p", "tanh", "erf", "sine"])
def test_denormals_pass_through_functions_with_slope_one(name: str, dtype: Any) -> None:
    tiny = np.finfo(dtype).smallest_subnormal
    x = tiny * np.array([1, 2, 3, 1000], dtype)
    slope = 2 / math.sqrt(math.pi) if name == "erf" else 1.0
    np.testing.assert_allclose(native.evaluate(name, x) / tiny, x / tiny * slope, atol=1)
