"""The user's arrays: what is read comes back, and every broken rule is a sentence."""

from __future__ import annotations

import contextlib
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from firstdraw.datasets import Dataset, table
from firstdraw.datasets.table import Npz
from firstdraw.errors import InputError

X = np.arange(8.0).reshape(4, 2)
Y = np.array([0, 1, 0, 1])
# Where long doubles are no longer than doubles these are infinite at once.
with np.errstate(over="ignore"):
    WIDE = X.astype(np.longdouble) * np.finfo(np.float64).max


def write(folder: Path, **arrays: Any) -> str:
    path = folder / "arrays.npz"
    np.savez(path, **arrays)
    return str(path)


def refused(sentence: str) -> Any:
    """Expect the whole sentence, in which `FILE` stands for the path as Python writes it."""
    return pytest.raises(InputError, match=f"^{re.escape(sentence).replace('FILE', '.*arrays.npz.')}$")


def rows(data: Dataset) -> list[tuple[bytes, Any]]:
    names = data.classes
    return sorted(
        (row.tobytes(), names[target] if names else target.tobytes())
        for part in (data.train, data.test)
        for row, target in zip(part.inputs, part.targets, strict=True)
    )


@pytest.mark.parametrize(
    ("targets", "classes"),
    [
        (Y, ("0", "1")),
        (Y.astype(np.uint8) + 9, ("9", "10")),
        (Y == 1, ("0", "1")),
        (Y * -2.0, ("-2", "0")),
        (Y[:, np.newaxis], ("0", "1")),
        (np.array(["no", "yes", "no", "yes"]), ("no", "yes")),
        (Y.astype(np.uint64) + np.uint64(2**64 - 2), (str(2**64 - 2), str(2**64 - 1))),
    ],
    ids=["integers", "bytes", "booleans", "whole floats", "one column", "texts", "large"],
)
def test_classes_may_be_written_in_many_ways(tmp_path: Path, targets: Any, classes: tuple[str, ...]) -> None:
    data = Npz(write(tmp_path, X=X, y=targets)).load()
    assert data.classes == classes
    assert data.features == ("x1", "x2")
    named = targets.ravel().astype(int).astype(str) if targets.dtype.kind in "bf" else targets.ravel().astype(str)
    assert rows(data) == sorted((row.tobytes(), str(name)) for row, name in zip(X, named, strict=True))


def test_the_arrays_may_have_other_names_and_types(tmp_path: Path) -> None:
    data = Npz(write(tmp_path, a=X.astype(np.int8), b=Y), inputs="a", target="b").load()
    assert data.train.inputs.dtype == np.float64
    assert [key for key, _ in rows(data)] == sorted(row.tobytes() for row in X)


@settings(deadline=None)
@given(
    st_numpy.arrays(
        np.float64,
        st.tuples(st.integers(4, 9), st.integers(1, 4)),
        elements=st.floats(allow_nan=False, allow_infinity=False),
        unique=True,
    ),
    st.integers(0, 3),
    st.booleans(),
)
def test_random_arrays_come_back_bit_for_bit(inputs: Any, outputs: int, compressed: bool) -> None:
    targets = inputs[:, 0] if outputs == 0 else np.repeat(inputs[:, :1], outputs, axis=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "arrays.npz")
        (np.savez_compressed if compressed else np.savez)(path, X=inputs, y=targets)
        data = Npz(str(path), task="regression", test_share=0.3).load()
    assert data.target_dimensions == max(outputs, 1)
    assert rows(data) == sorted((x.tobytes(), y.tobytes()) for x, y in zip(inputs, targets, strict=True))


TABLE = (
    "`inputs` must be an array with a row for each example and a column for each feature,"
    " and 'X' of FILE has the shape "
)
COLUMNS = "`target` must be an array with one or two dimensions, examples and targets, and 'y' of FILE has the shape "
BROKEN: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no inputs": (
        {"x": X, "y": Y},
        {},
        "`inputs` must be an array of FILE, got 'X'; the arrays are: 'x', 'y'",
    ),
    "target misspelled": (
        {"X": X, "labels": Y},
        {"target": "label"},
        ("`target` must be an array of FILE, got 'label'; did you mean 'labels'? the arrays are: 'X', 'labels'"),
    ),
    "no arrays": ({}, {}, "`inputs` must be an array of FILE, got 'X'; the file holds no arrays"),
    "one dimension": (
        {"X": X[:, 0], "y": Y},
        {},
        TABLE + "(4,)",
    ),
    "images": (
        {"X": np.zeros((4, 8, 8)), "y": Y},
        {},
        TABLE + "(4, 8, 8); flatten each example to a row: X.reshape(len(X), -1)",
    ),
    "no columns": (
        {"X": np.zeros((4, 0)), "y": Y},
        {},
        TABLE + "(4, 0)",
    ),
    "no rows": (
        {"X": np.zeros((0, 3)), "y": np.zeros(0)},
        {},
        TABLE + "(0, 3)",
    ),
    "other length": (
        {"X": X, "y": Y[:3]},
        {},
        "`target` must be an array with as many rows as 'X' has, 4, and 'y' of FILE has the shape (3,)",
    ),
    "a single target": (
        {"X": X, "y": np.array(1)},
        {},
        "`target` must be an array with as many rows as 'X' has, 4, and 'y' of FILE has the shape ()",
    ),
    "texts for inputs": (
        {"X": X.astype(str), "y": Y},
        {},
        "`inputs` must be an array of real numbers, and 'X' of FILE is of type <U32",
    ),
    "complex inputs": (
        {"X": X * 1j, "y": Y},
        {},
        "`inputs` must be an array of real numbers, and 'X' of FILE is of type complex128",
    ),
    "objects": (
        {"X": X.astype(object), "y": Y},
        {},
        ("`inputs` must be an array of numbers or texts, and 'X' of FILE is not; pickled objects are never read"),
    ),
    "object labels": (
        {"X": X, "y": np.array(["a", "b", "a", "b"], object)},
        {},
        ("`target` must be an array of numbers or texts, and 'y' of FILE is not; pickled objects are never read"),
    ),
    "not finite": (
        {"X": np.where(X > 5, np.nan, X), "y": Y},
        {},
        ("`inputs` must be an array of finite numbers, and 'X' of FILE has 2 that are not, the first at [3, 0]"),
    ),
    "NaN classes": (
        {"X": X, "y": np.array([0, 1, np.nan, 1])},
        {},
        "`target` must be an array of finite numbers, and 'y' of FILE has 1 that are not, the first at [2]",
    ),
    "fractions for classes": (
        {"X": X, "y": Y + 0.5},
        {},
        (
            "`target` must name classes by texts or whole numbers, and row 0 of 'y' in FILE holds 0.5;"
            ' to predict a number use task = "regression"'
        ),
    ),
    "one column a class": (
        {"X": X, "y": np.eye(4)},
        {},
        (
            "`target` must be an array with one class for each example, and 'y' of FILE has the shape (4, 4);"
            " from one column a class, np.argmax(y, axis=1) makes class numbers"
        ),
    ),
    "dates for classes": (
        {"X": X, "y": np.array([1, 2, 1, 2], "datetime64[D]")},
        {},
        "`target` must be an array of whole numbers or texts, and 'y' of FILE is of type datetime64[D]",
    ),
    "one class": (
        {"X": X, "y": Y * 0},
        {},
        "`target` must hold two classes or more, and all 4 rows of FILE are of class '0'",
    ),
    "texts to regress": (
        {"X": X, "y": Y.astype(str)},
        {"task": "regression"},
        "`target` must be an array of real numbers, and 'y' of FILE is of type <U21",
    ),
    "three dimensions to regress": (
        {"X": X, "y": np.zeros((4, 2, 2))},
        {"task": "regression"},
        COLUMNS + "(4, 2, 2)",
    ),
    "nothing to regress": (
        {"X": X, "y": np.zeros((4, 0))},
        {"task": "regression"},
        COLUMNS + "(4, 0)",
    ),
    "infinite target": (
        {"X": X, "y": np.array([0, 1, 2, np.inf])},
        {"task": "regression"},
        "`target` must be an array of finite numbers, and 'y' of FILE has 1 that are not, the first at [3]",
    ),
    "wider floats": (
        {"X": WIDE, "y": Y},
        {},
        ("`inputs` must be an array of finite numbers, and 'X' of FILE has 6 that are not, the first at [1, 0]"),
    ),
    "equal inputs": (
        {"X": X * 0, "y": Y},
        {},
        "the training inputs must differ from each other, and every row is the same",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_arrays_are_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    arrays, options, sentence = BROKEN[case]
    with refused(sentence):
        Npz(write(tmp_path, **arrays), **options).load()


def test_inputs_and_target_are_two_arrays() -> None:
    with refused("`target` must be another array than the inputs, got 'a'"):
        Npz("arrays.npz", inputs="a", target="a")


def test_a_path_must_lead_to_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    with refused("`path` must be a file that exists, got FILE"):
        Npz(str(path)).load()
    np.save(tmp_path / "arrays.npz.npy", X)
    (tmp_path / "arrays.npz.npy").rename(path)
    with refused("`path` must be a file that numpy.savez wrote, got FILE"):
        Npz(str(path)).load()
    path.write_bytes(b"")
    with refused("`path` must be a file that is not empty, got FILE"):
        Npz(str(path)).load()


def test_a_member_that_is_no_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    inner = tmp_path / "inner.npz"
    np.savez(inner, X=X)
    for content, found in (
        (b"hello", "is not; pickled objects are never read"),
        (inner.read_bytes(), "is not one"),
        (b"\x93NUMPY\x09\x00", r"is not \(we only support format version .*\)"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("X", content)
        with pytest.raises(InputError, match=rf"^`inputs` must be an array.*, and 'X' of .* {found}$"):
            Npz(str(path)).load()


def test_an_array_that_unpacks_to_too_much_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "arrays.npz"
    np.savez_compressed(path, X=np.zeros((4, 1000)), y=Y)
    monkeypatch.setattr(table, "LARGEST_FILE", 10_000)
    with refused("`inputs` must be an array of at most 2 GB, and 'X' of FILE has 32,128 bytes"):
        Npz(str(path)).load()


@settings(deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_in_a_sentence(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(write(Path(folder), X=X, y=Y))
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
        # Whatever else it raises fails the test.
        with contextlib.suppress(InputError):
            loaded = Npz(str(path)).load()
            assert len(loaded.train) + len(loaded.test) == 4
