"""Verdicts on how a layer grows: what it may do by its role, and what its interval shows that it does."""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias

from firstdraw.diagnosis.thresholds import EXPONENT_TOLERANCE
from firstdraw.torch.coordinates.layers import MatchedLayer
from firstdraw.torch.coordinates.measurements import LayerStep
from firstdraw.torch.coordinates.scans import Axis
from firstdraw.torch.coordinates.slopes import Slope

__all__ = ["FAULTS", "Verdict", "allowed_exponents", "is_outside", "verdict_on"]

Verdict: TypeAlias = Literal[
    "stable",
    "grows",
    "shrinks",
    "learns no features",
    "not yet learning",
    "diverges",
    "not certain",
    "zero",
    "unchanged",
]
"""Of a layer at a step: "grows" and "shrinks" where the interval of a slope lies wholly outside of what is allowed,
"learns no features" where that of the change lies below after the last step, "not certain" where one reaches over an
edge. Before the last step a change may shrink, as a layer that starts at 0 holds back those before it: "not yet
learning". "zero" and "unchanged" where all signals, or all changes, are exactly 0 at all sizes."""

FAULTS: Final[tuple[Verdict, ...]] = ("diverges", "grows", "shrinks", "learns no features")
"""The verdicts that a model does not pass with, the worst first."""


def allowed_exponents(axis: Axis, layer: MatchedLayer) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return between which exponents the signal of a layer may grow, and its change.

    Along the width all stay as they are, but the signal of a readout: in muP it is a mean of n terms without a
    direction, which falls as n^(-1/2), until training gives it one; its change stays. Along the depth L a branch may
    be multiplied by 1/sqrt(L), and by 1/L in CompleteP, and add as much less to its sum as there are more of them: what
    is inside of it may fall, and the first sum, as all together keep the last one.

    Sources: Yang et al. (2022), https://arxiv.org/abs/2203.03466, table 3; Yang et al. (2023),
    https://arxiv.org/abs/2310.02244; Dey et al. (2025), https://arxiv.org/abs/2505.01618
    """
    if axis == "width":
        return (-0.5 if layer.role == "readout" else 0.0, 0.0), (0.0, 0.0)
    both = (-1.0 if layer.bypassed or layer.part == "first" else 0.0, 0.0)
    return both, both


def verdict_on(axis: Axis, measured: LayerStep) -> Verdict:
    """Return the verdict on a layer at a step.

    Args:
        axis: of the scan.
        measured: the layer.
    """
    if measured.diverged:
        return "diverges"
    if not measured.signals.any():
        return "zero"
    of_signal, of_change = allowed_exponents(axis, measured.layer)
    signal = _place(measured.signal_slope, of_signal)
    if not measured.step:
        return signal
    change = _change(measured, of_change)
    if "grows" in {signal, change}:
        return "grows"
    if signal == "shrinks":
        return "shrinks"
    if change == "learns no features":
        return change
    if "not certain" in {signal, change}:
        return "not certain"
    return change


def _change(measured: LayerStep, allowed: tuple[float, float]) -> Verdict:
    if not measured.changes.any():
        return "unchanged"
    place = _place(measured.change_slope, allowed)
    if measured.last:
        return "learns no features" if place == "shrinks" else place
    if place == "shrinks":
        return "not yet learning"
    return _place(measured.change_slope, (-math.inf, allowed[1]))


def is_outside(slope: Slope, allowed: tuple[float, float]) -> bool:
    """Whether an interval lies wholly outside of what is allowed."""
    return _place(slope, allowed) in {"grows", "shrinks"}


def _place(slope: Slope | None, allowed: tuple[float, float]) -> Literal["stable", "grows", "shrinks", "not certain"]:
    low, high = allowed[0] - EXPONENT_TOLERANCE, allowed[1] + EXPONENT_TOLERANCE
    if slope is None:
        return "not certain"
    if slope.low > high:
        return "grows"
    if slope.high < low:
        return "shrinks"
    return "stable" if low <= slope.low and slope.high <= high else "not certain"
