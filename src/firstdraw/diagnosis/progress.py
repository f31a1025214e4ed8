"""Whether training came to anything: divergence, nothing learned, a plateau, an end too early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.diagnosis.finding import Finding, Measurements, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import (
    IMPROVING_CHANGE,
    IMPROVING_WINDOW,
    LEARNED_SHARE,
    PLATEAU_CHANGE,
    PLATEAU_WINDOW,
    SOLVED_SHARE,
)

__all__ = ["divergence", "nothing_learned", "plateau", "still_improving"]


def divergence(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a run whose numbers stopped being finite."""
    if not isinstance(measured, Measurements) or not measured.trajectory.outcomes[0].diverged:
        return
    outcome = measured.trajectory.outcomes[0]
    yield Finding(
        cause="divergence",
        severity=Severity.BROKEN,
        place=f"layer {outcome.layer}",
        sentence=f"Training diverges at step {outcome.step:,}: layer {outcome.layer} is the first that is not finite",
        evidence={"step": outcome.step, "layer": outcome.layer or 0, "cost at the start": measured.start.cost},
        remedy="Use a smaller learning rate, or smaller initial weights",
    )


@dataclass(frozen=True, slots=True)
class _Progress:
    """A run that was finished.

    Args:
        steps: the recorded steps `[R]`.
        cost: the cost at each `[R]`.
        constant: the best constant prediction's.
    """

    steps: Integers
    cost: Floats
    constant: float

    @property
    def lowest(self) -> float:
        return float(self.cost.min())

    @property
    def last(self) -> float:
        return float(self.cost[-1])

    def fall(self, window: float) -> float:
        """Return by which share the cost fell over the last part of the steps."""
        since = int(np.searchsorted(self.steps, int(self.steps[-1]) * (1 - window)))
        before = float(self.cost[min(since, len(self.cost) - 2)])
        # Of finite outputs the squares may overflow: an infinite cost does not fall.
        return 1 - self.last / before if 0 < before < np.inf else 0.0


def _finished(measured: StartMeasurements) -> _Progress | None:
    """Return how a run went; None where nothing was trained, or not to the end."""
    if not isinstance(measured, Measurements) or measured.last_step == 0:
        return None
    trajectory = measured.trajectory
    if trajectory.outcomes[0].diverged:
        return None
    return _Progress(trajectory.steps, trajectory.cost[0], measured.start.constant_cost)


def nothing_learned(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a run that never did better than a prediction which ignores the inputs."""
    run = _finished(measured)
    if run is None or run.lowest < (1 - LEARNED_SHARE) * run.constant:
        return
    falling = run.fall(IMPROVING_WINDOW) > IMPROVING_CHANGE
    yield Finding(
        cause="nothing learned",
        severity=Severity.NOTE if falling else Severity.BROKEN,
        place="",
        sentence=(
            f"Nothing is learned{' yet' if falling else ''}: the cost never falls below {run.lowest:.6g}, and the "
            f"best constant prediction costs {run.constant:.6g}"
        ),
        evidence={"lowest cost": run.lowest, "cost of the best constant": run.constant},
        remedy="Look at the other findings first; without any, train longer or raise the learning rate",
    )


def plateau(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a run that stands still before its task is solved."""
    run = _finished(measured)
    if run is None or run.lowest >= (1 - LEARNED_SHARE) * run.constant or run.last < SOLVED_SHARE * run.constant:
        return
    fall = run.fall(PLATEAU_WINDOW)
    if abs(fall) >= PLATEAU_CHANGE:
        return
    yield Finding(
        cause="plateau",
        severity=Severity.WARNING,
        place="",
        sentence=(
            f"Training stands still: over the last {PLATEAU_WINDOW:.0%} of the steps the cost falls by only "
            f"{fall:.2%}, to {run.last:.4g}"
        ),
        evidence={"fall of the cost": fall, "last cost": run.last, "cost of the best constant": run.constant},
        remedy="Try a larger learning rate, momentum, or a start with another spread; the task is not solved yet",
    )


def still_improving(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a run that was cut off while the cost was falling."""
    run = _finished(measured)
    if run is None or (fall := run.fall(IMPROVING_WINDOW)) <= IMPROVING_CHANGE:
        return
    yield Finding(
        cause="still improving",
        severity=Severity.NOTE,
        place="",
        sentence=(
            f"It is still improving: over the last {IMPROVING_WINDOW:.0%} of the steps the cost falls by {fall:.1%}"
        ),
        evidence={"fall of the cost": fall, "last cost": run.last},
        remedy="Train longer",
    )
