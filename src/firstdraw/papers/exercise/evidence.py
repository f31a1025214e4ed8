"""What the exercise's claims are checked from: numbers read off the records."""

from __future__ import annotations

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.experiments import ExperimentRecord, RunRecord

__all__ = ["at_step", "final", "only", "paired_p_value", "steps_to_accuracy"]


def only(record: ExperimentRecord, label: str) -> RunRecord:
    """Return the single run of an initialization."""
    (run,) = record.runs_of(label)
    return run


def final(record: ExperimentRecord, label: str, quantity: str = "train_accuracy") -> Floats:
    """Return a recorded quantity after the last step, one number a seed."""
    return np.array([getattr(run.trajectory, quantity)[0, -1] for run in record.runs_of(label)])


def at_step(record: ExperimentRecord, label: str, step: int, quantity: str = "train_accuracy") -> Floats:
    """Return a recorded quantity at a recorded step, one number a seed."""
    row = record.runs[0].trajectory.steps.tolist().index(step)
    return np.array([getattr(run.trajectory, quantity)[0, row] for run in record.runs_of(label)])


def steps_to_accuracy(record: ExperimentRecord, label: str, accuracy: float) -> Floats:
    """Return the first recorded step with at least this training accuracy, a seed each; infinite where none has."""
    reached = [run.trajectory.step_of(run.trajectory.train_accuracy[0] >= accuracy) for run in record.runs_of(label)]
    return np.array([np.inf if step is None else step for step in reached])


def paired_p_value(first: Floats, second: Floats) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test on paired values; 1 where all pairs are equal."""
    if np.array_equal(first, second):
        return 1.0
    from scipy import stats

    return float(stats.wilcoxon(first, second).pvalue)
