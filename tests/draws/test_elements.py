"""Shards: which elements of a parameter are drawn, and where they are written."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw import compiled
from firstdraw.draws import DRAWS, CounterDraws, NumpyLegacyDraws, Shard
from firstdraw.draws.elements import Elements, elements_of
from firstdraw.errors import InputError, shown

ends = st.none() | st.integers(-9, 9)
slices = st.builds(slice, ends, ends, st.sampled_from([None, 1]))


@st.composite
def shards(draw: st.DrawFn) -> tuple[tuple[int, ...], Shard | None]:
    shape = tuple(draw(st.lists(st.integers(0, 7), max_size=4)))
    some = draw(st.lists(slices, max_size=len(shape)))
    whole = st.none() | st.just(tuple(some))
    return shape, draw(whole | st.just(some[0]) if some else whole)


def indices(elements: Elements) -> np.ndarray:
    """Return the indices by the formula of the class, in nested loops."""
    found = np.array([elements.first])
    for length, stride in zip(elements.lengths, elements.strides, strict=True):
        found = (found[:, np.newaxis] + np.arange(length) * stride).ravel()
    return found


@given(shards())
def test_the_elements_are_those_that_numpy_s_index_takes(case: tuple[tuple[int, ...], Shard | None]) -> None:
    shape, shard = case
    whole = np.arange(math.prod(shape)).reshape(shape)
    expected = whole if shard is None else whole[shard]
    elements = elements_of(shape, shard)
    assert elements.shape == expected.shape
    assert indices(elements).tolist() == expected.ravel().tolist()
    assert elements.strides[-1] == 1


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple), st.data())
def test_a_whole_array_and_a_shard_of_the_first_axis_are_one_run(shape: tuple[int, ...], data: st.DataObject) -> None:
    assert elements_of(shape).lengths == (math.prod(shape),)
    start = data.draw(st.integers(0, shape[0] - 1))
    assert len(elements_of(shape, slice(start, None)).lengths) == 1


@pytest.mark.parametrize("source", DRAWS)
@pytest.mark.parametrize("law", ["uniform", "normal"])
@given(shards(), st.sampled_from([None, np.float64, np.float32]))
def test_a_shard_is_cut_from_the_whole(
    law: str, source: str, case: tuple[tuple[int, ...], Shard | None], dtype: Any
) -> None:
    shape, shard = case
    whole = getattr(DRAWS[source](3), law)("a", shape, scale=0.1, shift=2.0)
    expected = whole if shard is None else np.asarray(whole[shard])
    out = None if dtype is None else np.full(expected.shape, np.nan, dtype)
    drawn = getattr(DRAWS[source](3), law)("a", shape, scale=0.1, shift=2.0, shard=shard, out=out)
    assert out is None or drawn is out
    np.testing.assert_array_equal(drawn, expected.astype(dtype or np.float64), strict=True)


@pytest.mark.parametrize("source", DRAWS)
@pytest.mark.parametrize("law", ["uniform", "normal"])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.02, 0.0), (-2.0, 0.5), (1e-320, 0.0), (3, 1)])
def test_scale_and_shift_are_a_multiplication_and_an_addition(
    law: str, source: str, scale: float, shift: float
) -> None:
    plain = getattr(DRAWS[source](3), law)("a", (1001,))
    drawn = getattr(DRAWS[source](3), law)("a", (1001,), scale=scale, shift=shift)
    np.testing.assert_array_equal(drawn, plain * scale + shift)


def test_a_shard_of_a_parameter_larger_than_any_memory_is_drawn() -> None:
    draws = CounterDraws(7)
    shape = (2**20, 2**21, 2**22 - 1)
    first = draws.normal("a", shape, shard=(slice(2**20 - 1, None), slice(-1, None), slice(5)))
    assert first.shape == (1, 1, 5)
    # The last row as the end of one long parameter.
    size = math.prod(shape)
    row = draws.normal("a", (size // 2**21, 2**21), shard=slice(-2, None)).ravel()
    np.testing.assert_array_equal(first.ravel(), row[-(2**22 - 1) :][:5])


@pytest.mark.skipif(not compiled.is_built(), reason="no compiler was found when the package was installed")
def test_a_number_too_large_for_float32_becomes_infinite_on_both_roads(monkeypatch: pytest.MonkeyPatch) -> None:
    filled = CounterDraws(0).normal("a", (9,), scale=1e300, out=np.empty(9, np.float32))
    monkeypatch.setattr(compiled, "module", None)
    again = CounterDraws(0).normal("a", (9,), scale=1e300, out=np.empty(9, np.float32))
    assert np.isinf(filled).all()
    np.testing.assert_array_equal(filled, again)


def frozen(shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(shape)
    array.flags.writeable = False
    return array


def unaligned() -> np.ndarray:
    return np.frombuffer(bytearray(6 * 8 + 1), np.uint8)[1:].view(np.float64).reshape(2, 3)


BY_ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"shape": (2, -1)}, "`shape[1]` must be an integer of at least 0, got -1"),
    ({"shape": (2.0,)}, "`shape[0]` must be an integer of at least 0, got 2.0"),
    ({"shape": (2**49,)}, f"`shape[0]` must be at most 2^48, got {2**49}"),
    ({"shape": (2**32, 2**31)}, f"`shape` must have at most 2^63 - 1 elements, got {(2**32, 2**31)}"),
    ({"shard": 1}, "`shard[0]` must be a slice in steps of 1, got 1"),
    ({"shard": (slice(1), 0)}, "`shard[1]` must be a slice in steps of 1, got 0"),
    ({"shard": slice(0, 2, 2)}, "`shard[0]` must be a slice in steps of 1, got slice(0, 2, 2)"),
    ({"shard": slice(None, None, -1)}, "`shard[0]` must be a slice in steps of 1, got slice(None, None, -1)"),
    ({"shard": slice(0.5)}, "`shard[0]` must be a slice between integers, got slice(None, 0.5, None)"),
    (
        {"shard": (slice(1), slice(1), slice(1))},
        f"`shard` must have at most one slice for each of the 2 axes, got {shown((slice(1), slice(1), slice(1)))}",
    ),
    ({"scale": math.nan}, "`scale` must be a finite number, got nan"),
    ({"shift": math.inf}, "`shift` must be a finite number, got inf"),
    ({"out": [0.0]}, "`out` must be a NumPy array, got [0.0]"),
    ({"out": np.empty((3, 2))}, "`out` must have the shape (2, 3) of what is drawn, got (3, 2)"),
    (
        {"out": np.empty((2, 3)), "shard": slice(1)},
        "`out` must have the shape (1, 3) of what is drawn, got (2, 3)",
    ),
    (
        {"out": np.empty((2, 3), np.float16)},
        "`out` must hold float64 or float32 in this machine's order of bytes, got dtype('float16')",
    ),
    (
        {"out": np.empty((2, 3), np.dtype(np.float64).newbyteorder())},
        "`out` must hold float64 or float32 in this machine's order of bytes, got dtype('>f8')",
    ),
    ({"out": frozen((2, 3))}, "`out` must be an array that can be written"),
    ({"out": np.empty((3, 2)).T}, "`out` must be contiguous, row by row, and aligned in memory"),
    ({"out": np.empty((2, 6))[:, ::2]}, "`out` must be contiguous, row by row, and aligned in memory"),
    ({"out": unaligned()}, "`out` must be contiguous, row by row, and aligned in memory"),
]


@pytest.mark.parametrize("source", DRAWS)
@pytest.mark.parametrize("law", ["uniform", "normal"])
@pytest.mark.parametrize(("arguments", "sentence"), BY_ARGUMENTS, ids=range(len(BY_ARGUMENTS)))
def test_what_cannot_be_drawn_is_refused(law: str, source: str, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        getattr(DRAWS[source](3), law)("a", **({"shape": (2, 3)} | arguments))
    assert str(caught.value) == sentence


def test_a_refusal_does_not_move_the_legacy_stream() -> None:
    draws = NumpyLegacyDraws(3)
    for arguments, _ in BY_ARGUMENTS:
        with pytest.raises(InputError):
            draws.normal("a", **({"shape": (2, 3)} | arguments))
    np.testing.assert_array_equal(draws.normal("a", (4,)), NumpyLegacyDraws(3).normal("a", (4,)))


def test_a_shard_moves_the_legacy_stream_as_the_whole_does() -> None:
    one, other = NumpyLegacyDraws(3), NumpyLegacyDraws(3)
    one.normal("a", (4, 5), shard=slice(1, 2))
    other.normal("a", (4, 5))
    np.testing.assert_array_equal(one.normal("b", (3,)), other.normal("b", (3,)))
