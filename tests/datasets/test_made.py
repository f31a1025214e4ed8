"""The made data sets against their formulas, and against scikit-learn's where they are its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special
from sklearn.datasets import make_blobs

from firstdraw.datasets import DATASETS
from firstdraw.datasets.blobs import Blobs
from firstdraw.datasets.clouds import GaussianClouds
from firstdraw.datasets.spirals import Spirals
from firstdraw.datasets.xor import Xor
from firstdraw.errors import InputError


def test_blobs_are_scikit_learn_s_with_the_same_centers_in_both_parts() -> None:
    data = Blobs(train_size=60, test_size=40, classes=4, features=3, spread=0.5, seed=9).load()
    inputs, targets = make_blobs(100, 3, centers=4, cluster_std=0.5, shuffle=False, random_state=9)
    ours = np.column_stack(
        (np.vstack((data.train.inputs, data.test.inputs)), np.hstack((data.train.targets, data.test.targets)))
    )
    assert sorted(ours.tolist()) == sorted(np.column_stack((inputs, targets)).tolist())
    for k in range(4):
        centers = [part.inputs[part.targets == k].mean(axis=0) for part in (data.train, data.test)]
        # Two means of 15 and 10 examples: their difference deviates by 0.5 sqrt(1/15 + 1/10) = 0.2.
        np.testing.assert_allclose(*centers, atol=1.0)


def test_blobs_have_the_spread_that_was_asked() -> None:
    train = Blobs(train_size=20_000, test_size=0, classes=2, spread=3.0).load().train
    for k in range(2):
        # The standard error is 3/sqrt(2 * 10,000) = 0.02.
        np.testing.assert_allclose(train.inputs[train.targets == k].std(axis=0), 3.0, atol=0.1)


def test_xor_without_noise_is_the_sign_of_the_product() -> None:
    train = Xor(train_size=4000, noise=0).load().train
    np.testing.assert_array_equal(train.targets, (train.inputs.prod(axis=1) < 0).astype(int))
    assert np.abs(train.inputs).max() <= 1
    signs, counts = np.unique(np.sign(train.inputs), axis=0, return_counts=True)
    assert signs.tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    assert counts.tolist() == [1000] * 4
    # Coordinates are uniform over [-1, 1]: variance 1/3, with a standard error of 0.005.
    np.testing.assert_allclose(train.inputs.var(axis=0), 1 / 3, atol=0.025)


@pytest.mark.parametrize("name", ["xor", "spirals"])
def test_noise_is_added_to_the_points_without_it(name: str) -> None:
    clean, noisy = (DATASETS[name](train_size=8000, noise=noise).load().train for noise in (0, 0.3))
    np.testing.assert_array_equal(clean.targets, noisy.targets)
    noise = noisy.inputs - clean.inputs
    assert abs(noise.std() - 0.3) < 0.01
    assert abs(noise.mean()) < 0.015


@pytest.mark.parametrize("name", ["circles", "moons", "spirals", "xor"])
def test_noise_that_overflows_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^the training inputs must be finite, and \d+ of 600 are not, the first"):
        DATASETS[name](noise=1e308).load()


def test_spirals_without_noise_lie_on_their_arms() -> None:
    train = Spirals(train_size=999, classes=3, turns=1.25, noise=0).load().train
    r = np.hypot(*train.inputs.T)
    angle = 2 * math.pi * (1.25 * r + train.targets / 3)
    np.testing.assert_allclose(train.inputs, r[:, np.newaxis] * np.stack((np.cos(angle), np.sin(angle)), 1), atol=1e-12)
    assert r.max() <= 1
    assert r.min() > 0
    # The square of the radius is uniform: mean 1/2, with a standard error of 0.009.
    assert abs((r**2).mean() - 0.5) < 0.05


@pytest.mark.parametrize(("features", "distance"), [(1, 1.0), (2, 2.0), (30, 3.0), (4, 0.0)])
def test_the_best_rule_on_gaussian_clouds_reaches_the_bayes_accuracy(features: int, distance: float) -> None:
    recipe = GaussianClouds(train_size=40_000, test_size=0, features=features, distance=distance)
    train = recipe.load().train
    accuracy = ((train.inputs.sum(axis=1) > 0) == train.targets).mean()
    assert recipe.bayes_accuracy == pytest.approx(special.ndtr(distance / 2), rel=1e-14)
    # Four standard errors, at most 4 * 0.5 / sqrt(40,000).
    assert abs(accuracy - recipe.bayes_accuracy) < 0.01
    means = [train.inputs[train.targets == k].mean(axis=0) for k in (0, 1)]
    assert np.linalg.norm(means[1] - means[0]) == pytest.approx(distance, abs=0.02 * math.sqrt(features) + 0.02)


@pytest.mark.parametrize("name", ["xor", "spirals", "gaussian_clouds"])
def test_an_example_does_not_depend_on_how_many_there_are(name: str) -> None:
    few, many = (DATASETS[name](train_size=size, test_size=size - 1).load() for size in (5, 64))
    np.testing.assert_array_equal(few.train.inputs, many.train.inputs[:5])
    np.testing.assert_array_equal(few.test.inputs, many.test.inputs[:4])


def test_our_own_makers_keep_their_numbers() -> None:
    # Printed once by this code: a change here changes the data of everybody's experiments.
    assert Xor().load().train.inputs[0].tolist() == [0.2301045096630816, 0.6464227383036506]
    assert Spirals().load().train.inputs[1].tolist() == [-0.06499782964370258, -0.05239051463674474]
    assert GaussianClouds().load().test.inputs[0].tolist() == [-2.059675073992712, 0.2132843114370231]
