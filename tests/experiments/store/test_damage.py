"""Every byte of a store may change, and the file may end anywhere: it is noticed, or it makes no difference.

Never is a number read that was not stored, never is a run missing without a word, and never is there a traceback. What
is salvaged is as it was, and what is lost is told.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstdraw.errors import StoreError
from firstdraw.experiments.store import Store, Wanted, check, pages, salvage, schema
from firstdraw.experiments.store.checksums import row_checksum

SMALL_PAGE = 512
# Each bit alone, and all of them.
CHANGES = (1, 2, 4, 8, 16, 32, 64, 128, 255)


class _Patient:
    """A store, to be damaged again and again."""

    def __init__(self, made: Any, path: Path) -> None:
        self.made, self.path = made, path
        # The last has rows that are longer than a page holds.
        self.series = (made.series(), made.series(1), made.series(1, 1, steps=3000))
        self.seeds = (range(5), range(3, 6), range(2))
        with Store.create_or_open(path) as store:
            for series, seeds in zip(self.series, self.seeds, strict=True):
                store.put([made.finished(series, seeds)])
            store.fail(Wanted(self.series[1], (9,)), "killed by signal 9")
        self.whole = path.read_bytes()
        self.content = made.content(path)

    def damaged(self, content: bytes) -> tuple[str, ...]:
        """Write something else in the store's place, and return what a check finds."""
        for file in self.path.parent.iterdir():
            file.unlink()
        self.path.write_bytes(content)
        try:
            return check(self.path).damage
        except StoreError as error:
            return (str(error),)

    def read(self) -> dict[Any, Any] | None:
        """Return all that the store holds; None if it is refused."""
        try:
            return self.made.content(self.path)
        except StoreError:
            return None

    def missing(self) -> list[tuple[int, ...]] | None:
        """Return what the store says is missing of what it holds, and one run more."""
        try:
            with Store.read(self.path) as store:
                return [
                    store.missing(Wanted(series, (*seeds, 77)))
                    for series, seeds in zip(self.series, self.seeds, strict=True)
                ]
        except StoreError:
            return None

    def examine(self, content: bytes) -> str:
        """Damage the store, hold all of its promises against what comes of it, and return what that is."""
        found = self.damaged(content)
        read = self.read()
        assert read in (None, self.content)
        assert self.missing() in (None, [(77,), (77,), (77,)])
        if read is None:
            assert found
            self._salvage(found)
            return "refused"
        return "told" if found else "harmless"

    def _salvage(self, found: tuple[str, ...]) -> None:
        new = self.path.with_name("new.db")
        result = salvage(self.path, new)
        content = self.made.content(new)
        assert result.runs == len(content)
        assert content.items() <= self.content.items()
        assert check(new).damage == ()
        # Where the counts are lost nobody knows; otherwise exactly what is lost is told.
        sure = [sentence for sentence in result.lost if not sentence.startswith("how many ")]
        if len(content) < len(self.content):
            assert result.lost, found
        else:
            assert sure == [], found


@pytest.fixture
def patient(made: Any, tmp_path: Path) -> Iterator[_Patient]:
    """A store in memory where there is such a folder: thousands of files are made in its place."""
    memory = Path("/dev/shm")  # noqa: S108  # a folder of its own is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield _Patient(made, Path(folder, "results.db"))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer bytes to change: as many pages, of which each is smaller, and more rows that overflow one."""
    monkeypatch.setattr(schema, "PAGE_BYTES", SMALL_PAGE)
    monkeypatch.setattr(pages, "PAGE_BYTES", SMALL_PAGE)


def _flips(patient: _Patient, places: Iterator[int]) -> Counter[str]:
    seen: Counter[str] = Counter()
    for place in places:
        content = bytearray(patient.whole)
        content[place] ^= CHANGES[place % len(CHANGES)]
        seen[patient.examine(bytes(content))] += 1
    return seen


def _occupied(patient: _Patient) -> list[int]:
    """The places of all bytes that are not in a long row of zeros, which is what free space is."""
    whole = patient.whole
    return [place for place in range(len(whole)) if any(whole[max(place - 8, 0) : place + 8])]


def test_some_bytes_that_change_are_noticed(patient: _Patient) -> None:
    rng = np.random.default_rng(0)
    places = [
        *range(18),
        *range(56, 72),
        *rng.choice(_occupied(patient), 120),
        *rng.choice(len(patient.whole), 30),
    ]
    seen = _flips(patient, iter(places))
    assert seen["refused"] > 80
    assert seen["harmless"] > 20


def test_some_lengths_at_which_a_file_ends_are_noticed(patient: _Patient) -> None:
    rng = np.random.default_rng(1)
    pages_end = range(0, len(patient.whole), schema.PAGE_BYTES)
    for length in (*pages_end, *rng.choice(len(patient.whole), 40)):
        assert patient.examine(patient.whole[:length]) == "refused"


@pytest.mark.slow
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("part", range(8))
def test_every_byte_that_changes_is_noticed(patient: _Patient, part: int) -> None:
    seen = _flips(patient, iter(range(part, len(patient.whole), 8)))
    assert seen["refused"] > seen["harmless"] > 0


@pytest.mark.slow
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("part", range(8))
def test_every_length_at_which_a_file_ends_is_noticed(patient: _Patient, part: int) -> None:
    for length in range(part, len(patient.whole), 8):
        assert patient.examine(patient.whole[:length]) == "refused"


def test_a_page_of_zeros_is_noticed(patient: _Patient) -> None:
    size = schema.PAGE_BYTES
    for begin in range(0, len(patient.whole), size):
        content = bytearray(patient.whole)
        content[begin : begin + size] = bytes(size)
        assert patient.examine(bytes(content)) in ("refused", "harmless" if begin else "refused")


def test_two_pages_that_change_places_are_noticed(patient: _Patient) -> None:
    size = schema.PAGE_BYTES
    numbers = range(0, len(patient.whole), size)
    for one in numbers:
        for other in numbers:
            if one < other:
                content = bytearray(patient.whole)
                content[one : one + size], content[other : other + size] = (
                    content[other : other + size],
                    content[one : one + size],
                )
                assert patient.examine(bytes(content)) in ("refused", "harmless")


CHANGED_ROWS = {
    "a run that is gone": (
        "DELETE FROM runs WHERE seed = 4",
        "of {series}, 5 runs were stored, and 4 are whole",
    ),
    "a seed that is another": (
        "UPDATE runs SET seed = 77 WHERE seed = 2",
        "the run of {series} with seed 77 does not match its checksum",
    ),
    "an outcome that is another": (
        "UPDATE runs SET diverged = 1 WHERE seed = 2",
        "the run of {series} with seed 2 does not match its checksum",
    ),
    "a run in another's place": (
        "UPDATE runs SET measured = (SELECT measured FROM runs WHERE seed = 3 AND task = 1) WHERE seed = 2",
        "the run of {series} with seed 2 does not match its checksum",
    ),
    "a series under another's name": (
        "UPDATE runs SET task = 2 WHERE task = 1 AND seed = 0",
        "of {series}, 5 runs were stored, and 4 are whole",
    ),
    "a count that is gone": ("DELETE FROM totals WHERE task = 1", "`totals` has 2 rows, and 3 were written"),
    "a count that is another": ("UPDATE totals SET runs = 4 WHERE task = 1", "in `totals`, row 1 does not match"),
    "a description that is gone": ("DELETE FROM tasks WHERE id = 1", "`tasks` has 2 rows, and 3 were written"),
    "a description that is another": (
        "UPDATE tasks SET description = replace(description, '20', '30') WHERE id = 1",
        "in `tasks`, row 1 does not match its checksum",
    ),
    "two descriptions that are exchanged": ("UPDATE starts SET id = -id", "does not match its checksum"),
    "the count of all that is gone": ("DELETE FROM contents", "the number of rows of `tasks` is lost"),
    "a failure that is gone": ("DELETE FROM failures", "`failures` has 0 rows, and 1 were written"),
    "a table too many": ("CREATE TABLE more (x)", "its tables are not those of a store: more"),
}


@pytest.mark.parametrize("kind", CHANGED_ROWS)
def test_a_row_that_another_program_changes_is_noticed(patient: _Patient, kind: str) -> None:
    statement, sentence = CHANGED_ROWS[kind]
    with Store.open(patient.path) as store:
        store._connection.execute(statement)
    told = check(patient.path).damage
    assert any(sentence.format(series=patient.series[0]) in one for one in told), told
    assert patient.read() is None


def test_other_runs_in_the_same_number_are_noticed(patient: _Patient, made: Any, stored: Callable[..., Path]) -> None:
    """A row that is whole, but was never stored in this file."""
    series = patient.series[0]
    foreign = stored(made.finished(series, [50]))
    with Store.open(patient.path) as store:
        store._connection.execute("ATTACH ? AS other", (str(foreign),))
        store._connection.execute("DELETE FROM runs WHERE task = 1 AND seed = 1")
        store._connection.execute("INSERT INTO runs SELECT * FROM other.runs")
    assert check(patient.path).damage == (f"of {series}, other runs are there than were stored",)
    with Store.read(patient.path) as store, pytest.raises(StoreError) as caught:
        store.runs(series)
    assert str(caught.value) == (
        f"the store `{patient.path}` is damaged: of {series}, other runs are there than were stored; "
        "`firstdraw fsck` lists all damage, and saves what is whole"
    )


HARM = {
    "DELETE FROM runs WHERE task = 1 AND seed = 1": "of {series}, 5 runs were stored, and 4 are there",
    "UPDATE totals SET runs = 4 WHERE task = 1": "in `totals`, row 1 does not match its checksum",
    "UPDATE contents SET rows = 4 WHERE part = 'tasks'": "in `contents`, row 'tasks' does not match its checksum",
    "DELETE FROM contents WHERE part = 'starts'": "`starts` has other rows than were written",
}


@pytest.mark.parametrize("statement", HARM)
def test_damage_that_is_done_while_a_store_is_open_is_noticed(patient: _Patient, statement: str) -> None:
    series = patient.series[0]
    with Store.read(patient.path) as store:
        with Store.open(patient.path) as other:
            other._connection.execute(statement)
        with pytest.raises(StoreError) as caught:
            store.runs(series)
        assert HARM[statement].format(series=series) in str(caught.value)


def test_nothing_is_counted_where_the_count_is_lost(patient: _Patient, made: Any) -> None:
    with Store.open(patient.path) as store:
        store._connection.execute("DELETE FROM contents WHERE part = 'totals'")
        with pytest.raises(StoreError) as caught:
            store.put([made.finished(patient.series[0], [60])])
        assert "is damaged: the number of rows of `totals` is lost; " in str(caught.value)


def test_a_run_whose_description_is_lost_is_not_told_without_it(patient: _Patient) -> None:
    with Store.open(patient.path) as store:
        row = (9, 1, 0, 0)
        store._connection.execute("INSERT INTO totals VALUES (?, ?, ?, ?, ?)", (*row, row_checksum("totals", row)))
        with pytest.raises(StoreError) as caught:
            store.summary()
        assert "the description of task 9 or of start 1 is lost" in str(caught.value)


def test_what_is_salvaged_of_a_whole_store_is_all_of_it(patient: _Patient) -> None:
    new = patient.path.with_name("new.db")
    assert salvage(patient.path, new).lost == ()
    assert patient.made.content(new) == patient.content


def test_what_is_lost_is_told(patient: _Patient) -> None:
    with Store.open(patient.path) as store:
        store._connection.execute("UPDATE runs SET step = step + 1 WHERE task = 1 AND seed > 2")
        store._connection.execute("DELETE FROM starts WHERE id = 2")
        store._connection.execute("VACUUM")
    result = salvage(patient.path, patient.path.with_name("new.db"))
    assert result.runs == 6
    assert result.lost == (
        f"of {patient.series[0]}, 2 of 5 runs are lost",
        "of task 3 and start 2, whose description is lost, 2 of 2 runs are lost",
    )
