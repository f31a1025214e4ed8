"""The measured data sets: what scikit-learn ships, unchanged unless asked."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from firstdraw.datasets import DATASETS, Dataset
from firstdraw.datasets.real import BreastCancer, Digits, Iris, Wine

LOADERS = {"digits": load_digits, "iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer}


def together(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.vstack((data.train.inputs, data.test.inputs)),
        np.hstack((data.train.targets, data.test.targets)),
    )


def test_the_digits_have_their_known_counts_and_moments() -> None:
    inputs, targets = together(Digits().load())
    assert inputs.shape == (1797, 64)
    assert np.bincount(targets).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert inputs.mean() == pytest.approx(4.884164579855314, rel=1e-13)
    assert inputs.std() == pytest.approx(6.016787548672236, rel=1e-13)
    assert (inputs.min(), inputs.max()) == (0, 16)


@pytest.mark.parametrize(
    ("recipe", "shape", "counts"),
    [
        (Iris(), (150, 4), [50, 50, 50]),
        (Wine(), (178, 13), [59, 71, 48]),
        (BreastCancer(), (569, 30), [212, 357]),
    ],
    ids=["iris", "wine", "breast_cancer"],
)
def test_the_others_have_their_known_counts(
    recipe: Iris | Wine | BreastCancer, shape: tuple[int, int], counts: list[int]
) -> None:
    inputs, targets = together(recipe.load())
    assert inputs.shape == shape
    assert np.bincount(targets).tolist() == counts


@pytest.mark.parametrize("name", LOADERS)
def test_every_example_is_in_one_part_once_with_its_class(name: str) -> None:
    inputs, targets = together(DATASETS[name]().load())
    theirs = LOADERS[name]()
    ours = sorted(np.column_stack((inputs, targets)).tolist())
    assert ours == sorted(np.column_stack((theirs.data, theirs.target)).tolist())


@pytest.mark.parametrize("name", LOADERS)
def test_every_class_has_its_share_of_the_test_part(name: str) -> None:
    data = DATASETS[name](test_share=0.3).load()
    tested = np.bincount(data.test.targets)
    assert (np.abs(tested - 0.3 * np.bincount(together(data)[1])) < 1).all()


@pytest.mark.parametrize("name", LOADERS)
def test_standardization_is_fitted_on_the_training_part(name: str) -> None:
    raw, data = (DATASETS[name](standardize=flag).load() for flag in (False, True))
    mean, deviation = raw.train.inputs.mean(axis=0), raw.train.inputs.std(axis=0)
    varies = deviation > 0
    np.testing.assert_allclose(data.train.inputs.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(data.train.inputs.std(axis=0), varies, atol=1e-12)
    expected = (raw.test.inputs - mean) / np.where(varies, deviation, 1)
    np.testing.assert_allclose(data.test.inputs, expected, atol=1e-12)
    assert (np.abs(data.test.inputs.mean(axis=0))[varies] > 1e-3).any()
    np.testing.assert_array_equal(data.test.targets, raw.test.targets)
