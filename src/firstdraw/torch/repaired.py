"""A repair as people and programs hold it: what was changed and why, the proof, and the code that does the same."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from firstdraw.arrays import Shape
from firstdraw.catalogue import Source
from firstdraw.diagnosis import Finding, Severity
from firstdraw.torch.documents import aligned, html_row
from firstdraw.torch.observing import Observation
from firstdraw.torch.remedies import REMEDIES, Patient, Plan
from firstdraw.torch.shown import Check

__all__ = ["Change", "Repair", "changes_of"]

SCHEMA: Final = "firstdraw.repair/1"
HEADINGS: Final = ("parameter", "before", "change", "after", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to one parameter.

    Args:
        name: its name in the model.
        shape: its shape.
        before: what it held, its root mean square for one.
        action: what was done to it.
        after: what it holds now.
        reason: why.
        source: where the rule is published; None where it needs no source.
        code: the statements that did it.
    """

    name: str
    shape: Shape
    before: str
    action: str
    after: str
    reason: str
    source: Source | None
    code: tuple[str, ...]


def changes_of(patient: Patient, plan: Plan) -> tuple[Change, ...]:
    """Return what a plan changes; the model is left changed.

    Args:
        patient: the model, under some other plan.
        plan: what is done.
    """
    told: list[list[str]] = []
    for put in (Plan(), plan):
        patient.put(put)
        told.append([_told(patient.by_name[step.place.name].seen) for step in plan.steps])
    return tuple(
        Change(
            name=step.place.name,
            shape=step.place.shape,
            before=before,
            action=str(step.action),
            after=after,
            reason=step.reason,
            source=step.source,
            code=step.action.lines(step.place),
        )
        for step, before, after in zip(plan.steps, *told, strict=True)
    )


def _told(seen: Observation) -> str:
    if not seen.finite:
        return "not finite"
    return f"all {seen.smallest:.4g}" if seen.is_constant else f"rms {math.sqrt(seen.second_moment):.4g}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Repair:
    """What `firstdraw.torch.repair` returns; printed, it reads as a report, and in a notebook as a page.

    Args:
        before: the check of the model as it came.
        after: the check of the model as it is now: the proof.
        remedy: the remedy that was found, the last of several; "" where nothing was changed.
        changes: what was done to which parameter, in the order of the model.
        plan: the same as statements.
        left: the findings that an initialization could mend and none did.
        parameters: how many parameters there were to change.
        seed: of what was drawn anew.
    """

    before: Check
    after: Check
    remedy: str
    changes: tuple[Change, ...]
    plan: Plan
    left: tuple[Finding, ...]
    parameters: int
    seed: int

    @property
    def healthy(self) -> bool:
        """Whether nothing is left that is worth a warning."""
        return self.after.healthy

    @property
    def code(self) -> str:
        """Plain PyTorch that does the same to another copy of the model, which it calls `model`."""
        return self.plan.code(self.seed) if self.plan else f"# {self.verdict}\n"

    @property
    def verdict(self) -> str:
        """What became of it, in a sentence."""
        count = f"{len(self.changes):,} of {self.parameters:,} parameters changed"
        if self.changes and not self.left:
            return f"Repaired by {self.remedy}, {count}: {self._rest()}"
        causes = " and ".join(f'"{cause}"' for cause in dict.fromkeys(one.cause for one in self.left))
        if self.changes:
            return f"Better by {self.remedy}, {count}, but not repaired: left is {causes}; {_advised(self.left[0])}"
        if self.left:
            names = ", ".join(remedy.name for remedy in REMEDIES)
            return (
                f"Nothing was changed: no initialization that was tried ({names}) mends {causes}, which then lies in "
                f"the architecture or the data; {_advised(self.left[0])}"
            )
        if self.before.healthy:
            return "Nothing to repair: the start is healthy"
        first = self.before.findings[0]
        return f'Nothing was changed: no initialization mends "{first.cause}" of {first.place}; {_advised(first)}'

    def _rest(self) -> str:
        if self.after.healthy:
            return "a second check finds a healthy start"
        first = self.after.findings[0]
        return f'a second check finds nothing but "{first.cause}", which no initialization mends; {_advised(first)}'

    def table(self) -> list[tuple[str, ...]]:
        """Return the changes as text under `HEADINGS`."""
        return [(one.name, one.before, one.action, one.after, one.reason) for one in self.changes]

    def to_json(self) -> str:
        """Return all of it as JSON, with both checks."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "healthy": self.healthy,
            "remedy": self.remedy or None,
            "left": [one.cause for one in self.left],
            "seed": self.seed,
            "changes": [
                {
                    "parameter": one.name,
                    "shape": list(one.shape),
                    "before": one.before,
                    "change": one.action,
                    "after": one.after,
                    "why": one.reason,
                    "source": None if one.source is None else str(one.source),
                    "code": list(one.code),
                }
                for one in self.changes
            ],
            "code": self.code,
            "before": json.loads(self.before.to_json()),
            "after": json.loads(self.after.to_json()),
        }
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def __repr__(self) -> str:
        lines = [f"{self.verdict}.", "", *_findings("before", self.before)]
        if self.changes:
            lines += [
                *_findings("after", self.after),
                "",
                *aligned([HEADINGS, *self.table()]),
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the verdict, the findings, the changes and the code for a notebook."""
        told = "".join(
            f"<p><b>{when}: {html.escape(one.cause)}.</b> {html.escape(one.sentence)}.</p>"
            for when, check in (("before", self.before), ("after", self.after))
            for one in _worth_telling(check)
        )
        heading = html_row("th", HEADINGS)
        body = "".join(html_row("td", row) for row in self.table())
        table = f"<table><thead>{heading}</thead><tbody>{body}</tbody></table>" if self.changes else ""
        code = f"<details><summary>code</summary><pre>{html.escape(self.code)}</pre></details>"
        return f"<div><p>{html.escape(self.verdict)}.</p>{told}{table}{code}</div>"


def _advised(finding: Finding) -> str:
    return f"{finding.remedy[:1].lower()}{finding.remedy[1:]}"


def _worth_telling(check: Check) -> Iterable[Finding]:
    """Return the findings worth a warning, or the one that says that there is none."""
    warned = [finding for finding in check.findings if finding.severity >= Severity.WARNING]
    return warned or check.findings[:1]


def _findings(when: str, check: Check) -> Iterable[str]:
    for finding in _worth_telling(check):
        yield f"{when}: {finding.severity.name.lower()}: {finding.cause}. {finding.sentence}."
