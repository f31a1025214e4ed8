"""What can be said of each start of an experiment before it is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from firstdraw.diagnosis import Finding, Trainability, diagnose, trainability
from firstdraw.experiments.sharing import Prepared, runs_of
from firstdraw.experiments.start import measure_start

__all__ = ["Prediction", "predict"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One start: how likely it is to train, and what is wrong with it.

    Args:
        label: the initialization's name.
        seed: the seed of its draws.
        trainability: the probability that it trains within its steps, with its reasons.
        findings: what a diagnosis finds in the start alone, the worst first.
    """

    label: str
    seed: int
    trainability: Trainability
    findings: tuple[Finding, ...]


def predict(prepared: Prepared) -> tuple[Prediction, ...]:
    """Return what the starts of an experiment promise, seed by seed within each initialization; nothing is trained.

    Args:
        prepared: the spec with its data.

    Raises:
        InputError: if the optimizer is none that the probability was fitted to, or there are no steps.
    """
    labels = [start.label for start in prepared.spec.initializations for _ in prepared.spec.seeds]
    found: list[Prediction] = []
    for label, run, fit in zip(labels, runs_of(prepared), prepared.fits, strict=True):
        theta = (run.draw() if fit is None else fit.theta).astype(prepared.problem.precision)
        problem = replace(prepared.problem, learning_rate_factors=run.factors)
        found.append(Prediction(label, run.seed, trainability(problem, theta), diagnose(measure_start(problem, theta))))
    return tuple(found)
