"""Which findings about a start are accepted, and which break a build."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, TypeVar, get_args

from firstdraw.diagnosis import Cause, Finding, Severity
from firstdraw.errors import InputError, either
from firstdraw.torch.faults import Fault, FaultCause

__all__ = ["Acceptance", "SeverityName", "counted"]

SeverityName: TypeAlias = Literal["note", "warning", "broken"]
CAUSES: Final[tuple[str, ...]] = (*get_args(Cause), *get_args(FaultCause))

Found = TypeVar("Found", bound=Finding | Fault)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What is accepted of a start.

    Args:
        severity: the least severity that is not.
        allow: the causes that are, however bad.
    """

    severity: Severity
    allow: frozenset[str]

    @classmethod
    def of(cls, severity: str, allow: Collection[str]) -> Acceptance:
        """Return what is accepted, by names.

        Raises:
            InputError: if there is no such severity or cause.
        """
        if severity not in get_args(SeverityName):
            raise InputError("severity", "must be 'note', 'warning' or 'broken'", severity)
        if isinstance(allow, str):
            raise InputError("allow", "must be several causes, as in a tuple", allow)
        for cause in allow:
            if cause not in CAUSES:
                near = difflib.get_close_matches(cause, CAUSES, cutoff=0.7)
                hint = f"did you mean {either(near)}?" if near else ""
                raise InputError("allow", "must name causes that findings have", cause, hint=hint)
        return cls(Severity[severity.upper()], frozenset(allow))

    def refused(self, found: Iterable[Found]) -> tuple[Found, ...]:
        """Return those findings, or faults, that are not accepted."""
        return tuple(one for one in found if one.severity >= self.severity and one.cause not in self.allow)


def counted(found: Iterable[Finding | Fault]) -> str:
    """Return how many findings there are of each severity, the worst first: "1 broken, 2 warnings"; "" of none."""
    counts = Counter(one.severity for one in found if one.severity > Severity.GOOD)
    plural = {Severity.WARNING: "s", Severity.NOTE: "s"}
    return ", ".join(
        f"{count} {severity.name.lower()}{plural.get(severity, '') if count > 1 else ''}"
        for severity, count in sorted(counts.items(), reverse=True)
    )
