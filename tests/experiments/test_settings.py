"""`--set`: changes to a spec, one at a time."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from firstdraw.experiments import as_table, read_file, read_table

HE = {"name": "he_normal", "slope": 0.0, "mode": "fan_in"}


def _at(table: Any, *keys: str | int) -> Any:
    for key in keys:
        table = table[key]
    return table


@pytest.mark.parametrize(
    ("setting", "place", "value"),
    [
        ("training.steps=7", ("training", "steps"), 7),
        ("training.steps = 7", ("training", "steps"), 7),
        ("training.steps=1_000", ("training", "steps"), 1000),
        ("network.widths=[2, 64, 1]", ("network", "widths"), [2, 64, 1]),
        ("network.widths[1]=9", ("network", "widths"), [2, 9, 3, 1]),
        ("network.widths.1=9", ("network", "widths"), [2, 9, 3, 1]),
        ("seeds=[4, 5]", ("seeds",), [4, 5]),
        ('title="quoted = title"', ("title",), "quoted = title"),
        ("title=a bare title, with = in it ", ("title",), "a bare title, with = in it"),
        ("network.activation=relu", ("network", "activation"), {"name": "relu"}),
        ("network.activation.name=relu", ("network", "activation"), {"name": "relu"}),
        (
            "network.activation={name='leaky_relu', slope=0.3}",
            ("network", "activation"),
            {"name": "leaky_relu", "slope": 0.3},
        ),
        ("training.optimizer.learning_rate=0.25", ("training", "optimizer", "learning_rate"), 0.25),
        ("training.optimizer.learning_rate=1", ("training", "optimizer", "learning_rate"), 1.0),
        ("training.precision=float32", ("training", "precision"), "float32"),
        ("data.noise=0", ("data", "noise"), 0.0),
        ("initializations[1].label=other", ("initializations", 1, "label"), "other"),
        ("initializations[1].weights.slope=0.2", ("initializations", 1, "weights"), HE | {"slope": 0.2}),
        ("initializations[1].weights.mode=fan_out", ("initializations", 1, "weights"), HE | {"mode": "fan_out"}),
        ("initializations[2].biases=normal", ("initializations", 2, "biases", "name"), "normal"),
        (
            "initializations[0]={label='one', weights='he_normal'}",
            ("initializations", 0),
            {"label": "one", "weights": HE},
        ),
        ("recording.snapshots=[]", ("recording", "snapshots"), []),
        ("draws=numpy_legacy", ("draws",), "numpy_legacy"),
    ],
)
def test_a_setting_changes_what_it_names(
    small_table: dict[str, Any], setting: str, place: tuple[str | int, ...], value: object
) -> None:
    assert _at(as_table(read_table(small_table, [setting])), *place) == value


@pytest.mark.parametrize("setting", ["training.steps=7", "initializations[1].weights.slope=0.2", "network.widths[1]=9"])
def test_a_setting_changes_nothing_else(small_table: dict[str, Any], setting: str) -> None:
    kept = deepcopy(small_table)
    top = setting.partition(".")[0].partition("[")[0]
    before, after = as_table(read_table(small_table)), as_table(read_table(small_table, [setting]))
    assert {key for key in before if before[key] != after[key]} == {top}
    assert small_table == kept, "the table that was given is not changed"


def test_a_name_becomes_a_table_where_one_of_its_options_is_set(small_table: dict[str, Any]) -> None:
    named = small_table | {"data": "xor"}
    assert as_table(read_table(named, ["data.noise=0.25", "data.seed=9"]))["data"] == {
        "name": "xor",
        "train_size": 300,
        "test_size": 100,
        "noise": 0.25,
        "seed": 9,
    }


def test_a_setting_makes_the_table_that_is_missing(small_table: dict[str, Any]) -> None:
    without = {key: part for key, part in small_table.items() if key != "recording"}
    spec = read_table(without, ["recording.every=7", "recording.snapshots=[1]"])
    assert (spec.recording.every, spec.recording.snapshots) == (7, (1,))


def test_of_two_settings_the_later_one_counts(small_table: dict[str, Any]) -> None:
    assert read_table(small_table, ["training.steps=7", "training.steps=8"]).training.steps == 8


def test_a_data_file_is_looked_for_beside_the_spec(tmp_path: Path, small_table: dict[str, Any]) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    table = small_table | {"data": {"name": "csv", "path": "sub/data.csv", "target": "y"}}
    (folder / "spec.toml").write_text(tomli_w.dumps(table), encoding="utf-8")
    data: Any = read_file(folder / "spec.toml").data
    assert Path(data.path) == folder / "sub" / "data.csv"


def test_an_absolute_data_path_stays(tmp_path: Path, small_table: dict[str, Any]) -> None:
    absolute = str(tmp_path / "data.csv")
    table = small_table | {"data": {"name": "csv", "path": absolute, "target": "y"}}
    data: Any = read_table(table, folder=tmp_path / "elsewhere").data
    assert data.path == absolute


def test_without_a_file_a_data_path_is_relative_to_the_working_directory(small_table: dict[str, Any]) -> None:
    table = small_table | {"data": {"name": "npz", "path": "data.npz"}}
    data: Any = read_table(table).data
    assert data.path == "data.npz"
