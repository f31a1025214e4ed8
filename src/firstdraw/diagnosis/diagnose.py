"""All findings about a run, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from firstdraw.diagnosis.branches import dead_branches, waiting_layers
from firstdraw.diagnosis.finding import Finding, Measurements, Severity
from firstdraw.diagnosis.progress import divergence, nothing_learned, plateau, still_improving
from firstdraw.diagnosis.propagation import gradient_propagation, signal_propagation
from firstdraw.diagnosis.symmetry import unbroken_symmetry, zero_gradient_start
from firstdraw.diagnosis.units import dead_units, saturated_hidden_units, saturated_output

__all__ = ["RULES", "diagnose"]

Rule = Callable[[Measurements], Iterator[Finding]]

# A list of thirty equal findings, one a layer, hides the others.
MOST_OF_A_KIND: Final = 3

# Of equally bad findings the one nearer to the root stands first: a divergence explains the rest, then symmetry.
RULES: Final[tuple[Rule, ...]] = (
    divergence,
    unbroken_symmetry,
    dead_branches,
    zero_gradient_start,
    saturated_output,
    signal_propagation,
    gradient_propagation,
    saturated_hidden_units,
    dead_units,
    nothing_learned,
    plateau,
    still_improving,
)


def diagnose(measured: Measurements) -> tuple[Finding, ...]:
    """Return what is wrong with a run, and what is right if nothing is: the worst first, never empty."""
    findings = [finding for rule in RULES for finding in _gathered(list(rule(measured)))]
    findings.sort(key=lambda finding: finding.severity, reverse=True)
    if not findings or findings[0].severity < Severity.WARNING:
        findings.insert(0, _healthy(measured))
    return tuple(findings)


def _gathered(findings: list[Finding]) -> list[Finding]:
    """Return what one rule found; where it found the same in many layers, the worst with the number of the others."""
    if len(findings) <= MOST_OF_A_KIND:
        return findings
    worst = max(findings, key=lambda finding: finding.severity)
    others, places = len(findings) - 1, "branches" if worst.cause == "dead branch" else "layers"
    return [
        replace(
            worst,
            sentence=f"{worst.sentence}; {others} other {places} are found so too",
            evidence=worst.evidence | {f"{places} found so": len(findings)},
        )
    ]


def _healthy(measured: Measurements) -> Finding:
    start = measured.start
    first, last = start.layers[0], start.layers[-1]
    waiting = len(waiting_layers(start))
    late = f", {waiting} of {len(start.layers)} as soon as the zeros behind them have moved" if waiting else ""
    return Finding(
        cause="healthy",
        severity=Severity.GOOD,
        place="",
        sentence=(
            f"A healthy start: the signal is {start.input_rms:.2g} at the inputs and {last.signal_rms:.2g} at the "
            f"outputs, the units differ, and a gradient reaches every layer{late}"
        ),
        evidence={
            "input rms": start.input_rms,
            "output rms": last.signal_rms,
            f"gradient rms, layer {last.layer}": last.gradient_rms,
            f"gradient rms, layer {first.layer}": first.gradient_rms,
        },
        remedy="Nothing to repair",
    )
