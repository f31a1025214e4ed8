"""Claims: nobody does what another is at, and nothing waits for those who are gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firstdraw.experiments.store import LEASE, MOST_ATTEMPTS, Owner, Store, Wanted, check, this_process
from firstdraw.experiments.store import owners as owners_module

HERE = this_process()
ELSEWHERE = Owner("another machine", 4, "17")
NOW = 1e9
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


def _gone() -> Owner:
    """A process of this machine that has ended."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from firstdraw.experiments.store import this_process as t; o = t(); print(o.process, o.started)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    process, started = done.stdout.split()
    return Owner(HERE.place, int(process), started)


@pytest.fixture
def store(path: Path) -> Any:
    with Store.create_or_open(path) as opened:
        yield opened


def _seeds(granted: tuple[Wanted, ...]) -> list[tuple[int, ...]]:
    return [item.seeds for item in granted]


def test_what_is_claimed_is_granted_to_one(made: Any, store: Store) -> None:
    one, other = made.series(), made.series(1)
    wanted = [Wanted(one, (0, 1, 2)), Wanted(other, (2**64 - 1,))]
    assert store.claim(wanted, HERE, NOW) == tuple(wanted)
    assert store.claim(wanted, HERE, NOW) == ()
    assert store.claim([Wanted(one, (1, 3, 2, 4)), Wanted(other, (5,))], ELSEWHERE, NOW) == (
        Wanted(one, (3, 4)),
        Wanted(other, (5,)),
    )
    assert [item.claimed for item in store.summary() if item.series == one] == [5]


def test_what_is_stored_is_not_granted(made: Any, store: Store) -> None:
    series = made.series()
    store.put([made.finished(series, (1, 3))])
    assert _seeds(store.claim([Wanted(series, range(5))], HERE, NOW)) == [(0, 2, 4)]


def test_storing_runs_ends_their_claims(made: Any, store: Store) -> None:
    series = made.series()
    store.claim([Wanted(series, (0, 1, 2))], HERE, NOW)
    store.put([made.finished(series, (0, 2))])
    assert [item.claimed for item in store.summary()] == [1]
    assert store.claim([Wanted(series, (1,))], ELSEWHERE, NOW) == ()
    store.put([made.finished(series, (1,))])
    assert [item.claimed for item in store.summary()] == [0]
    assert store._connection.execute("SELECT count(*) FROM claims").fetchone() == (0,)


def test_what_is_given_back_is_granted_again(made: Any, store: Store) -> None:
    wanted = [Wanted(made.series(), (0, 1))]
    other = [Wanted(made.series(), (2,))]
    store.claim(wanted, HERE, NOW)
    store.claim(other, ELSEWHERE, NOW)
    store.release(HERE)
    assert store.claim(wanted, ELSEWHERE, NOW) == tuple(wanted)
    assert store.claim(other, HERE, NOW) == ()


@linux
def test_the_claim_of_a_process_that_has_ended_is_taken_over_once(made: Any, store: Store) -> None:
    wanted = [Wanted(made.series(), (0, 1))]
    store.claim(wanted, _gone(), NOW)
    assert store.claim(wanted, HERE, NOW) == tuple(wanted)
    assert store.claim(wanted, HERE, NOW) == ()


@linux
def test_a_process_that_lives_keeps_its_claims_however_long_it_takes(made: Any, store: Store) -> None:
    wanted = [Wanted(made.series(), (0,))]
    store.claim(wanted, HERE, NOW)
    assert store.claim(wanted, ELSEWHERE, NOW + 100 * LEASE) == ()


@linux
def test_a_process_of_the_same_number_is_another(made: Any, store: Store) -> None:
    earlier = Owner(HERE.place, os.getpid(), "1")
    wanted = [Wanted(made.series(), (0,))]
    store.claim(wanted, earlier, NOW)
    assert store.claim(wanted, HERE, NOW) == tuple(wanted)


@pytest.mark.parametrize("silence", [LEASE + 1, -LEASE - 1])
def test_a_process_elsewhere_that_is_silent_for_too_long_is_gone(made: Any, store: Store, silence: float) -> None:
    wanted = [Wanted(made.series(), (0,))]
    store.claim(wanted, ELSEWHERE, NOW)
    assert store.claim(wanted, HERE, NOW + LEASE - 1) == ()
    store.beat(ELSEWHERE, NOW + 1000)
    assert store.claim(wanted, HERE, NOW + 1000 + LEASE - 1) == ()
    assert store.claim(wanted, HERE, NOW + 1000 + silence) == tuple(wanted)


def test_where_processes_cannot_be_looked_at_only_silence_counts(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(owners_module, "_PROCESSES", path)
    owner = this_process()
    assert (owner.process, owner.started) == (os.getpid(), "")
    assert not owner.is_gone(LEASE - 1)
    assert owner.is_gone(LEASE + 1)


def test_a_claim_that_is_damaged_holds_nothing(made: Any, store: Store) -> None:
    wanted = [Wanted(made.series(), (0, 1))]
    store.claim(wanted, HERE, NOW)
    store._connection.execute("UPDATE claims SET process = process + 1")
    assert store.claim(wanted, HERE, NOW) == tuple(wanted)
    assert check(store.path).damage == ()


def test_a_run_that_fails_three_times_is_left_alone_until_it_is_retried(made: Any, store: Store) -> None:
    series = made.series()
    bad, good = Wanted(series, (2**63,)), Wanted(series, (1,))
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert store.claim([bad], HERE, NOW) == (bad,)
        store.fail(bad, f"killed by signal 9, {attempt}")
    store.fail(good, "out of memory")
    assert store.claim([bad, good], HERE, NOW) == (good,)
    told = [(one.seed, one.attempts, one.message, one.is_quarantined) for one in store.failures()]
    assert told == [(1, 1, "out of memory", False), (2**63, 3, "killed by signal 9, 3", True)]
    (summary,) = store.summary()
    assert (summary.runs, summary.failed, summary.quarantined, summary.claimed) == (0, 1, 1, 1)
    assert store.retry() == 2
    assert store.failures() == ()
    assert store.retry() == 0
    assert store.claim([bad], HERE, NOW) == (bad,)


def test_a_run_that_succeeds_has_not_failed(made: Any, store: Store) -> None:
    series = made.series()
    store.fail(Wanted(series, (0, 1)), "killed by signal 11")
    store.put([made.finished(series, (0,))])
    assert [one.seed for one in store.failures()] == [1]
    assert check(store.path).damage == ()


@linux
def test_many_processes_share_the_work(made: Any, path: Path, start_process: Callable[..., Any]) -> None:
    """Every run is done once: each process prints what it was granted."""
    code = """
owner, names = this_process(), [made.series(task) for task in range(3)]
with Store.create_or_open(Path(sys.argv[2])) as store:
    for first in range(0, 200, 10):
        for series in names:
            granted = store.claim([Wanted(series, tuple(range(first, first + 10)))], owner, time.time())
            for item in granted:
                print(*(f"{names.index(series)}:{seed}" for seed in item.seeds))
                assert store.put([made.finished(series, item.seeds)]) == len(item.seeds)
"""
    workers = [start_process(code, path) for _ in range(3)]
    reader = """
seen = 0
deadline = time.monotonic() + 120
while seen < 600 and time.monotonic() < deadline:
    if Path(sys.argv[2]).exists():
        with Store.read(Path(sys.argv[2])) as store:
            now = sum(len(store.runs(series)) for series in store.series())
            assert now >= seen
            seen = now
print(seen)
"""
    watcher = start_process(reader, path)
    told = [process.communicate(timeout=180) for process in (*workers, watcher)]
    assert [error for _, error in told] == [""] * 4
    done = " ".join(output for output, _ in told[:3]).split()
    assert sorted(done) == sorted(f"{task}:{seed}" for task in range(3) for seed in range(200))
    assert told[3][0] == "600\n"
    expected: dict[Any, Any] = {}
    for task in range(3):
        expected |= made.expected(made.series(task), range(200))
    assert made.content(path) == expected
