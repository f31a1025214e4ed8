"""Parameters that training does not move."""

from __future__ import annotations

from collections.abc import Iterator

from firstdraw.diagnosis.finding import Severity
from firstdraw.torch.faults.fault import Contents, Fault, names_of

__all__ = ["frozen", "never_reached"]


def frozen(contents: Contents) -> Iterator[Fault]:
    """Find parameters that no training moves."""
    frozen = [one for one in contents.held if one.parameter.is_frozen]
    if frozen:
        yield Fault(
            "frozen parameter",
            Severity.NOTE,
            names_of(frozen),
            f"{len(frozen)} of {len(contents.held)} tensors have `requires_grad` False: no training moves them",
            {"tensors": len(frozen)},
            "`parameter.requires_grad_()` if this is not meant",
        )


def never_reached(contents: Contents) -> Iterator[Fault]:
    """Find parameters that the model's code does not use."""
    reached = contents.roles.reached
    if reached is None:
        return
    lost = [one for one in contents.held if not any(_is_reached(name, reached) for name in one.parameter.names)]
    if lost:
        yield Fault(
            "parameter never reached",
            Severity.WARNING,
            names_of(lost),
            f"the model's code does not use {len(lost)} of {len(contents.held)} tensors: they get no gradient",
            {"tensors": len(lost)},
            "Use their module in `forward`, or remove it",
        )


def _is_reached(name: str, reached: frozenset[str]) -> bool:
    words = name.split(".")
    return any(".".join(words[:length]) in reached for length in range(1, len(words) + 1)) or "" in reached
