"""All findings about a run, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from firstdraw.diagnosis.branches import dead_branches, waiting_layers
from firstdraw.diagnosis.collapse import collapse_to_one_correlation, loss_of_rank
from firstdraw.diagnosis.cost import high_initial_cost, saturated_output
from firstdraw.diagnosis.finding import Finding, Severity, StartMeasurements
from firstdraw.diagnosis.inputs import constant_inputs, inputs_not_finite, unscaled_inputs
from firstdraw.diagnosis.law import wrong_law
from firstdraw.diagnosis.phases import phase_too_deep
from firstdraw.diagnosis.progress import divergence, nothing_learned, plateau, still_improving
from firstdraw.diagnosis.propagation import (
    gradient_propagation,
    parameters_not_finite,
    signal_in_a_few_layers,
    signal_over_depth,
)
from firstdraw.diagnosis.rate import learning_rate_too_large
from firstdraw.diagnosis.roots import roots_first
from firstdraw.diagnosis.symmetry import mirrored_units, nearly_equal_units, unbroken_symmetry, zero_gradient_start
from firstdraw.diagnosis.units import born_dead_network, dead_units, saturated_hidden_units

__all__ = ["RULES", "diagnose", "gathered"]

Rule = Callable[[StartMeasurements], Iterator[Finding]]

# A list of thirty equal findings, one a layer, hides the others.
MOST_OF_A_KIND: Final = 3

# The nearer to the root come first, as the causes are listed.
RULES: Final[tuple[Rule, ...]] = (
    inputs_not_finite,
    parameters_not_finite,
    constant_inputs,
    unscaled_inputs,
    unbroken_symmetry,
    nearly_equal_units,
    mirrored_units,
    dead_branches,
    born_dead_network,
    zero_gradient_start,
    wrong_law,
    phase_too_deep,
    loss_of_rank,
    signal_over_depth,
    saturated_hidden_units,
    saturated_output,
    signal_in_a_few_layers,
    collapse_to_one_correlation,
    gradient_propagation,
    high_initial_cost,
    learning_rate_too_large,
    divergence,
    dead_units,
    nothing_learned,
    plateau,
    still_improving,
)


def diagnose(measured: StartMeasurements) -> tuple[Finding, ...]:
    """Return what is wrong with a start or a run, and what is right if nothing is: what to repair first, never empty.

    Of faults that bring each other about the root stands first, as bad as the worst that follows from it.
    """
    findings = roots_first([finding for rule in RULES for finding in gathered(list(rule(measured)))])
    if not findings or findings[0].severity < Severity.WARNING:
        findings.insert(0, _healthy(measured))
    return tuple(findings)


def gathered(findings: list[Finding]) -> list[Finding]:
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


def _healthy(measured: StartMeasurements) -> Finding:
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
