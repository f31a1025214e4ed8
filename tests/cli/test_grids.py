"""Grids on the command line: run, kept, gone on with, interrupted, killed, beside each other, on a full disk."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firstdraw.cli.exits import Exit
from firstdraw.experiments.presets import preset_file, presets
from firstdraw.laboratory import read_grid

Finished = subprocess.CompletedProcess[str]
Call = Callable[..., Finished]
COMMAND = [sys.executable, "-m", "firstdraw"]
GRID = """
title = "Two depths"
seeds = {seeds}
data = {{ name = "circles", train_size = 60, test_size = 20 }}

[network]
widths = [2, 6, 1]
activation = "tanh"

[training]
loss = "binary_cross_entropy"
steps = {steps}

[recording]
every = {every}

[[axes]]
network.depth = [2, 4]

[[axes]]
training.optimizer.learning_rate = [0.1, 1.0]

[[initializations]]
label = "zeros"
weights = "zeros"

[[initializations]]
label = "He"
weights = "he_normal"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write the grid with some numbers of seeds and steps."""

    def grid(seeds: int = 5, steps: int = 50) -> Path:
        path = tmp_path / "grid.toml"
        path.write_text(GRID.format(seeds=seeds, steps=steps, every=steps))
        return path

    return grid


def _runs(store: Path) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Return the runs of a store by what they are of."""
    with sqlite3.connect(store) as connection:
        tasks = dict(connection.execute("SELECT id, description FROM tasks"))
        starts = dict(connection.execute("SELECT id, description FROM starts"))
        rows = connection.execute("SELECT task, start, seed, diverged, step, layer, measured FROM runs").fetchall()
    connection.close()
    return {(tasks[task], starts[start], seed): tuple(rest) for task, start, seed, *rest in rows}


def test_a_grid_of_two_axes_is_printed_and_reported(
    firstdraw: Call, write: Callable[..., Path], tmp_path: Path
) -> None:
    done = firstdraw("run", write().name)
    assert done.returncode == Exit.OK
    assert "Report: " in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["firstdraw-report.html", "grid.toml"]
    lines = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]
    first = lines.index("zeros: runs that failed")
    assert lines[first + 1] == "depth \\ learning_rate 0.1 1"
    assert lines[first + 3 : first + 5] == ["2 100% 100%", "4 100% 100%"]
    assert "He: median last cost" in lines
    assert any(line.startswith("At the best learning rate of each (depth = 4), chosen on 2 seeds") for line in lines)
    assert any(line.startswith("1. He at 1, the end of the list:") for line in lines)


def test_a_grid_of_many_axes_is_a_line_for_each_cell_and_initialization(
    firstdraw: Call, write: Callable[..., Path]
) -> None:
    axes = "axes=[{network.depth=[2,3]},{training.optimizer.learning_rate=[0.1]},{network.activation=['relu']}]"
    done = firstdraw("run", write().name, "--set", axes)
    assert done.returncode == Exit.OK
    assert "Median and quartiles over the seeds; a run fails that diverges or learns nothing." in done.stdout
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert sum("5 of 5" in line and "zeros" in line for line in lines) == 2
    assert any(line.startswith("depth = 2, learning_rate = 0.1,") for line in lines)


@pytest.mark.parametrize("values", [[0.1, 1.0], [0.01 * 2**i for i in range(10)]], ids=["narrow", "wide"])
def test_one_axis_is_crossed_with_the_initializations(
    firstdraw: Call, write: Callable[..., Path], values: list[float]
) -> None:
    """Its points are columns where there is room for them, and lines where there is not."""
    axes = f"axes=[{{training.optimizer.learning_rate={values}}}]"
    done = firstdraw("run", write(seeds=3).name, "--set", axes, "--no-progress")
    assert done.returncode == Exit.OK
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()]
    assert lines[0] == ["Runs", "that", "failed"]
    names = [f"{value:.6g}" for value in values]
    if len(values) == 2:
        assert lines[1] == ["learning_rate", *names]
        assert lines[3] == ["zeros", *["100%"] * len(values)]
    else:
        assert lines[1] == ["learning_rate", "zeros", "He"]
        assert [line[:2] for line in lines[3:13]] == [[name, "100%"] for name in names]
    assert "Median last cost" in done.stdout


def test_the_same_command_goes_on_from_what_the_store_has(
    firstdraw: Call, write: Callable[..., Path], tmp_path: Path
) -> None:
    options = ("--store", "runs.db", "--json")
    first = firstdraw("run", write(seeds=3).name, *options)
    assert (first.returncode, first.stderr.count("are in runs.db")) == (Exit.OK, 0)
    half = _runs(tmp_path / "runs.db")
    assert len(half) == 2 * 2 * 2 * 3
    second = firstdraw("run", write(seeds=5).name, *options)
    assert "24 of 40 runs are in runs.db; 16 are missing." in second.stderr
    whole = _runs(tmp_path / "runs.db")
    assert len(whole) == 40
    assert half.items() <= whole.items()
    third = firstdraw("run", write(seeds=5).name, *options)
    assert "40 of 40 runs are in runs.db; 0 are missing." in third.stderr
    assert json.loads(third.stdout)["schema"] == "firstdraw.grid/1"
    assert third.stdout == second.stdout
    status = firstdraw("status", "runs.db")
    assert status.stdout.startswith("runs.db: 40 runs") or "40 runs of 8 series" in status.stdout


def test_a_plain_spec_goes_into_a_store_too(firstdraw: Call, quick: tuple[str, ...], tmp_path: Path) -> None:
    done = firstdraw("run", *quick, "--store", "exercise.db", "--out", "exercise.html")
    assert done.returncode == Exit.OK
    assert len(_runs(tmp_path / "exercise.db")) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exercise.db", "exercise.html"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--preset", "dept"),
            "Error: `preset` must name a known preset, got 'dept'; did you mean 'depth'?\n",
        ),
        (
            ("--preset", "size"),
            "Error: `preset` must name a known preset, got 'size'; known: activation, depth, lr, seeds.\n",
        ),
        (
            ("grid.toml", "--preset", "depth"),
            "Error: `--preset` must be left out where a SPEC says what to run, got 'depth'.\n",
        ),
        (
            ("grid.toml", "--store", "nowhere/runs.db"),
            "Error: the store `nowhere/runs.db` cannot be made: its folder nowhere does not exist.\n",
        ),
        (
            ("grid.toml", "--store", "grid.toml"),
            "Error: the store `grid.toml` is no store of runs, or its first page is damaged: it does not begin",
        ),
        (
            ("grid.toml", "--store", "runs.db", "--cluster", "here"),
            (
                "Error: `cluster` must be the address of a Dask scheduler, `tcp://host:port`, or `local:N` for N "
                "processes on this machine, got 'here'.\n"
            ),
        ),
        (
            ("grid.toml", "--store", "runs.db", "--set", "axes[1].training.optimizer.learning_rate=[0.1, -1.0]"),
            "Error: in grid.toml: in the cell network.depth = 2, training.optimizer.learning_rate = -1.0: ",
        ),
    ],
    ids=range(7),
)
def test_what_cannot_be_run_is_said_and_nothing_is_written(
    firstdraw: Call, write: Callable[..., Path], tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    write()
    done = firstdraw("run", *arguments)
    assert done.stderr.startswith(sentence), done.stderr
    assert done.returncode == (Exit.OUTPUT if "the store" in sentence else Exit.INPUT)
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["grid.toml"]


@pytest.mark.parametrize("name", presets())
def test_a_preset_asks_a_question(name: str) -> None:
    grid = read_grid(preset_file(name))
    assert "?" in grid.title
    assert grid.runs >= 300


def test_a_preset_without_axes_is_told_as_a_grid_too(firstdraw: Call) -> None:
    done = firstdraw("run", "--preset", "seeds", "--set", "seeds=6", "--set", "training.steps=20", "--json")
    assert done.returncode == Exit.OK
    assert json.loads(done.stdout)["schema"] == "firstdraw.grid/1"


def test_a_preset_is_run_by_its_name(firstdraw: Call) -> None:
    done = firstdraw("run", "--preset", "lr", "--set", "seeds=2", "--set", "training.steps=20", "--json")
    assert done.returncode == Exit.OK
    assert json.loads(done.stdout)["grid"]["title"] == "Does the initialization win, or its learning rate?"


def _start(path: Path, environment: dict[str, str], *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [*COMMAND, "run", path.name, "--store", "runs.db", "--out", "report.html", "--no-progress", *options],
        cwd=path.parent,
        env=environment,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=_listen_to_interrupts,  # noqa: PLW1509  # the tests start no threads
    )


def _listen_to_interrupts() -> None:
    """Undo what a caller in the background hands down: that interrupts are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _wait_for_runs(store: Path, runs: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if store.exists() and len(_runs(store)) >= runs:
            return
        time.sleep(0.02)
    raise AssertionError("no run was stored")


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, Exit.INTERRUPTED, "Interrupted"), (signal.SIGTERM, Exit.TERMINATED, "Terminated")],
    ids=["interrupted", "terminated"],
)
def test_an_interrupt_keeps_what_was_stored_and_says_how_to_go_on(
    write: Callable[..., Path],
    tmp_path: Path,
    environment: dict[str, str],
    number: signal.Signals,
    code: Exit,
    word: str,
) -> None:
    # Of these the first portions are small, and all of them would take minutes.
    process = _start(write(seeds=20_000, steps=3000), environment)
    try:
        _wait_for_runs(tmp_path / "runs.db", 1)
        process.send_signal(number)
        sent = time.monotonic()
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
    kept = len(_runs(tmp_path / "runs.db"))
    assert process.returncode == code
    assert told == f"{word}; {kept:,} of 160,000 runs are in runs.db, and the same command goes on from there.\n"
    assert time.monotonic() - sent < 30
    assert not (tmp_path / "report.html").exists()
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        assert connection.execute("SELECT count(*) FROM claims").fetchone() == (0,)
    connection.close()


def _killed_again_and_again(path: Path, environment: dict[str, str], kills: int, seed: int) -> int:
    """Kill the command at random moments until as many kills are through, then let it end; return how often it ran."""
    print(f"seed {seed}")  # noqa: T201  # to find the moments again
    moments = random.Random(seed)  # noqa: S311  # moments, not secrets
    store = path.parent / "runs.db"
    before: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for killed in range(kills):
        process = _start(path, environment)
        time.sleep(moments.uniform(0.2, 1.6))
        process.kill()
        process.communicate()
        if store.exists():
            now = _runs(store)
            assert before.items() <= now.items()
            before = now
        if process.returncode == 0:
            return killed
    done = _start(path, environment)
    done.communicate(timeout=300)
    assert done.returncode == Exit.OK
    return kills


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_a_command_that_is_killed_at_random_moments_ends_as_if_it_had_not_been(
    firstdraw: Call, write: Callable[..., Path], tmp_path: Path, environment: dict[str, str], kills: int
) -> None:
    path = write(seeds=30 * kills, steps=2000)
    undisturbed = firstdraw("run", path.name, "--store", "undisturbed.db", "--json")
    assert undisturbed.returncode == Exit.OK
    _killed_again_and_again(path, environment, kills, seed=int(time.time()))
    assert _runs(tmp_path / "runs.db") == _runs(tmp_path / "undisturbed.db")
    checked = firstdraw("fsck", "runs.db")
    assert checked.returncode == Exit.OK


def test_two_commands_share_one_store(write: Callable[..., Path], tmp_path: Path, environment: dict[str, str]) -> None:
    path = write(seeds=100, steps=500)
    both = [_start(path, environment) for _ in range(2)]
    told = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [Exit.OK, Exit.OK], told
    assert len(_runs(tmp_path / "runs.db")) == 800


def test_a_full_disk_is_said_and_the_store_opens_again(
    firstdraw: Call, write: Callable[..., Path], tmp_path: Path, environment: dict[str, str]
) -> None:
    path = write(seeds=400, steps=5)

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = subprocess.run(  # noqa: S603
        [*COMMAND, "run", path.name, "--store", "runs.db", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=small_files,
        timeout=120,
    )
    assert done.returncode == Exit.OUTPUT
    assert "the store `runs.db` cannot be" in done.stderr
    assert "no space is left on its disk, or a limit on the size of files is reached" in done.stderr
    again = firstdraw("run", path.name, "--store", "runs.db", "--json")
    assert again.returncode == Exit.OK
    assert len(_runs(tmp_path / "runs.db")) == 3200
    assert os.path.getsize(tmp_path / "runs.db") > 300_000  # noqa: PTH202
