"""The published numbers are those that the script finds in the published runs, and the README tells what it prints."""

from __future__ import annotations

import csv
import gzip
import math
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from firstdraw.activations import ACTIVATIONS
from firstdraw.diagnosis import trainability_fit
from firstdraw.diagnosis.trainability import FEATURES, judge
from firstdraw.initializers import INITIALIZERS

STUDY = Path(__file__).parents[2] / "studies" / "trainability"
LARGEST_FILE = 700_000


def _script(name: str) -> ModuleType:
    spec = spec_from_file_location(f"trainability_{name}", STUDY / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Dataclasses look their module up by its name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def fit() -> ModuleType:
    return _script("fit")


@pytest.fixture(scope="module")
def table(fit: ModuleType) -> Any:
    return fit.load()


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(STUDY / "runs.csv.gz", "rt", newline="") as file:
        return list(csv.DictReader(file))


def test_the_runs_are_as_many_and_as_different_as_they_are_said_to_be(rows: list[dict[str, str]]) -> None:
    assert len(rows) >= 5_000
    assert {row["activation"] for row in rows} == set(_script("sweep").ACTIVATIONS_RUN) <= set(ACTIVATIONS)
    assert len({row["data"] for row in rows}) == 10
    assert len({row["start"] for row in rows}) >= 30
    assert {min(depths := [int(row["depth"]) for row in rows]), max(depths)} == {1, 100}
    assert (STUDY / "runs.csv.gz").stat().st_size < LARGEST_FILE


def test_the_starts_are_of_the_catalogue() -> None:
    sweep = _script("sweep")
    assert {name for name, _ in sweep.STARTS.values()} <= set(INITIALIZERS)


def test_the_published_numbers_are_those_of_the_fit(fit: ModuleType, table: Any) -> None:
    model = fit.whole_model(table)
    # Three decimals are published, and the minimum is flat: machines that round differently end a little apart.
    assert pytest.approx(model.constants, abs=0.02) == trainability_fit.CONSTANTS
    assert pytest.approx(model.adaptive, abs=0.02) == trainability_fit.ADAPTIVE
    assert {name for functions in trainability_fit.POINTS.values() for name in functions} == set(FEATURES)
    for condition, functions in trainability_fit.POINTS.items():
        assert list(functions) == list(fit.KNOTS[condition])
        for name, points in functions.items():
            places, nats = np.transpose(points)
            assert tuple(places) == fit.KNOTS[condition][name]
            np.testing.assert_allclose(nats, model.heights[condition][name], atol=0.05)


def test_the_package_judges_the_runs_as_the_fit_does(fit: ModuleType, table: Any, rows: list[dict[str, str]]) -> None:
    learned_from_all = fit.probabilities(table, learn=np.ones(len(rows), bool))
    for i in range(0, len(rows), 500):
        assert judge(fit.evidence_in(rows[i])).probability == pytest.approx(learned_from_all[i], abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["activations, three at a time", "data sets, one at a time", "depths above 30, learned from the others"],
)
def test_the_readme_tells_what_was_held_out(fit: ModuleType, table: Any, name: str) -> None:
    told = next(line for line in (STUDY / "README.md").read_text().splitlines() if line.startswith(f"| {name} |"))
    _, _, runs, trained, area, worst, brier, error, _ = (cell.strip() for cell in told.split("|"))
    found = fit.judged(*fit.split(table, name))
    assert (int(runs.replace(",", "")), int(trained.replace(",", ""))) == (found.runs, found.trained)
    for text, value in ((area, found.auc), (worst, found.worst), (brier, found.brier)):
        assert float(text) == pytest.approx(value, abs=1e-3)
    # A run that moves from one tenth to the next changes this a little.
    assert float(error) == pytest.approx(found.calibration_error, abs=3e-3)


def test_the_area_is_the_share_of_pairs_in_order(fit: ModuleType) -> None:
    rng = np.random.default_rng(1)
    predicted, trained = rng.integers(0, 5, 40) / 5, rng.integers(0, 2, 40).astype(float)
    pairs = [(p > q) + (p == q) / 2 for p in predicted[trained == 1] for q in predicted[trained == 0]]
    assert fit.auc(predicted, trained) == pytest.approx(np.mean(pairs))


def test_runs_can_be_measured_again(rows: list[dict[str, str]]) -> None:
    sweep = _script("sweep")
    for published in [row for row in rows if int(row["depth"]) * int(row["width"]) < 500][:3]:
        again = sweep.row_of(int(published["row"]), train=False)
        for name, value in again.items():
            if isinstance(value, float):
                assert math.isclose(float(published[name]), value, rel_tol=1e-3, abs_tol=1e-9) or math.isnan(value), (
                    name
                )
            else:
                assert published[name] == str(value)
