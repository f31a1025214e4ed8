"""All findings about a model, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from firstdraw.diagnosis import Finding, Severity
from firstdraw.diagnosis.diagnose import gathered
from firstdraw.diagnosis.roots import roots_first
from firstdraw.torch.causes.given import constant_inputs, inputs_not_finite, parameters_not_finite, unscaled_inputs
from firstdraw.torch.causes.law import wrong_law
from firstdraw.torch.causes.learning import high_cost, large_update, no_gradient, saturated_output, unreached
from firstdraw.torch.causes.passage import collapse, gradient, signal
from firstdraw.torch.causes.reading import called
from firstdraw.torch.causes.units import born_dead, dead_units, nearly_equal_units, saturated, unbroken_symmetry
from firstdraw.torch.layers import ModelState

__all__ = ["RULES", "findings_of"]

Rule = Callable[[ModelState], Iterator[Finding]]

# The nearer to the root come first, as the causes are listed.
RULES: Final[tuple[Rule, ...]] = (
    inputs_not_finite,
    parameters_not_finite,
    constant_inputs,
    unscaled_inputs,
    unbroken_symmetry,
    nearly_equal_units,
    born_dead,
    unreached,
    no_gradient,
    wrong_law,
    signal,
    saturated,
    collapse,
    gradient,
    saturated_output,
    high_cost,
    large_update,
    dead_units,
)


def findings_of(state: ModelState) -> tuple[Finding, ...]:
    """Return what is wrong with a model's start, the root and the worst first; that it is healthy, if nothing is.

    Args:
        state: what was measured.
    """
    findings = roots_first([finding for rule in RULES for finding in gathered(list(rule(state)))])
    if not findings or findings[0].severity < Severity.WARNING:
        findings.insert(0, _healthy(state))
    return tuple(findings)


def _healthy(state: ModelState) -> Finding:
    reached = sum(item.gradient_rms is not None for item in state.parameters)
    ends = {f"rms after {called(layer)}": layer.rms for layer in (*state.layers[:1], *state.layers[-1:])}
    signals = " and ".join(f"{rms:.2g} {name.removeprefix('rms ')}" for name, rms in ends.items())
    return Finding(
        cause="healthy",
        severity=Severity.GOOD,
        place="",
        sentence=(
            f"A healthy start: the signal is {signals}, the units differ, and a gradient reaches {reached:,} parameters"
        ),
        evidence={**ends, "parameters with a gradient": reached, "parameters": len(state.parameters)},
        remedy="Nothing to repair",
    )
