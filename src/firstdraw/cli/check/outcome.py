"""What came of a check on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firstdraw.diagnosis import Finding
from firstdraw.torch.faults import Fault
from firstdraw.torch.shown import Check

if TYPE_CHECKING:
    from firstdraw.torch.identifying import Identification
    from firstdraw.torch.repaired import Repair

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a check.

    Args:
        checked: the check of the model as it comes.
        identification: which tensor holds which law, and the known faults; None where that was not asked.
        repair: the remedy that was found; None where that was not asked.
    """

    checked: Check
    identification: Identification | None
    repair: Repair | None

    @property
    def found(self) -> list[Finding | Fault]:
        """All findings and faults."""
        return [*self.checked.findings, *(self.identification.faults if self.identification is not None else ())]
