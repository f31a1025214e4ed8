"""The comparison table and what a result offers in Python."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import firstdraw
from firstdraw import FirstdrawError, InputError, Result
from firstdraw.report.summary import Spread


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9))
def test_a_spread_holds_the_middle_and_the_ends(values: list[float]) -> None:
    spread = Spread.of(values)
    assert (spread.smallest, spread.largest) == (min(values), max(values))
    assert spread.median == pytest.approx(float(np.median(values)))
    assert spread.smallest <= spread.median <= spread.largest


@pytest.mark.parametrize(
    ("values", "pattern", "text"),
    [
        ([0.5], ".2%", "50.00%"),
        ([0.5, 0.5], ".2%", "50.00%"),
        ([0.5, 0.75, 1.0], ".0%", "75% (50% to 100%)"),
        ([math.inf], ".4f", "inf"),
        ([1.0, math.inf, math.inf], ".4f", "inf (1.0000 to inf)"),
        ([math.nan], ".2%", "-"),
        ([999_999.0, 1e6, 2e274], ".4f", "1e+06 (999999.0000 to 2e+274)"),
        ([1.0, math.nan], ".4f", "1.0000"),
    ],
)
def test_a_spread_is_told_with_its_ends_where_there_are_any(values: list[float], pattern: str, text: str) -> None:
    assert str(Spread.of(values, pattern)) == text


def test_a_row_sums_up_the_seeds_of_an_initialization(result: Result) -> None:
    rows = result.table()
    assert [row.label for row in rows] == ["zeros", "He", "x100"]
    for row in rows:
        runs = result.record.runs_of(row.label)
        assert row.seeds == len(runs) == 3
        accuracies = [run.trajectory.train_accuracy[0, -1] for run in runs]
        assert (row.train_accuracy.smallest, row.train_accuracy.largest) == (min(accuracies), max(accuracies))
        assert row.test_accuracy.median == np.median([run.trajectory.test_accuracy[0, -1] for run in runs])
        assert row.first_cost.median == np.median([run.trajectory.cost[0, 0] for run in runs])
        assert row.last_cost.median == np.median([run.trajectory.cost[0, -1] for run in runs])


def test_both_first_costs_are_told_where_they_disagree(result: Result) -> None:
    rows = {row.label: row for row in result.table()}
    assert not rows["He"].overflows
    assert rows["He"].first_cost_shown == str(rows["He"].first_cost)
    assert rows["x100"].overflows
    assert rows["x100"].first_cost_shown == f"inf (overflow-safe {rows['x100'].first_cost.median:.3f})"


def test_the_exercise_sums_up_to_the_numbers_of_the_write_up(exercise_result: Result) -> None:
    rows = {row.label: row for row in exercise_result.table()}
    assert str(rows["zeros"].train_accuracy) == str(rows["zeros"].test_accuracy) == "50.00%"
    assert rows["normal x10"].first_cost_shown == "inf (overflow-safe 1773.586)"
    assert str(rows["He"].train_accuracy) == "99.33%"
    assert str(rows["He"].test_accuracy) == "96.00%"
    assert rows["zeros"].verdict == (
        "Symmetry is never broken: the 10 units of layer 1 stay identical for all 15,000 steps (largest difference 0). "
        "After 15,000 steps every prediction is class 0."
    )


def test_the_verdict_over_seeds_counts_the_causes(result: Result) -> None:
    verdicts = {row.label: row.verdict for row in result.table()}
    assert verdicts["zeros"].startswith("Unbroken symmetry in 3 of 3 seeds; ")
    assert "Saturated output in 3 of 3 seeds" in verdicts["x100"]
    assert all(verdict.endswith(" seeds.") for verdict in verdicts.values())


def test_the_verdict_of_one_seed_is_its_run_s(exercise_result: Result) -> None:
    for row in exercise_result.table():
        assert row.verdict == exercise_result.run_of(row.label).verdict


def test_a_result_is_told_in_one_line_a_row(result: Result) -> None:
    lines = repr(result).splitlines()
    assert [line.split()[0] for line in lines] == ["zeros", "He", "x100"]
    assert lines[0].startswith("zeros  train 50.00%  test 50.00%  cost 0.6931 -> 0.6931")
    assert len({line.index("  train") for line in lines}) == 1, "labels are padded"


def test_a_run_is_found_by_its_label_and_its_seed(result: Result) -> None:
    assert result.run_of("He").seed == 0
    assert result.run_of("He", 2).seed == 2
    assert result.run_of("He", 2).label == "He"


@pytest.mark.parametrize(("label", "seed"), [("he", None), ("He", 7)])
def test_a_run_that_is_not_there_is_refused(result: Result, label: str, seed: int | None) -> None:
    with pytest.raises(InputError) as caught:
        result.run_of(label, seed)
    assert str(caught.value) == (
        f"`label` must be one of ['zeros', 'He', 'x100'], with a seed of [0, 1, 2], got {(label, seed)}"
    )


def test_pandas_gets_a_row_a_run(result: Result) -> None:
    frame = result.to_pandas()
    assert list(frame.columns) == [
        "label",
        "seed",
        "train_accuracy",
        "test_accuracy",
        "first_textbook_cost",
        "first_cost",
        "last_cost",
        "diverged",
        "cause",
        "verdict",
    ]
    assert len(frame) == 9
    assert frame.groupby("label", sort=False).size().to_dict() == {"zeros": 3, "He": 3, "x100": 3}
    for row, run in zip(frame.itertuples(), result.record.runs, strict=True):
        assert (row.label, row.seed, row.verdict) == (run.label, run.seed, run.verdict)
        assert row.last_cost == run.trajectory.cost[0, -1]
    assert frame["first_textbook_cost"].max() == math.inf


def test_without_pandas_the_rest_works(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    assert len(result.table()) == 3
    with pytest.raises(FirstdrawError) as caught:
        result.to_pandas()
    assert str(caught.value) == "`to_pandas` needs pandas, which is not installed: `pip install pandas`"


@pytest.mark.parametrize(
    "plot",
    [
        lambda result, ax: result.plot_data(ax=ax),
        lambda result, ax: result.plot_data(part="test", ax=ax),
        lambda result, ax: result.plot_cost(ax=ax),
        lambda result, ax: result.plot_cost(scale="linear", ax=ax),
        lambda result, ax: result.plot_accuracy(ax=ax),
        lambda result, ax: result.plot_boundary("He", ax=ax),
        lambda result, ax: result.plot_boundary("He", seed=2, step=0, ax=ax),
        lambda result, ax: result.plot_layers(ax=ax),
        lambda result, ax: result.plot_layers(quantity="gradient", ax=ax),
    ],
)
def test_a_result_draws_on_the_axes_it_is_given(result: Result, plot: Callable[[Result, Any], Any]) -> None:
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert plot(result, ax) is ax
    assert ax.has_data()


@pytest.mark.parametrize("name", sorted(firstdraw.__all__))
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(firstdraw, name) is not None
    assert name in dir(firstdraw)


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match=r"^module 'firstdraw' has no attribute 'runn'$"):
        _ = firstdraw.runn


def test_a_spec_may_be_given_in_every_way(table: dict[str, Any], tmp_path: Any) -> None:
    from firstdraw.experiments import as_toml

    spec = firstdraw.read_spec(table)
    path = tmp_path / "spec.toml"
    path.write_text(as_toml(spec), encoding="utf-8")
    for way in (spec, table, path, str(path)):
        assert firstdraw.read_spec(way) == spec
    assert firstdraw.read_spec(table, ["training.steps=3"]).training.steps == 3
    assert firstdraw.read_spec().title == "Four ways to start a small network on two circles"
