"""From what hooks recorded of the layers to values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from firstdraw.torch.hooks import Recording, own_parameters
from firstdraw.torch.layers import LayerState
from firstdraw.torch.library import Module
from firstdraw.torch.sums import SIGNAL_SUMS
from firstdraw.torch.ways import bypassed

__all__ = ["layer_states"]

# A variance below (16 eps)^2 of the second moment is what rounding alone may leave of equal values.
ROUNDINGS: Final = 16


def layer_states(
    recordings: Sequence[Recording], model: Module, numbers: Iterator[list[float]]
) -> tuple[LayerState, ...]:
    """Return what is told of the layers.

    Args:
        recordings: in the order of execution.
        model: for the names of its parameters.
        numbers: what was fetched: the sums of all layers, then the gradients of those that have one.
    """
    sums: list[dict[str, float]] = [dict(zip(SIGNAL_SUMS, next(numbers), strict=True)) for _ in recordings]
    squares = [None if item.gradient is None else next(numbers)[0] for item in recordings]
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    feeds: list[list[int]] = [[] for _ in recordings]
    depths: list[int] = []
    for number, item in enumerate(recordings):
        depths.append(max((depths[k] for k in item.fed_by), default=0) + (item.sort == "weight"))
        for k in item.fed_by:
            feeds[k].append(number)
    around = bypassed([item.fed_by for item in recordings])
    return tuple(
        LayerState(
            number=i + 1,
            name=item.name,
            kind=item.kind,
            sort=item.sort,
            call=item.call,
            parameters=tuple(names[id(own)] for own in own_parameters(item.module) if id(own) in names),
            fed_by=tuple(k + 1 for k in item.fed_by),
            feeds=tuple(k + 1 for k in feeds[i]),
            bypassed=around[i],
            depth=depths[i],
            shape=item.shape,
            examples=item.examples,
            units=item.units,
            gradient_rms=None if (square := squares[i]) is None else math.sqrt(square / math.prod(item.shape)),
            chi=_chi(i, recordings, feeds, squares),
            **_moments(sums[i], item),
        )
        for i, item in enumerate(recordings)
    )


def _moments(sums: Mapping[str, float], item: Recording) -> dict[str, Any]:
    elements, m, n = math.prod(item.shape), item.examples, sums["nonzero_examples"]
    second_moment = sums["squares"] / elements
    varying = second_moment - sums["mean_squares"] * m / elements
    return {
        "mean": sums["total"] / elements,
        "second_moment": second_moment,
        "example_variance": 0.0 if varying <= (ROUNDINGS * item.eps) ** 2 * second_moment else varying,
        "correlation": (sums["cosines"] - n) / (n * (n - 1)) if n > 1 else math.nan,
        "nonfinite": int(sums["nonfinite"]),
        "dead_units": int(sums["off_units"]),
        "dead_examples": int(sums["off_examples"]),
        "flat_share": sums["flat"] / elements,
    }


def _chi(
    i: int, recordings: Sequence[Recording], feeds: Sequence[Sequence[int]], squares: Sequence[float | None]
) -> float | None:
    """Return the ratio of gradients between two layers with weights, if one way alone leads from one to the other."""
    if recordings[i].sort != "weight":
        return None
    k = i
    while len(feeds[k]) == 1 and len(recordings[feeds[k][0]].fed_by) == 1:
        k = feeds[k][0]
        if recordings[k].sort == "weight":
            before, after = squares[i], squares[k]
            if before is None or after is None:
                return None
            return before / after if after else math.nan
    return None
