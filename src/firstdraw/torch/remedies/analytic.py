"""Parameters to the size that their roles ask for: the remedy that needs no further look at the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.initializers import INITIALIZERS
from firstdraw.torch.observing import Observation
from firstdraw.torch.remedies.actions import Draw, Multiply
from firstdraw.torch.remedies.blame import Degree, Judge, factor_of, law_for
from firstdraw.torch.remedies.patient import Held, Patient, Trial
from firstdraw.torch.remedies.plan import Plan, Step
from firstdraw.torch.remedies.remedy import Remedy

__all__ = ["Analytic", "drawn"]


class Analytic(Remedy):
    """Each parameter to what its role asks for; before rectifiers a variance of 2/n, n the fan-in (He et al. 2015).

    Those that are farthest from it first, with those that certainly are to blame, then nearer ones too, so that no more
    is touched than has to be. Numbers that are lost beside a bias of PyTorch's default are drawn by that default first:
    the rest of the model was well with it. Random matrices are multiplied by one factor, which leaves their directions,
    and the law that they were drawn by, alone.
    """

    name: ClassVar[str] = "analytic gains"
    source: ClassVar[Source | None] = INITIALIZERS["he_normal"].source

    def is_for(self, trial: Trial) -> bool:
        return bool(trial.left or trial.unreached)

    def plans(self, patient: Patient, trial: Trial) -> Iterator[Plan]:
        judge = Judge(patient, trial)
        judged = [(*judge.degree(held, seen := held.seen), held, seen) for held in patient.held]
        # A learning rate, or a way that is shut, is no reason to change weights of an ordinary size.
        hasty = all(finding.cause == "learning rate too large" for finding in trial.left)
        count = 0
        for least in (Degree.WILD,) if hasty else (Degree.WILD, Degree.FAR, Degree.NEAR):
            steps = tuple(_step(held, seen, reason) for degree, reason, held, seen in judged if degree >= least)
            if least == Degree.WILD and (restored := _restored(judge, steps, judged)) is not None:
                yield restored
            if len(steps) > count:
                yield Plan(steps)
            count = len(steps)


def drawn(held: Held, reason: str) -> Step:
    """Return the step that draws a parameter by the law of its role.

    Args:
        held: the parameter.
        reason: why it is drawn.
    """
    asked = f"; {held.asked.reason}" if held.law is not None else ""
    return Step(place=held.place, action=Draw(law_for(held)), reason=f"{reason}{asked}", source=held.asked.source)


def _step(held: Held, seen: Observation, reason: str) -> Step:
    """Return what brings a parameter to what is asked: a factor where it is a draw, the law elsewhere."""
    law = law_for(held)
    if reason:
        return drawn(held, reason)
    if held.role.kind not in {"weight", "bare"} or not law.variance or not seen.variance:
        return Step(place=held.place, action=Draw(law), reason=held.asked.reason, source=held.asked.source)
    reason = f"{law} is asked for: {held.asked.reason}"
    return Step(place=held.place, action=Multiply(factor_of(law, seen)), reason=reason, source=held.asked.source)


def _restored(
    judge: Judge, steps: tuple[Step, ...], lost: Iterable[tuple[Degree, str, Held, Observation]]
) -> Plan | None:
    """Return the steps with PyTorch's default where numbers were lost beside a bias that still is a draw of it."""
    laws = {held.place.name: judge.default_law(held) for _, _, held, seen in lost if not seen.finite}
    known = {name: law for name, law in laws.items() if law is not None}
    if not known:
        return None
    why = "it held numbers that are infinite or none; its layer's default, as its bias still is"
    return Plan(
        tuple(
            Step(place=step.place, action=Draw(known[step.place.name]), reason=why)
            if step.place.name in known
            else step
            for step in steps
        )
    )
