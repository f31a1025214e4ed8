"""A writer is killed at random moments: what it acknowledged is there, once, and nothing else becomes of the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstdraw.experiments.store import Store, Wanted, check

RUNS = 250
# Makes the store where there is none, does what is missing, a few runs a transaction, and says what is acknowledged.
WRITER = """
owner, series = this_process(), [made.series(task, steps=200) for task in range(2)]
with Store.create_or_open(Path(sys.argv[2])) as store:
    print("open", flush=True)
    for task, one in enumerate(series):
        missing = store.missing(Wanted(one, tuple(range(int(sys.argv[3])))))
        while missing:
            for item in store.claim([Wanted(one, missing[:7])], owner, time.time()):
                store.put([made.finished(one, item.seeds)])
                print(*(f"{task}:{seed}" for seed in item.seeds), flush=True)
            missing = missing[7:]
"""


def _expected(made: Any) -> dict[Any, Any]:
    series = [made.series(task, steps=200) for task in range(2)]
    return made.expected(series[0], range(RUNS)) | made.expected(series[1], range(RUNS))


def _killed_until_done(
    made: Any, path: Path, start_process: Callable[..., Any], seed: int, *, longest: float
) -> list[str]:
    """Start the writer again and again, kill it, and return what it acknowledged in the order in which it did."""
    rng = np.random.default_rng(seed)
    acknowledged: list[str] = []
    while True:
        writer = start_process(WRITER, path, RUNS)
        opened = writer.stdout.readline()
        # Counted from when it begins to write, or sometimes from before.
        time.sleep(rng.uniform(0, longest))
        writer.kill()
        output, error = writer.communicate(timeout=60)
        assert error == "", f"seed {seed}"
        new = [word for line in output.splitlines(keepends=True) if line.endswith("\n") for word in line.split()]
        assert opened == "open\n"
        acknowledged += new
        with Store.open(path) as store:
            for task in range(2):
                series = made.series(task, steps=200)
                wanted = {int(word[2:]) for word in acknowledged if word[0] == str(task)}
                assert wanted <= set(store.runs(series).seeds.tolist()), f"seed {seed}"
        if writer.returncode == 0:
            return acknowledged


@pytest.mark.parametrize("seed", range(2))
def test_a_writer_that_is_killed_is_gone_on_with(
    made: Any, path: Path, start_process: Callable[..., Any], seed: int
) -> None:
    acknowledged = _killed_until_done(made, path, start_process, seed, longest=0.35)
    assert len(acknowledged) == len(set(acknowledged))
    assert {file.name for file in path.parent.iterdir()} == {"results.db"}
    assert made.content(path) == _expected(made)
    assert check(path).damage == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 150))
def test_fifty_writers_that_are_killed_are_gone_on_with(
    made: Any, path: Path, start_process: Callable[..., Any], seed: int
) -> None:
    _killed_until_done(made, path, start_process, seed, longest=0.2)
    assert made.content(path) == _expected(made)
    assert check(path).damage == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_writer_that_is_killed_while_it_makes_the_store_leaves_none_or_a_whole_one(
    made: Any, path: Path, start_process: Callable[..., Any], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    code = """
print("ready", flush=True)
Store.create_or_open(Path(sys.argv[2]))
time.sleep(60)
"""
    writer = start_process(code, path)
    assert writer.stdout.readline() == "ready\n"
    time.sleep(rng.uniform(0, 0.03))
    writer.kill()
    writer.communicate(timeout=60)
    if path.exists():
        assert check(path).runs == 0
        assert check(path).damage == ()
    with Store.create_or_open(path) as store:
        series = made.series()
        store.put([made.finished(series, [1])])
        assert store.missing(Wanted(series, (0, 1))) == (0,)


def test_a_power_cut_leaves_a_beginning_of_what_was_acknowledged(made: Any, path: Path, tmp_path: Path) -> None:
    """The log may end anywhere: then the store holds the first so many batches, each whole."""
    series = made.series()
    with Store.create_or_open(path) as store:
        store.put([made.finished(series, [0])])
    whole = path.read_bytes()
    with Store.open(path) as store:
        for seed in range(1, 5):
            store.put([made.finished(series, (2 * seed, 2 * seed + 1))])
        log = path.with_name("results.db-wal").read_bytes()
    rng = np.random.default_rng(0)
    seen: set[int] = set()
    for length in (0, 31, 32, *rng.choice(len(log), 60), len(log)):
        cut = tmp_path / "cut.db"
        cut.write_bytes(whole)
        cut.with_name("cut.db-wal").write_bytes(log[:length])
        cut.with_name("cut.db-shm").unlink(missing_ok=True)
        assert check(cut).damage == ()
        content = made.content(cut)
        batches = (len(content) - 1) // 2
        seen.add(batches)
        assert content == made.expected(series, [0, *range(2, 2 * batches + 2)])
    assert seen == {0, 1, 2, 3, 4}
