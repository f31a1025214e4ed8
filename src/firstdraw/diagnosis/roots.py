"""One fault brings others about: the one to repair stands first, the others stand below it as what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from firstdraw.diagnosis.finding import Cause, Finding, Severity

__all__ = ["CONSEQUENCES", "roots_first"]

Causes = frozenset[Cause]


def _causes(*causes: Cause) -> Causes:
    return frozenset(causes)


RUN: Final[Causes] = _causes("divergence", "dead units", "nothing learned", "plateau")
OUTPUTS: Final[Causes] = _causes("saturated output", "high initial cost")
SMALL: Final[Causes] = _causes("loss of rank", "vanishing signal", "collapse to one correlation", "vanishing gradient")
LARGE: Final[Causes] = _causes(
    "saturated hidden units", "exploding signal", "exploding gradient", "learning rate too large"
)
PHASES: Final[Causes] = _causes("ordered phase too deep", "chaotic phase too deep")
START: Final[Causes] = SMALL | LARGE | OUTPUTS | PHASES | _causes("born-dead network", "no gradient at the start")
SYMMETRY: Final[Causes] = _causes("unbroken symmetry", "nearly equal units", "mirrored units")

CONSEQUENCES: Final[dict[Cause, Causes]] = {
    "inputs not finite": START | SYMMETRY | RUN | _causes("parameters not finite", "wrong law for the activation"),
    "parameters not finite": START | SYMMETRY | RUN | _causes("wrong law for the activation"),
    "constant inputs": START | RUN | _causes("wrong law for the activation"),
    "unscaled inputs": SMALL | LARGE | OUTPUTS | RUN | _causes("no gradient at the start"),
    "unbroken symmetry": (
        START | RUN | _causes("nearly equal units", "mirrored units", "dead branch", "wrong law for the activation")
    ),
    "nearly equal units": RUN | _causes("mirrored units", "loss of rank"),
    "mirrored units": RUN | _causes("loss of rank"),
    "dead branch": RUN | _causes("no gradient at the start"),
    "born-dead network": START | RUN,
    "no gradient at the start": RUN | _causes("vanishing gradient"),
    "wrong law for the activation": START | RUN,
    "ordered phase too deep": SMALL | RUN | _causes("no gradient at the start", "learning rate too large"),
    "chaotic phase too deep": LARGE | OUTPUTS | RUN,
    "loss of rank": SMALL | RUN,
    "saturated hidden units": LARGE | OUTPUTS | RUN | _causes("vanishing gradient"),
    "saturated output": _causes("high initial cost", "dead units", "nothing learned", "plateau"),
    "vanishing signal": (RUN | _causes("collapse to one correlation", "vanishing gradient", "learning rate too large")),
    "exploding signal": LARGE | OUTPUTS | RUN,
    "collapse to one correlation": RUN | _causes("vanishing gradient"),
    "vanishing gradient": RUN,
    "exploding gradient": RUN | _causes("learning rate too large"),
    "high initial cost": RUN | _causes("learning rate too large"),
    "learning rate too large": RUN,
    "divergence": _causes("dead units"),
    "dead units": _causes("nothing learned", "plateau"),
}
"""What each cause brings about, where both are found. A cause that is itself brought about explains nothing."""


def roots_first(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with each root as bad as the worst that it brings about, and those one degree less bad.

    The worst stand first, and of equally bad ones those nearer to the root.

    Args:
        findings: in the order of the rules: a finding is brought about only by one before it.
    """
    root_of: dict[int, int] = {}
    for i, root in enumerate(findings):
        if root.severity >= Severity.WARNING and i not in root_of:
            following = CONSEQUENCES.get(root.cause, frozenset[Cause]()) - {root.cause}
            root_of |= {
                k: i
                for k, other in enumerate(findings)
                if k > i and k not in root_of and other.cause in following and other.severity >= Severity.WARNING
            }
    worst = [finding.severity for finding in findings]
    for k, i in root_of.items():
        worst[i] = max(worst[i], findings[k].severity)
    judged = [
        _following(finding, findings[root_of[i]]) if i in root_of else replace(finding, severity=worst[i])
        for i, finding in enumerate(findings)
    ]
    return sorted(judged, key=lambda finding: finding.severity, reverse=True)


def _following(finding: Finding, root: Finding) -> Finding:
    where = f" of {root.place}" if root.place else ""
    return replace(
        finding,
        severity=Severity(finding.severity - 1),
        remedy=f'Repair what brings it about first, the finding "{root.cause}"{where}',
    )
