"""Whether training came to anything: divergence, nothing learned, a plateau, an end too early."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from firstdraw.diagnosis.finding import Finding, Measurements, Severity
from firstdraw.diagnosis.thresholds import (
    IMPROVING_CHANGE,
    IMPROVING_WINDOW,
    LEARNED_SHARE,
    PLATEAU_CHANGE,
    PLATEAU_WINDOW,
    SOLVED_SHARE,
)

__all__ = ["divergence", "nothing_learned", "plateau", "still_improving"]


def divergence(measured: Measurements) -> Iterator[Finding]:
    """Find a run whose numbers stopped being finite."""
    outcome = measured.trajectory.outcomes[0]
    if not outcome.diverged:
        return
    yield Finding(
        cause="divergence",
        severity=Severity.BROKEN,
        place=f"layer {outcome.layer}",
        sentence=f"Training diverges at step {outcome.step:,}: layer {outcome.layer} is the first that is not finite",
        evidence={"step": outcome.step, "layer": outcome.layer or 0, "cost at the start": measured.start.cost},
        remedy="Use a smaller learning rate, or smaller initial weights",
    )


def _finished(measured: Measurements) -> bool:
    return not measured.trajectory.outcomes[0].diverged and measured.last_step > 0


def _fall(measured: Measurements, window: float) -> float:
    """Return by which share the cost fell over the last part of the steps."""
    trajectory = measured.trajectory
    cost = trajectory.cost[0]
    since = int(np.searchsorted(trajectory.steps, measured.last_step * (1 - window)))
    before = cost[min(since, len(cost) - 2)]
    # Of finite outputs the squares may overflow: an infinite cost does not fall.
    return float(1 - cost[-1] / before) if 0 < before < np.inf else 0.0


def nothing_learned(measured: Measurements) -> Iterator[Finding]:
    """Find a run that never did better than a prediction which ignores the inputs."""
    if not _finished(measured):
        return
    lowest = float(measured.trajectory.cost[0].min())
    constant = measured.start.constant_cost
    if lowest < (1 - LEARNED_SHARE) * constant:
        return
    falling = _fall(measured, IMPROVING_WINDOW) > IMPROVING_CHANGE
    yield Finding(
        cause="nothing learned",
        severity=Severity.NOTE if falling else Severity.BROKEN,
        place="",
        sentence=(
            f"Nothing is learned{' yet' if falling else ''}: the cost never falls below {lowest:.6g}, and the best "
            f"constant prediction costs {constant:.6g}"
        ),
        evidence={"lowest cost": lowest, "cost of the best constant": constant},
        remedy="Look at the other findings first; without any, train longer or raise the learning rate",
    )


def plateau(measured: Measurements) -> Iterator[Finding]:
    """Find a run that stands still before its task is solved."""
    if not _finished(measured):
        return
    fall, last, constant = _fall(measured, PLATEAU_WINDOW), measured.end.cost, measured.start.constant_cost
    learned = measured.trajectory.cost[0].min() < (1 - LEARNED_SHARE) * constant
    if not learned or abs(fall) >= PLATEAU_CHANGE or last < SOLVED_SHARE * constant:
        return
    yield Finding(
        cause="plateau",
        severity=Severity.WARNING,
        place="",
        sentence=(
            f"Training stands still: over the last {PLATEAU_WINDOW:.0%} of the steps the cost falls by only "
            f"{fall:.2%}, "
            f"to {last:.4g}"
        ),
        evidence={"fall of the cost": fall, "last cost": last, "cost of the best constant": constant},
        remedy="Try a larger learning rate, momentum, or a start with another spread; the task is not solved yet",
    )


def still_improving(measured: Measurements) -> Iterator[Finding]:
    """Find a run that was cut off while the cost was falling."""
    if not _finished(measured):
        return
    fall = _fall(measured, IMPROVING_WINDOW)
    if fall <= IMPROVING_CHANGE:
        return
    yield Finding(
        cause="still improving",
        severity=Severity.NOTE,
        place="",
        sentence=(
            f"It is still improving: over the last {IMPROVING_WINDOW:.0%} of the steps the cost falls by {fall:.1%}"
        ),
        evidence={"fall of the cost": fall, "last cost": measured.end.cost},
        remedy="Train longer",
    )
