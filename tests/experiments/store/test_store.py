"""What goes into a store comes out of it: bit for bit, once, and verified."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.engine import engine_named
from firstdraw.errors import InputError, StoreError
from firstdraw.experiments import batches_of, prepare, read_table
from firstdraw.experiments.store import Finished, Store, Wanted, check, series_of
from firstdraw.experiments.store.runs import as_signed, as_unsigned
from firstdraw.experiments.store.values import bytes_of_a_run, laid_out, read_out

Stored = Callable[..., Path]
SEEDS = (0, 1, 2**48, 2**63 - 1, 2**63, 2**64 - 1)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=6, unique=True), st.integers(0, 4), st.integers(0, 100))
def test_runs_are_laid_out_and_read_out_bit_for_bit(made: Any, seeds: list[int], records: int, task: int) -> None:
    series = made.series(task, steps=10 * records)
    trajectory = made.trajectory(series, seeds)
    measured = laid_out(trajectory)
    assert {len(row) for row in measured} <= {bytes_of_a_run(records + 1, 2)}
    outcomes = [
        (as_signed(seed), int(outcome.diverged), outcome.step, outcome.layer or 0)
        for seed, outcome in zip(seeds, trajectory.outcomes, strict=True)
    ]
    runs = read_out(outcomes, measured, series.steps, series.layers)
    assert runs.seeds.tolist() == sorted(seeds)
    for i, seed in enumerate(runs.seeds.tolist()):
        k = seeds.index(seed)
        assert runs.outcome(i) == trajectory.outcomes[k]
        for name in ("cost", "test_cost", "train_accuracy", "test_accuracy"):
            assert getattr(runs, name)[i].tobytes() == getattr(trajectory, name)[k].tobytes()
        for name in ("activation_rms", "gradient_rms", "weight_rms", "distinct_units"):
            assert getattr(runs, name)[i].tobytes() == getattr(trajectory, name)[k][[0, -1]].tobytes()


@given(st.integers(0, 2**64 - 1))
def test_every_seed_fits_sqlite(seed: int) -> None:
    assert -(2**63) <= as_signed(seed) < 2**63
    assert as_unsigned(as_signed(seed)) == seed


def test_what_is_stored_is_read_by_ascending_seeds(made: Any, stored: Stored) -> None:
    series = made.series()
    path = stored(made.finished(series, SEEDS[::-1]))
    assert made.content(path) == made.expected(series, SEEDS)
    with Store.read(path) as store:
        assert store.runs(series).seeds.tolist() == list(SEEDS)
        assert store.runs(series, [2**63, 5, 0]).seeds.tolist() == [0, 2**63]
        assert len(store.runs(series, [])) == 0


def test_a_series_longer_than_a_chunk_is_read_whole(made: Any, stored: Stored) -> None:
    series = made.series(steps=0)
    path = stored(made.finished(series, range(5000)), made.finished(series, [2**64 - 1]))
    with Store.read(path) as store:
        assert [len(part) for part in store.chunks(series)] == [4096, 905]
        assert store.runs(series).seeds.tolist() == [*range(5000), 2**64 - 1]


def test_a_series_of_which_nothing_is_stored_has_no_runs(made: Any, stored: Stored) -> None:
    with Store.read(stored()) as store:
        assert len(store.runs(made.series())) == 0
        assert store.series() == ()
        assert store.missing(Wanted(made.series(), (3, 1))) == (3, 1)


def test_real_runs_are_stored_as_they_were_trained(small_table: dict[str, Any], path: Path) -> None:
    engine = engine_named("reference")
    spec = read_table(small_table, ["seeds=[3, 5]", "initializations=[{label='He', weights='he_normal'}]"])
    (batch,) = batches_of((prepare(spec),))
    trajectory = engine.train(batch.problem, np.array([run.draw() for run in batch.runs]), spec.seeds, None)
    (series,) = series_of(spec, engine)
    with Store.create_or_open(path) as store:
        assert store.put([Finished(Wanted(series, spec.seeds), trajectory)]) == 2
        runs = store.runs(series)
    np.testing.assert_array_equal(runs.steps, trajectory.steps)
    np.testing.assert_array_equal(runs.cost, trajectory.cost)
    np.testing.assert_array_equal(runs.gradient_rms, trajectory.gradient_rms[:, [0, -1]])
    assert [runs.outcome(i) for i in range(2)] == list(trajectory.outcomes)


def test_only_what_is_not_stored_is_missing(made: Any, stored: Stored) -> None:
    path = stored(made.finished(made.series(), range(3)), made.finished(made.series(0, 1), [7]))
    with Store.read(path) as store:
        assert store.missing(Wanted(made.series(), (4, 2, 3, 0))) == (4, 3)
        assert store.missing(Wanted(made.series(0, 1), (0, 7))) == (0,)


def test_a_run_that_is_stored_stays_as_it_is(made: Any, stored: Stored) -> None:
    series, other = made.series(), made.series(1)
    path = stored(made.finished(series, range(4)))
    forged = Finished(Wanted(series, (3, 4)), made.trajectory(other, (3, 4)))
    with Store.open(path) as store:
        assert store.put([forged]) == 1
        assert store.put([made.finished(series, range(4))]) == 0
    content = made.content(path)
    assert {key: content[key] for key in made.expected(series, range(4))} == made.expected(series, range(4))
    assert check(path).damage == ()


def test_a_batch_is_stored_whole_or_not_at_all(made: Any, stored: Stored) -> None:
    path = stored(made.finished(made.series(), [0]))
    wrong = replace(made.trajectory(made.series(2), (5,)), cost=np.zeros((1, 2, 2)))
    with Store.open(path) as store:
        with pytest.raises(ValueError, match="dimension"):
            store.put([made.finished(made.series(1), range(3)), Finished(Wanted(made.series(2), (5,)), wrong)])
        # The numbers that were given in the transaction that was undone are given again.
        store.put([made.finished(made.series(3), [1])])
        assert store.series() == tuple(sorted((made.series(), made.series(3)), key=lambda one: one.task.key))
    assert made.content(path) == made.expected(made.series(), [0]) | made.expected(made.series(3), [1])


def test_each_seed_needs_its_network(made: Any) -> None:
    with pytest.raises(InputError) as caught:
        Finished(Wanted(made.series(), (1, 2)), made.trajectory(made.series(), (1,)))
    assert str(caught.value) == "`trajectory` must have one network for each of the 2 seeds, got 1"


def test_what_another_has_stored_is_seen(made: Any, path: Path) -> None:
    with Store.create_or_open(path) as one, Store.open(path) as other, Store.read(path) as reader:
        one.put([made.finished(made.series(0), [0])])
        other.put([made.finished(made.series(1), [0])])
        one.put([made.finished(made.series(1), [1]), made.finished(made.series(2, 1), [0])])
        assert reader.runs(made.series(1)).seeds.tolist() == [0, 1]
        assert len(other.series()) == 3


def test_a_reader_writes_nothing(made: Any, stored: Stored) -> None:
    with Store.read(stored()) as store, pytest.raises(StoreError) as caught:
        store.put([made.finished(made.series(), [0])])
    assert str(caught.value) == f"the store `{store.path}` cannot be written: it, or its folder, is read-only"


def test_a_reader_leaves_nothing_beside_the_store(made: Any, stored: Stored, tmp_path: Path) -> None:
    path = stored(made.finished(made.series(), range(5)))
    whole = path.read_bytes()
    assert made.content(path) == made.expected(made.series(), range(5))
    assert check(path).damage == ()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == whole


def test_a_store_does_one_thing_at_a_time(made: Any, stored: Stored) -> None:
    with Store.open(stored(made.finished(made.series(), range(5)))) as store:
        chunks = store.chunks(made.series())
        next(chunks)
        with pytest.raises(AssertionError, match="chunks of a series are still being read"):
            store.put([made.finished(made.series(), [9])])
        chunks.close()
        assert store.put([made.finished(made.series(), [9])]) == 1


def test_a_closed_store_is_one_file(made: Any, stored: Stored, tmp_path: Path) -> None:
    path = stored(made.finished(made.series(), range(50)))
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_what_it_says(stored: Stored) -> None:
    connection = sqlite3.connect(stored())
    (application,), (version,), (mode,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version", "journal_mode")
    )
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    connection.close()
    assert (application.to_bytes(4), version, mode) == (b"1drw", 1, "wal")
    assert all(strict for name, strict in tables if name != "sqlite_schema")


def test_every_commit_is_on_the_disk(path: Path) -> None:
    with Store.create_or_open(path) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
