"""A model by the name of what makes it."""

from __future__ import annotations

import inspect
from typing import Any

from firstdraw.cli.check.names import object_named, said_by
from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch.library import Module, pytorch

__all__ = ["OPTION", "model_named"]

OPTION = "MODEL"


def model_named(name: str) -> Module:
    """Return the model that a name stands for: a module, or what a class or function returns without arguments.

    Args:
        name: `package.module:factory`, or `path/to/file.py:factory`.

    Raises:
        InputError: if there is nothing of that name, it is not callable, asks for arguments or returns no module.
        FirstdrawError: if the user's code fails.
    """
    found, torch = object_named(OPTION, name), pytorch()
    if isinstance(found, torch.nn.Module):
        return found
    if not callable(found):
        rule = "must name a module of PyTorch, or what returns one without arguments"
        raise InputError(OPTION, rule, type(found).__name__)
    needed = _needed(found)
    if needed:
        raise InputError(
            OPTION,
            f"must need no arguments, and `{name}` needs {' and '.join(f'`{one}`' for one in needed)}",
            hint="a function in the module that calls it with them serves, or `functools.partial`",
        )
    try:
        made: Any = found()
    except (Exception, SystemExit) as error:
        raise FirstdrawError(f"the factory `{name}` fails{said_by(error)}") from error
    if not isinstance(made, torch.nn.Module):
        rule = f"must return a `torch.nn.Module`, which `{name}` does not"
        raise InputError(OPTION, rule, type(made).__name__)
    return made


def _needed(function: Any) -> list[str]:  # noqa: ANN401
    """Return the names of the arguments without which a function cannot be called."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C, and silent about itself
        return []
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.default is inspect.Parameter.empty and one.kind not in free]
