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
    """Return the two-sided p-value of Wilcoxon's signed-rank test on paired values; 1 where all pairs are equal.

    Pairs that are equal are left out, and equal differences share their mean rank. The p-value is exact: it counts
    the ways to give the ranks signs that are at least as far from balance.

    Source: Wilcoxon (1945), Individual comparisons by ranking methods, https://doi.org/10.2307/3001968

    >>> paired_p_value(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4))
    0.125
    """
    difference = (first - second)[first != second]
    sizes = np.abs(difference)
    # Twice the mean rank of each, so that it is an integer.
    ranks = np.sum(sizes < sizes[:, np.newaxis], axis=1) + np.sum(sizes <= sizes[:, np.newaxis], axis=1) + 1
    total = int(ranks.sum())
    # The share of all assignments of signs whose positive ranks add up to each sum.
    shares = np.zeros(total + 1)
    shares[0] = 1.0
    for rank in ranks:
        moved = np.zeros_like(shares)
        moved[rank:] = shares[: total + 1 - rank]
        shares = (shares + moved) / 2
    positive = int(ranks[difference > 0].sum())
    smaller = min(positive, total - positive)
    return min(1.0, 2 * float(shares[: smaller + 1].sum()))
