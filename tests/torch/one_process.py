"""One process of four: initializes split models and saves what it holds; `python one_process.py RANK FILE`."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset
from torch.testing._internal.distributed.fake_pg import FakeStore

import firstdraw.torch

PROCESSES = 4
SEED = 7
# The mesh of the processes, and the axis that each of its axes splits; ten rows in four parts are 3, 3, 3 and 1.
SPLITS: dict[str, tuple[tuple[int, ...], list[int | None]]] = {
    "rows": ((4,), [0]),
    "columns": ((4,), [1]),
    "both": ((2, 2), [0, 1]),
    "rows twice": ((2, 2), [0, 0]),
    "copies of columns": ((2, 2), [None, 1]),
}
SCHEMES = ("he_normal", "orthogonal")


def plain() -> Any:
    return torch.nn.Sequential(torch.nn.Linear(6, 10), torch.nn.Tanh(), torch.nn.Linear(10, 10, bias=False))


def split(model: Any, mesh: Any, placements: list[Any]) -> list[tuple[int, ...]]:
    """Split the weights of a model; return where the part of this process begins in each."""
    starts: list[tuple[int, ...]] = []
    for layer in (model[0], model[2]):
        whole = layer.weight
        shape, first = compute_local_shape_and_global_offset(whole.shape, mesh, placements)
        local = torch.zeros(shape)
        made = DTensor.from_local(local, mesh, placements, run_check=False, shape=whole.shape, stride=whole.stride())
        layer.weight = torch.nn.Parameter(made)
        starts.append(tuple(first))
    return starts


def main(rank: int, file: str) -> None:
    # No process speaks to another: what each holds follows from its number alone.
    torch.distributed.init_process_group("fake", store=FakeStore(), rank=rank, world_size=PROCESSES)
    held: dict[str, list[tuple[tuple[int, ...], Any]]] = {}
    for name, (shape, axes) in SPLITS.items():
        mesh = init_device_mesh("cpu", shape)
        placements = [Replicate() if axis is None else Shard(axis) for axis in axes]
        for scheme in SCHEMES:
            model = plain()
            starts = split(model, mesh, placements)
            firstdraw.torch.initialize(model, scheme, seed=SEED)
            weights = [layer.weight.to_local().detach().clone() for layer in (model[0], model[2])]
            held[f"{name}, {scheme}"] = list(zip(starts, weights, strict=True))
    # Rows are split; what follows a layer must be found as in the whole model.
    model, mesh = plain(), init_device_mesh("cpu", (PROCESSES,))
    for layer in (*model, model):
        fully_shard(layer, mesh=mesh)
    record = firstdraw.torch.initialize(model, "auto", seed=SEED)
    held["fully sharded"] = [
        (compute_local_shape_and_global_offset(w.shape, w.device_mesh, w.placements)[1], w.to_local().detach().clone())
        for w in (model[0].weight, model[2].weight)
    ]
    torch.save({"held": held, "record": record.to_json()}, file)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
