"""What `--loss` and `--targets` stand for."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, Final

from firstdraw.cli.check.names import object_named
from firstdraw.errors import InputError, either
from firstdraw.torch.arguments import Arguments
from firstdraw.torch.library import pytorch

__all__ = ["loss_named", "part_of_batch"]

LOSS: Final = "--loss"
TARGETS: Final = "--targets"


def loss_named(name: str) -> Callable[..., Any]:
    """Return a loss: one of `torch.nn.functional` by its name, or any function as `package.module:function`."""
    functional = pytorch().nn.functional
    found: Any = object_named(LOSS, name) if ":" in name else getattr(functional, name, None)
    if not callable(found):
        near = difflib.get_close_matches(name, [one for one in dir(functional) if one.endswith(("loss", "entropy"))])
        rule = "must be a function of `torch.nn.functional`, or `package.module:function`"
        raise InputError(LOSS, rule, name, hint=f"did you mean {either(near)}?" if near else "")
    return found


def part_of_batch(text: str, batch: Arguments) -> tuple[Arguments, Any]:
    """Take the targets out of a batch.

    Args:
        text: their key, or their place from 0.
        batch: what a file holds.

    Returns:
        What is left, and the targets.
    """
    placed, named = list(batch.placed), dict(batch.named)
    if text in named:
        targets = named.pop(text)
    elif text.isdecimal() and int(text) < len(placed):
        targets = placed.pop(int(text))
    else:
        known = ", ".join([*map(str, range(len(placed))), *named])
        raise InputError(TARGETS, f"must be a part of the batch, which has {known}", text)
    return Arguments(tuple(placed), named), targets
