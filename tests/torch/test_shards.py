"""`initialize` under `DTensor`: what each process holds is its part of the whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import firstdraw.torch
from firstdraw.errors import InputError

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
PROCESSES = 4
SPLITS = ("rows", "columns", "both", "rows twice", "copies of columns")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of four processes holds, by the way of splitting and the scheme."""
    script, folder = Path(__file__).with_name("one_process.py"), tmp_path_factory.mktemp("shards")
    found: list[dict[str, Any]] = []
    for rank in range(PROCESSES):
        file = folder / f"{rank}.pt"
        subprocess.run([sys.executable, str(script), str(rank), str(file)], check=True, capture_output=True)  # noqa: S603
        found.append(torch.load(file))
    return found


@pytest.mark.parametrize("scheme", ["he_normal", "orthogonal"])
@pytest.mark.parametrize("split", SPLITS)
def test_a_shard_is_its_part_of_the_whole(held: list[dict[str, Any]], split: str, scheme: str) -> None:
    plain = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 10, bias=False))
    firstdraw.torch.initialize(plain, scheme, seed=7)
    for place, whole in enumerate((plain[0].weight, plain[2].weight)):
        seen = torch.zeros_like(whole)
        for process in held:
            (row, column), local = process["held"][f"{split}, {scheme}"][place]
            part = (slice(row, row + local.shape[0]), slice(column, column + local.shape[1]))
            assert torch.equal(local, whole[part])
            seen[part] += 1
        assert (seen == (2 if split == "copies of columns" else 1)).all()


def test_a_fully_sharded_model_gets_the_laws_and_the_numbers_of_the_whole(held: list[dict[str, Any]]) -> None:
    plain = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 10, bias=False))
    record = firstdraw.torch.initialize(plain, "auto", seed=7)
    for process in held:
        assert process["record"] == record.to_json()
        parts = process["held"]["fully sharded"]
        for whole, (first, local) in zip((plain[0].weight, plain[2].weight), parts, strict=True):
            assert torch.equal(local, whole[first[0] : first[0] + local.shape[0]])


@contextmanager
def first_of_two() -> Iterator[Any]:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    torch.distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    try:
        yield init_device_mesh("cpu", (2,))
    finally:
        torch.distributed.destroy_process_group()


def test_sums_that_are_still_to_be_formed_are_refused() -> None:
    from torch.distributed.tensor import DTensor, Partial

    with first_of_two() as mesh:
        model = nn.Linear(4, 4)
        model.weight = nn.Parameter(DTensor.from_local(torch.zeros(4, 4), mesh, [Partial()], run_check=False))
        with pytest.raises(InputError, match="`weight` must be split by `Shard` or `Replicate` among the processes"):
            firstdraw.torch.initialize(model)


def test_a_shard_of_another_shape_than_its_place_says_is_refused() -> None:
    from torch.distributed.tensor import DTensor, Shard

    with first_of_two() as mesh:
        model = nn.Linear(4, 6)
        wrong = DTensor.from_local(
            torch.zeros(2, 4), mesh, [Shard(0)], run_check=False, shape=torch.Size((6, 4)), stride=(4, 1)
        )
        model.weight = nn.Parameter(wrong)
        with pytest.raises(InputError, match=r"must hold the shape \(3, 4\) of its shard, got \(2, 4\)"):
            firstdraw.torch.initialize(model)
