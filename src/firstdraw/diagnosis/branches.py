"""Residual branches: which zeros only wait for the first steps, and which stay for ever.

Many residual networks start with an exact 0 on purpose: a multiplier (ReZero), the last weights of every branch and
of the network (Fixup). What lies before such a zero receives no gradient, until the zero itself, which does receive
one, has moved. Two zeros that multiply each other wait for each other for ever.
"""

from __future__ import annotations

from collections.abc import Iterator

from firstdraw.diagnosis.finding import Finding, Measurements, Severity, StartMeasurements
from firstdraw.probes import BranchState, LayerState, NetworkState

__all__ = ["dead_branches", "moves_from_zero", "waiting_layers"]


def moves_from_zero(layer: LayerState) -> bool:
    """Whether a layer's weights are all exactly 0, but receive a gradient, so that they will not stay so."""
    return layer.weight_rms == 0 and layer.weight_gradient_rms != 0


def waiting_layers(state: NetworkState) -> set[int]:
    """Return the layers whose weights receive no gradient only as long as a zero behind them has not moved."""
    zeros = [layer for layer in state.layers if moves_from_zero(layer)]
    branches = {
        branch.branch for branch in state.branches if branch.multiplier == 0 and branch.multiplier_gradient != 0
    }
    return {
        layer.layer
        for layer in state.layers
        if layer.weight_gradient_rms == 0
        and (layer.branch in branches or any(_holds_back(zero, layer) for zero in zeros))
    }


def _holds_back(zero: LayerState, layer: LayerState) -> bool:
    """Whether all gradient that comes to a layer has passed another one: past a branch's layers leads a skip."""
    return zero.layer > layer.layer and zero.branch in (None, layer.branch)


def dead_branches(measured: StartMeasurements) -> Iterator[Finding]:
    """Find residual branches whose multiplier and output are both 0, at the start and at the end."""
    trained = isinstance(measured, Measurements)
    ends = measured.end.branches if trained else measured.start.branches
    for start, end in zip(measured.start.branches, ends, strict=True):
        if not (_is_zero_times_zero(start) and _is_zero_times_zero(end)):
            continue
        several = start.last > start.first
        layers = f"layers {start.first} to {start.last}" if several else f"layer {start.first}"
        yield Finding(
            cause="dead branch",
            severity=Severity.BROKEN,
            place=layers,
            sentence=(
                f"Residual branch {start.branch}, {layers}, is dead: it is zero times zero, its multiplier and its "
                f"output, so that neither receives a gradient"
            ),
            evidence={
                "multiplier at the start": start.multiplier,
                "output rms at the start": start.output_rms,
                "multiplier's gradient at the start": start.multiplier_gradient,
            }
            | ({"multiplier at the end": end.multiplier, "output rms at the end": end.output_rms} if trained else {}),
            remedy=(
                "Start only one of the two from 0: the multipliers, with weights drawn at random, or the last weights "
                "of each branch, with multipliers of 1"
            ),
        )


def _is_zero_times_zero(branch: BranchState) -> bool:
    return branch.multiplier == 0 and branch.output_rms == 0
