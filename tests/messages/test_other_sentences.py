"""Sentences that a spec cannot provoke, or provokes elsewhere: those of the Python door."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from firstdraw.datasets import DATASETS
from firstdraw.distributions import Uniform
from firstdraw.errors import InputError
from firstdraw.experiments.sentences import as_input_error

CSV, NPZ = DATASETS["csv"], DATASETS["npz"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: CSV(path="", target="y"), "`path` must be the path of a file, as a text, got ''"),
        (lambda: CSV(path="x.csv", target=""), "`target` must be the name of a column, as a text, got ''"),
        (lambda: CSV(path="x.csv", target=3), "`target` must be the name of a column, as a text, got 3"),
        (lambda: CSV(path="x.csv", target="y", delimiter=""), "`delimiter` must be one character, as a text, got ''"),
        (
            lambda: CSV(path="x.csv", target="y", delimiter=";;"),
            "`delimiter` must be one character, printable or a tab, got ';;'",
        ),
        (
            lambda: CSV(path="x.csv", target="y", delimiter="\n"),
            "`delimiter` must be one character, printable or a tab, got '\\n'",
        ),
        (
            lambda: CSV(path="x.csv", target="y", delimiter='"'),
            "`delimiter` must not be the quotation mark, which encloses cells, got '\"'",
        ),
        (lambda: NPZ(path=None), "`path` must be the path of a file, as a text, got None"),
        (lambda: NPZ(path="x.npz", inputs=""), "`inputs` must be the name of an array, as a text, got ''"),
        (
            lambda: Uniform(-1e308, 1e308),
            "`low` must be so near to `high`, 1e+308, that the difference is finite, got -1e+308",
        ),
    ],
    ids=range(10),
)
def test_an_option_that_breaks_a_rule_is_refused(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == sentence


def test_an_array_that_is_damaged_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("X.npy", b"\x93NUMPY no array at all")
        archive.writestr("y.npy", b"")
    with pytest.raises(InputError) as caught:
        NPZ(path="x.npz").load()
    # NumPy words the reason, and may word it anew.
    assert str(caught.value).startswith("`inputs` must be an array that NumPy can read, and 'X' of 'x.npz' is not (")


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("Timestamp is out of range - at `$.a[1].b`", "`a[1].b` is not valid (Timestamp is out of range), got 7"),
        ("Something of all of it", "is not valid (Something of all of it)"),
        ("Expected `int | null`, got `str` - at `$.a[1].b`", "`a[1].b` must be an integer, got 7"),
        ("Expected `int | float`, got `str` - at `$.a[1].b`", "`a[1].b` must be an integer or a number, got 7"),
        ("Expected `thing`, got `str` - at `$.a[9].b`", "`a[9].b` must be thing"),
        ("Object missing required field `c` - at `$.a[1]`", "`a[1].c` is missing"),
    ],
)
def test_the_words_of_the_decoder_become_a_sentence(message: str, sentence: str) -> None:
    error = msgspec.ValidationError(message)
    assert str(as_input_error(error, {"a": [{}, {"b": 7}]}, object)) == sentence
