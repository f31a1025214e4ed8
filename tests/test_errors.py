from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from firstdraw.activations import ReLU
from firstdraw.errors import FirstdrawError, InputError, OutputError, shown
from firstdraw.networks import MultilayerPerceptron
from firstdraw.rules import (
    check_finite,
    check_non_negative,
    check_non_negative_integer,
    check_positive,
    check_positive_integer,
    check_share,
)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("widths", "must be short"), "`widths` must be short"),
        (InputError("widths[2]", "must be positive", -5), "`widths[2]` must be positive, got -5"),
        (InputError("", "the data must have two classes"), "the data must have two classes"),
        (InputError("", "must name a loss", "mea"), "must name a loss, got 'mea'"),
        (InputError("a", "must be b", 1, hint="try b"), "`a` must be b, got 1; try b"),
        (InputError("a", "is unknown", hint="try b"), "`a` is unknown; try b"),
        (InputError("a", "must be b", None), "`a` must be b, got None"),
    ],
)
def test_an_input_error_is_a_sentence_with_the_name_the_rule_and_the_value(error: InputError, sentence: str) -> None:
    assert str(error) == sentence


@pytest.mark.parametrize(
    ("path", "outer", "whole"),
    [
        ("widths[2]", "network", "network.widths[2]"),
        ("[2]", "widths", "widths[2]"),
        ("", "network", "network"),
        ("widths", "", "widths"),
        ("", "", ""),
    ],
)
def test_an_outer_name_is_put_before_the_path(path: str, outer: str, whole: str) -> None:
    error = InputError(path, "must be good")
    assert error.under(outer) is error
    assert error.path == whole


def test_names_pile_up_from_the_inside_out() -> None:
    error = InputError("slope", "must be good").under("activation").under("network")
    assert str(error) == "`network.activation.slope` must be good"


def test_situations_pile_up_from_the_inside_out() -> None:
    error = InputError("a", "must be b", 3)
    assert error.during("in cell 2") is error
    assert str(error.during("in spec.toml")) == "in spec.toml: in cell 2: `a` must be b, got 3"


def test_a_long_value_is_shortened_to_eighty_characters() -> None:
    text = shown("x" * 1000)
    assert len(text) == 80
    assert text == "'" + "x" * 39 + "…" + "x" * 38 + "'"
    assert shown("x" * 78) == repr("x" * 78)


def test_an_input_error_can_be_caught_as_a_value_error() -> None:
    with pytest.raises(ValueError, match="must be b") as caught:
        raise InputError("a", "must be b")
    assert isinstance(caught.value, FirstdrawError)


def test_an_output_error_can_be_caught_as_an_os_error() -> None:
    with pytest.raises(OSError, match="cannot write `/x/y`: the disk is full") as caught:
        raise OutputError("/x/y", "the disk is full")
    assert isinstance(caught.value, FirstdrawError)


@pytest.mark.parametrize("carry", [copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
@pytest.mark.parametrize(
    "error",
    [
        InputError("a", "must be b").under("outer").during("in cell 1"),
        InputError("a", "must be b", 3, hint="try 4"),
        OutputError("/x/y", "the disk is full"),
    ],
)
def test_an_error_says_the_same_after_a_journey_to_another_process(
    error: FirstdrawError, carry: Callable[[FirstdrawError], FirstdrawError]
) -> None:
    assert str(carry(error)) == str(error)


# The rules of single values.

# Fractions are numbers, but none that an array takes. The last two are no floats; they are counts, too large.
NO_NUMBERS = [True, Fraction(1, 3), "1", None, [1], 1j, float("nan"), float("inf"), -float("inf"), 10**400, -(10**400)]
CHECKS: dict[Callable[[str, Any], Any], tuple[str, list[Any], list[Any]]] = {
    check_finite: ("must be a finite number", [0, -1.5, 1e308, np.float32(2.0)], []),
    check_positive: ("must be a finite number above 0", [5e-324, 1, 1e308], [0, -0.0, -1e-300]),
    check_non_negative: ("must be a finite number of at least 0", [0, -0.0, 1e308], [-5e-324, -1]),
    check_share: ("must be a number of at least 0 and below 1", [0, 0.5, 1 - 2.0**-53], [1, 1.0, -1e-300]),
    check_positive_integer: ("must be a positive integer", [1, 2**48, np.int64(3)], [0, -1, 1.0, 2.5]),
    check_non_negative_integer: ("must be an integer of at least 0", [0, 2**48, np.uint8(3)], [-1, 1.0]),
}


@pytest.mark.parametrize(
    ("check", "value"), [(check, value) for check, (_, good, _) in CHECKS.items() for value in good]
)
def test_a_rule_returns_the_value_that_obeys_it(check: Callable[[str, Any], Any], value: Any) -> None:
    assert check("x", value) is value


@pytest.mark.parametrize(
    ("check", "rule", "value"),
    [
        (check, rule, value)
        for check, (rule, _, bad) in CHECKS.items()
        for value in [*bad, *(NO_NUMBERS[:-2] if "integer" in rule else NO_NUMBERS)]
    ],
)
def test_a_rule_refuses_a_value_in_one_sentence(check: Callable[[str, Any], Any], rule: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        check("x", value)
    assert str(caught.value) == f"`x` {rule}, got {shown(value)}"


@pytest.mark.parametrize("check", [check_positive_integer, check_non_negative_integer])
def test_a_count_that_no_memory_holds_is_refused(check: Callable[[str, int], int]) -> None:
    with pytest.raises(InputError) as caught:
        check("x", 2**48 + 1)
    assert str(caught.value) == "`x` must be at most 2^48, got 281474976710657"


@pytest.mark.parametrize(
    ("widths", "sentence"),
    [
        ((2,), "`widths` must have two entries or more, the features first, the outputs last, got (2,)"),
        ((), "`widths` must have two entries or more, the features first, the outputs last, got ()"),
        ((2, -5, 1), "`widths[1]` must be a positive integer, got -5"),
        ((2, 3, 0), "`widths[2]` must be a positive integer, got 0"),
        ((2, True, 1), "`widths[1]` must be a positive integer, got True"),
        (
            (10**9, 1),
            "`widths` must give at most 1,000,000,000 parameters, not 1,000,000,001, got (1000000000, 1)",
        ),
    ],
)
def test_widths_that_make_no_network_are_refused(widths: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        MultilayerPerceptron(widths, ReLU())
    assert str(caught.value) == sentence
