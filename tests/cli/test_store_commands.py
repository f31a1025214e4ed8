"""`firstdraw status`, `retry`, `export` and `fsck`: the store from the command line."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstdraw.cli import status as status_module
from firstdraw.cli.exits import Exit
from firstdraw.engine import engine_named
from firstdraw.experiments import batches_of, prepare, read_table
from firstdraw.experiments.store import Finished, Series, Store, Wanted, series_of, this_process

Call = Callable[..., subprocess.CompletedProcess[str]]
TABLE: dict[str, Any] = {
    "seeds": [0, 1, 2],
    "data": {"name": "xor", "train_size": 20, "test_size": 0},
    "network": {"widths": [2, 3, 1]},
    "training": {"loss": "binary_cross_entropy", "steps": 20},
    "initializations": [{"label": "He", "weights": "he_normal"}],
}


@pytest.fixture
def series(tmp_path: Path) -> Series:
    """The series of the three runs in the store `results.db`."""
    spec = read_table(TABLE)
    engine = engine_named("reference")
    (batch,) = batches_of((prepare(spec),))
    trajectory = engine.train(batch.problem, np.array([run.draw() for run in batch.runs]), spec.seeds, None)
    (series,) = series_of(spec, engine)
    with Store.create_or_open(tmp_path / "results.db") as store:
        store.put([Finished(Wanted(series, spec.seeds), trajectory)])
    return series


def _damage(tmp_path: Path) -> None:
    with Store.open(tmp_path / "results.db") as store:
        store._connection.execute("UPDATE runs SET step = 19 WHERE seed = 1")


def test_the_status_tells_what_is_there(firstdraw: Call, tmp_path: Path, series: Series) -> None:
    with Store.open(tmp_path / "results.db") as store:
        store.claim([Wanted(series, (7, 8))], this_process(), 0.0)
        for _ in range(3):
            store.fail(Wanted(series, (9,)), "killed by signal 9")
        store.fail(Wanted(series, (10,)), "out of memory")
    done = firstdraw("status", "results.db")
    assert (done.returncode, done.stderr) == (0, "")
    words = re.sub(r"\s+", " ", done.stdout)
    assert "3 runs of 1 series. " in words
    assert "Task Start What Runs Failed Left alone At work " in words
    assert f" {series.task} {series.start} he_normal: xor, 2-3-1 relu, sgd 0.01, 20 steps 3 1 1 2 " in words
    assert f"Failed 3 times, left alone: seed 9 of {series}: killed by signal 9\n" in done.stdout
    assert f"Failed 1 time, tried again: seed 10 of {series}: out of memory\n" in done.stdout
    assert "`firstdraw retry results.db --failed` has them tried again.\n" in done.stdout
    document = json.loads(firstdraw("status", "results.db", "--json").stdout)
    assert (document["schema"], document["runs"]) == ("firstdraw.status/1", 3)
    assert document["series"] == [
        {
            "task": str(series.task),
            "start": str(series.start),
            "runs": 3,
            "failed": 1,
            "quarantined": 1,
            "claimed": 2,
            "task_description": series.task.table,
            "start_description": series.start.table,
        }
    ]
    assert document["failures"][0] == {
        "task": str(series.task),
        "start": str(series.start),
        "seed": 9,
        "attempts": 3,
        "quarantined": True,
        "message": "killed by signal 9",
    }


def test_a_long_status_is_cut(
    tmp_path: Path, series: Series, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert series.layers == 2
    monkeypatch.setattr(status_module, "MOST_ROWS", 0)
    status_module.print_the_status(tmp_path / "results.db", as_json=False)
    assert capsys.readouterr().out.endswith("And 1 series more; --json has all.\n")


def test_the_status_of_an_empty_store(firstdraw: Call, tmp_path: Path) -> None:
    Store.create_or_open(tmp_path / "results.db").close()
    done = firstdraw("status", "results.db")
    assert (done.returncode, done.stdout) == (0, "0 runs of 0 series.\n")


def test_failures_are_forgotten(firstdraw: Call, tmp_path: Path, series: Series) -> None:
    for seeds, told in (((7,), "1 failed run is"), ((7, 8), "2 failed runs are")):
        with Store.open(tmp_path / "results.db") as store:
            store.fail(Wanted(series, seeds), "killed by signal 9")
        done = firstdraw("retry", "results.db", "--failed")
        assert (done.returncode, done.stdout) == (0, f"{told} tried again by the next `firstdraw run`.\n")
    assert firstdraw("retry", "results.db", "--failed").stdout == "No run has failed.\n"
    done = firstdraw("retry", "results.db", "--failed", "--json")
    assert json.loads(done.stdout) == {"schema": "firstdraw.retry/1", "forgotten": 0}


def test_what_is_retried_must_be_said(firstdraw: Call, series: Series) -> None:
    assert series.layers == 2
    done = firstdraw("retry", "results.db")
    assert done.returncode == Exit.INPUT
    assert "--failed" in done.stderr


def test_runs_are_exported(firstdraw: Call, tmp_path: Path, series: Series) -> None:
    done = firstdraw("export", "results.db", "--csv", "runs.csv", "--jsonl", "runs.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "runs.csv: 3 runs\nruns.jsonl: 3 runs\n", "")
    assert len((tmp_path / "runs.csv").read_text(encoding="utf-8").splitlines()) == 4
    assert str(series.task) in (tmp_path / "runs.jsonl").read_text(encoding="utf-8")
    document = json.loads(firstdraw("export", "results.db", "--csv", "runs.csv", "--json").stdout)
    assert document == {
        "schema": "firstdraw.export/1",
        "written": [{"format": "csv", "path": "runs.csv", "runs": 3}],
        "left_out": 0,
    }


def test_an_export_goes_somewhere(firstdraw: Call, series: Series) -> None:
    assert series.layers == 2
    done = firstdraw("export", "results.db")
    assert done.returncode == Exit.INPUT
    assert done.stderr == "Error: one of `--csv`, `--jsonl` and `--parquet` must say where the runs go.\n"


def test_a_whole_store_is_whole(firstdraw: Call, series: Series) -> None:
    assert series.layers == 2
    done = firstdraw("fsck", "results.db")
    assert (done.returncode, done.stdout, done.stderr) == (0, "results.db: all 3 runs are whole.\n", "")


def test_damage_is_told_and_the_rest_salvaged(firstdraw: Call, tmp_path: Path, series: Series) -> None:
    _damage(tmp_path)
    told = (
        f"Damage: the run of {series} with seed 1 does not match its checksum.\n"
        f"Damage: of {series}, 3 runs were stored, and 2 are whole.\n"
        "results.db: 2 runs are whole.\n"
    )
    done = firstdraw("fsck", "results.db")
    assert (done.returncode, done.stdout, done.stderr) == (Exit.OUTPUT, told, "")
    done = firstdraw("fsck", "results.db", "--salvage", "whole.db")
    assert done.returncode == Exit.OUTPUT
    assert done.stdout == f"{told}Lost: of {series}, 1 of 3 runs are lost.\nwhole.db: 2 runs salvaged.\n"
    assert firstdraw("fsck", "whole.db").stdout == "whole.db: all 2 runs are whole.\n"
    done = firstdraw("fsck", "results.db", "--json", "--salvage", "again.db")
    assert json.loads(done.stdout) == {
        "schema": "firstdraw.fsck/1",
        "runs": 2,
        "damage": [
            f"the run of {series} with seed 1 does not match its checksum",
            f"of {series}, 3 runs were stored, and 2 are whole",
        ],
        "salvaged": {"path": "again.db", "runs": 2, "lost": [f"of {series}, 1 of 3 runs are lost"]},
    }


def test_a_store_that_cannot_be_opened_is_salvaged_all_the_same(
    firstdraw: Call, tmp_path: Path, series: Series
) -> None:
    path = tmp_path / "results.db"
    content = bytearray(path.read_bytes())
    content[:100] = bytes(100)
    path.write_bytes(content)
    sentence = "the store `results.db` is no store of runs, or its first page is damaged: it does not begin as one"
    done = firstdraw("fsck", "results.db")
    assert (done.returncode, done.stdout, done.stderr) == (Exit.OUTPUT, "", f"Error: {sentence}.\n")
    done = firstdraw("fsck", "results.db", "--salvage", "whole.db")
    assert done.returncode == Exit.OUTPUT
    assert done.stdout == f"Damage: {sentence}.\nwhole.db: 3 runs salvaged.\n"
    with Store.read(tmp_path / "whole.db") as store:
        assert store.runs(series).seeds.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "arguments", [["status"], ["retry", "--failed"], ["export", "--csv", "x.csv"], ["fsck"]], ids=lambda item: item[0]
)
def test_a_store_that_is_not_there_is_refused(firstdraw: Call, tmp_path: Path, arguments: list[str]) -> None:
    done = firstdraw(arguments[0], "none.db", *arguments[1:])
    assert (done.returncode, done.stdout) == (Exit.OUTPUT, "")
    assert done.stderr == "Error: the store `none.db` does not exist.\n"
    assert list(tmp_path.iterdir()) == []
