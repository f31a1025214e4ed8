from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.draws.philox import ROUNDS, philox

# The known answers of the authors' library Random123, file tests/kat_vectors, lines "philox4x32 10".
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]

words = st.integers(0, 2**32 - 1)


def read(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def blocks(counters: list[list[int]], key: list[int]) -> list[list[int]]:
    """Return the package's blocks with these counters, one list a block."""
    c0, c1, c2, c3 = np.array(counters, np.uint64).T
    return np.array(philox((c0, c1, c2, c3), (key[0], key[1]))).T.tolist()


def block_in_plain_integers(counter: list[int], key: list[int]) -> list[int]:
    """Return a block by the round of Salmon et al. (2011), section 3.3, in Python's integers."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        high_0, low_0 = divmod(0xD2511F53 * x0, 2**32)
        high_1, low_1 = divmod(0xCD9E8D57 * x2, 2**32)
        x0, x1, x2, x3 = high_1 ^ x1 ^ k0, low_1, high_0 ^ x3 ^ k1, low_0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return [x0, x1, x2, x3]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_known_answers(counter: str, key: str, answer: str) -> None:
    assert ROUNDS == 10
    assert blocks([read(counter)], read(key)) == [read(answer)]


@given(st.lists(st.lists(words, min_size=4, max_size=4), min_size=1, max_size=5), st.tuples(words, words))
def test_philox_equals_plain_integers_block_by_block(counters: list[list[int]], key: tuple[int, int]) -> None:
    expected = [block_in_plain_integers(counter, list(key)) for counter in counters]
    assert blocks(counters, list(key)) == expected


@pytest.mark.parametrize("bit", range(128))
def test_one_bit_of_the_counter_changes_about_half_of_the_block(bit: int) -> None:
    counter = [0, 0, 0, 0]
    counter[bit // 32] = 1 << bit % 32
    (zero,), (changed,) = blocks([[0, 0, 0, 0]], [0, 0]), blocks([counter], [0, 0])
    flipped = sum((a ^ b).bit_count() for a, b in zip(zero, changed, strict=True))
    # 128 fair coins: mean 64, standard deviation 5.66; five of them.
    assert abs(flipped - 64) < 28.3
