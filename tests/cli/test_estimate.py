"""`firstdraw run --dry-run`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from firstdraw.cli.estimate import SIZES, TIMES, sentences, told
from firstdraw.cli.exits import Exit
from firstdraw.experiments import read_grid_table
from firstdraw.experiments.calibration import Estimate

Call = Callable[..., subprocess.CompletedProcess[str]]

GRID = """
title = "two axes"
seeds = 3
data = { name = "circles", train_size = 40, test_size = 20 }
network = { widths = [2, 4, 1] }
training = { loss = "binary_cross_entropy", steps = 100 }
initializations = [{ label = "He", weights = "he_normal" }, { label = "LSUV", weights = "he_normal", fit = "lsuv" }]

[[axes]]
network.activation = ["relu", "tanh"]

[[axes]]
network.depth = [2, 3]
training.steps = [100, 200]
"""


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "grid.toml"
    path.write_text(GRID, encoding="utf-8")
    return path


def test_a_dry_run_prints_cells_runs_time_and_memory_and_writes_nothing(
    firstdraw: Call, tmp_path: Path, grid: Path
) -> None:
    done = firstdraw("run", grid.name, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    words = " ".join(done.stdout.split())
    assert "Cells Runs Steps Training time Memory Memory of a cell" in words
    assert re.search(r" 4 24 3,600 about [\d.]+ s \d+ kB [\d.]+ kB ", words)
    assert "The time is from a calibration of 4 of 4 kinds of cells on the " in words
    assert "The time of fitting initial parameters to data is not counted." in words
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert [path.name for path in tmp_path.iterdir()] == ["grid.toml"]


@pytest.mark.parametrize("engine", ["reference", None])
def test_json_is_all_that_is_printed(firstdraw: Call, grid: Path, engine: str | None) -> None:
    chosen = () if engine is None else ("--engine", engine)
    done = firstdraw("run", grid.name, "--dry-run", "--json", "--set", "seeds=[7, 9]", *chosen)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["schema"] == "firstdraw.estimate/1"
    assert (document["cells"], document["runs"], document["steps"], document["kinds"]) == (4, 16, 2400, 4)
    assert engine in {document["engine"], None}
    assert document["seconds"] > 0
    assert document["bytes"] >= 2 * document["largest_cell_bytes"] > 0
    assert {"network.activation": "tanh", "network.depth": 3, "training.steps": 200} in document["measured"]


def test_a_plain_spec_is_a_grid_of_one_cell(firstdraw: Call, tmp_path: Path) -> None:
    done = firstdraw("run", "--dry-run", "--set", "training.steps=50", "--out", "report.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r" 1 4 200 about ", " ".join(done.stdout.split()))
    assert "a calibration of one kind of cell on" in done.stdout
    assert "fitting" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("predict",), ("theory",)])
def test_a_grid_is_refused_where_a_single_spec_is_needed(
    firstdraw: Call, tmp_path: Path, grid: Path, command: tuple[str, ...]
) -> None:
    done = firstdraw(*command, grid.name)
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert done.stderr == (
        "Error: in grid.toml: `axes` is for a grid of specs, and a single spec is needed here; "
        "`firstdraw run` takes a grid.\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["grid.toml"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            ("--set", "axes[1].network.depth=[2, 3, 4]"),
            "`axes[1]` must have lists of one length, and has 3 of `network.depth`, 2 of `training.steps`",
        ),
        (
            ("--set", "network.widths=[3, 4, 1]"),
            (
                "in the cell network.activation = 'relu', network.depth = 2, training.steps = 100: `network.widths[0]` "
                "must equal the number of input features, 2, got 3"
            ),
        ),
        (("--engine", "fast"), "`engine` must be 'native' or 'reference', got 'fast'"),
    ],
    ids=range(3),
)
def test_a_broken_rule_is_one_sentence(firstdraw: Call, grid: Path, settings: tuple[str, ...], sentence: str) -> None:
    done = firstdraw("run", grid.name, "--dry-run", *settings)
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert done.stderr.removeprefix("Error: ").removeprefix("in grid.toml: ") == f"{sentence}.\n"


@pytest.mark.parametrize(
    ("amount", "units", "text"),
    [
        (0.0, TIMES, "0 s"),
        (0.0123, TIMES, "0.012 s"),
        (1.26, TIMES, "1.3 s"),
        (99.6, TIMES, "100 s"),
        (119.0, TIMES, "119 s"),
        (150.0, TIMES, "2.5 min"),
        (7_000.0, TIMES, "117 min"),
        (7_300.0, TIMES, "2 h"),
        (86_400.0 * 1_234, TIMES, "1,234 days"),
        (0, SIZES, "0 bytes"),
        (1_999, SIZES, "1,999 bytes"),
        (2_000, SIZES, "2 kB"),
        (25_600_000, SIZES, "26 MB"),
        (8 * 10**9, SIZES, "8 GB"),
    ],
)
def test_amounts_are_told_in_a_unit_that_leaves_few_digits(amount: float, units: dict[str, int], text: str) -> None:
    assert told(amount, units) == text


def test_which_cells_were_measured_is_told_where_not_all_were() -> None:
    table = {
        "data": "circles",
        "network": {"widths": [2, 4, 1]},
        "training": {"loss": "binary_cross_entropy", "steps": 1},
        "initializations": [{"label": "He", "weights": "he_normal"}],
        "axes": [{"network.depth": list(range(1, 11))}],
    }
    grid = read_grid_table(table)

    def lines(*measured: int) -> list[str]:
        return list(sentences(grid, Estimate(10, 10, 10, 1.0, 1, 1, 10, measured), "native"))

    memory = "the memory is of parameters and records."
    rest = "The others are estimated from the most similar of these, in proportion to their multiplications."
    assert lines(9, 8) == [
        f"The time is from a calibration of 2 of 10 kinds of cells on the native engine; {memory}",
        "Measured were those with most work: depth = 10; depth = 9.",
        rest,
    ]
    assert lines(*range(9, 2, -1))[1:] == [
        "Measured were those with most work: depth = 10; depth = 9; depth = 8; depth = 7; depth = 6; and 2 more.",
        rest,
    ]
    assert len(lines(*range(10))) == 1
