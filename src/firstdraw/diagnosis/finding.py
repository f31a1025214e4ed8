"""What a diagnosis says, and what it says it from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from firstdraw.activations import Activation
from firstdraw.engine import Trajectory
from firstdraw.probes import NetworkState, Sharpness

__all__ = ["Cause", "Finding", "Measurements", "Severity", "StartMeasurements"]

# In about the order in which they bring each other about (see `roots`).
Cause = Literal[
    "inputs not finite",
    "parameters not finite",
    "constant inputs",
    "constant features",
    "unscaled inputs",
    "unbroken symmetry",
    "nearly equal units",
    "mirrored units",
    "dead branch",
    "born-dead network",
    "no gradient at the start",
    "wrong law for the activation",
    "ordered phase too deep",
    "chaotic phase too deep",
    "loss of rank",
    "saturated hidden units",
    "saturated output",
    "vanishing signal",
    "exploding signal",
    "collapse to one correlation",
    "vanishing gradient",
    "exploding gradient",
    "high initial cost",
    "learning rate too large",
    "divergence",
    "dead units",
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


@dataclass(frozen=True, kw_only=True)
class StartMeasurements:
    """What a diagnosis of a start may look at: values, so that any program's network can be diagnosed.

    Args:
        start: the network before the first step, on the training examples.
        activations: what follows each layer, None where nothing does; None altogether if it is not known.
        sharpness: how sharply the cost bends at the start, if it was measured.
        learning_rate: the rate of plain gradient descent on all examples; None for other optimizers and for
            mini-batches, for which the sharpness sets no bound.
    """

    start: NetworkState
    activations: tuple[Activation | None, ...] | None = None
    sharpness: Sharpness | None = None
    learning_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measurements(StartMeasurements):
    """What a diagnosis of a run may look at besides.

    Args:
        end: the network after the last step, or the last before it diverged.
        trajectory: the records between, of one network.
    """

    end: NetworkState
    trajectory: Trajectory

    @property
    def last_step(self) -> int:
        """The last planned step."""
        return int(self.trajectory.steps[-1])
