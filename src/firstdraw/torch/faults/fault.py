"""A known fault, and what is looked at for one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from firstdraw.diagnosis.finding import Severity
from firstdraw.roles import Role
from firstdraw.torch.holding import Holds
from firstdraw.torch.library import Module
from firstdraw.torch.roles import ModelRoles

__all__ = ["Contents", "Fault", "FaultCause", "names_of", "second_moment_of"]

FaultCause: TypeAlias = Literal[
    "never initialized",
    "not finite",
    "default law under a rectifier",
    "packed projection with the fans of the whole",
    "grouped convolution with the fan of all groups",
    "transposed convolution with its fans exchanged",
    "embedding of unit variance",
    "truncated normal that truncates nothing",
    "identical layers",
    "residual projections not scaled",
    "both factors of a product zero",
    "tied tensors",
    "orthogonal in half precision",
    "frozen parameter",
    "parameter never reached",
]

MOST_PLACES: Final = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """One known fault.

    Args:
        cause: its name.
        severity: how bad it is.
        places: the names of the parameters that have it.
        sentence: what is so, with its numbers, ending without a full stop.
        evidence: the numbers, by name.
        remedy: what to change.
    """

    cause: FaultCause
    severity: Severity
    places: tuple[str, ...]
    sentence: str
    evidence: dict[str, float]
    remedy: str

    def __str__(self) -> str:
        rest = f" and {len(self.places) - MOST_PLACES} more" if len(self.places) > MOST_PLACES else ""
        places = ", ".join(self.places[:MOST_PLACES]) + rest
        return f"{self.severity.name.lower()}: {self.cause} ({places}): {self.sentence}. {self.remedy}."

    def as_table(self) -> dict[str, Any]:
        """Return the fault as a table of plain values."""
        return asdict(self) | {"severity": self.severity.name.lower(), "places": list(self.places)}


@dataclass(frozen=True, slots=True)
class Contents:
    """A model and what it holds.

    Args:
        model: the model.
        roles: its parameters.
        held: what each of them holds, in the same order.
    """

    model: Module
    roles: ModelRoles
    held: list[Holds]

    @property
    def weights(self) -> list[tuple[Holds, Role]]:
        """The weights, each with its role."""
        pairs = ((one, one.parameter.role) for one in self.held)
        return [(one, role) for one, role in pairs if role is not None and role.kind == "weight"]


def names_of(held: Iterable[Holds]) -> tuple[str, ...]:
    """Return the names of parameters."""
    return tuple(one.parameter.name for one in held)


def second_moment_of(one: Holds) -> float:
    """Return the mean square of what a parameter holds; NaN where it holds nothing."""
    return math.nan if one.observation is None else one.observation.second_moment
