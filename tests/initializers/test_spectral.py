"""The spectral condition: the largest singular value is of the order of sqrt(m/n) for every shape."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS
from firstdraw.roles import weight_role

SIZES = (1, 8, 64, 512)


def scaled_norm(name: str, m: int, n: int) -> float:
    role = weight_role((m, n))
    W = INITIALIZERS[name]().law(role).sample(CounterDraws(0), role.name, role.shape)
    return float(np.linalg.norm(W, 2)) * math.sqrt(n / m)


@pytest.mark.parametrize(("m", "n"), [pair for pair in itertools.product(SIZES, SIZES) if max(pair) > 8])
def test_the_largest_singular_value_is_of_the_order_of_its_shape(m: int, n: int) -> None:
    # sigma (sqrt(n) + sqrt(m)) sqrt(n/m): 1 + sqrt(n/m) where m >= n, and 1 + sqrt(m/n) elsewhere, within the spread
    # of a Gaussian matrix's norm, sigma = 1/sqrt(max) in these units.
    expected = 1 + math.sqrt(min(m, n) / max(m, n))
    assert scaled_norm("spectral", m, n) == pytest.approx(expected, abs=4 / math.sqrt(max(m, n)) + 0.02)


def test_a_law_of_the_fan_in_alone_breaks_it_where_outputs_are_few() -> None:
    assert scaled_norm("lecun_normal", 1, 512) > 10 * scaled_norm("spectral", 1, 512)
