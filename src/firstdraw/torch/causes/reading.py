"""How a rule reads what was measured: which layers carry the signal, where it starts, and what to call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from firstdraw.torch.layers import LayerState, ModelState, ParameterState
from firstdraw.torch.ways import before_and_after

__all__ = [
    "all_after",
    "called",
    "is_moving_zero",
    "is_normalized",
    "listed",
    "main_way",
    "moves_from_zero",
    "parameters_by_name",
    "reference",
    "stands_alone",
    "trunk",
]

SHOWN_NAMES: Final = 3


def called(layer: LayerState) -> str:
    """Name a layer: a function by the module that is given its result."""
    again = f", call {layer.call}" if layer.call > 1 else ""
    function = layer.kind.islower()
    return f"the {layer.kind} before `{layer.name}`{again}" if function else f"`{layer.name or layer.kind}`{again}"


def listed(names: list[str]) -> str:
    """Write the first few names, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:SHOWN_NAMES])
    more = len(names) - SHOWN_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown


def trunk(state: ModelState) -> list[LayerState]:
    """Return the layers that no skip leads around, and that carry a signal of their own."""
    return [
        layer for layer in state.layers if not layer.bypassed and layer.sort in {"weight", "sum", "activation", "other"}
    ]


def main_way(state: ModelState) -> list[LayerState]:
    """Return the layers with weights, and the sums, that no skip leads around."""
    return [layer for layer in trunk(state) if layer.sort in {"weight", "sum"}]


def stands_alone(state: ModelState) -> Callable[[LayerState], bool]:
    """Return what tells layers that no others stand beside, as queries stand beside keys and values."""
    before, after = before_and_after([[number - 1 for number in layer.fed_by] for layer in state.layers])
    return lambda layer: not _is_beside(layer.number - 1, before, after)


def _is_beside(layer: int, before: list[int], after: list[int]) -> bool:
    """Whether a way leads around a layer, from one before it to one after it, past others that are neither.

    What is given the model's inputs alone has these before it, as every other such layer has.
    """
    from_before = _union(after, before[layer]) if before[layer] else -1
    to_after = _union(before, after[layer])
    return bool(from_before & to_after & ~(before[layer] | after[layer] | 1 << layer))


def _union(sets: list[int], members: int) -> int:
    found = 0
    while members:
        last = members.bit_length() - 1
        found |= sets[last]
        members ^= 1 << last
    return found


def is_normalized(state: ModelState, layer: LayerState) -> bool:
    """Whether a layer's size is lost on what follows, as that divides by it."""
    after = [state.layers[number - 1] for number in layer.feeds]
    return bool(after) and all(item.sort == "normalization" for item in after)


def reference(state: ModelState) -> tuple[str, float] | None:
    """Return the size that signals start from: that of the inputs, or of the embedding of what is no number."""
    finite = [item for item in state.inputs if not item.nonfinite and item.rms]
    if finite:
        return "at the inputs", finite[0].rms
    embedded = next((layer for layer in state.layers if layer.sort == "embedding" and layer.second_moment), None)
    return None if embedded is None else (f"after {called(embedded)}", embedded.rms)


def moves_from_zero(state: ModelState, layer: LayerState) -> bool:
    """Whether a layer's weights are all 0, but receive a gradient, so that they will not stay so."""
    return any(is_moving_zero(parameters_by_name(state)[name]) for name in layer.parameters)


def is_moving_zero(parameter: ParameterState) -> bool:
    """Whether a factor's numbers, or a table's, are all 0, but receive a gradient; a bias of 0 holds nothing back."""
    is_vector = sum(length > 1 for length in parameter.shape) < 2
    is_bias = is_vector and "bias" in parameter.name.rpartition(".")[2]
    return parameter.rms == 0 and bool(parameter.gradient_rms) and not is_bias


def parameters_by_name(state: ModelState) -> Mapping[str, ParameterState]:
    """Return the parameters by their names."""
    return {parameter.name: parameter for parameter in state.parameters}


def all_after(state: ModelState) -> list[set[int]]:
    """Return for each layer the numbers of all that it leads to."""
    found: list[set[int]] = [set() for _ in state.layers]
    for layer in reversed(state.layers):
        for number in layer.feeds:
            found[layer.number - 1] |= found[number - 1] | {number}
    return found
