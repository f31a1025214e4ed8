"""What every data set of the catalogue must obey; a new member is tested by existing."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import numpy as np
import pytest

from firstdraw.datasets import DATASETS, DatasetRecipe
from firstdraw.datasets.splitting import SplitRecipe
from firstdraw.errors import InputError


def options(recipe: DatasetRecipe) -> dict[str, Any]:
    return {field.name: getattr(recipe, field.name) for field in fields(recipe)}


def test_the_catalogue_holds_what_the_package_promises() -> None:
    made = {"blobs", "circles", "gaussian_clouds", "moons", "spirals", "xor"}
    real = {"breast_cancer", "digits", "iris", "wine"}
    assert set(DATASETS) == made | real | {"csv", "npz"}


def test_two_loads_are_equal_bit_for_bit(recipe: DatasetRecipe) -> None:
    first, second = recipe.load(), replace(recipe).load()
    for one, other in ((first.train, second.train), (first.test, second.test)):
        assert one.inputs.tobytes() == other.inputs.tobytes()
        assert one.targets.tobytes() == other.targets.tobytes()


def test_loading_reads_and_moves_no_global_stream(recipe: DatasetRecipe) -> None:
    np.random.seed(5)  # noqa: NPY002  # the stream that must stay where it is
    first = recipe.load()
    assert np.random.random_sample() == np.random.RandomState(5).random_sample()  # noqa: NPY002
    assert (recipe.load().train.inputs == first.train.inputs).all()


def test_shapes_and_types_agree(recipe: DatasetRecipe) -> None:
    data = recipe.load()
    for part in (data.train, data.test):
        assert part.inputs.shape == (len(part), len(data.features))
        assert part.inputs.dtype == np.float64
        assert part.targets.shape == (len(part),)
        assert part.targets.dtype == np.int64
        assert np.isfinite(part.inputs).all()
    assert len(data.features) == len(set(data.features))
    assert len(data.classes) == len(set(data.classes)) == data.target_dimensions


def test_both_parts_have_every_class_and_no_other(recipe: DatasetRecipe) -> None:
    data = recipe.load()
    numbers = list(range(len(data.classes)))
    assert np.unique(data.train.targets).tolist() == numbers
    assert np.unique(data.test.targets).tolist() == numbers


def test_without_a_test_part_all_classes_are_trained(recipe: DatasetRecipe) -> None:
    none = {"test_size": 0} if "test_size" in options(recipe) else {"test_share": 0.0}
    data = replace(recipe, **none).load()
    assert len(data.test) == 0
    assert data.test.inputs.shape[1] == data.train.inputs.shape[1]
    assert np.unique(data.train.targets).tolist() == list(range(len(data.classes)))


@pytest.mark.parametrize(("train_size", "test_size"), [(3, 3), (7, 3), (50, 1), (3, 500)])
@pytest.mark.parametrize("name", [name for name in DATASETS if not issubclass(DATASETS[name], SplitRecipe)])
def test_sizes_are_as_asked(name: str, train_size: int, test_size: int) -> None:
    data = DATASETS[name](train_size=train_size, test_size=test_size).load()
    assert (len(data.train), len(data.test)) == (train_size, test_size)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("name", [name for name in DATASETS if issubclass(DATASETS[name], SplitRecipe)])
def test_the_test_share_is_as_asked(name: str, share: float, make: Callable[[str], DatasetRecipe]) -> None:
    data = replace(make(name), test_share=share).load()
    assert len(data.test) == round(share * (len(data.train) + len(data.test)))


def test_another_seed_gives_other_training_examples(recipe: DatasetRecipe) -> None:
    seed = next(name for name in ("seed", "train_seed", "split_seed") if name in options(recipe))
    other = replace(recipe, **{seed: 4}).load()
    assert (other.train.inputs != recipe.load().train.inputs).any()


def test_train_and_test_are_not_drawn_alike(recipe: DatasetRecipe) -> None:
    data = recipe.load()
    m = min(len(data.train), len(data.test))
    assert (data.train.inputs[:m] != data.test.inputs[:m]).any()


def test_recipes_are_frozen_values_with_a_name_and_a_description(recipe: DatasetRecipe) -> None:
    assert replace(recipe) == recipe
    assert hash(replace(recipe)) == hash(recipe)
    with pytest.raises(FrozenInstanceError):
        setattr(recipe, fields(recipe)[0].name, None)
    assert DATASETS[DATASETS.name_of(recipe)] is type(recipe)
    assert recipe.description.strip(". ") == recipe.description


NOT_A_SIZE = [-1, 1.5, True, "3", None, 2**49]
NOT_A_NUMBER = [-0.1, math.nan, math.inf, True, "x", None]
REFUSED = {
    "train_size": [0, 1, *NOT_A_SIZE],
    "test_size": NOT_A_SIZE,
    "classes": [0, 1, *NOT_A_SIZE],
    "features": [0, *NOT_A_SIZE],
    "noise": NOT_A_NUMBER,
    "spread": NOT_A_NUMBER,
    "distance": NOT_A_NUMBER,
    "turns": [0, *NOT_A_NUMBER],
    "factor": [1.0, *NOT_A_NUMBER],
    "test_share": [1.0, *NOT_A_NUMBER],
    "seed": NOT_A_SIZE,
    "train_seed": [2**32, *NOT_A_SIZE],
    "test_seed": [2**32, *NOT_A_SIZE],
    "split_seed": NOT_A_SIZE,
    "standardize": [0, 1, "no", None],
    "task": ["clasification", None, 3],
    "path": ["", None, 3, b"x"],
    "target": ["", None, 3],
    "inputs": ["", None, 3],
    "delimiter": ["", ";;", "\n", "\0", '"', None, 3],
}


def test_every_option_refuses_what_breaks_its_rule(recipe: DatasetRecipe) -> None:
    for option in options(recipe):
        for value in REFUSED[option]:
            with pytest.raises(InputError, match=r"must (not )?be ") as refusal:
                replace(recipe, **{option: value})
            # Sizes that are too large together are refused together.
            assert refusal.value.path in (option, ""), (option, value)


@pytest.mark.parametrize(
    ("name", "given"),
    [("circles", {"train_size": 2**30}), ("blobs", {"features": 2**25}), ("xor", {"test_size": 2**40})],
)
def test_data_that_fill_the_memory_are_refused(name: str, given: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"the data must have at most 2\^28 input values \(2 GiB\): examples times"):
        DATASETS[name](**given)


def test_scikit_learn_is_imported_only_where_data_are_loaded() -> None:
    program = "import sys, firstdraw.datasets; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603
