"""The cheapest plan that works: remedies are tried in order, and a check of the changed model decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from firstdraw.torch.layers import ModelState
from firstdraw.torch.library import Module, pytorch
from firstdraw.torch.remedies.patient import Patient, Trial
from firstdraw.torch.remedies.plan import Plan
from firstdraw.torch.remedies.remedy import Remedy
from firstdraw.torch.remedies.trying import checked

__all__ = ["search"]


def search(patient: Patient, start: Trial, remedies: Sequence[Remedy]) -> Trial:
    """Return the first trial that leaves nothing to mend, or else the best; the start itself where none is better.

    Each remedy goes on from the best of those before it. The model is left changed.

    Args:
        patient: the model.
        start: how it does as it is.
        remedies: in the order in which they are tried.
    """
    best = start
    for remedy in remedies:
        base = best
        if not remedy.is_for(base):
            continue
        patient.put(base.plan)
        for plan in list(remedy.plans(patient, base)):
            trial = _tried(patient, base, plan, remedy.name)
            if trial.badness < best.badness:
                best = trial
            if trial.is_well:
                return trial
    return best


def _tried(patient: Patient, base: Trial, plan: Plan, remedy: str) -> Trial:
    """Return how the model does under a plan that goes on from a trial."""
    merged = base.plan.then(plan).ordered(patient.names)
    changed = {step.place.name for step in merged.steps}
    merged = replace(merged, resets=tuple(_stale(patient, base.check.state, changed)))
    patient.put(merged)
    return Trial(plan=merged, check=checked(patient.call), remedy=remedy)


def _stale(patient: Patient, state: ModelState, changed: set[str]) -> Iterator[str]:
    """Yield the normalizations that have gathered statistics of signals which are no more.

    Args:
        patient: the model.
        state: which layers it has.
        changed: the parameters that change, by their names.
    """
    norm: Any = pytorch().nn.modules.batchnorm._NormBase
    modules = patient.modules()
    reached: set[int] = set()
    for layer in state.layers:
        held = [patient.held_as(name) for name in layer.parameters]
        if reached & set(layer.fed_by) or any(one is not None and one.place.name in changed for one in held):
            reached.add(layer.number)
    for name in dict.fromkeys(layer.name for layer in state.layers if layer.number in reached):
        module = modules.get(name)
        if isinstance(module, norm) and _has_gathered(module):
            yield name


def _has_gathered(module: Module) -> bool:
    """Whether a normalization that is not frozen has running statistics other than those it starts with."""
    mean, variance = getattr(module, "running_mean", None), getattr(module, "running_var", None)
    if mean is None or variance is None or not all(own.requires_grad for own in module.parameters(recurse=False)):
        return False
    return not (bool((mean == 0).all()) and bool((variance == 1).all()))
