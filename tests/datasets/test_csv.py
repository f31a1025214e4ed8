"""The user's text table: what is read comes back, and every broken rule is a sentence."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.datasets.table import Csv
from firstdraw.errors import InputError

GOOD = "age,height,kind\n1,2,a\n3,4,b\n5,6,a\n7,8,b\n"
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def write(folder: Path, content: str | bytes) -> str:
    path = folder / "people.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def refused(sentence: str) -> Any:
    """Expect the whole sentence, in which `FILE` stands for the path as Python writes it."""
    return pytest.raises(InputError, match=f"^{re.escape(sentence).replace('FILE', '.*people.csv.')}$")


def by_row(recipe: Csv) -> dict[tuple[float, ...], Any]:
    """Return the targets of all examples by their inputs."""
    data = recipe.load()
    names = data.classes
    return {
        tuple(row.tolist()): names[target] if names else target.tolist()
        for part in (data.train, data.test)
        for row, target in zip(part.inputs, part.targets, strict=True)
    }


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("\n", "\n \n").rstrip(),
        GOOD.replace(",", " , "),
        GOOD.replace("3", '"3"').replace("b", '"b"'),
        GOOD.replace("3", "3e0").replace("5", "+5.0"),
    ],
    ids=["plain", "bom", "crlf", "cr", "blank lines", "spaces", "padded", "quoted", "written otherwise"],
)
def test_one_table_in_many_writings(tmp_path: Path, content: str) -> None:
    recipe = Csv(write(tmp_path, content), "kind")
    assert by_row(recipe) == {(1, 2): "a", (3, 4): "b", (5, 6): "a", (7, 8): "b"}
    assert recipe.load().features == ("age", "height")
    assert len(recipe.load().test) == 1


def test_the_target_may_stand_anywhere_and_cells_hold_delimiters(tmp_path: Path) -> None:
    path = write(tmp_path, 'a;"the ""kind"", named";b\n1;"x;y";2\n3;"two\nlines";4\n5;x;6\n')
    recipe = Csv(path, 'the "kind", named', ";", test_share=0)
    assert by_row(recipe) == {(1, 2): "x;y", (3, 4): "two\nlines", (5, 6): "x"}


def test_a_regression_target_is_a_column_of_numbers(tmp_path: Path) -> None:
    recipe = Csv(write(tmp_path, GOOD), "height", task="regression")
    with refused("`path` is FILE, where line 2, column 'kind' must be a number, got 'a'"):
        recipe.load()
    data = Csv(write(tmp_path, "age,height\n1,2.5\n3,4\n5,6\n7,8\n"), "height", task="regression").load()
    assert data.train.targets.shape == (3, 1)
    assert data.train.targets.dtype == np.float64
    assert data.classes == ()
    assert data.target_dimensions == 1


def test_standardization_is_fitted_on_the_training_part(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    raw, data = (Csv(path, "kind", standardize=flag).load() for flag in (False, True))
    np.testing.assert_allclose(data.train.inputs.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(data.train.inputs.std(axis=0), 1, rtol=1e-15)
    mean, deviation = raw.train.inputs.mean(axis=0), raw.train.inputs.std(axis=0)
    np.testing.assert_allclose(data.test.inputs, (raw.test.inputs - mean) / deviation, rtol=1e-15)


@settings(deadline=None)
@given(
    st.integers(1, 4).flatmap(lambda d: st.lists(st.tuples(*[FINITE] * d), min_size=4, max_size=12, unique=True)),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=5), min_size=2, max_size=2),
    st.sampled_from(",;\t|"),
)
def test_random_tables_come_back_bit_for_bit(rows: list[tuple[float, ...]], labels: list[str], delimiter: str) -> None:
    # With brackets around them the labels are no numbers and have no blank ends.
    first, second = (f"<{label}>{i}" for i, label in enumerate(labels))
    named = [(row, second if i % 2 else first) for i, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow([*(f"x{i}" for i in range(len(rows[0]))), "class"])
            writer.writerows([*map(repr, row), label] for row, label in named)
        data = Csv(str(path), "class", delimiter, test_share=0.3).load()
    found = sorted(
        (row.tobytes(), data.classes[target])
        for part in (data.train, data.test)
        for row, target in zip(part.inputs, part.targets, strict=True)
    )
    assert found == sorted((np.array(row).tobytes(), label) for row, label in named)


BROKEN = {
    "not a number": (
        GOOD.replace("5", "x"),
        "`path` is FILE, where line 4, column 'age' must be a number, got 'x'",
    ),
    "missing": (
        GOOD.replace("5", ""),
        (
            "`path` is FILE, where line 4, column 'age' must be a number, got '';"
            " leave out or fill in examples with missing values"
        ),
    ),
    "underscore": (
        GOOD.replace("8", "1_000"),
        "`path` is FILE, where line 5, column 'height' must be a number, got '1_000'",
    ),
    "NaN": (
        GOOD.replace("2", "nan"),
        "`path` is FILE, where line 2, column 'height' must be a finite number, got 'nan'",
    ),
    "infinite": (
        GOOD.replace("2", "-inf"),
        "`path` is FILE, where line 2, column 'height' must be a finite number, got '-inf'",
    ),
    "too large": (
        GOOD.replace("2", "1e999"),
        "`path` is FILE, where line 2, column 'height' must be a finite number, got '1e999'",
    ),
    "after two lines in one cell": (
        'age,kind\n1,"a\nb"\n\nx,c\n',
        "`path` is FILE, where line 5, column 'age' must be a number, got 'x'",
    ),
    "too few cells": (
        GOOD.replace("3,4,b", "3,4"),
        "`path` is FILE, where line 3 must have 3 cells like the header, and has 2",
    ),
    "too many cells": (
        GOOD.replace("3,4,b", "3,4,b,"),
        "`path` is FILE, where line 3 must have 3 cells like the header, and has 4",
    ),
    "no class": (
        GOOD.replace("8,b", "8,"),
        "`path` is FILE, where line 5, column 'kind' must name a class, got ''",
    ),
    "one class": (
        GOOD.replace("b", "a"),
        "`target` must hold two classes or more, and all 4 rows of FILE are of class 'a'",
    ),
    "fractions for classes": (
        GOOD.replace("a\n", "1\n").replace("b", "2.5"),
        (
            "`target` must name classes by texts or whole numbers, and line 3 of FILE holds 2.5;"
            ' to predict a number use task = "regression"'
        ),
    ),
    "header only": (
        "age,kind\n",
        "`path` is FILE, where lines of data must follow the header, and none does",
    ),
    "blank": (
        "\n\n \n",
        "`path` is FILE, where the first line must name the columns, and every line is blank",
    ),
    "same name twice": (
        GOOD.replace("height", "age"),
        "`path` is FILE, where line 1 must name each column once, and has 'age' twice",
    ),
    "target twice": (
        "\n" + GOOD.replace("height", "kind"),
        "`path` is FILE, where line 2 must name each column once, and has 'kind' twice",
    ),
    "no name": (
        GOOD.replace("height", ""),
        "`path` is FILE, where line 1 must name every column, and column 2 has no name",
    ),
    "pandas index": (
        GOOD.replace("age", ""),
        (
            "`path` is FILE, where line 1 must name every column, and column 1 has no name;"
            " pandas writes its index so: pass index=False to to_csv"
        ),
    ),
    "no features": (
        "kind\na\nb\n",
        "`path` is FILE, where a column of features must stand beside the target 'kind', and none does",
    ),
    "target misspelled": (
        GOOD.replace("kind", "kinds"),
        (
            "`target` must be a column of FILE, got 'kind';"
            " did you mean 'kinds'? the columns are: 'age', 'height', 'kinds'"
        ),
    ),
    "target missing": (
        ",".join(f"x{i}" for i in range(20)) + "\n",
        (
            "`target` must be a column of FILE, got 'kind';"
            " the columns are: 'x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7' and 12 more"
        ),
    ),
    "other delimiter": (
        GOOD.replace(",", ";"),
        (
            "`target` must be a column of FILE, got 'kind';"
            " the only column is 'age;height;kind': is ',' the `delimiter`?"
        ),
    ),
    "open quotation": (
        GOOD.replace("3", '"3'),
        "`path` is FILE, where line 3 must be well-formed CSV (unexpected end of data)",
    ),
    "quotation inside": (
        GOOD.replace("3", '"3"x'),
        "`path` is FILE, where line 3 must be well-formed CSV (',' expected after '\"')",
    ),
    "latin-1": (
        GOOD.replace("b", "\u00e9").encode("latin-1"),
        "`path` is FILE, where line 3 must be UTF-8; save the file as UTF-8",
    ),
    "utf-16": (
        GOOD.encode("utf-16"),
        "`path` is FILE, where line 1 must be UTF-8; save the file as UTF-8",
    ),
    "empty": ("", "`path` must be a file that is not empty, got FILE"),
    "equal inputs": (
        "age,kind\n1,a\n1,b\n1,a\n1,b\n",
        "the training inputs must differ from each other, and every row is the same",
    ),
    "a class an example": (
        "age,kind\n1,a\n2,b\n3,c\n4,d\n",
        (
            "`test_share` must leave every one of the 4 classes a training example:"
            " at most 0 of 4 examples can be test examples, and it takes 1, got 0.25"
        ),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_table_is_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    content, sentence = BROKEN[case]
    recipe = Csv(write(tmp_path, content), "kind")
    with refused(sentence):
        recipe.load()


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("x", "`path` is FILE, where line 3, column 'y' must be a number, got 'x'"),
        ("nan", "`path` is FILE, where line 3, column 'y' must be a finite number, got 'nan'"),
    ],
)
def test_a_regression_target_must_be_a_finite_number(tmp_path: Path, target: str, sentence: str) -> None:
    recipe = Csv(write(tmp_path, f"x,y\n1,2\n3,{target}\n"), "y", task="regression")
    with refused(sentence):
        recipe.load()


def test_a_regression_split_leaves_something_to_learn_from(tmp_path: Path) -> None:
    recipe = Csv(write(tmp_path, "x,y\n1,2\n3,4\n"), "y", task="regression", test_share=0.9)
    with refused(
        "`test_share` must leave the training part a training example: at most 1 of 2 examples can be test"
        " examples, and it takes 2, got 0.9"
    ):
        recipe.load()


def test_a_path_must_lead_to_an_ordinary_file(tmp_path: Path) -> None:
    with refused("`path` must be a file that exists, got FILE"):
        Csv(str(tmp_path / "people.csv"), "kind").load()
    (tmp_path / "people.csv").mkdir()
    with refused("`path` must be a file, not a folder, got FILE"):
        Csv(str(tmp_path / "people.csv"), "kind").load()
    with pytest.raises(InputError, match=r"^`path` must be a file that can be read \(embedded null byte\), got"):
        Csv("a\0b", "kind").load()
    with pytest.raises(InputError, match=r"^`path` must be a file that can be read \(File name too long\), got"):
        Csv("a" * 5000, "kind").load()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_before_it_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "people.csv")
    with refused("`path` must be an ordinary file, not a device or a pipe, got FILE"):
        Csv(str(tmp_path / "people.csv"), "kind").load()


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    # A hole: the file takes no room on the disk.
    os.truncate(path, 2 * 10**9 + 1)
    with refused("`path` must be a file of at most 2 GB, and FILE has 2,000,000,001 bytes"):
        Csv(path, "kind").load()


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text("a,b\n\r\"'1.e ;\ufeff", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_in_a_sentence(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        for head in (b"", b"a,b\n", b"a,b\n1,x\n2,y\n"):
            path.write_bytes(head + content)
            # Whatever else it raises fails the test.
            with contextlib.suppress(InputError):
                data = Csv(str(path), "b").load()
                assert len(data.train) >= 2
