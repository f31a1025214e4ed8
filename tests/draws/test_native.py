"""The compiled draws against the NumPy ones, bit for bit."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw import compiled
from firstdraw.draws import CounterDraws, native, reference
from firstdraw.draws.elements import Elements, elements_of
from firstdraw.draws.stream import Stream

pytestmark = pytest.mark.skipif(not compiled.is_built(), reason="no compiler was found when the package was installed")

LAWS = ("uniform", "normal", "truncated_normal")
DTYPES = (np.float64, np.float32)
PIECE = 2**16

seeds = st.integers(0, 2**64 - 1)
words = st.integers(0, 2**32 - 1)
scales = st.sampled_from([1.0, 0.02, -3.0, 0.0, 1e-320, 1e300]) | st.floats(-1e3, 1e3)
# From a law that is flat to one whose cut no draw reaches, with all three polynomials of the quantiles.
cuts = st.sampled_from([1e-9, 2.0, 6.5, 7.0, 40.0, math.inf]) | st.floats(0.01, 10)
shifts = st.sampled_from([0.0, -0.0, 1.5]) | st.floats(-1e3, 1e3)
targets = st.sampled_from(compiled.targets() or ("baseline",))
# Any place of a stream, around 0 and around the blocks at which a word of the counter overflows too.
places = st.builds(
    lambda base, step: max(0, min(base + step, 2**63 - 1 - 2**12)),
    st.sampled_from([0, 2**31, 2**32, 2**33, 2**62, 2**63 - 1]) | st.integers(0, 2**63 - 1),
    st.integers(-300, 300),
)


def run(first: int, count: int) -> Elements:
    return Elements((count,), first, (count,), (1,))


def bits(x: np.ndarray) -> np.ndarray:
    """Return the numbers as integers, so that -0 differs from 0."""
    return x.view(np.int64 if x.dtype == np.float64 else np.int32)


def assert_both_roads_agree(stream: Stream, elements: Elements, dtype: Any, **options: Any) -> None:
    # What stands in the array before must not matter, and nothing beside it may be touched.
    room = np.full(math.prod(elements.shape) + 2, 7.0, dtype)
    expected = np.empty(elements.shape, dtype)
    native.fill(room[1:-1].reshape(elements.shape), stream, elements, **options)
    reference.fill(expected, stream, elements)
    np.testing.assert_array_equal(bits(room[1:-1]), bits(expected.ravel()))
    assert room[0] == room[-1] == 7.0


@settings(max_examples=400)
@given(
    st.builds(Stream, st.sampled_from(LAWS), st.tuples(words, words), seeds, scales, shifts, cuts),
    places,
    st.integers(0, 400),
    st.sampled_from(DTYPES),
    targets,
)
def test_any_run_of_any_stream_is_the_reference_s(
    stream: Stream, first: int, count: int, dtype: Any, target: Any
) -> None:
    assert_both_roads_agree(stream, run(first, count), dtype, target=target)


@pytest.mark.parametrize("target", compiled.targets())
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("law", LAWS)
def test_every_beginning_and_length_up_to_some_vectors_is_the_reference_s(law: Any, dtype: Any, target: Any) -> None:
    stream = Stream(law, (3, 4), 5, 0.02, 1.0, 2.0)
    whole = np.empty(230, dtype)
    reference.fill(whole, stream, run(0, 230))
    for first, count in itertools.product(range(3), range(225)):
        out = np.empty(count, dtype)
        native.fill(out, stream, run(first, count), target=target)
        np.testing.assert_array_equal(out, whole[first : first + count])


@pytest.mark.parametrize("target", compiled.targets())
@pytest.mark.parametrize("law", LAWS)
def test_a_million_draws_are_the_reference_s(law: Any, target: Any) -> None:
    assert_both_roads_agree(Stream(law, (1, 2), 2**40 + 3), run(2**33 - 500_001, 1_000_000), np.float64, target=target)


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "elements",
    [
        run(1, 7 * PIECE + 3),
        run(0, 2 * PIECE - 1),
        elements_of((30, 40_000), (slice(3, 29), slice(1, 39_998))),
        elements_of((70_001, 2, 5), (slice(1, None), slice(None), slice(1, 4))),
    ],
    ids=["odd", "less than two pieces", "long runs", "short runs"],
)
def test_the_numbers_do_not_depend_on_the_threads(elements: Elements, dtype: Any, threads: int) -> None:
    assert_both_roads_agree(Stream("normal", (8, 9), 1), elements, dtype, threads=threads)


def place_of(pair: tuple[int, int], key: tuple[int, int]) -> tuple[int, int]:
    """Return the counter, as block and seed, whose block consists of these two 64-bit numbers: Philox backwards."""
    n0, n1, n2, n3 = pair[0] % 2**32, pair[0] >> 32, pair[1] % 2**32, pair[1] >> 32
    for number in reversed(range(10)):
        c0, c2 = n3 * pow(0xD2511F53, -1, 2**32) % 2**32, n1 * pow(0xCD9E8D57, -1, 2**32) % 2**32
        k0, k1 = (key[0] + number * 0x9E3779B9) % 2**32, (key[1] + number * 0xBB67AE85) % 2**32
        n0, n1, n2, n3 = c0, n0 ^ (0xCD9E8D57 * c2 >> 32) ^ k0, c2, n2 ^ (0xD2511F53 * c0 >> 32) ^ k1
    return n0 + 2**32 * n1, n2 + 2**32 * n3


# Where u and v, in units of 2^-53, end, and where their series change: u is 1 less the first number.
ENDS = [0, 1, 2, 2**52 - 1, 2**52, 2**52 + 1, 2**53 - 2, 2**53 - 1]
ROOTS = [2**53 - round(2**53 / math.sqrt(2) / 2**power) + step for power in range(3) for step in (-1, 0, 1)]
TURNS = [k * 2**50 + step for k in range(8) for step in (-1, 0, 1) if k or step >= 0]


@pytest.mark.parametrize("target", compiled.targets())
@pytest.mark.parametrize("law", LAWS)
def test_the_ends_and_branches_of_the_series_are_the_reference_s(law: Any, target: Any) -> None:
    drawn = 0
    for (first, second), number in zip(itertools.product([*ENDS, *ROOTS], [*ENDS, *TURNS]), itertools.count()):
        # Only the lower quarter of the blocks has indices below 2^63: some key puts the pair there.
        pair = (first << 11 | number % 2**11, second << 11)
        key, (block, seed) = next(
            ((k, 0), place) for k in range(500) if (place := place_of(pair, (k, 0)))[0] < 2**62 - 1
        )
        assert_both_roads_agree(Stream(law, key, seed), run(2 * block, 2), np.float64, target=target)
        uniform = np.empty(2)
        native.fill(uniform, Stream("uniform", key, seed), run(2 * block, 2), target=target)
        assert uniform.tolist() == [first / 2**53, second / 2**53]
        drawn += 1
    assert drawn == 17 * 31


@settings(max_examples=200)
@given(
    st.sampled_from(LAWS),
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4),
    st.sampled_from(DTYPES),
    targets,
)
def test_any_shard_is_the_reference_s(law: Any, axes: list[tuple[int, int, int]], dtype: Any, target: Any) -> None:
    shape = tuple(length for length, _, _ in axes)
    shard = tuple(slice(min(a, b), max(a, b)) for _, a, b in axes)
    assert_both_roads_agree(Stream(law, (1, 2), 3), elements_of(shape, shard), dtype, target=target)


@given(st.sampled_from(LAWS), seeds, st.text(max_size=9), st.lists(st.integers(0, 6), max_size=3).map(tuple))
def test_the_draws_are_the_same_without_a_compiled_module(
    law: str, seed: int, name: str, shape: tuple[int, ...]
) -> None:
    options: dict[str, Any] = {"scale": 0.5, "shift": -1.0} | ({"cut": 2.0} if law == "truncated_normal" else {})
    drawn = getattr(CounterDraws(seed), law)(name, shape, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "module", None)
        without = getattr(CounterDraws(seed), law)(name, shape, **options)
    np.testing.assert_array_equal(bits(drawn), bits(without))


def call(**changes: Any) -> None:
    """Call the compiled module with arguments that are right but for the changes."""
    given_ = {
        "out": np.empty(6),
        "law": 0,
        "k0": 1,
        "k1": 2,
        "seed": 3,
        "first": 0,
        "lengths": np.array([6]),
        "strides": np.array([1]),
        "scale": 1.0,
        "cut": 2.0,
        "within": 0.95,
        "beyond": 0.025,
        "shift": 0.0,
        "threads": 1,
        "target": 0,
    }
    compiled.module.fill_float64(**(given_ | changes))


OUT_RULE = "`out` must be a writable contiguous, aligned array of float64 (any,), got "


def read_only(x: np.ndarray) -> np.ndarray:
    x.flags.writeable = False
    return x


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"law": 3}, "`law` must be 0 for uniform, 1 for normal or 2 for truncated_normal, got 3"),
        ({"law": -1}, "`law` must be 0 for uniform, 1 for normal or 2 for truncated_normal, got -1"),
        ({"k0": 2**32}, "`k0` must be below 2^32, got 4294967296"),
        ({"k1": 2**64 - 1}, "`k1` must be below 2^32, got 18446744073709551615"),
        ({"first": -1}, "`first` must be 0 or more, got -1"),
        ({"threads": 0}, "`threads` must be from 1 to 1024, got 0"),
        ({"target": 9}, "`target` must be an instruction set of this machine, got 9"),
        ({"target": -1}, "`target` must be an instruction set of this machine, got -1"),
        (
            {"lengths": np.array([], np.int64), "strides": np.array([], np.int64)},
            "`lengths` must be one number or more, got 0",
        ),
        (
            {"lengths": np.array([2, 3])},
            "`strides` must be a contiguous, aligned array of int64 (2,), got one of int64 (1,)",
        ),
        ({"strides": np.array([2])}, "`strides` must be such that the last is 1, got 2"),
        ({"lengths": np.array([-6])}, "`lengths` must be 0 or more each, got -6"),
        ({"lengths": np.array([2, 3]), "strides": np.array([-3, 1])}, "`strides` must be 0 or more each, got -3"),
        ({"lengths": np.array([5])}, "`out` must be as long as the product of the lengths, 5, got 6"),
        (
            {"lengths": np.array([2**40, 2**40]), "strides": np.array([1, 1])},
            "`lengths` must be such that their product is below 2^63, got 1099511627776",
        ),
        (
            {"first": 2**63 - 1},
            "`first` must be such that the last element's index is below 2^63, got 9223372036854775807",
        ),
        (
            {"lengths": np.array([3, 2]), "strides": np.array([2**62, 1])},
            "`first` must be such that the last element's index is below 2^63, got 0",
        ),
        (
            {"out": np.empty(6, np.float32)},
            "`out` must be a writable contiguous, aligned array of float64 (any,), got one of float32 (6,)",
        ),
        (
            {"out": np.empty(12)[::2]},
            "`out` must be a writable contiguous, aligned array of float64 (any,), got one of float64 (6,)",
        ),
        (
            {"out": np.empty((2, 3))},
            "`out` must be a writable contiguous, aligned array of float64 (any,), got one of float64 (2, 3)",
        ),
        (
            {"out": np.empty(6, ">f8")},
            "`out` must be a writable contiguous, aligned array of float64 (any,), got one of >f8 (6,)",
        ),
        (
            {"out": read_only(np.empty(6))},
            "`out` must be a writable contiguous, aligned array of float64 (any,), got one of float64 (6,)",
        ),
        ({"out": [0.0] * 2}, OUT_RULE + "[0.0, 0.0]"),
    ],
)
def test_the_compiled_module_refuses_what_it_cannot_do(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        call(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"k0": -1},
        {"seed": 2**64},
        {"first": 2**63},
        {"scale": "1"},
    ],
)
def test_the_compiled_module_takes_no_other_types(changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        call(**changes)


def test_the_right_arguments_are_taken() -> None:
    call()
    call(first=2**63 - 6)
    call(out=np.empty(0), lengths=np.array([0]))
