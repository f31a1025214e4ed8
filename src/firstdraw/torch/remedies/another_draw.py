"""All parameters drawn anew by their roles: for a draw that was unlucky, as one that leaves a narrow layer dead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from firstdraw.torch.remedies.analytic import drawn
from firstdraw.torch.remedies.blame import Judge
from firstdraw.torch.remedies.patient import Patient, Trial
from firstdraw.torch.remedies.plan import Plan
from firstdraw.torch.remedies.remedy import Remedy

__all__ = ["AnotherDraw"]

# Of starts that half of all draws spoil one in 16 is left.
DRAWS: Final = 4


class AnotherDraw(Remedy):
    """Every parameter of a known role drawn by what `initialize` with "auto" asks; four times, if it must be."""

    name: ClassVar[str] = "another draw"

    def plans(self, patient: Patient, trial: Trial) -> Iterator[Plan]:
        judge = Judge(patient, trial)
        steps = tuple(
            drawn(held, "another draw")
            for held in patient.held
            if held.law is not None and not judge.is_to_stay_zero(held, held.seen)
        )
        if steps:
            yield from (Plan(steps, attempt=number) for number in range(DRAWS))
