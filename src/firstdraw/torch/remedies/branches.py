"""Residual branches whose sum does not grow with their number: their last layers smaller, or 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant
from firstdraw.initializers import INITIALIZERS
from firstdraw.torch.remedies.actions import Draw, Multiply
from firstdraw.torch.remedies.patient import Held, Patient, Trial
from firstdraw.torch.remedies.plan import Plan, Step
from firstdraw.torch.remedies.remedy import Remedy

__all__ = ["ResidualScaling"]


class ResidualScaling(Remedy):
    """The last layer of each of K residual branches times 1/sqrt(K); if that is not enough, 0.

    GPT-2's rule (Radford et al. 2019), whose K is twice the number of its blocks. Zeros make every block an identity at
    the start, from which the last layers move first.
    """

    name: ClassVar[str] = "residual scaling"
    source: ClassVar[Source | None] = INITIALIZERS["gpt2"].source

    def plans(self, patient: Patient, trial: Trial) -> Iterator[Plan]:  # noqa: ARG002
        last = [held for held in patient.held if _is_last(held)]
        count = len(patient.roles.branches)
        if count < 2 or not last:
            return
        yield Plan(
            tuple(
                Step(
                    place=held.place,
                    action=Multiply(1 / math.sqrt(count)),
                    reason=f"the last of a branch, of {count} that are summed",
                    source=self.source,
                )
                for held in last
            )
        )
        zero = Draw(Constant(0.0))
        reason = f"the last of a branch, of {count}: each block starts as the identity"
        yield Plan(tuple(Step(place=held.place, action=zero, reason=reason) for held in last))


def _is_last(held: Held) -> bool:
    role = held.role.role
    return held.role.kind == "weight" and role is not None and role.branch is not None and role.branch.is_last
