"""Sums over the values of a tensor, left on its device: nothing waits until all are fetched together.

The values x_ie of m examples i, with E elements e each, are read block by block and summed in float64 (float32 where a
device has no other); blocks stay in a processor's cache, and no second tensor of the size of the first is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from firstdraw.probes.state import FLAT
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.sharding import whole
from firstdraw.torch.watching import unwatched

__all__ = ["FLAT_WHERE", "SIGNAL_SUMS", "absolute_sum", "fetched", "signal_sums", "square_sum", "wide_type"]

# Float64 numbers of a block stay in the second-level cache of the core that sums them; PyTorch gives every core a part
# of a block. Other devices are the faster the more they are given.
ELEMENTS_A_CORE: Final = 2**17
ELEMENTS_OTHERWISE: Final = 2**24
STEEPEST_SIGMOID: Final = 0.25

SIGNAL_SUMS: Final = (
    "total",
    "squares",
    "mean_squares",
    "cosines",
    "nonzero_examples",
    "nonfinite",
    "off_units",
    "off_examples",
    "flat",
)
"""What `signal_sums` returns, in this order: sum x; sum x^2; sum over e of (mean over i of x)^2; |sum_i x_i/|x_i||^2
over the examples that are not 0; their number; how many x are not finite; on how many units, and on how many examples,
no x is above 0; on how many x the activation is flat."""

FLAT_WHERE: Final[dict[str, Callable[[Any], Any]]] = {
    "tanh": lambda y: 1 - y * y < FLAT,
    "sigmoid": lambda y: y * (1 - y) < FLAT * STEEPEST_SIGMOID,
    "softsign": lambda y: (1 - y.abs()).square() < FLAT,
    "erf": lambda y: pytorch().erfinv(y.clamp(-1, 1)).square() > -math.log(FLAT),
    "hardtanh": lambda y: y.abs() >= 1,
    "hardsigmoid": lambda y: (y <= 0) | (y >= 1),
}
"""Where a bounded activation is flat, seen from its values y: its derivative is below `FLAT` of the largest."""


def wide_type(tensor: Tensor) -> Any:  # noqa: ANN401  # a type of PyTorch
    """Return the type that sums over a tensor are made in."""
    torch = pytorch()
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def signal_sums(values: Tensor, *, examples: int, units: int, activation: str | None) -> Tensor:
    """Return the sums of `SIGNAL_SUMS` over a tensor.

    Args:
        values: x, of any floating-point type.
        examples: the axis of the examples.
        units: the axis of the units.
        activation: the name of the activation that gave them, for what only its values tell.
    """
    torch = pytorch()
    values = whole(values.detach())
    with unwatched(values):
        rows = values.movedim(examples, 0).reshape(values.shape[examples], -1)
        m, flat = len(rows), FLAT_WHERE.get(activation or "")
        zero = torch.zeros((), dtype=wide_type(values), device=values.device)
        total, mean_squares, cosines, flats = (zero.clone() for _ in range(4))
        squares = torch.zeros(m, dtype=wide_type(values), device=values.device)
        for block in _blocks(rows):
            means = block.mean(0)
            total += means.sum()
            mean_squares += means.dot(means)
            squares += torch.linalg.vector_norm(block, dim=1).square()
            if flat is not None:
                flats += flat(block).sum()
        inverse = torch.where(squares > 0, squares.rsqrt(), zero)
        for block in _blocks(rows):
            along = inverse @ block
            cosines += along.dot(along)
        nonfinite = _nonfinite(values, squares)
        off = _off(values, examples=examples, units=units) if activation in {"relu", "relu6"} else (zero, zero)
        parts = (total * m, squares.sum(), mean_squares, cosines, (squares > 0).sum(), nonfinite, *off, flats)
        return torch.stack(parts)


def _elements_a_block(device: Any) -> int:  # noqa: ANN401  # one of PyTorch
    return ELEMENTS_A_CORE * pytorch().get_num_threads() if device.type == "cpu" else ELEMENTS_OTHERWISE


def _blocks(rows: Tensor) -> Iterator[Tensor]:
    """Yield some columns at a time, in the type of the sums."""
    m, E = rows.shape
    columns = max(1, _elements_a_block(rows.device) // max(m, 1))
    for start in range(0, E, columns):
        yield rows[:, start : start + columns].to(wide_type(rows))


def _nonfinite(values: Tensor, squares: Tensor) -> Tensor:
    """Count what is not finite; where the sums of squares are at hand and finite, there is nothing to count."""
    if squares.device.type == "cpu" and squares.sum().isfinite():
        return squares.new_zeros(())
    return values.isfinite().logical_not().sum()


def _off(values: Tensor, *, examples: int, units: int) -> list[Tensor]:
    """Count the units that are off on all examples, and the examples on which all units are off, of a rectifier."""
    axes = range(values.ndim)
    return [
        (values.amax([axis for axis in axes if axis != kept % values.ndim]) <= 0).sum() for kept in (units, examples)
    ]


def square_sum(values: Tensor) -> Tensor:
    """Return the sum of the squares of all elements."""
    torch = pytorch()
    values = whole(values.detach())
    if values.layout != torch.strided:
        values = values.coalesce().values()
    with unwatched(values):
        flat = (torch.view_as_real(values) if values.is_complex() else values).reshape(-1)
        size = _elements_a_block(values.device)
        total = torch.zeros((), dtype=wide_type(values), device=values.device)
        for start in range(0, len(flat), size):
            block = flat[start : start + size].to(wide_type(values))
            total += block.dot(block)
    return total


def absolute_sum(values: Tensor, less: Tensor | None = None) -> Tensor:
    """Return the sum of the absolute values of all elements, or of their differences to those of a second tensor.

    Args:
        values: the elements.
        less: what is taken from them, of the same shape.
    """
    values = whole(values.detach())
    with unwatched(values):
        flat = values.reshape(-1)
        taken = None if less is None else whole(less.detach()).reshape(-1)
        size = _elements_a_block(values.device)
        total = pytorch().zeros((), dtype=wide_type(values), device=values.device)
        for start in range(0, len(flat), size):
            block = flat[start : start + size].to(wide_type(values))
            if taken is not None:
                block = block - taken[start : start + size].to(wide_type(values))
            total += block.abs().sum()
    return total


def fetched(tensors: Sequence[Tensor]) -> list[list[float]]:
    """Return the numbers in tensors of one axis or none, waiting once for each device.

    Args:
        tensors: of any lengths.
    """
    torch = pytorch()
    found: list[list[float]] = [[] for _ in tensors]
    for device in {tensor.device for tensor in tensors}:
        places = [i for i, tensor in enumerate(tensors) if tensor.device == device]
        parts = [tensors[i].reshape(-1).to(wide_type(tensors[i])) for i in places]
        numbers = iter(torch.cat(parts).tolist())
        for i, part in zip(places, parts, strict=True):
            found[i] = [next(numbers) for _ in range(len(part))]
    return found
