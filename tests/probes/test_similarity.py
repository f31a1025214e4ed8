"""Units that are nearly equal or nearly each other's negative, against comparing them one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.networks import Layer
from firstdraw.probes import Similarity, similarity, statistics


def one_by_one(u: Floats, distance: float) -> Similarity:
    largest, similar, mirrored = -1.0, set[int](), set[int]()
    for j, k in itertools.combinations(range(len(u)), 2):
        lengths = [float(np.linalg.norm(u[i])) for i in (j, k)]
        if min(lengths) > 0:
            largest = max(largest, abs(float(u[j] @ u[k])) / (lengths[0] * lengths[1]))
        for found, sign in ((similar, 1), (mirrored, -1)):
            if np.linalg.norm(u[j] - sign * u[k]) <= distance * max(lengths):
                found |= {j, k}
    return Similarity(largest if largest >= 0 else math.nan, len(similar), len(mirrored))


def layer_of(u: Floats) -> Layer:
    return Layer(np.ascontiguousarray(u[:, :-1]), np.ascontiguousarray(u[:, -1:]))


@given(
    units=st.integers(1, 9),
    inputs=st.integers(1, 4),
    distance=st.sampled_from([0.0, 0.03, 0.2, 0.7]),
    seed=st.integers(0, 2**32 - 1),
    in_parts=st.booleans(),
)
def test_similar_and_mirrored_units_are_those_that_comparing_one_by_one_finds(
    units: int, inputs: int, distance: float, seed: int, *, in_parts: bool
) -> None:
    stream = np.random.default_rng(seed)
    # Copies, negatives, zeros and disturbed copies of a few vectors.
    few = np.vstack([stream.normal(size=(3, inputs + 1)), np.zeros((1, inputs + 1))])
    u = few[stream.integers(0, 4, units)] * stream.choice([-1, 1], (units, 1))
    u += stream.choice([0, 0.05], (units, 1)) * stream.normal(size=u.shape)
    with pytest.MonkeyPatch.context() as patch:
        if in_parts:
            patch.setattr(statistics, "ROWS_A_GRAM", 2)
        found = similarity(layer_of(u), distance)
    expected = one_by_one(u, distance)
    assert (found.similar_units, found.mirrored_units) == (expected.similar_units, expected.mirrored_units)
    assert found.largest_cosine == pytest.approx(expected.largest_cosine, abs=1e-14, nan_ok=True)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_neither_the_scale_nor_the_precision_of_the_weights_counts(dtype: type, scale: float) -> None:
    u = np.array([[1, 2, 0], [1, 2.001, 0], [-1, -2, 0], [0, 0, 1]]) * scale
    found = similarity(layer_of(u.astype(dtype)))
    assert (found.similar_units, found.mirrored_units) == (2, 3)
    assert found.largest_cosine == pytest.approx(1, abs=1e-6)


def test_equal_directions_of_different_lengths_are_not_similar() -> None:
    assert similarity(layer_of(np.array([[1.0, 1.0], [2.0, 2.0]]))) == Similarity(pytest.approx(1), 0, 0)


def test_zeros_are_similar_and_have_no_cosine() -> None:
    found = similarity(layer_of(np.zeros((3, 2))))
    assert (found.similar_units, found.mirrored_units) == (3, 3)
    assert math.isnan(found.largest_cosine)
    assert math.isnan(similarity(layer_of(np.ones((1, 2)))).largest_cosine)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_units_that_are_not_finite_are_near_no_other(value: float) -> None:
    found = similarity(layer_of(np.array([[value, 1.0], [value, 1.0], [1.0, 2.0], [1.0, 2.0]])))
    assert found.mirrored_units == 0
    assert math.isnan(found.largest_cosine)


def test_a_distance_is_a_share() -> None:
    with pytest.raises(InputError) as caught:
        similarity(layer_of(np.eye(2)), 1.0)
    assert str(caught.value) == "`distance` must be a number of at least 0 and below 1, got 1.0"
