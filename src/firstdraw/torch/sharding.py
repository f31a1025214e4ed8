"""Tensors that several processes hold parts of."""

from __future__ import annotations

from firstdraw.torch.library import Tensor

__all__ = ["is_sharded", "whole"]


def is_sharded(tensor: Tensor) -> bool:
    """Whether a tensor is a `DTensor`, of which this process holds a part."""
    return hasattr(tensor, "placements") and hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor with all of its numbers, which every process of a `DTensor` must ask for together."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor
