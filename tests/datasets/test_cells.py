"""Texts as numbers and as classes."""

from __future__ import annotations

import re

import pytest

from firstdraw.datasets.cells import number_classes, parse_number
from firstdraw.errors import InputError


@pytest.mark.parametrize(
    ("labels", "numbers", "classes"),
    [
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        (["10", "9", "10"], [1, 0, 1], ("9", "10")),
        (["1", "1.0", "-2e0", "01"], [1, 1, 0, 1], ("-2", "1")),
        (["10", "9", "x"], [0, 1, 2], ("10", "9", "x")),
        (["9007199254740993", "9007199254740992"], [1, 0], ("9007199254740992", "9007199254740993")),
        (["1_0", "1"], [1, 0], ("1", "1_0")),
        (["nan", "x"], [0, 1], ("nan", "x")),
    ],
)
def test_classes_are_numbered_in_order(labels: list[str], numbers: list[int], classes: tuple[str, ...]) -> None:
    found, names = number_classes(labels, str)
    assert found.tolist() == numbers
    assert names == classes


@pytest.mark.parametrize("label", ["0.5", "nan", "-inf", "1e400", "1e-5", "9007199254740993.5"])
def test_numbers_that_are_not_whole_are_no_classes(label: str) -> None:
    sentence = (
        f"`target` must name classes by texts or whole numbers, and place 2 holds {label};"
        ' to predict a number use task = "regression"'
    )
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}$"):
        number_classes(["0", "1", label, label], lambda i: f"place {i}")


@pytest.mark.parametrize("text", ["", "x", "1,5", "0x1", "1_000", "1 2", "True"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_number(text) is None
