"""The table of a grid, its document, and what a result offers in Python."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import numpy as np
import pytest

from firstdraw.errors import FirstdrawError
from firstdraw.experiments.grid import read_grid_table
from firstdraw.experiments.grid_record import GridRecord
from firstdraw.experiments.statistics import ranking_of_cell, share_interval, tuned_rankings
from firstdraw.experiments.statistics.steps_to import steps_to
from firstdraw.grid_result import GridResult
from firstdraw.report.grid_document import GRID_SCHEMA, GridDocument
from firstdraw.report.grid_summary import MiddleHalf, percent, rankings_of

TABLE: dict[str, Any] = {
    "title": "a small grid",
    "seeds": 6,
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 6, 1]},
    "training": {"loss": "binary_cross_entropy", "steps": 40},
    "recording": {"every": 10},
    "initializations": [{"label": "He", "weights": "he_normal"}, {"label": "zeros", "weights": "zeros"}],
    "axes": [
        {"training.optimizer": ["adam", {"name": "sgd", "learning_rate": 0.5}]},
        {"network.depth": [2, 3], "training.steps": [20, 40]},
    ],
}
DIVERGING = {"loss": "squared_error", "optimizer": {"name": "sgd", "learning_rate": 1e12}, "steps": 20}


@pytest.fixture(scope="module")
def grid_result(run_grid: Callable[[dict[str, Any]], GridRecord]) -> GridResult:
    return GridResult(run_grid(TABLE))


@pytest.fixture(scope="module")
def diverged_grid(run_grid: Callable[[dict[str, Any]], GridRecord]) -> GridResult:
    """Runs that overflow, or of the first initialization diverge and of which one is missing; without test examples."""
    data = TABLE["data"] | {"test_size": 0}
    record = run_grid(TABLE | {"training": DIVERGING, "data": data, "axes": [], "seeds": 3})
    first = record.series[0][0]
    two = first.runs.chosen(np.arange(2))
    lost = np.full(two.cost.shape, np.nan)
    runs = replace(two, diverged=np.ones(2, bool), cost=lost, train_accuracy=lost, test_accuracy=lost)
    part = replace(first, runs=runs)
    return GridResult(replace(record, series=((part, *record.series[0][1:]),)))


def test_a_row_is_what_came_of_a_series(grid_result: GridResult) -> None:
    rows = grid_result.table()
    found = [(cell, one) for cell, series in enumerate(grid_result.record.series) for one in series]
    assert len(rows) == len(found) == 8
    for row, (cell, one) in zip(rows, found, strict=True):
        assert (row.cell, row.coordinates, row.initialization) == (cell, one.cell.label, one.initialization.label)
        assert (row.runs, row.missing, row.failures) == (6, 0, int(one.failed.sum()))
        assert row.failed == share_interval(row.failures, 6)
        for middle, values in (
            (row.last_cost, one.runs.cost[:, -1]),
            (row.train_accuracy, one.runs.train_accuracy[:, -1]),
            (row.test_accuracy, one.runs.test_accuracy[:, -1]),
        ):
            assert (middle.low, middle.median, middle.high) == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]))
        ranking = ranking_of_cell(grid_result.record.series[cell])
        assert ranking is not None
        assert row.group == next(item.group for item in ranking.rows if item.label == row.initialization)


def test_rankings_are_made_of_as_many_cells_as_asked(grid_result: GridResult, diverged_grid: GridResult) -> None:
    assert list(rankings_of(grid_result.record)) == [0, 1, 2, 3]
    assert list(rankings_of(grid_result.record, 2)) == [0, 1]
    assert rankings_of(diverged_grid.record) == {}


def test_runs_that_diverged_count_as_the_worst(diverged_grid: GridResult) -> None:
    he, zeros = diverged_grid.table()
    assert (he.runs, he.missing, he.group) == (2, 1, None)
    assert str(zeros.last_cost) == str(he.last_cost) == "inf"
    assert str(he.train_accuracy) == "-"
    assert math.isnan(zeros.test_accuracy.median)
    half = MiddleHalf.of(np.array([0.5, math.nan, math.nan, 0.25]))
    assert (half.low, half.median, half.high) == (0.4375, math.inf, math.inf)
    assert str(MiddleHalf(0.5, -math.inf, 1.0, ".1%")) == "50.0% (- to 100.0%)"
    assert (percent(0.001), percent(0.999), percent(math.nan)) == ("<1%", ">99%", "-")


@pytest.mark.parametrize(
    "library", ["pandas", *(pytest.param(name, marks=pytest.mark.parity) for name in ("polars", "pyarrow"))]
)
@pytest.mark.parametrize("curves", [False, True])
def test_every_library_gets_the_same_rows(grid_result: GridResult, library: str, curves: bool) -> None:
    pytest.importorskip(library)
    methods = {"pandas": "to_pandas", "polars": "to_polars", "pyarrow": "to_arrow"}
    table = getattr(grid_result, methods[library])(curves=curves)
    columns = grid_result.to_columns(curves=curves)
    lists = {name: table[name].to_list() if library != "pyarrow" else table[name].to_pylist() for name in columns}
    assert {name: [_comparable(x) for x in own] for name, own in lists.items()} == {
        name: [_comparable(x) for x in own] for name, own in columns.items()
    }


def _comparable(value: Any) -> Any:
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def test_there_is_a_row_a_run(grid_result: GridResult) -> None:
    columns = grid_result.to_columns()
    assert list(columns) == [
        "cell",
        "training.optimizer",
        "network.depth",
        "training.steps",
        "label",
        "seed",
        "diverged",
        "failed",
        "last_step",
        "first_cost",
        "last_cost",
        "last_test_cost",
        "train_accuracy",
        "test_accuracy",
    ]
    assert {len(own) for own in columns.values()} == {48}
    i = 0
    for cell, series in enumerate(grid_result.record.series):
        for one in series:
            for k, seed in enumerate(one.runs.seeds.tolist()):
                row = {name: own[i] for name, own in columns.items()}
                assert (row["cell"], row["label"], row["seed"]) == (cell, one.initialization.label, seed)
                assert row["network.depth"] == dict(one.cell.coordinates)["network.depth"]
                assert row["last_cost"] == one.runs.cost[k, -1]
                assert row["failed"] == one.failed[k]
                i += 1
    assert set(columns["training.optimizer"]) == {"adam", "{'name': 'sgd', 'learning_rate': 0.5}"}


def test_there_is_a_row_a_run_and_step(grid_result: GridResult) -> None:
    columns = grid_result.to_columns(curves=True)
    expected = sum(one.runs.cost.size for series in grid_result.record.series for one in series)
    assert {len(own) for own in columns.values()} == {expected}
    one = grid_result.record.series[0][0]
    assert columns["cost"][: one.runs.cost.size] == one.runs.cost.ravel().tolist()
    assert columns["step"][: len(one.runs.steps)] == one.runs.steps.tolist()


@pytest.mark.parametrize(
    ("library", "sentence"),
    [
        ("pandas", "`to_pandas` needs pandas, which is not installed: `pip install pandas`"),
        ("polars", "`to_polars` needs polars, which is not installed: `pip install polars`"),
        ("pyarrow", "`to_arrow` needs pyarrow, which is not installed: `pip install pyarrow`"),
    ],
)
def test_without_a_library_the_rest_works(
    grid_result: GridResult, monkeypatch: pytest.MonkeyPatch, library: str, sentence: str
) -> None:
    real = importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name == library:
            raise ModuleNotFoundError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    assert grid_result.to_columns()
    with pytest.raises(FirstdrawError) as caught:
        getattr(grid_result, sentence.split("`")[1])()
    assert str(caught.value) == sentence


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("name", ["grid_result", "diverged_grid"])
def test_the_document_is_strict_json_of_the_record(request: pytest.FixtureRequest, name: str) -> None:
    result: GridResult = request.getfixturevalue(name)
    text = result.to_json()
    document = json.loads(text, parse_constant=_refuse)
    assert text.endswith("}\n")
    assert document["schema"] == GRID_SCHEMA == "firstdraw.grid/1"
    assert msgspec.json.decode(text, type=GridDocument, strict=True).engine == result.record.engine.name
    assert read_grid_table(document["grid"]).cells == result.record.grid.cells
    found = [one for series in result.record.series for one in series]
    for told, one in zip(document["runs"], found, strict=True):
        assert told["seeds"] == one.runs.seeds.tolist()
        for records in ("cost", "test_cost", "train_accuracy", "test_accuracy"):
            expected = one.last(records)
            np.testing.assert_array_equal(
                np.array(told[records], np.float64), np.where(np.isfinite(expected), expected, np.nan)
            )
    for item in document["nonfinite"]:
        assert item["value"] in {"nan", "inf", "-inf"}


def test_the_names_are_the_ones_that_programs_rely_on(grid_result: GridResult) -> None:
    document = json.loads(grid_result.to_json())
    assert sorted(document) == ["cells", "engine", "grid", "nonfinite", "runs", "schema", "summary", "version"]
    assert sorted(document["cells"][0]) == ["coordinates", "label", "ranking"]
    assert sorted(document["cells"][0]["ranking"]) == ["contests", "level", "measure", "rows", "sentences"]
    assert sorted(document["summary"][0]) == [
        "cell",
        "failed",
        "failures",
        "group",
        "initialization",
        "last_cost",
        "missing",
        "refused",
        "runs",
        "test_accuracy",
        "train_accuracy",
    ]
    assert sorted(document["summary"][0]["last_cost"]) == ["high", "low", "median"]
    assert sorted(document["runs"][0]) == [
        "cell",
        "cost",
        "diverged",
        "failed",
        "initialization",
        "last_step",
        "seeds",
        "test_accuracy",
        "test_cost",
        "train_accuracy",
    ]


def test_a_result_is_told_in_a_line_a_row(grid_result: GridResult) -> None:
    lines = repr(grid_result).splitlines()
    assert len(lines) == 8
    for line, row in zip(lines, grid_result.table(), strict=True):
        assert line.startswith(f"{row.coordinates}  {row.initialization}")
        assert line.endswith(f"failed {row.failures} of 6  cost {row.last_cost}  test {row.test_accuracy}")


def test_steps_and_tuned_rankings_are_those_of_the_statistics(grid_result: GridResult) -> None:
    found = grid_result.steps_to(0.95)
    assert len(found) == 8
    again = steps_to([grid_result.record.series[1][0]], 0.95)
    np.testing.assert_array_equal(found[1, "He"].share, again.share)
    assert grid_result.tuned() == tuned_rankings(grid_result.record) == ()


def test_a_page_is_saved_and_shown(grid_result: GridResult, tmp_path: Path) -> None:
    path = grid_result.save(tmp_path / "grid.html")
    assert path.read_text(encoding="utf-8") == grid_result.to_html()
    assert [item.name for item in tmp_path.iterdir()] == ["grid.html"]
    assert grid_result._repr_html_().startswith('<iframe title="firstdraw report"')
