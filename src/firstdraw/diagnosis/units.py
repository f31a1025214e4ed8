"""Units that cannot learn: dead ones and saturated ones."""

from __future__ import annotations

from collections.abc import Iterator

from firstdraw.diagnosis.finding import Finding, Measurements, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import DEAD_SHARE_WARNED, FLAT_SHARE_WARNED
from firstdraw.probes import LayerState

__all__ = ["born_dead_network", "dead_units", "saturated_hidden_units"]


def born_dead_network(measured: StartMeasurements) -> Iterator[Finding]:
    """Find the first layer that passes no gradient on any example, outside residual branches, which have a skip."""
    examples = measured.start.inputs.examples
    for state in measured.start.hidden:
        if state.dead_inputs < examples or state.branch is not None:
            continue
        yield Finding(
            cause="born-dead network",
            severity=Severity.BROKEN,
            place=f"layer {state.layer}",
            sentence=(
                f"The network is born dead: all {state.units} units of layer {state.layer} are off on every one of "
                f"{examples:,} examples, so that no gradient passes"
            ),
            evidence={"units": state.units, "examples": examples, "examples without gradient": state.dead_inputs},
            remedy="Use wider layers or fewer of them, or a leaky rectifier; another seed may be luckier",
        )
        return


def dead_units(measured: StartMeasurements) -> Iterator[Finding]:
    """Find units that no training example reaches, at the start and at the end."""
    trained = isinstance(measured, Measurements)
    ends = measured.end if trained else measured.start
    for start, end in zip(measured.start.hidden, ends.hidden, strict=True):
        if max(start.dead_units, end.dead_units) == 0:
            continue
        at_the_end = f" and {end.dead_units} at the end" if trained else ""
        yield Finding(
            cause="dead units",
            severity=_severity(start, end),
            place=f"layer {start.layer}",
            sentence=(
                f"In layer {start.layer}, {start.dead_units} of {start.units} units are dead at the start{at_the_end}: "
                f"no training example passes a gradient through them"
            ),
            evidence=dict[str, float](units=start.units)
            | {"dead at the start": start.dead_units}
            | ({"dead at the end": end.dead_units} if trained else {}),
            remedy="Use a smaller learning rate or spread, a wider layer, or a leaky rectifier",
        )


def _severity(start: LayerState, end: LayerState) -> Severity:
    if end.dead_units == end.units:
        # Around a residual branch without living units the skip leads.
        return Severity.BROKEN if end.branch is None else Severity.WARNING
    return Severity.WARNING if start.dead_units >= DEAD_SHARE_WARNED * start.units else Severity.NOTE


def saturated_hidden_units(measured: StartMeasurements) -> Iterator[Finding]:
    """Find layers of a bounded activation that are flat on most units and examples at the start."""
    for state in measured.start.hidden:
        if state.flat_share <= FLAT_SHARE_WARNED:
            continue
        yield Finding(
            cause="saturated hidden units",
            severity=Severity.WARNING,
            place=f"layer {state.layer}",
            sentence=(
                f"Layer {state.layer} is saturated at the start: its activation is flat on {state.flat_share:.0%} of "
                f"units and examples"
            ),
            evidence={"flat share": state.flat_share, "pre-activation rms": state.signal_rms},
            remedy="Shrink the weights until the pre-activations are of order 1 (`glorot_normal` or `lecun_normal`)",
        )
