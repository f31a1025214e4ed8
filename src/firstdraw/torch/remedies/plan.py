"""A repair as a list of statements: what is done to which parameter, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from firstdraw.catalogue import Source
from firstdraw.torch.library import Module, pytorch
from firstdraw.torch.remedies.actions import Action, Center, Multiply, Place, quoted

__all__ = ["Plan", "Step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done to one parameter.

    Args:
        place: the parameter.
        action: what is done.
        reason: why.
        source: where the rule is published; None where it needs no source.
    """

    place: Place
    action: Action
    reason: str
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A list of steps, one for each parameter that changes.

    Args:
        steps: in the order of the model's parameters.
        resets: the names of the normalizations whose running statistics start anew.
        attempt: how many other seeds were tried before.
    """

    steps: tuple[Step, ...] = ()
    resets: tuple[str, ...] = ()
    attempt: int = 0

    def __bool__(self) -> bool:
        return bool(self.steps)

    def then(self, later: Plan) -> Plan:
        """Return this plan and then another one, as one step a parameter: factors multiply, a draw makes an end."""
        merged = {step.place.name: step for step in self.steps}
        for step in later.steps:
            before = merged.get(step.place.name)
            merged[step.place.name] = step if before is None else _after(before, step)
        return Plan(tuple(merged.values()), attempt=later.attempt or self.attempt)

    def ordered(self, names: Iterable[str]) -> Plan:
        """Return the plan in an order of the parameters."""
        order = {name: number for number, name in enumerate(names)}
        # What is read from other parameters is set when these have changed.
        key = {step.place.name: (isinstance(step.action, Center), order[step.place.name]) for step in self.steps}
        return replace(self, steps=tuple(sorted(self.steps, key=lambda step: key[step.place.name])))

    def code(self, seed: int) -> str:
        """Return the plan as PyTorch that needs nothing else, for a model that is called `model`.

        Args:
            seed: of the draws.
        """
        lines = ["import torch", ""]
        if any(step.action.draws for step in self.steps):
            lines.append(f'generator = torch.Generator(device="cpu").manual_seed({(seed + self.attempt) % 2**64})')
        lines.append("with torch.no_grad():")
        told = ""
        for step in self.steps:
            if step.reason != told:
                told = step.reason
                lines.append(f"    # {' '.join(told.split())}")
            lines += [f"    {line}" for line in step.action.lines(step.place)]
        if self.resets:
            lines.append("    # statistics of signals that are no more")
        module = "model.get_submodule({})".format
        lines += [f"    {module(quoted(name)) if name else 'model'}.reset_running_stats()" for name in self.resets]
        return "\n".join(lines) + "\n"

    def run(self, model: Module, seed: int) -> None:
        """Do to a model what `code` says, by running it.

        Args:
            model: whose parameters change.
            seed: of the draws.
        """
        if self:
            code = compile(self.code(seed), "the repair", "exec", dont_inherit=True)
            # It is made of numbers and quoted names alone, and running it is what makes it true.
            exec(code, {"model": model, "torch": pytorch()})  # noqa: S102


def _after(before: Step, step: Step) -> Step:
    """Return one step that does two on the same parameter."""
    if not isinstance(step.action, Multiply):
        return step
    reason = before.reason if step.reason in before.reason else f"{before.reason}; {step.reason}"
    return replace(step, action=before.action.scaled(step.action.factor), reason=reason)
