"""Whether training came to anything: divergence, nothing learned, a plateau, an end too early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Booleans, Floats, Integers
from firstdraw.diagnosis.finding import Finding, Measurements, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import (
    IMPROVING_CHANGE,
    IMPROVING_WINDOW,
    LEARNED_SHARE,
    PLATEAU_CHANGE,
    PLATEAU_WINDOW,
    SOLVED_SHARE,
)

__all__ = ["divergence", "failures", "nothing_learned", "plateau", "still_improving"]


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
    """Runs that were finished.

    Args:
        steps: the recorded steps `[R]`.
        cost: the cost at each `[n, R]`.
        constant: the best constant prediction's.
    """

    steps: Integers
    cost: Floats
    constant: float

    @property
    def lowest(self) -> Floats:
        """The lowest cost of each run `[n]`."""
        return self.cost.min(axis=1)

    @property
    def last(self) -> Floats:
        """The last cost of each run `[n]`."""
        return self.cost[:, -1]

    def fall(self, window: float) -> Floats:
        """Return by which share the cost of each run fell over the last part of the steps `[n]`."""
        since = int(np.searchsorted(self.steps, int(self.steps[-1]) * (1 - window)))
        before = self.cost[:, min(since, len(self.steps) - 2)]
        # Of finite outputs the squares may overflow: an infinite cost does not fall.
        falls = (before > 0) & (before < np.inf)
        return np.where(falls, 1 - self.last / np.where(falls, before, 1.0), 0.0)

    def taught_nothing(self) -> Booleans:
        """Return whether each run never did better than a prediction which ignores the inputs `[n]`."""
        return self.lowest >= (1 - LEARNED_SHARE) * self.constant

    def improves(self) -> Booleans:
        """Return whether each run was cut off while the cost was falling `[n]`."""
        return self.fall(IMPROVING_WINDOW) > IMPROVING_CHANGE


def failures(steps: Integers, cost: Floats, diverged: Booleans, constant: float) -> Booleans:
    """Return which of some runs failed: diverged, or learned nothing and were not on their way when they ended.

    It is what `divergence` and `nothing_learned` find, for many runs at once and from their costs alone.

    Args:
        steps: the recorded steps `[R]`.
        cost: the training cost at each `[n, R]`.
        diverged: whether a number of the run stopped being finite `[n]`.
        constant: the cost of the best prediction that ignores the inputs.

    >>> cost = np.array([[0.7, 0.1], [0.7, 0.7], [0.7, np.nan]])
    >>> failures(np.array([0, 100]), cost, np.array([False, False, True]), constant=0.69)
    array([False,  True,  True])
    """
    failed = np.array(diverged, np.bool_)
    if steps[-1] > 0 and not failed.all():
        runs = _Progress(steps, np.asarray(cost)[~failed], constant)
        failed[~failed] = runs.taught_nothing() & ~runs.improves()
    return failed


def _finished(measured: StartMeasurements) -> _Progress | None:
    """Return how a run went; None where nothing was trained, or not to the end."""
    if not isinstance(measured, Measurements) or measured.last_step == 0:
        return None
    trajectory = measured.trajectory
    if trajectory.outcomes[0].diverged:
        return None
    return _Progress(trajectory.steps, trajectory.cost, measured.start.constant_cost)


def nothing_learned(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a run that never did better than a prediction which ignores the inputs."""
    run = _finished(measured)
    if run is None or not run.taught_nothing()[0]:
        return
    falling, lowest = bool(run.improves()[0]), float(run.lowest[0])
    yield Finding(
        cause="nothing learned",
        severity=Severity.NOTE if falling else Severity.BROKEN,
        place="",
        sentence=(
            f"Nothing is learned{' yet' if falling else ''}: the cost never falls below {lowest:.6g}, and the "
            f"best constant prediction costs {run.constant:.6g}"
        ),
        evidence={"lowest cost": lowest, "cost of the best constant": run.constant},
        remedy="Look at the other findings first; without any, train longer or raise the learning rate",
    )


def plateau(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a run that stands still before its task is solved."""
    run = _finished(measured)
    if run is None or run.taught_nothing()[0] or run.last[0] < SOLVED_SHARE * run.constant:
        return
    fall, last = float(run.fall(PLATEAU_WINDOW)[0]), float(run.last[0])
    if abs(fall) >= PLATEAU_CHANGE:
        return
    yield Finding(
        cause="plateau",
        severity=Severity.WARNING,
        place="",
        sentence=(
            f"Training stands still: over the last {PLATEAU_WINDOW:.0%} of the steps the cost falls by only "
            f"{fall:.2%}, to {last:.4g}"
        ),
        evidence={"fall of the cost": fall, "last cost": last, "cost of the best constant": run.constant},
        remedy="Try a larger learning rate, momentum, or a start with another spread; the task is not solved yet",
    )


def still_improving(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a run that was cut off while the cost was falling."""
    run = _finished(measured)
    if run is None or not run.improves()[0]:
        return
    fall, last = float(run.fall(IMPROVING_WINDOW)[0]), float(run.last[0])
    yield Finding(
        cause="still improving",
        severity=Severity.NOTE,
        place="",
        sentence=(
            f"It is still improving: over the last {IMPROVING_WINDOW:.0%} of the steps the cost falls by {fall:.1%}"
        ),
        evidence={"fall of the cost": fall, "last cost": last},
        remedy="Train longer",
    )
