"""What a comparison is put together from: fingerprints of batches, streams of random numbers, curves, names."""

from __future__ import annotations

import random
from collections import UserDict, namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstdraw.errors import InputError
from firstdraw.torch.comparison.batches import Batches, Pairing, fingerprint
from firstdraw.torch.comparison.code import of_modules
from firstdraw.torch.comparison.curves import running_mean, window
from firstdraw.torch.comparison.streams import Stream
from firstdraw.torch.generators import generators_preserved, seed_all
from firstdraw.torch.trees import moved

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")

Pair = namedtuple("Pair", "x y")


TENSORS = {
    "float32": lambda: torch.arange(12.0).reshape(3, 4),
    "bfloat16": lambda: torch.arange(12.0).bfloat16(),
    "bool": lambda: torch.tensor([True, False]),
    "integers": lambda: torch.arange(5),
    "complex": lambda: torch.ones(3, dtype=torch.complex64).conj(),
    "transposed": lambda: torch.arange(12.0).reshape(3, 4).T,
    "a number": lambda: torch.tensor(3.0),
    "trained": lambda: torch.ones(3, requires_grad=True),
    "large": lambda: torch.arange(5000.0).reshape(50, 100).T,
}


@pytest.mark.parametrize("kind", TENSORS)
def test_the_fingerprint_of_equal_batches_is_equal_and_of_a_changed_one_another(kind: str) -> None:
    one, same = TENSORS[kind](), TENSORS[kind]()
    assert fingerprint({"x": [one]}) == fingerprint({"x": [same]})
    changed = one.detach().clone()
    if changed.dtype == torch.bool:
        changed.logical_not_()
    else:
        changed += 1
    assert fingerprint({"x": [changed]}) != fingerprint({"x": [one]})
    assert fingerprint({"y": [one]}) != fingerprint({"x": [one]})


@given(place=st.integers(0, 1023))
@settings(max_examples=50, deadline=None)
def test_of_up_to_1024_numbers_none_is_overlooked(place: int) -> None:
    batch = torch.zeros(32, 32)
    before = fingerprint(batch)
    batch.view(-1)[place] = 1e-30
    assert fingerprint(batch) != before


def test_of_more_numbers_a_share_is_looked_at_in_every_row_and_column() -> None:
    batch = torch.zeros(96, 96)
    missed = 0
    for i in range(96):
        for rows in (batch, batch.T):
            rows[i] = 1.0
            missed += fingerprint(batch) == fingerprint(torch.zeros(96, 96))
            rows[i] = 0.0
    assert missed == 0


@pytest.mark.parametrize(
    "empty", [torch.zeros(0, 3), torch.eye(3).to_sparse(), torch.ones(2, device="meta"), "text", 3]
)
def test_what_holds_no_numbers_at_hand_has_a_fingerprint(empty: Any) -> None:
    assert fingerprint([empty]) == fingerprint([empty])


def test_the_pairing_refuses_the_first_batch_that_differs() -> None:
    pairing = Pairing()
    for step in range(3):
        pairing.check(7, step, torch.full((2,), float(step)))
    for step in range(2):
        pairing.check(7, step, torch.full((2,), float(step)))
    with pytest.raises(InputError, match="must give all runs of a seed the same batches"):
        pairing.check(7, 2, torch.zeros(2))
    pairing.check(8, 0, torch.zeros(5))


def drawn() -> tuple[float, float, float]:
    return torch.rand(()).item(), np.random.rand(), random.random()  # noqa: NPY002, S311


def test_a_stream_goes_on_where_it_ended() -> None:
    seed_all(5)
    expected = [drawn() for _ in range(4)]
    stream = Stream(5)
    with generators_preserved():
        seed_all(1)
        outside = drawn()
        found = []
        for _ in range(4):
            with stream.drawing():
                found.append(drawn())
            drawn()
        seed_all(1)
        assert drawn() == outside
    assert found == expected


def test_a_stream_that_fails_leaves_the_generators_as_they_were() -> None:
    seed_all(3)
    expected = drawn()
    seed_all(3)

    def fail() -> None:
        with Stream(5).drawing():
            drawn()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert drawn() == expected


def test_a_loader_is_gone_through_over_and_over() -> None:
    batches = Batches([1, 2, 3], 0)
    assert [next(batches) for _ in range(7)] == [1, 2, 3, 1, 2, 3, 1]


@given(loss=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=90))
@settings(max_examples=50, deadline=None)
def test_the_running_mean_is_that_of_the_last_losses(loss: list[float]) -> None:
    w = window(len(loss))
    expected = [np.mean(loss[max(0, i - w + 1) : i + 1]) for i in range(len(loss))]
    assert running_mean(np.array(loss)) == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_a_loss_that_is_no_number_shows_in_the_means_that_it_takes_part_in() -> None:
    loss = np.ones(40)
    loss[10] = np.nan
    assert np.flatnonzero(np.isnan(running_mean(loss))).tolist() == [10, 11]


class Tokens(UserDict[str, Any]):
    """Moves itself, as tokenizers' batches do."""

    def to(self, device: Any) -> Tokens:
        return Tokens({key: value.to(device) for key, value in self.items()})


def test_batches_are_moved_whatever_they_are_in() -> None:
    meta = torch.device("meta")
    x = torch.ones(2)
    for batch in (x, [x], (x, 3), {"a": [x]}, Pair(x, None), Tokens({"ids": x})):
        there = moved(batch, meta)
        assert type(there) is type(batch)
        assert moved([batch], x.device)[0] is batch or isinstance(batch, Tokens)
    assert moved(Pair(x, None), meta).x.device == meta
    assert moved({"a": [x]}, meta)["a"][0].device == meta
    assert moved(Tokens({"ids": x}), meta)["ids"].device == meta
    assert moved((x, 3), meta)[1] == 3


@pytest.mark.parametrize("family", ["gpt2", "bert", "vit", "llama", "t5"])
def test_the_code_of_models_of_transformers_is_told_whatever_it_calls(family: str, make_hugging_face: Any) -> None:
    one, other = make_hugging_face(family), make_hugging_face(family)
    assert of_modules(one) == of_modules(other)
    assert of_modules(one) != of_modules(torch.nn.Linear(1, 1))
