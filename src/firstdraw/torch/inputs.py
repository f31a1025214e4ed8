"""What a model is given: the floating-point tensors of its call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from firstdraw.torch.layers import InputState
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.sharding import whole
from firstdraw.torch.sums import square_sum
from firstdraw.torch.trees import named_tensors

__all__ = ["input_state", "input_sums", "named_inputs"]


def named_inputs(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[tuple[str, Tensor]]:
    """Return all tensors in a call with where they stand in it.

    Not those of one number for the whole call, as a temperature is, or the count of tokens that a loss is the mean of.
    """
    by_name = [item for key, value in kwargs.items() for item in named_tensors(key, value)]
    return [(name, tensor) for name, tensor in (*named_tensors("args", args), *by_name) if tensor.ndim]


def input_sums(tensor: Tensor) -> Tensor:
    """Return sum x, sum x^2, the smallest, the largest, how many are not finite, and how many differ by the example."""
    torch, x = pytorch(), whole(tensor.detach())
    rows = x.reshape(len(x), -1) if x.ndim else x.reshape(1, 1)
    nonfinite = x.numel() - x.isfinite().sum()
    differing = (rows.amax(0) != rows.amin(0)).sum()
    squares = square_sum(x)
    parts = (x.sum(dtype=squares.dtype), squares, x.min(), x.max(), nonfinite, differing)
    return torch.stack([part.to(squares.dtype) for part in parts])


def input_state(name: str, tensor: Tensor, numbers: Sequence[float]) -> InputState:
    """Return what is told of an input.

    Args:
        name: where it stands in the call.
        tensor: the input.
        numbers: those of `input_sums`.
    """
    total, squares, smallest, largest, nonfinite, differing = numbers
    return InputState(
        name=name,
        shape=tuple(tensor.shape),
        mean=total / tensor.numel(),
        rms=math.sqrt(squares / tensor.numel()),
        smallest=smallest,
        largest=largest,
        nonfinite=int(nonfinite),
        constant=tensor.ndim > 0 and len(tensor) > 1 and differing == 0,
    )
