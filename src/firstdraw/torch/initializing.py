"""All parameters of a model drawn anew, each by the law that its role asks for."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any, Final

from firstdraw.arrays import Shape
from firstdraw.catalogue import Source
from firstdraw.distributions import Normal
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.torch.automatic import Choice
from firstdraw.torch.filling import fill, part_of
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.roles import ModelRoles, ParameterRole, roles_of
from firstdraw.torch.schemes import Scheme, choices
from firstdraw.torch.skeleton import inner

__all__ = ["Initialization", "InitializedParameter", "initialize"]

# As many as PyTorch makes when a spectral norm is put on a layer.
ESTIMATES: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class InitializedParameter:
    """What one parameter got, and why.

    Args:
        name: its name; of a tensor with several names the first in the alphabet, by which its numbers are drawn.
        names: all its names.
        shape: its shape.
        law: the law that it was drawn from; "" where it was left as it was.
        entry: the initializer's name in the catalogue; "" where none was asked.
        reason: why it got this law, or none.
        source: where this is published.
    """

    name: str
    names: tuple[str, ...]
    shape: Shape
    law: str
    entry: str
    reason: str
    source: Source | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialization:
    """The record of what `initialize` did; `str` of it is a table.

    Args:
        seed: the seed of the draws.
        parameters: all parameters of the model, in its order.
    """

    seed: int
    parameters: tuple[InitializedParameter, ...]

    @property
    def left(self) -> tuple[InitializedParameter, ...]:
        """The parameters that were left as they were."""
        return tuple(parameter for parameter in self.parameters if not parameter.law)

    def __getitem__(self, name: str) -> InitializedParameter:
        for parameter in self.parameters:
            if name in parameter.names:
                return parameter
        raise InputError("name", "must be the name of a parameter of the model", name)

    def __str__(self) -> str:
        rows = [(one.name, str(list(one.shape)), one.law or "left as it was", one.reason) for one in self.parameters]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(
            "  ".join([*(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=True)), row[3]]) for row in rows
        )

    def to_json(self) -> str:
        """Return the record as JSON: the seed, and of each parameter its fields."""
        table: list[dict[str, Any]] = [
            {
                "name": one.name,
                "names": list(one.names),
                "shape": list(one.shape),
                "law": one.law or None,
                "entry": one.entry or None,
                "reason": one.reason,
                "source": None if one.source is None else str(one.source),
            }
            for one in self.parameters
        ]
        return json.dumps({"seed": self.seed, "parameters": table}, ensure_ascii=False, indent=2)


def initialize(model: Module, scheme: Scheme = "auto", *, seed: int = 0) -> Initialization:
    """Draw all trainable parameters of a model anew, in place, and return which one got which law and why.

        record = firstdraw.torch.initialize(model, "he_normal", seed=0)
        firstdraw.torch.initialize(model, {"*.attn.*": "glorot_normal", "head.weight": 0.0, "*": "auto"})

    The numbers depend on the seed, the parameter's name, its shape and its law alone: not on the device, the order in
    which the model was built, how a `DTensor` is split, wrappers (`torch.compile`, `DataParallel`), or PyTorch's own
    seed. A model built on the meta device gets memory by `model.to_empty(device=...)` first, and then the same numbers.
    Memory is filled in place; of other types and devices than float64 and float32 on the CPU in pieces of 16 MB.
    Laws of whole matrices ('orthogonal') are formed in float64 and take the memory of theirs, one parameter at a time.

    Frozen parameters are left as they are, as are those of which nothing is known (the record's `left`); no buffers are
    written but the running statistics of normalizations whose parameters are drawn, and the vectors of spectral norms,
    which start anew. The row of an embedding's `padding_idx` is 0.

    Args:
        model: a `torch.nn.Module`.
        scheme: "auto", by the role of each parameter (`firstdraw.torch.automatic.automatic` says how); the name of an
            initializer in the catalogue, or an initializer, for all weights that it serves and their biases, the others
            as with "auto"; or a mapping from patterns of names, as `fnmatch` reads them, to rules, of which the first
            that fits counts: an initializer, its name, `{"name": ..., options}`, a law, a number, "auto", or None for
            what is to be left as it is. What no pattern fits is initialized as with "auto".
        seed: an integer from 0 to 2^64 - 1.

    Raises:
        InputError: if the model is no module, is TorchScript, has no trainable parameters, or has ones that are lazy,
            quantized, sparse, on the meta device, or of a class with operations of its own; a name, an option or a
            pattern is unknown; a law does not serve a parameter. Nothing is written then.

    >>> import torch  # doctest: +SKIP
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))  # doctest: +SKIP
    >>> record = initialize(model, "he_normal", seed=0)  # doctest: +SKIP
    >>> record["0.weight"].law, record["0.bias"].law  # doctest: +SKIP
    ('N(0, 0.5²)', '0')
    """
    roles = roles_of(model)
    seed = CounterDraws(seed).seed
    chosen = [_unless_frozen(one, choice) for one, choice in zip(roles.parameters, choices(roles, scheme), strict=True)]
    _check_all(roles, chosen)
    normalizations = _normalizations(model)
    for parameter, choice in zip(roles.parameters, chosen, strict=True):
        if choice.law is not None:
            _write(parameter, choice, seed)
    for module in normalizations:
        module.reset_running_stats()
    return Initialization(
        seed=seed,
        parameters=tuple(_recorded(one, choice) for one, choice in zip(roles.parameters, chosen, strict=True)),
    )


def _unless_frozen(parameter: ParameterRole, choice: Choice) -> Choice:
    return Choice(law=None, reason="it is frozen") if parameter.is_frozen else choice


def _check_all(roles: ModelRoles, chosen: list[Choice]) -> None:
    for parameter, choice in zip(roles.parameters, chosen, strict=True):
        if choice.law is None:
            continue
        if parameter.is_parametrized and not _can_invert(parameter):
            raise InputError(
                parameter.name,
                "is computed from other parameters, which cannot be found from it",
                hint="its parametrization has no `right_inverse` that takes it",
            )
        part_of(parameter.name, parameter.tensor)


def _can_invert(parameter: ParameterRole) -> bool:
    """Whether the parts of a parametrized parameter can be found from it; tried on a copy of them."""
    parametrizations = parameter.owner.parametrizations[parameter.key]
    if not all(hasattr(one, "right_inverse") for one in parametrizations):
        return False
    try:
        with pytorch().no_grad():
            copy.deepcopy(parametrizations).right_inverse(parameter.tensor.detach())
    except Exception:  # an inverse is code of its author, and may not exist for all values
        return False
    return True


def _write(parameter: ParameterRole, choice: Choice, seed: int) -> None:
    torch = pytorch()
    tensor = parameter.tensor
    assert choice.law is not None  # noqa: S101  # others are left
    if parameter.is_parametrized:
        tensor = torch.empty_like(tensor, requires_grad=False)
    fill(choice.law, seed, parameter.name, tensor)
    if parameter.padding is not None and parameter.kind == "weight":
        _clear_row(parameter.name, tensor, parameter.padding)
    if parameter.is_parametrized:
        with torch.no_grad():
            setattr(parameter.owner, parameter.key, tensor)
            _settle(parameter, seed)


def _settle(parameter: ParameterRole, seed: int) -> None:
    """Estimate the norm of the new numbers anew, where one is divided by it, from a vector of our own draws."""
    parametrizations = parameter.owner.parametrizations[parameter.key]
    vectors = [part._v for part in parametrizations if hasattr(part, "_power_method") and hasattr(part, "_v")]
    if not vectors:
        return
    for vector in vectors:
        fill(Normal(1.0), seed, f"{parameter.name} vector", vector)
    flags = [(part, part.training) for part in parametrizations.modules()]
    parametrizations.train()
    for _ in range(ESTIMATES):
        getattr(parameter.owner, parameter.key)
    for part, flag in flags:
        part.training = flag


def _clear_row(name: str, tensor: Tensor, row: int) -> None:
    local, part = part_of(name, tensor)
    row = row % tensor.shape[0] - part[0].start
    if 0 <= row < local.shape[0]:
        with pytorch().no_grad():
            local[row].zero_()


def _normalizations(model: Module) -> list[Module]:
    """Return the normalizations with running statistics that are not frozen."""
    base = pytorch().nn.modules.batchnorm._NormBase
    found = [
        module
        for module in inner(model).modules()
        if isinstance(module, base) and getattr(module, "running_mean", None) is not None
    ]
    return [one for one in found if all(parameter.requires_grad for parameter in one.parameters(recurse=False))]


def _recorded(parameter: ParameterRole, choice: Choice) -> InitializedParameter:
    return InitializedParameter(
        name=parameter.name,
        names=parameter.names,
        shape=parameter.shape,
        law="" if choice.law is None else str(choice.law),
        entry=choice.entry,
        reason=choice.reason,
        source=choice.source,
    )
