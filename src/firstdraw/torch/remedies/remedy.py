"""What every remedy promises: plans to be tried, the one that changes least first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Final

from firstdraw.catalogue import Source
from firstdraw.torch.remedies.patient import Patient, Trial
from firstdraw.torch.remedies.plan import Plan

__all__ = ["OF_SIZES", "Remedy"]

OF_SIZES: Final = frozenset(
    {
        "wrong law for the activation",
        "vanishing signal",
        "exploding signal",
        "saturated hidden units",
        "vanishing gradient",
        "exploding gradient",
        "high initial cost",
    }
)
"""What factors on parameters can change from where the model is."""


class Remedy(ABC):
    """One idea of how numbers mend a start."""

    name: ClassVar[str]
    """What it is called."""
    source: ClassVar[Source | None] = None
    """Where it is published."""

    def is_for(self, trial: Trial) -> bool:
        """Whether it may mend what is left; a learning rate is no matter of the data's way through the model.

        Args:
            trial: what has been done, and how the model does.
        """
        return any(finding.cause != "learning rate too large" for finding in trial.left)

    @abstractmethod
    def plans(self, patient: Patient, trial: Trial) -> Iterator[Plan]:
        """Yield plans for a model in the state that a trial left it in, each to be tried from there.

        The model may be changed on the way: whoever asks restores it.

        Args:
            patient: the model.
            trial: what has been done to it, and how it does.
        """
