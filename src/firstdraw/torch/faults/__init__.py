"""The known faults of initialization, each by its name, with the numbers that show it and the remedy.

Each is known from the threads in which users found it; the functions of the files here find one each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from firstdraw.torch.faults.fans import grouped, packed, transposed
from firstdraw.torch.faults.fault import Contents, Fault, FaultCause
from firstdraw.torch.faults.laws import (
    default_under_rectifier,
    half_orthogonal,
    unit_embedding,
    unscaled_branches,
    untruncated,
)
from firstdraw.torch.faults.memory import never_initialized, not_finite
from firstdraw.torch.faults.pairs import identical, tied, zero_product
from firstdraw.torch.faults.training import frozen, never_reached
from firstdraw.torch.holding import Holds
from firstdraw.torch.library import Module
from firstdraw.torch.roles import ModelRoles

__all__ = ["Fault", "FaultCause", "faults_of"]

Look: TypeAlias = Callable[[Contents], Iterator[Fault]]
LOOKS: Final[tuple[Look, ...]] = (
    never_initialized,
    not_finite,
    default_under_rectifier,
    packed,
    grouped,
    transposed,
    unit_embedding,
    untruncated,
    identical,
    unscaled_branches,
    zero_product,
    tied,
    half_orthogonal,
    frozen,
    never_reached,
)


def faults_of(model: Module, roles: ModelRoles, held: list[Holds]) -> tuple[Fault, ...]:
    """Return the known faults of a model, the worst first.

    Args:
        model: the model.
        roles: its parameters.
        held: what each of them holds, in the same order.
    """
    contents = Contents(model, roles, held)
    found = [fault for look in LOOKS for fault in look(contents)]
    return tuple(sorted(found, key=lambda fault: -fault.severity))
