"""Whatever is done to a store in whatever order, it holds what a dictionary would."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from firstdraw.experiments.store import LEASE, MOST_ATTEMPTS, Owner, Store, Wanted, check

PLACES = st.tuples(st.integers(0, 1), st.integers(0, 1))
SEEDS = st.lists(st.sampled_from((0, 1, 2, 3, 2**63, 2**64 - 1)), min_size=1, max_size=4, unique=True).map(tuple)
WORKERS = st.sampled_from((Owner("a", 1, ""), Owner("b", 1, ""), Owner("b", 2, "")))
Place = tuple[int, int]
Run = tuple[Place, int]


class _Machine(RuleBasedStateMachine):
    """A store that several processes write, beside a model of plain dictionaries."""

    def __init__(self, made: Any) -> None:
        super().__init__()
        self.made = made
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "results.db"
        self.store = Store.create_or_open(self.path)
        self.stored: set[Run] = set()
        self.attempts: dict[Run, int] = {}
        self.claimed: dict[Run, tuple[Owner, float]] = {}
        self.now = 0.0

    def teardown(self) -> None:
        self.store.close()
        assert check(self.path).damage == ()
        self.folder.cleanup()

    @rule(place=PLACES, seeds=SEEDS)
    def put(self, place: Place, seeds: tuple[int, ...]) -> None:
        new = [seed for seed in seeds if (place, seed) not in self.stored]
        assert self.store.put([self.made.finished(self.made.series(*place), seeds)]) == len(new)
        self.stored.update((place, seed) for seed in seeds)
        for seed in seeds:
            self.claimed.pop((place, seed), None)
            self.attempts.pop((place, seed), None)

    @rule(place=PLACES, seeds=SEEDS, owner=WORKERS)
    def claim(self, place: Place, seeds: tuple[int, ...], owner: Owner) -> None:
        free: list[int] = []
        for seed in seeds:
            run = (place, seed)
            if run in self.stored or self.attempts.get(run, 0) >= MOST_ATTEMPTS:
                continue
            holder = self.claimed.get(run)
            if holder is None or self.now - holder[1] > LEASE:
                free.append(seed)
        granted = self.store.claim([Wanted(self.made.series(*place), seeds)], owner, self.now)
        assert [item.seeds for item in granted] == ([tuple(free)] if free else [])
        self.claimed.update({(place, seed): (owner, self.now) for seed in free})

    @rule(place=PLACES, seeds=SEEDS)
    def fail(self, place: Place, seeds: tuple[int, ...]) -> None:
        failed = tuple(seed for seed in seeds if (place, seed) not in self.stored)
        if failed:
            self.store.fail(Wanted(self.made.series(*place), failed), "killed by signal 9")
        for seed in failed:
            self.attempts[place, seed] = self.attempts.get((place, seed), 0) + 1
            self.claimed.pop((place, seed), None)

    @rule()
    def retry(self) -> None:
        assert self.store.retry() == len(self.attempts)
        self.attempts.clear()

    @rule(owner=WORKERS)
    def release(self, owner: Owner) -> None:
        self.store.release(owner)
        self.claimed = {run: held for run, held in self.claimed.items() if held[0] != owner}

    @rule(owner=WORKERS)
    def beat(self, owner: Owner) -> None:
        self.store.beat(owner, self.now)
        self.claimed = {run: (held[0], self.now) if held[0] == owner else held for run, held in self.claimed.items()}

    @rule(seconds=st.sampled_from((1.0, LEASE - 1, LEASE + 1)))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.create_or_open(self.path)

    @rule(place=PLACES, seeds=SEEDS)
    def die_in_a_transaction(self, place: Place, seeds: tuple[int, ...]) -> None:
        """A second process writes, and ends before its transaction does."""
        dying = Store.open(self.path)
        connection = dying._connection
        execute = connection.execute
        execute("BEGIN IMMEDIATE")
        execute("DELETE FROM runs")
        execute("DELETE FROM totals")
        connection.close()
        assert self.store.missing(Wanted(self.made.series(*place), seeds)) == tuple(
            seed for seed in seeds if (place, seed) not in self.stored
        )

    @invariant()
    def the_store_holds_what_the_model_does(self) -> None:
        expected: dict[Any, Any] = {}
        for place in {run[0] for run in self.stored}:
            seeds = [run[1] for run in self.stored if run[0] == place]
            expected |= self.made.expected(self.made.series(*place), seeds)
        assert self.made.content(self.path) == expected
        assert {one.seed for one in self.store.failures()} == {run[1] for run in self.attempts}


def test_a_store_behaves_like_a_dictionary(made: Any) -> None:
    run_state_machine_as_test(
        lambda: _Machine(made), settings=settings(max_examples=20, stateful_step_count=20, deadline=None)
    )
