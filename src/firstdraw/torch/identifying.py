"""Which law each tensor of a model is consistent with, what its role asks for, and the known faults."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from firstdraw.arrays import Shape
from firstdraw.distributions import Distribution, Normal, TruncatedNormal, Uniform
from firstdraw.errors import InputError
from firstdraw.torch.automatic import automatic
from firstdraw.torch.consistency import is_consistent
from firstdraw.torch.faults import Fault, faults_of
from firstdraw.torch.holding import FEWEST, Holds, hold
from firstdraw.torch.library import Module
from firstdraw.torch.observing import Observation
from firstdraw.torch.roles import roles_of

__all__ = ["Identification", "TensorIdentity", "identify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorIdentity:
    """What one tensor holds.

    Args:
        name: the parameter's name, the first in the alphabet where it has several.
        names: all its names.
        shape: its shape.
        law: the first law of those that it is consistent with; a law fitted to it where there is none; "" where it
            is unlike all of them.
        entries: every entry of the catalogue, and every default of PyTorch's layers, that it is consistent with, the
            likeliest first; of those that are nearly as likely as the likeliest, those first whose law most entries
            have.
        asked: the law that its role asks for (`initialize` with "auto"); "" where nothing is known of it.
        agrees: whether it is consistent with what is asked for; None where there is no test of that law.
        observation: its moments and bounds; None where it has no memory.
    """

    name: str
    names: tuple[str, ...]
    shape: Shape
    law: str
    entries: tuple[str, ...]
    asked: str
    agrees: bool | None
    observation: Observation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """What `identify` found; `str` of it is a table and the faults.

    Args:
        tensors: every parameter once, in the order of the model.
        faults: what is known to be wrong, the worst first.
    """

    tensors: tuple[TensorIdentity, ...]
    faults: tuple[Fault, ...]

    def __getitem__(self, name: str) -> TensorIdentity:
        for tensor in self.tensors:
            if name in tensor.names:
                return tensor
        raise InputError("name", "must be the name of a parameter of the model", name)

    def __str__(self) -> str:
        rows = [(one.name, str(list(one.shape)), one.law or "unlike any known law", _told(one)) for one in self.tensors]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=True)), row[3]]) for row in rows]
        return "\n".join([*lines, *(["", *map(str, self.faults)] if self.faults else [])])

    def to_json(self) -> str:
        """Return what was found as JSON: of each tensor its fields and moments, and the faults."""
        tensors: list[dict[str, Any]] = []
        for one in self.tensors:
            seen = one.observation
            numbers = ("mean", "variance", "kurtosis", "smallest", "largest")
            moments = {} if seen is None else {name: _finite(getattr(seen, name)) for name in numbers}
            tensors.append(
                {
                    "name": one.name,
                    "names": list(one.names),
                    "shape": list(one.shape),
                    "law": one.law or None,
                    "entries": list(one.entries),
                    "asked": one.asked or None,
                    "agrees": one.agrees,
                    **moments,
                }
            )
        return json.dumps(
            {"tensors": tensors, "faults": [fault.as_table() for fault in self.faults]}, ensure_ascii=False, indent=2
        )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _told(one: TensorIdentity) -> str:
    names = ", ".join(one.entries[:3]) + (f" and {len(one.entries) - 3} more" if len(one.entries) > 3 else "")
    asked = f"; its role asks for {one.asked}" if one.asked and one.agrees is False else ""
    return f"{names}{asked}".lstrip("; ")


def identify(model: Module) -> Identification:
    """Return which law each tensor of a model is consistent with, what its role asks for, and the known faults.

    A tensor is held against every entry of the catalogue that serves its role, with the default options and those that
    are most used, and against what PyTorch's layers hold themselves; a law from which it was drawn is missed in at most
    one of 1,000 tensors. The tests are those of `firstdraw.torch.consistency`: mean, variance, bounds and distribution
    function, and exact ones for constants, identities, orthogonal and sparse matrices. Small tensors are consistent
    with many laws, and those of fewer than 8 elements are named only where they are constant.

    Args:
        model: a `torch.nn.Module`; it is not changed. On the meta device its tensors hold nothing, which is a fault.

    Raises:
        InputError: if it is no module, is TorchScript, has no trainable parameters, or has ones that are lazy,
            quantized, sparse, or of a class with operations of its own.

    >>> import torch  # doctest: +SKIP
    >>> _ = torch.manual_seed(0)  # doctest: +SKIP
    >>> model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64))  # doctest: +SKIP
    >>> found = identify(model)  # doctest: +SKIP
    >>> found["0.weight"].law, found["0.weight"].asked  # doctest: +SKIP
    ('U[-0.125, 0.125)', 'N(0, 0.176777²)')
    >>> [fault.cause for fault in found.faults]  # doctest: +SKIP
    ['default law under a rectifier']
    """
    roles = roles_of(model)
    held = [hold(parameter, automatic(parameter, roles).law) for parameter in roles.parameters]
    return Identification(tensors=tuple(map(_identity, held)), faults=faults_of(model, roles, held))


def _identity(holds: Holds) -> TensorIdentity:
    parameter, seen = holds.parameter, holds.observation
    return TensorIdentity(
        name=parameter.name,
        names=parameter.names,
        shape=parameter.shape,
        law="" if seen is None else _law(holds, seen),
        entries=tuple(one.name for one in holds.found),
        asked="" if holds.asked is None else str(holds.asked),
        agrees=holds.agrees,
        observation=seen,
    )


def _law(holds: Holds, seen: Observation) -> str:
    if not seen.finite or not seen.count:
        return ""
    if seen.is_constant:
        return f"{seen.smallest:.6g}"
    if holds.found:
        return str(holds.found[0].law)
    if holds.orthogonal is not None:
        return f"{holds.orthogonal:.6g} x orthogonal"
    if seen.count < FEWEST:
        return ""
    return next((str(law) for law in _fitted(seen) if is_consistent(law, seen, None)), "")


def _fitted(seen: Observation) -> list[Distribution]:
    """Return a law of each shape with the spread of a tensor."""
    # The largest of n uniform numbers lies by 1/n below the bound.
    low, high = seen.smallest, seen.largest
    margin = (high - low) / seen.count
    sigma = math.sqrt(seen.variance)
    bound = max(abs(low), abs(high))
    return [
        Uniform(low - margin, high + margin),
        *(
            TruncatedNormal(sigma / TruncatedNormal(1.0, cut).standard_deviation, cut)
            for cut in (2.0,)
            if bound < 3 * sigma
        ),
        Normal(sigma, seen.mean if abs(seen.mean) > 4 * sigma / math.sqrt(seen.count) else 0.0),
    ]
