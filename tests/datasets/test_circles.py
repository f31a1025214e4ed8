"""The data of the exercise, number by number."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import make_circles

from firstdraw.datasets.circles import Circles


def test_the_first_rows_are_the_exercise_s() -> None:
    data = Circles().load()
    np.testing.assert_allclose(
        data.train.inputs[:3],
        [
            [-0.07741354010048114, 0.8526022642742742],
            [0.43186959584803564, -0.8721450395952108],
            [0.07916502322979652, 0.8406610985900007],
        ],
        rtol=1e-15,
    )
    np.testing.assert_allclose(
        data.test.inputs[:2],
        [[-0.5242373850862546, -0.6091036148461817], [-0.8508922630636758, -0.5214512721012066]],
        rtol=1e-15,
    )
    assert data.train.targets[:12].tolist() == [1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0]
    assert data.test.targets[:12].tolist() == [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    assert np.isclose(data.train.inputs.sum(), 0.10318058999808777, rtol=1e-12)
    assert np.isclose(data.test.inputs.sum(), -0.418253070660783, rtol=1e-12)
    assert np.bincount(data.train.targets).tolist() == [150, 150]
    assert np.bincount(data.test.targets).tolist() == [50, 50]


def test_they_are_what_the_exercise_draws_from_the_global_stream() -> None:
    data = Circles().load()
    np.random.seed(1)  # noqa: NPY002  # as the exercise does
    inputs, targets = make_circles(n_samples=300, noise=0.05)
    np.testing.assert_array_equal(data.train.inputs, inputs)
    np.testing.assert_array_equal(data.train.targets, targets)
    np.random.seed(2)  # noqa: NPY002
    inputs, targets = make_circles(n_samples=100, noise=0.05)
    np.testing.assert_array_equal(data.test.inputs, inputs)
    np.testing.assert_array_equal(data.test.targets, targets)


def test_without_noise_the_circles_are_round() -> None:
    train = Circles(noise=0, factor=0.25).load().train
    radius = np.hypot(*train.inputs.T)
    np.testing.assert_allclose(radius, np.where(train.targets == 1, 0.25, 1.0), rtol=1e-12)
