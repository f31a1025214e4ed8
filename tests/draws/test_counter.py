from __future__ import annotations

import hashlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from firstdraw.arrays import Floats
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError

LAWS = ("uniform", "normal")
MANY = 1_000_000

seeds = st.integers(0, 2**64 - 1)
names = st.text(max_size=20)
laws = st.sampled_from(LAWS)
counts = st.integers(0, 70)


def draw(law: str, seed: int, name: str, shape: tuple[int, ...]) -> Floats:
    return getattr(CounterDraws(seed), law)(name, shape)


def uniforms_in_plain_integers(seed: int, name: str, law: str, count: int) -> list[float]:
    """Return the uniform numbers behind a parameter, by CounterDraws's docstring, in Python's integers."""
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=law.encode()).digest()
    key = int.from_bytes(digest, "little")
    numbers: list[float] = []
    for i in range((count + 1) // 2):
        x0, x1, x2, x3 = i % 2**32, i >> 32, seed % 2**32, seed >> 32
        k0, k1 = key % 2**32, key >> 32
        for _ in range(10):
            p0, p1 = 0xD2511F53 * x0, 0xCD9E8D57 * x2
            x0, x1, x2, x3 = p1 >> 32 ^ x1 ^ k0, p1 % 2**32, p0 >> 32 ^ x3 ^ k1, p0 % 2**32
            k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
        numbers += [(x0 + 2**32 * x1 >> 11) / 2**53, (x2 + 2**32 * x3 >> 11) / 2**53]
    return numbers[:count]


@given(seeds, names, st.integers(0, 9))
def test_uniform_draws_equal_plain_integers_to_the_bit(seed: int, name: str, count: int) -> None:
    expected = uniforms_in_plain_integers(seed, name, "uniform", count)
    assert draw("uniform", seed, name, (count,)).tolist() == expected


@given(seeds, names, st.integers(0, 9))
def test_normal_draws_are_the_box_muller_transform_of_their_own_uniforms(seed: int, name: str, count: int) -> None:
    numbers = uniforms_in_plain_integers(seed, name, "normal", count + count % 2)
    expected: list[float] = []
    for u, v in zip(numbers[::2], numbers[1::2], strict=True):
        radius = math.sqrt(-2 * math.log(1 - u))
        expected += [radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)]
    # The standard library rounds its own way, and 2 pi v is rounded before the sine: a few units of 2^-52.
    np.testing.assert_allclose(draw("normal", seed, name, (count,)), expected[:count], rtol=1e-14, atol=1e-14)


# These numbers define the stream: whoever changes them changes every network that anybody has drawn with
# a seed. The package itself printed them; the tests above derive the uniform ones independently.
GOLDEN: dict[tuple[str, int, str], list[str]] = {
    ("uniform", 0, "layers.1.weight"): [
        "0x1.931b8b4adf000p-3",
        "0x1.365d2a9d91eeep-1",
        "0x1.6b20160259164p-2",
        "0x1.3dbc432545a5cp-3",
        "0x1.f0b2afd889ac8p-4",
    ],
    ("normal", 0, "layers.1.weight"): [
        "0x1.ccc489bbe8f87p-2",
        "-0x1.7a4e2971d64c0p+1",
        "-0x1.505d2bddd4f6ep-1",
        "0x1.7408ecc678d93p+1",
        "0x1.17545d25d8cf0p-2",
    ],
    ("normal", 3, "layers.2.bias"): [
        "-0x1.1218c6ddde0cep-2",
        "-0x1.23cbb29a7340ap-1",
        "0x1.3a6c98fb338fcp-1",
        "0x1.44f42ec71888fp+0",
        "0x1.00a8effa0be24p+0",
    ],
    ("uniform", 18446744073709551615, ""): [
        "0x1.0e03b0b8fc512p-2",
        "0x1.062bb3d7c3f49p-1",
        "0x1.8aa68c24ae214p-3",
        "0x1.d4a45119a6022p-2",
        "0x1.252edadbe2ac8p-4",
    ],
    ("normal", 4294967303, "größe"): [
        "-0x1.ed71271e9e2b1p-5",
        "-0x1.8ef983977a1aep-1",
        "-0x1.c3525cf76430ep-1",
        "0x1.174fc98c992d5p+1",
        "0x1.a58c1c2f99cf6p-2",
    ],
}


@pytest.mark.parametrize(("law", "seed", "name"), GOLDEN)
def test_the_stream_is_what_it_was_when_it_was_first_published(law: str, seed: int, name: str) -> None:
    drawn = draw(law, seed, name, (5,))
    assert [x.hex() for x in drawn.tolist()] == GOLDEN[law, seed, name]


@given(laws, seeds, names, counts, counts)
def test_a_shorter_parameter_is_the_beginning_of_a_longer_one(law: str, seed: int, name: str, n: int, k: int) -> None:
    k = min(n, k)
    longer = draw(law, seed, name, (n,))
    np.testing.assert_array_equal(draw(law, seed, name, (k,)), longer[:k])


@given(laws, seeds, names, st.lists(st.integers(0, 5), max_size=4).map(tuple))
def test_the_shape_only_arranges_the_numbers(law: str, seed: int, name: str, shape: tuple[int, ...]) -> None:
    drawn = draw(law, seed, name, shape)
    assert drawn.shape == shape
    assert drawn.dtype == np.float64
    np.testing.assert_array_equal(drawn.ravel(), draw(law, seed, name, (math.prod(shape),)))


@given(laws, seeds, st.lists(st.tuples(laws, names, counts), max_size=5), names)
def test_what_was_drawn_before_does_not_matter(
    law: str, seed: int, before: list[tuple[str, str, int]], name: str
) -> None:
    draws = CounterDraws(seed)
    for other_law, other_name, count in before:
        getattr(draws, other_law)(other_name, (count,))
    np.testing.assert_array_equal(getattr(draws, law)(name, (7,)), draw(law, seed, name, (7,)))


@given(laws, seeds, seeds, names)
def test_different_seeds_draw_different_numbers(law: str, a: int, b: int, name: str) -> None:
    equal = draw(law, a, name, (4,)) == draw(law, b, name, (4,))
    assert equal.all() if a == b else not equal.any()


@given(laws, seeds, names, names)
def test_different_names_draw_different_numbers(law: str, seed: int, a: str, b: str) -> None:
    equal = draw(law, seed, a, (4,)) == draw(law, seed, b, (4,))
    assert equal.all() if a == b else not equal.any()


STREAMS = {
    "base": ("uniform", 0, "layers.1.weight"),
    "next seed": ("uniform", 1, "layers.1.weight"),
    "seed with another upper half": ("uniform", 2**32, "layers.1.weight"),
    "next name": ("uniform", 0, "layers.2.weight"),
    "other law": ("normal", 0, "layers.1.weight"),
}


@pytest.mark.parametrize(("a", "b"), list(itertools.combinations(STREAMS, 2)))
@pytest.mark.parametrize("lag", [0, 1, -1])
def test_different_streams_are_uncorrelated(a: str, b: str, lag: int) -> None:
    x, y = (draw(*STREAMS[which], (100_000,)) for which in (a, b))
    correlation = np.corrcoef(x, np.roll(y, lag))[0, 1]
    # The correlation of independent numbers has the standard deviation 1/sqrt(n); five of them.
    assert abs(correlation) < 5 / math.sqrt(len(x))


@pytest.mark.parametrize("lag", [1, 2, 3])
@pytest.mark.parametrize("law", LAWS)
def test_neighbours_in_a_stream_are_uncorrelated(law: str, lag: int) -> None:
    x = draw(law, 0, "layers.1.weight", (MANY,))
    assert abs(np.corrcoef(x[lag:], x[:-lag])[0, 1]) < 5 / math.sqrt(MANY)
    # The two numbers of a Box-Muller pair share their radius, so ask for their squares too.
    assert abs(np.corrcoef(x[lag:] ** 2, x[:-lag] ** 2)[0, 1]) < 5 / math.sqrt(MANY)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
@pytest.mark.parametrize(("law", "cdf"), [("uniform", stats.uniform.cdf), ("normal", stats.norm.cdf)])
def test_a_million_draws_follow_their_law(law: str, cdf: stats.rv_continuous, seed: int) -> None:
    # The seeds are fixed, so the outcome is too; a right generator fails one choice of seeds in a million.
    assert stats.kstest(draw(law, seed, "layers.1.weight", (MANY,)), cdf).pvalue > 1e-6


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
@pytest.mark.parametrize(("law", "center"), [("uniform", 0.5), ("normal", 0.0)])
@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_the_moments_of_a_million_draws_are_those_of_their_law(law: str, center: float, power: int, seed: int) -> None:
    exact = stats.uniform(-0.5, 1) if law == "uniform" else stats.norm()
    powers = (draw(law, seed, "layers.1.weight", (MANY,)) - center) ** power
    error = math.sqrt((exact.moment(2 * power) - exact.moment(power) ** 2) / MANY)
    assert abs(powers.mean() - exact.moment(power)) < 5 * error


def test_uniform_draws_stay_below_one_and_normal_draws_are_finite() -> None:
    uniform = draw("uniform", 5, "a", (MANY,))
    assert 0 <= uniform.min() < 1e-5
    assert 1 - 1e-5 < uniform.max() < 1
    assert np.isfinite(draw("normal", 5, "a", (MANY,))).all()


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, 0.5, True, "0", None, float("nan")])
def test_a_seed_that_is_no_integer_of_64_bits_is_refused(seed: object) -> None:
    with pytest.raises(InputError) as caught:
        CounterDraws(seed)  # type: ignore[arg-type]
    assert str(caught.value) == f"`seed` must be an integer from 0 to 2^64 - 1, got {seed!r}"


def test_a_seed_may_be_one_of_numpy_s_integers() -> None:
    expected = draw("normal", 3, "a", (5,))
    for kind in (np.int64, np.uint64, np.int32, np.uint8):
        np.testing.assert_array_equal(draw("normal", kind(3), "a", (5,)), expected)
