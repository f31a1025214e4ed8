"""What is a part of a run's key, and what is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw import compiled
from firstdraw.engine import engine_named
from firstdraw.engine.version import ENGINE_VERSION, identity_of
from firstdraw.errors import InputError
from firstdraw.experiments import read_table
from firstdraw.experiments.store import Series, Wanted, described, series_of

REFERENCE = engine_named("reference")
Table = dict[str, Any]


def _series(table: Table, *settings: str) -> Series:
    return series_of(read_table(table, settings), REFERENCE)[0]


def test_a_description_is_one_text_for_one_value(small_table: Table) -> None:
    series = _series(small_table)
    assert series.start.text == '{"weights":{"name":"zeros"}}'
    assert series.task.text == (
        '{"data":{"factor":0.8,"name":"circles","noise":0.05,"test_seed":2,"test_size":20,"train_seed":1,"train_size":40},'
        '"draws":"counter","engine":{"name":"reference","version":1},"network":{"activation":{"name":"tanh"},'
        '"branches":[],"widths":[2,4,3,1]},"recording":{"every":5},"training":{"loss":{"name":"binary_cross_entropy"},'
        '"optimizer":{"learning_rate":0.5,"name":"sgd"},"precision":"float64","steps":20}}'
    )
    assert series.steps.tolist() == [0, 5, 10, 15, 20]
    assert series.layers == 3


@pytest.mark.parametrize(
    "setting", ["title=Another", "seeds=[1, 2]", "recording.snapshots=[3]", "initializations[0].label=nothing"]
)
def test_what_readers_are_told_is_no_part_of_a_key(small_table: Table, setting: str) -> None:
    assert _series(small_table, setting) == _series(small_table)


@pytest.mark.parametrize(
    "setting",
    [
        "data.noise=0.125",
        "data.train_seed=3",
        "data=moons",
        "network.widths=[2, 4, 4, 1]",
        "network.activation=relu",
        "network={widths=[2, 2, 1], branches=[{first=1, last=1}]}",
        "training.loss=squared_error",
        "training.optimizer.learning_rate=0.25",
        "training.optimizer=momentum",
        "training.steps=21",
        "training.batch_size=8",
        "training.precision=float32",
        "recording.every=4",
        "draws=numpy_legacy",
    ],
)
def test_all_that_determines_a_run_is_part_of_its_task(small_table: Table, setting: str) -> None:
    other, series = _series(small_table, setting), _series(small_table)
    assert other.task.key != series.task.key
    assert other.start == series.start


@pytest.mark.parametrize("part", ["weights=he_normal", "biases=normal", "fit=lsuv", "parametrization=mup"])
def test_an_initialization_is_the_start(small_table: Table, part: str) -> None:
    other, series = _series(small_table, f"initializations[0].{part}"), _series(small_table)
    assert other.start.key != series.start.key
    assert other.task == series.task


def test_each_initialization_is_a_series(small_table: Table) -> None:
    series = series_of(read_table(small_table), REFERENCE)
    assert len({one.start.key for one in series}) == 3
    assert len({one.task.key for one in series}) == 1


def test_the_engine_is_part_of_the_task(small_table: Table) -> None:
    assert identity_of(REFERENCE) == {"name": "reference", "version": ENGINE_VERSION}
    if compiled.is_built():
        native = series_of(read_table(small_table), engine_named("native"))[0]
        assert native.task.table["engine"] == {
            "name": "native",
            "version": ENGINE_VERSION,
            "instructions": compiled.best_target(),
        }
        assert native.task.key != _series(small_table).task.key


def _of_a_file(small_table: Table, path: Path) -> Series:
    data = {"name": "csv", "path": str(path), "target": "y"}
    return _series(small_table | {"data": data})


def test_a_data_file_counts_by_its_content(small_table: Table, tmp_path: Path) -> None:
    here, there = tmp_path / "a.csv", tmp_path / "b.csv"
    here.write_text("x,y\n1,u\n2,v\n3,u\n", encoding="utf-8")
    there.write_bytes(here.read_bytes())
    os.utime(there, (0, 0))
    series = _of_a_file(small_table, here)
    assert _of_a_file(small_table, there) == series
    assert "a.csv" not in series.task.text
    there.write_text("x,y\n1,u\n2,v\n4,u\n", encoding="utf-8")
    assert _of_a_file(small_table, there).task.key != series.task.key


def test_a_data_file_that_is_gone_is_refused(small_table: Table, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        _of_a_file(small_table, tmp_path / "none.csv")
    assert str(caught.value).startswith("`data.path` must be a file that can be read (No such file or directory), got ")


NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.text() | NUMBERS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def _disguised(value: Any) -> Any:
    """An equal value of other types, in another order."""
    match value:
        case bool() | str() | None:
            return value
        case dict():
            return {key: _disguised(value[key]) for key in reversed(list(value))}
        case list():
            return tuple(map(_disguised, value))
        case int():
            return float(value) if abs(value) < 2**53 else np.int64(value)
        case _:
            return np.float64(value)


@given(st.dictionaries(st.text(), VALUES))
def test_equal_values_have_one_description(table: Table) -> None:
    description = described(table)
    assert described(_disguised(table)).text == description.text
    assert description.table is not None


def test_numbers_that_differ_have_descriptions_that_differ() -> None:
    numbers = [0.1, 0.1 + 2**-56, 1, 2**53 + 1, 2.0**53, -0.5, float("inf"), float("-inf"), "1", True, None]
    assert len({described({"x": number}).text for number in numbers}) == len(numbers)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True])
def test_a_seed_that_no_draws_have_is_refused(small_table: Table, seed: Any) -> None:
    with pytest.raises(InputError) as caught:
        Wanted(_series(small_table), (0, seed))
    assert str(caught.value) == f"`seeds[1]` must be an integer from 0 to 2^64 - 1, got {seed}"


def test_a_run_is_wanted_once(small_table: Table) -> None:
    with pytest.raises(InputError) as caught:
        Wanted(_series(small_table), (0, 1, 0))
    assert str(caught.value) == "`seeds` must name each run once, and one is there twice"
