"""What a diagnosis says, and what it says it from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from firstdraw.engine import Trajectory
from firstdraw.probes import NetworkState

__all__ = ["Cause", "Finding", "Measurements", "Severity"]

Cause = Literal[
    "unbroken symmetry",
    "dead branch",
    "no gradient at the start",
    "dead units",
    "saturated hidden units",
    "saturated output",
    "vanishing signal",
    "exploding signal",
    "vanishing gradient",
    "exploding gradient",
    "divergence",
    "nothing learned",
    "plateau",
    "still improving",
    "healthy",
]


class Severity(IntEnum):
    """How bad a finding is."""

    GOOD = 0
    NOTE = 1
    WARNING = 2
    BROKEN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is so, with the numbers that show it and what to do about it.

    Args:
        cause: the name of what is so.
        severity: how bad it is.
        place: where ("layer 1"), or "" for the whole network.
        sentence: for a student: what happened, with its numbers, ending without a full stop.
        evidence: for an expert: the quantities behind it, by name.
        remedy: what to change.
    """

    cause: Cause
    severity: Severity
    place: str
    sentence: str
    evidence: dict[str, float]
    remedy: str


@dataclass(frozen=True)
class Measurements:
    """What a diagnosis may look at.

    Args:
        start: the network before the first step, on the training examples.
        end: the network after the last step, or the last before it diverged.
        trajectory: the records between, of one network.
    """

    start: NetworkState
    end: NetworkState
    trajectory: Trajectory

    @property
    def last_step(self) -> int:
        """The last planned step."""
        return int(self.trajectory.steps[-1])
