"""Tensors that have to do with each other: equal, multiplied, or one and the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.diagnosis.finding import Severity
from firstdraw.torch.faults.fault import Contents, Fault, names_of
from firstdraw.torch.holding import Holds
from firstdraw.torch.modules import ParameterKind

__all__ = ["identical", "tied", "zero_product"]

# Two tensors whose first numbers are correlated like this come from one stream; 64 independent ones never are.
SAME_STREAM: Final = 0.9999
FEWEST_VALUES: Final = 16
DRAWN: Final[tuple[ParameterKind, ...]] = ("weight", "bias")
# No module has this name.
BRANCH: Final = "a branch"
FACTORS: Final[tuple[ParameterKind, ...]] = ("weight", "bare")


def identical(contents: Contents) -> Iterator[Fault]:
    """Find tensors that were drawn from one stream."""
    # Frozen and bare tensors may be tables that are computed and not drawn, such as those of positions.
    drawn = [one for one in contents.held if one.parameter.kind in DRAWN and not one.parameter.is_frozen]
    # Constants at the beginning, as of a gate's biases, say nothing of a stream; short types make some numbers equal.
    finite = [one for one in drawn if np.isfinite(one.head).all()]
    varied = [one for one in finite if len(np.unique(one.head[:FEWEST_VALUES])) > FEWEST_VALUES // 2]
    groups: dict[tuple[float, ...], list[Holds]] = {}
    for one in varied:
        head: Floats = one.head[:FEWEST_VALUES] / abs(one.head[:FEWEST_VALUES]).max()
        # Signs and proportions of the first numbers: tensors of one stream share them, whatever their spread.
        groups.setdefault(tuple(round(float(value), 2) for value in head), []).append(one)
    for alike in groups.values():
        first = alike[0]
        same = [one for one in alike if one is first or _is_same_stream(first, one)]
        if len(same) < 2:
            continue
        equal = all(_is_equal(first, one) for one in same[1:])
        what = "hold the same numbers" if equal else "begin with the same numbers, up to their spread"
        yield Fault(
            "identical layers",
            Severity.WARNING,
            names_of(same),
            f"{len(same)} tensors {what}: one seed, or one copied layer, serves them all",
            {"tensors": len(same)},
            "`firstdraw.torch.initialize` draws every parameter by its name; or let the generator go on between layers",
        )


def _is_same_stream(one: Holds, other: Holds) -> bool:
    count = min(len(one.head), len(other.head))
    return bool(np.corrcoef(one.head[:count], other.head[:count])[0, 1] > SAME_STREAM)


def _is_equal(one: Holds, other: Holds) -> bool:
    first, second = one.parameter.tensor, other.parameter.tensor
    return first.shape == second.shape and bool((first.detach() == second.detach()).all())


def zero_product(contents: Contents) -> Iterator[Fault]:
    """Find two factors of one product that are both 0."""
    zero = [one for one in contents.held if one.is_zero and one.parameter.kind in FACTORS]
    groups: dict[tuple[str, int], list[Holds]] = {}
    for one in zero:
        role = one.parameter.role
        if role is not None and role.branch is not None:
            groups.setdefault((BRANCH, role.branch.number), []).append(one)
        # The two factors of an adapter stand in one module, or in two of one module.
        for around in {one.parameter.layer, one.parameter.layer.rpartition(".")[0]}:
            groups.setdefault((around, 0), []).append(one)
    told: set[tuple[str, ...]] = set()
    for (where, _), factors in groups.items():
        chained = [(a, b) for a in factors for b in factors if a is not b and (where == BRANCH or _compose(a, b))]
        names = tuple(sorted({one.parameter.name for pair in chained for one in pair}))
        if names and names not in told:
            told.add(names)
            yield Fault(
                "both factors of a product zero",
                Severity.BROKEN,
                names,
                "each is multiplied with the other, so that the gradient of both is 0 at the start and stays so",
                {"factors": len(names)},
                "Start one of them at 0, and draw the others",
            )


def _compose(one: Holds, other: Holds) -> bool:
    """Whether two matrices can be multiplied, the first with the second's outputs."""
    a, b = one.parameter.shape, other.parameter.shape
    return len(a) == len(b) == 2 and a[1] == b[0]


def tied(contents: Contents) -> Iterator[Fault]:
    """Find tensors that two layers share."""
    for one, role in contents.weights:
        if role.tied is not None:
            yield Fault(
                "tied tensors",
                Severity.NOTE,
                one.parameter.names,
                f"one tensor serves as an embedding, of fan-in {role.tied.fan_in:g}, and as a layer of fan-in "
                f"{role.fan_in:g}: whichever is initialized last decides",
                {"fan-in": float(role.fan_in), "fan-in as an embedding": float(role.tied.fan_in)},
                "Initialize it once, for the readout: N(0, 0.02^2) serves both",
            )
