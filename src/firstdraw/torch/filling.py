"""Numbers written into the memory of a tensor: whole, a shard of it, or piece by piece where it lies elsewhere."""

from __future__ import annotations

import importlib
import math
from typing import Any, Final

import numpy as np

from firstdraw.arrays import Shape
from firstdraw.distributions import Distribution
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.refusals import check_fillable
from firstdraw.torch.sharding import is_sharded

__all__ = ["Part", "fill", "part_of"]

# Elements that are drawn at a time where they cannot be drawn in place: 16 MB of float32.
PIECE: Final = 2**22
DIRECT: Final = {"float32": np.float32, "float64": np.float64}

Part = tuple[slice, ...]


def part_of(name: str, tensor: Tensor) -> tuple[Tensor, Part]:
    """Return the memory of a tensor that this process holds, and which part of the whole it is.

    Args:
        name: the parameter's.
        tensor: any; of a `DTensor` this process holds a shard.

    Raises:
        InputError: if it cannot be filled, or holds sums that are still to be formed.
    """
    if not is_sharded(tensor):
        check_fillable(name, tensor)
        return tensor.detach(), tuple(slice(0, length) for length in tensor.shape)
    tensors: Any = importlib.import_module("torch.distributed.tensor._utils")
    for placement in tensor.placements:
        if type(placement).__name__ not in {"Shard", "Replicate"}:
            raise InputError(
                name, "must be split by `Shard` or `Replicate` among the processes", type(placement).__name__
            )
    shape, offset = tensors.compute_local_shape_and_global_offset(tensor.shape, tensor.device_mesh, tensor.placements)
    local = tensor.detach().to_local()
    check_fillable(name, local)
    if tuple(local.shape) != tuple(shape):
        raise InputError(name, f"must hold the shape {tuple(shape)} of its shard", tuple(local.shape))
    return local, tuple(slice(start, start + length) for start, length in zip(offset, shape, strict=True))


def fill(law: Distribution, seed: int, name: str, tensor: Tensor) -> None:
    """Fill a tensor in place with draws of a law, outside of what autograd records.

    The numbers depend on the seed, the name, the shape and the law alone; a shard holds its part of the whole. Where
    elements are independent, no more than a piece of it is in memory twice.

    Args:
        law: of the whole parameter.
        seed: an integer from 0 to 2^64 - 1.
        name: the parameter's.
        tensor: what to fill.
    """
    torch = pytorch()
    local, part = part_of(name, tensor)
    if local.numel() == 0:
        return
    draws, shape = CounterDraws(seed), tuple(tensor.shape)
    with torch.no_grad():
        if _is_direct(local):
            _draw(law, draws, name, shape, part, local.numpy())
        elif law.entrywise:
            _fill_pieces(law, draws, name, shape, part, local)
        else:
            local.copy_(torch.from_numpy(_draw(law, draws, name, shape, part, _array(local, tuple(local.shape)))))
    # Autograd then refuses to go back through what it kept of the old numbers.
    torch.autograd.graph.increment_version(tensor)


def _draw(law: Distribution, draws: CounterDraws, name: str, shape: Shape, part: Part, out: np.ndarray) -> np.ndarray:
    if not shape:
        return law.sample(draws, name, (1,), out=out.reshape(1)).reshape(())
    whole = all(one == slice(0, length) for one, length in zip(part, shape, strict=True))
    return law.sample(draws, name, shape, shard=None if whole else part, out=out)


def _is_direct(local: Tensor) -> bool:
    """Whether NumPy can fill the tensor's own memory row by row."""
    kind = str(local.dtype).removeprefix("torch.")
    plain = type(local) in {pytorch().Tensor, pytorch().nn.Parameter}
    return plain and local.device.type == "cpu" and kind in DIRECT and local.is_contiguous() and not local.is_neg()


def _array(local: Tensor, shape: Shape) -> np.ndarray:
    # The short types round float32, as PyTorch does itself.
    return np.empty(shape, DIRECT.get(str(local.dtype).removeprefix("torch."), np.float32))


def _fill_pieces(law: Distribution, draws: CounterDraws, name: str, shape: Shape, part: Part, local: Tensor) -> None:
    torch = pytorch()
    if local.ndim == 0:
        local.copy_(torch.from_numpy(_draw(law, draws, name, shape, part, _array(local, ()))))
        return
    length = local.shape[0]
    rows = max(1, PIECE // math.prod(local.shape[1:]))
    for first in range(0, length, rows):
        last = min(first + rows, length)
        start = part[0].start
        piece = (slice(start + first, start + last), *part[1:])
        out = _array(local, (last - first, *local.shape[1:]))
        local[first:last].copy_(torch.from_numpy(_draw(law, draws, name, shape, piece, out)))
