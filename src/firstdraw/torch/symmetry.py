"""Units of a layer that are equal, and stay so: in their weights, and in the gradients that these receive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from firstdraw.torch.library import Tensor, pytorch

__all__ = ["distinct_rows", "unit_rows"]

ROWS_A_BLOCK: Final = 256


def unit_rows(module: Any, weight: Tensor) -> Tensor:  # noqa: ANN401
    """Return a weight `[N, n]` with one row a unit, whatever order of axes its module keeps it in.

    Args:
        module: a transposed convolution, and the `Conv1D` of GPT-2, have their inputs first.
        weight: the weight, or its gradient.
    """
    kind = type(module).__name__
    inputs_first = "ConvTranspose" in kind or kind == "Conv1D"
    return (weight.transpose(0, 1) if inputs_first else weight).reshape(weight.shape[int(inputs_first)], -1)


def distinct_rows(parts: Sequence[Tensor]) -> Tensor:
    """Count the rows that differ, as `probes.symmetry.distinct_units` counts units; the count stays on the device.

    Two rows count as one if no two of their numbers differ by more than sqrt(eps) of the largest of their part.

    Args:
        parts: matrices of N rows each, that together describe N units.
    """
    torch = pytorch()
    parts = [part.detach() for part in parts]
    scales = [1 / torch.where((large := part.abs().amax()) > 0, large, 1).float() for part in parts]
    along = sum(
        scale * (part @ torch.cos(torch.arange(part.shape[1], device=part.device)).to(part.dtype)).float()
        for part, scale in zip(parts, scales, strict=True)
    )
    order = torch.argsort(along, stable=True)
    count = torch.ones((), dtype=torch.int64, device=order.device)
    for start in range(0, len(order) - 1, ROWS_A_BLOCK):
        rows = order[start : start + ROWS_A_BLOCK + 1]
        differs = torch.zeros(len(rows) - 1, dtype=torch.bool, device=order.device)
        for part, scale in zip(parts, scales, strict=True):
            steps = part[rows].diff(dim=0).abs_().amax(1).float() * scale
            differs |= steps > torch.finfo(part.dtype).eps ** 0.5
        count += differs.sum()
    return count
