"""Circles and moons against scikit-learn's own, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_circles, make_moons

from firstdraw.datasets import Examples
from firstdraw.datasets.circles import Circles
from firstdraw.datasets.moons import Moons

SIZES = st.integers(2, 500)
NOISES = st.just(0.0) | st.floats(1e-3, 10)
SEEDS = st.integers(0, 2**32 - 1)


def _equal(part: Examples, inputs: np.ndarray, targets: np.ndarray) -> None:
    np.testing.assert_array_equal(part.inputs, inputs)
    np.testing.assert_array_equal(part.targets, targets)


@given(train=SIZES, test=st.integers(1, 100), noise=NOISES, factor=st.floats(0, 0.999), seed=SEEDS, other=SEEDS)
def test_circles_are_scikit_learn_s(train: int, test: int, noise: float, factor: float, seed: int, other: int) -> None:
    data = Circles(train, test, noise=noise, factor=factor, train_seed=seed, test_seed=other).load()
    for part, size, stream in ((data.train, train, seed), (data.test, test, other)):
        made = make_circles(size, noise=noise, factor=factor, random_state=np.random.RandomState(stream))
        _equal(part, *made)


@given(train=SIZES, test=st.integers(1, 100), noise=NOISES, seed=SEEDS, other=SEEDS)
def test_moons_are_scikit_learn_s(train: int, test: int, noise: float, seed: int, other: int) -> None:
    data = Moons(train, test, noise=noise, train_seed=seed, test_seed=other).load()
    for part, size, stream in ((data.train, train, seed), (data.test, test, other)):
        _equal(part, *make_moons(size, noise=noise, random_state=np.random.RandomState(stream)))


@pytest.mark.parametrize("recipe", [Circles, Moons])
def test_a_test_part_may_be_empty(recipe: type[Circles | Moons]) -> None:
    test = recipe(test_size=0).load().test
    assert (test.inputs.shape, test.inputs.dtype, test.targets.shape, test.targets.dtype) == (
        (0, 2),
        np.float64,
        (0,),
        np.int64,
    )
