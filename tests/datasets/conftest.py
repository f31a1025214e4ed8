"""One small instance of every recipe in the catalogue; the two that read a file are given one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firstdraw.datasets import DATASETS, DatasetRecipe


def make_recipe(name: str, folder: Path) -> DatasetRecipe:
    if name == "csv":
        path = folder / "table.csv"
        path.write_text("a,kind,b\n" + "".join(f"{i},{'xyz'[i % 3]},{i * i}\n" for i in range(30)))
        return DATASETS[name](path=str(path), target="kind")
    if name == "npz":
        path = folder / "table.npz"
        np.savez(path, X=np.arange(60.0).reshape(30, 2), y=np.arange(30) % 3)
        return DATASETS[name](path=str(path))
    return DATASETS[name]()


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], DatasetRecipe]:
    """A function from a name to an instance with the default options."""
    return lambda name: make_recipe(name, tmp_path)


@pytest.fixture(params=list(DATASETS))
def recipe(request: pytest.FixtureRequest, make: Callable[[str], DatasetRecipe]) -> DatasetRecipe:
    return make(request.param)
