"""The layers of models of several sizes, matched: what is one layer along an axis."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from firstdraw.errors import InputError
from firstdraw.torch.coordinates.runs import Run, RunLayer
from firstdraw.torch.coordinates.scans import Scan
from firstdraw.torch.hooks import Key

__all__ = ["MatchedLayer", "Part", "Role", "matched"]

Role: TypeAlias = Literal["input", "hidden", "readout", "other"]
"""What becomes of a layer's weight as the width grows: "input" grows at its outputs, "readout" at its inputs, "hidden"
at both. "other" has none, or one that does not grow; a layer without a weight that returns the same number of units at
all widths is a readout, too, as it passes one on."""

Part: TypeAlias = Literal["", "first", "mean", "last"]
"""Which layer of a stack: "mean" for the mean over all of them; "" for a layer that is not repeated."""

# A matrix of n x n elements grows as n^2, one with a side that stays as n; in between nothing is expected.
HIDDEN_POWER: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedLayer:
    """One layer along an axis.

    Args:
        name: of the module, with `*` for the place in a stack whose length grows.
        kind: its class, or the function.
        call: which call of the module it is; 1 for a part of a stack.
        part: which part of a stack it is.
        role: what becomes of its weight with the width; "other" along the depth.
        weighted: whether it has a matrix or a kernel.
        bypassed: whether a skip leads around it in every model.
        keys: for each size the layers whose mean is meant: one, but for the mean over a stack.
        fed_by: the layers that lead to it in the smallest model, without another between; none of a part of a stack.
    """

    name: str
    kind: str
    call: int
    part: Part
    role: Role
    weighted: bool
    bypassed: bool
    keys: tuple[tuple[Key, ...], ...]
    fed_by: tuple[Key, ...]


def matched(scan: Scan, runs: Sequence[Sequence[Run]]) -> tuple[MatchedLayer, ...]:
    """Return the layers along an axis, in the order in which the smallest model runs them.

    Along the width they are matched by name, kind and call. Along the depth, numbers in names that have more values in
    deeper models are left out. Layers of which deeper models have more, as those of the blocks of a transformer, are
    followed in the mean over all of them, and those that no skip leads around as the first and as the last, too; all
    sums count as such layers.

    Args:
        scan: the sizes.
        runs: of each size one for each seed.

    Raises:
        InputError: if a layer runs at some sizes and not at others.
    """
    present = [_present(of_size) for of_size in runs]
    return _along_width(scan, present) if scan.axis == "width" else _along_depth(scan, present)


def _present(runs: Sequence[Run]) -> dict[Key, RunLayer]:
    """Return the layers that run in the model of a size for some seed."""
    found: dict[Key, RunLayer] = {}
    for run in runs:
        for layer in run.layers:
            found.setdefault(layer.key, layer)
    return found


def _along_width(scan: Scan, present: Sequence[dict[Key, RunLayer]]) -> tuple[MatchedLayer, ...]:
    for key in dict.fromkeys(key for layers in present for key in layers):
        _refuse_missing(scan, _shown(key[0], key[2]), key[1], [int(key in layers) for layers in present])
    return tuple(
        MatchedLayer(
            name=key[0],
            kind=key[1],
            call=key[2],
            part="",
            role=_role(scan, [layers[key] for layers in present]),
            weighted=present[0][key].weight > 0,
            bypassed=all(layers[key].bypassed for layers in present),
            keys=tuple((key,) for _ in present),
            fed_by=present[0][key].fed_by,
        )
        for key in present[0]
    )


def _along_depth(scan: Scan, present: Sequence[dict[Key, RunLayer]]) -> tuple[MatchedLayer, ...]:
    growing = _growing(present)
    stacks = [_stacks(layers.values(), growing) for layers in present]
    found: list[MatchedLayer] = []
    rows_of = {stack: [of_size.get(stack, []) for of_size in stacks] for of_size in stacks for stack in of_size}
    modules = Counter(name for name, kind in rows_of if not kind.islower())
    for (stack, kind), rows in rows_of.items():
        counts = [len(row) for row in rows]
        _refuse_missing(scan, stack, kind, counts)
        # In a plain sequence layers of all kinds have a number alone as their name.
        name = f"{kind} {stack}" if modules[stack] > 1 and not kind.islower() else stack
        if len(set(counts)) == 1:
            found.extend(_part(name, kind, i + 1, "", [[row[i]] for row in rows]) for i in range(counts[0]))
            continue
        parts: dict[Part, list[list[RunLayer]]] = {"mean": rows}
        if not all(layer.bypassed for row in rows for layer in row):
            parts = {"first": [row[:1] for row in rows], "mean": rows, "last": [row[-1:] for row in rows]}
        found.extend(_part(name, kind, 1, part, chosen) for part, chosen in parts.items())
    return tuple(found)


def _part(name: str, kind: str, call: int, part: Part, rows: Sequence[Sequence[RunLayer]]) -> MatchedLayer:
    return MatchedLayer(
        name=name,
        kind=kind,
        call=call,
        part=part,
        role="other",
        weighted=rows[0][0].weight > 0,
        bypassed=all(layer.bypassed for row in rows for layer in row),
        keys=tuple(tuple(layer.key for layer in row) for row in rows),
        fed_by=(),
    )


def _stacks(layers: Iterable[RunLayer], growing: set[str]) -> dict[tuple[str, str], list[RunLayer]]:
    """Return the layers of one model by name without the places in growing stacks, and kind; each in order.

    All sums are one stack, the residual stream: each is named after what it is given to, the last after another module.
    """
    stacks: dict[tuple[str, str], list[RunLayer]] = {}
    for layer in layers:
        name, kind, _ = layer.key
        stacks.setdefault(("*" if kind == "sum" else _template(name, growing), kind), []).append(layer)
    return stacks


def _growing(present: Sequence[dict[Key, RunLayer]]) -> set[str]:
    """Return what stands before the numbers in names that have other values in other models.

    Names are read from the left, so that a stack inside the layers of a stack is found once for all of them.
    """
    growing: set[str] = set()
    while True:
        numbers: dict[str, list[set[str]]] = {}
        for i, layers in enumerate(present):
            for key in layers:
                for prefix, number in _numbers(key[0], growing):
                    numbers.setdefault(prefix, [set() for _ in present])[i].add(number)
        new = {prefix for prefix, sets in numbers.items() if any(one != sets[0] for one in sets if one and sets[0])}
        if new <= growing:
            return growing
        growing |= new


def _numbers(name: str, growing: set[str]) -> Iterable[tuple[str, str]]:
    """Yield each number in a name with what stands before it, in which the places in growing stacks are left out."""
    before = ""
    for text, number in re.findall(r"(\D*)(\d*)", name):
        before += text
        if number:
            yield before, number
            before += "*" if before in growing else number


def _template(name: str, growing: set[str]) -> str:
    """Return a name with `*` for the places in growing stacks.

    >>> _template("blocks.12.fc1", {"blocks."})
    'blocks.*.fc1'
    """
    before = ""
    for text, number in re.findall(r"(\D*)(\d*)", name):
        before += text
        if number:
            before += "*" if before in growing else number
    return before


def _role(scan: Scan, layers: Sequence[RunLayer]) -> Role:
    narrow, wide = layers[0], layers[-1]
    if narrow.weight:
        ratio: float = scan.sizes[-1].along("width") / scan.sizes[0].along("width")
        if wide.weight > narrow.weight * ratio**HIDDEN_POWER:
            return "hidden"
        if wide.weight <= narrow.weight:
            return "other"
        return "input" if wide.units > narrow.units else "readout"
    return "other" if wide.units > narrow.units else "readout"


def _refuse_missing(scan: Scan, name: str, kind: str, counts: Sequence[int]) -> None:
    if all(counts):
        return
    axis = scan.axis
    there = ", ".join(str(size.along(axis)) for size, count in zip(scan.sizes, counts, strict=True) if count)
    missing = ", ".join(str(size.along(axis)) for size, count in zip(scan.sizes, counts, strict=True) if not count)
    raise InputError(
        f"{axis}s",
        f"must be sizes of one model, with the same layers: `{name}` ({kind}) runs at {there} and not at {missing}",
    )


def _shown(name: str, call: int) -> str:
    return name if call == 1 else f"{name} ({call})"
