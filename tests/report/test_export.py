"""Stored runs as CSV, JSON lines and Parquet: every number as it is stored, whole or not at all."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firstdraw.engine import engine_named
from firstdraw.errors import FirstdrawError, OutputError, StoreError
from firstdraw.experiments import Spec, batches_of, prepare, read_table
from firstdraw.experiments.store import Finished, Store, StoredRuns, Wanted, series_of
from firstdraw.report import export as export_module
from firstdraw.report.export import FORMATS, export

TABLE: dict[str, Any] = {
    "seeds": [0, 1, 2],
    "data": {"name": "xor", "train_size": 20, "test_size": 10},
    "network": {"widths": [2, 3, 1], "activation": "tanh"},
    "training": {"loss": "binary_cross_entropy", "optimizer": {"name": "sgd", "learning_rate": 0.5}, "steps": 20},
    "recording": {"every": 10},
    "initializations": [{"label": "He", "weights": "he_normal"}, {"label": "zeros", "weights": "zeros"}],
}


def _finished(spec: Spec) -> list[Finished]:
    """All runs of a spec, trained; the last of each initialization has diverged, and its records are not finite."""
    engine = engine_named("reference")
    prepared = prepare(spec)
    (batch,) = batches_of((prepared,))
    starts = np.array([run.draw() for run in batch.runs])
    trained = engine.train(batch.problem, starts, tuple(run.seed for run in batch.runs), None)
    parts: list[Finished] = []
    for i, series in enumerate(series_of(spec, engine)):
        own = [trained.one(len(spec.seeds) * i + k) for k in range(len(spec.seeds))]
        for seed, one in zip(spec.seeds, own, strict=True):
            if seed == 2:
                cost = np.array([[1.0, math.inf, math.nan]])
                gradients = one.gradient_rms * np.array([1.0, 1.0, math.nan])[:, np.newaxis]
                ended = replace(one.outcomes[0], diverged=True, step=7, layer=2)
                one = replace(one, cost=cost, gradient_rms=gradients, outcomes=(ended,))  # noqa: PLW2901
            parts.append(Finished(Wanted(series, (seed,)), one))
    return parts


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.create_or_open(tmp_path / "results.db") as opened:
        opened.put(_finished(read_table(TABLE)))
        yield opened


def _all(store: Store) -> list[tuple[Any, StoredRuns, int]]:
    """Every run of a store, in the order of an export."""
    return [(series, runs, i) for series in store.series() for runs in (store.runs(series),) for i in range(len(runs))]


def test_csv_has_the_ends_of_every_curve(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    assert export(store, path, "csv") == 6
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("task", "start", "data", "widths", "activation", "loss", "optimizer", "precision", "engine", "weights"),
        *("learning_rate", "batch_size", "steps", "seed", "diverged", "last_step", "layer"),
        *("first_cost", "last_cost", "first_test_cost", "last_test_cost"),
        *("first_train_accuracy", "last_train_accuracy", "first_test_accuracy", "last_test_accuracy"),
    ]
    for row, (series, runs, i) in zip(rows, _all(store), strict=True):
        assert (row["task"], row["start"], int(row["seed"])) == (str(series.task), str(series.start), runs.seeds[i])
        assert (row["data"], row["widths"], row["weights"]) == ("xor", "2 3 1", series.weights)
        assert (row["learning_rate"], row["batch_size"], row["steps"]) == ("0.5", "", "20")
        assert (row["diverged"], row["layer"]) == (("true", "2") if runs.diverged[i] else ("false", ""))
        for name in ("cost", "test_cost", "train_accuracy", "test_accuracy"):
            for end, place in (("first", 0), ("last", -1)):
                np.testing.assert_equal(float(row[f"{end}_{name}"]), getattr(runs, name)[i, place])


def test_pandas_reads_the_csv(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path / "runs.csv", "csv")
    table = pd.read_csv(tmp_path / "runs.csv")
    assert table["diverged"].sum() == 2
    assert table["last_cost"].isna().sum() == 2


def test_json_lines_have_everything(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    assert export(store, path, "jsonl") == 6

    def refused(text: str) -> None:
        raise AssertionError(text)

    lines = [json.loads(line, parse_constant=refused) for line in path.read_text(encoding="utf-8").splitlines()]
    for line, (series, runs, i) in zip(lines, _all(store), strict=True):
        assert line["schema"] == "firstdraw.run/1"
        assert (line["weights"], line["seed"]) == (series.weights, runs.seeds[i])
        assert (line["diverged"], line["last_step"], line["layer"]) == (
            (True, 7, 2) if runs.diverged[i] else (False, 20, None)
        )
        assert line["recorded_steps"] == [0, 10, 20]
        for item in line["nonfinite"]:
            place: Any = line
            *outer, last = item["path"].replace("[", " ").replace("]", "").split()
            for part in outer:
                place = place[int(part) if part.isdigit() else part]
            assert place[int(last)] is None
            place[int(last)] = float(item["value"])
        for name in ("cost", "test_cost", "train_accuracy", "test_accuracy"):
            np.testing.assert_array_equal(line[name], getattr(runs, name)[i])
        for name in ("activation_rms", "gradient_rms", "weight_rms", "distinct_units"):
            np.testing.assert_array_equal(line[name], getattr(runs, name)[i])
    assert sum(len(line["nonfinite"]) for line in lines) == 2 * (2 + 2)


@pytest.mark.parity
def test_parquet_has_everything(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    assert export(store, path, "parquet") == 6
    rows = pd.read_parquet(path, engine="pyarrow").to_dict("records")
    for row, (series, runs, i) in zip(rows, _all(store), strict=True):
        assert (row["task"], row["weights"], row["seed"]) == (str(series.task), series.weights, runs.seeds[i])
        np.testing.assert_array_equal(row["recorded_steps"], runs.steps)
        for name in ("cost", "test_cost", "train_accuracy", "test_accuracy"):
            np.testing.assert_array_equal(row[name], getattr(runs, name)[i])
        for name in ("activation_rms", "gradient_rms", "weight_rms", "distinct_units"):
            np.testing.assert_array_equal([row[f"first_{name}"], row[f"last_{name}"]], getattr(runs, name)[i])


def test_parquet_without_pyarrow_says_how_to_get_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FirstdrawError) as caught:
        export(store, tmp_path / "runs.parquet", "parquet")
    assert str(caught.value) == "Parquet needs pyarrow, which is not installed: pip install 'firstdraw[parquet]'"
    assert not (tmp_path / "runs.parquet").exists()


def test_two_stores_of_the_same_runs_give_the_same_bytes(store: Store, tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "other.db") as other:
        for part in reversed(_finished(read_table(TABLE))):
            other.put([part])
        for form in ("csv", "jsonl"):
            export(store, tmp_path / "one", form)
            export(other, tmp_path / "two", form)
            assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_text_is_a_formula(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    facts: Callable[[Any], dict[str, Any]] = export_module.facts_of
    monkeypatch.setattr(export_module, "facts_of", lambda series: facts(series) | {"data": text})
    export(store, tmp_path / "runs.csv", "csv")
    with (tmp_path / "runs.csv").open(encoding="utf-8", newline="") as file:
        assert {row["data"] for row in csv.DictReader(file)} == {f"'{text}"}


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "parquet"])
def test_damage_leaves_what_was_there(store: Store, tmp_path: Path, form: Any) -> None:
    path = tmp_path / "runs"
    path.write_text("old", encoding="utf-8")
    store._connection.execute("UPDATE runs SET step = 8 WHERE seed = 2")
    with pytest.raises(StoreError, match="does not match its checksum"):
        export(store, path, form)
    assert path.read_text(encoding="utf-8") == "old"
    assert {item.name.partition("-")[0] for item in tmp_path.iterdir()} == {"results.db", "runs"}


def test_a_folder_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it is a folder"):
        export(store, tmp_path, "csv")


def test_an_empty_store_is_an_empty_table(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "empty.db") as store:
        for form in ("csv", "jsonl"):
            assert export(store, tmp_path / form, form) == 0
            assert (tmp_path / form).read_bytes() == b""
