"""From a batch to what a model is called with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from firstdraw.errors import InputError
from firstdraw.torch.library import pytorch

__all__ = ["Arguments", "arguments_of", "called", "check_names"]

# What `check` itself takes.
TAKEN: Final = ("loss", "model", "optimizer", "seed", "targets")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a model is called with.

    Args:
        placed: by place.
        named: by name.
    """

    placed: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict[str, Any])


def arguments_of(batch: object) -> Arguments | None:
    """Return what a batch stands for: a tensor is one argument, a tuple or list several, a mapping several by name.

    Args:
        batch: what a file or a loader holds; None is returned for anything else.
    """
    if isinstance(batch, pytorch().Tensor):
        return Arguments((batch,))
    if isinstance(batch, Mapping):
        items = cast("Mapping[object, Any]", batch).items()
        return Arguments(named={str(key): value for key, value in items})
    if isinstance(batch, list | tuple):
        return Arguments(tuple(cast("list[Any]", batch)))
    return None


def called(batch: object) -> Arguments:
    """Return what a batch stands for, as `arguments_of` does.

    Raises:
        InputError: if it stands for nothing that a model can be called with.
    """
    arguments = arguments_of(batch)
    if arguments is None:
        rule = "must return a tensor, a tuple or list of arguments, or a mapping of them by name"
        raise InputError("inputs", rule, type(batch).__name__)
    check_names(arguments)
    return arguments


def check_names(arguments: Arguments) -> None:
    """Refuse arguments by name that `check` would take for its own."""
    for name in TAKEN:
        if name in arguments.named:
            raise InputError(name, "must be passed to the model by its place, for `check` has an argument of that name")
