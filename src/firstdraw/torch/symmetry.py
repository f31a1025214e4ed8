"""Units of a layer that are equal, and stay so: in their weights, and in the gradients that these receive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from firstdraw.torch.library import Tensor, pytorch, type_name
from firstdraw.torch.watching import unwatched

__all__ = ["distinct_rows", "unit_rows"]

ROWS_A_BLOCK: Final = 256
# Rows that differ mostly do so in their first numbers; the others are looked at where these are equal.
FIRST_COLUMNS: Final = 8


def unit_rows(module: Any, weight: Tensor) -> Tensor:  # noqa: ANN401
    """Return a weight `[N, n]` with one row a unit, whatever order of axes its module keeps it in.

    Args:
        module: a transposed convolution, and the `Conv1D` of GPT-2, have their inputs first.
        weight: the weight, or its gradient.
    """
    kind = type_name(module)
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
    with unwatched(*parts):
        scales = [1 / torch.where((large := _largest(part)) > 0, large, 1).float() for part in parts]
        along = sum(
            scale * (part @ torch.cos(torch.arange(part.shape[1], device=part.device)).to(part.dtype)).float()
            for part, scale in zip(parts, scales, strict=True)
        )
        order = torch.argsort(along, stable=True)
        before, after = order[:-1], order[1:]
        differs = _differ([part[:, :FIRST_COLUMNS] for part in parts], scales, before, after)
        alike = differs.logical_not().nonzero().flatten()
        for start in range(0, len(alike), ROWS_A_BLOCK):
            places = alike[start : start + ROWS_A_BLOCK]
            differs[places] = _differ(parts, scales, before[places], after[places])
        return 1 + differs.sum()


def _largest(part: Tensor) -> Tensor:
    smallest, largest = part.aminmax()
    return pytorch().maximum(-smallest, largest)


def _differ(parts: Sequence[Tensor], scales: Sequence[Tensor], some: Tensor, others: Tensor) -> Tensor:
    """Return which of some rows differ from others, pair by pair."""
    torch = pytorch()
    differs = torch.zeros(len(some), dtype=torch.bool, device=some.device)
    for part, scale in zip(parts, scales, strict=True):
        steps = (part[some] - part[others]).abs_().amax(1).float() * scale
        differs |= steps > torch.finfo(part.dtype).eps ** 0.5
    return differs
