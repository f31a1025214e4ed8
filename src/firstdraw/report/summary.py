"""The comparison table: one row an initialization."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.diagnosis import Finding, Severity
from firstdraw.experiments import ExperimentRecord, RunRecord

__all__ = ["LARGEST_IN_FULL", "Spread", "SummaryRow", "summarize"]

LARGEST_IN_FULL: Final = 1e6
"""Costs above this are written with four digits and an exponent: on their way to infinity they may have hundreds."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, the smallest and the largest of a number over the seeds.

    >>> str(Spread.of([0.5, 0.75, 1.0], ".0%"))
    '75% (50% to 100%)'
    """

    median: float
    smallest: float
    largest: float
    pattern: str = ".4g"

    @classmethod
    def of(cls, values: Sequence[float], pattern: str = ".4g") -> Spread:
        """Return the spread of some values, written by a format pattern.

        What is not a number, of a run that diverged before its last record, is left out; the verdict counts those runs.
        """
        known = [value for value in values if not np.isnan(value)] or [np.nan]
        return cls(float(np.median(known)), float(np.min(known)), float(np.max(known)), pattern)

    def __str__(self) -> str:
        if np.isnan(self.median):
            return "-"
        middle = self._written(self.median)
        if self.smallest == self.largest:
            return middle
        return f"{middle} ({self._written(self.smallest)} to {self._written(self.largest)})"

    def _written(self, value: float) -> str:
        return format(value, self.pattern if abs(value) < LARGEST_IN_FULL else ".4g")


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """What came of one initialization.

    Args:
        label: its name.
        seeds: how many runs it had.
        train_accuracy: after the last step, over the seeds; NaN for regression.
        test_accuracy: the same on the test examples; NaN without any.
        first_textbook_cost: before the first step, through the predicted probabilities, which can overflow.
        first_cost: before the first step, overflow-safe.
        last_cost: after the last step, overflow-safe.
        verdict: in one or two sentences.
    """

    label: str
    seeds: int
    train_accuracy: Spread
    test_accuracy: Spread
    first_textbook_cost: Spread
    first_cost: Spread
    last_cost: Spread
    verdict: str

    @property
    def overflows(self) -> bool:
        """Whether the textbook's formula and the overflow-safe one disagree about the first cost."""
        return not np.isclose(self.first_textbook_cost.median, self.first_cost.median, rtol=1e-6)

    @property
    def first_cost_shown(self) -> str:
        """The first cost as tables show it: both forms where they disagree."""
        if self.overflows:
            return f"{self.first_textbook_cost} (overflow-safe {self.first_cost.median:.3f})"
        return str(self.first_cost)


def summarize(record: ExperimentRecord) -> tuple[SummaryRow, ...]:
    """Return the comparison table of an experiment."""
    return tuple(_row(start.label, record.runs_of(start.label)) for start in record.spec.initializations)


def _row(label: str, runs: Sequence[RunRecord]) -> SummaryRow:
    def spread(name: str, index: int, pattern: str) -> Spread:
        return Spread.of([float(getattr(run.trajectory, name)[0, index]) for run in runs], pattern)

    return SummaryRow(
        label=label,
        seeds=len(runs),
        train_accuracy=spread("train_accuracy", -1, ".2%"),
        test_accuracy=spread("test_accuracy", -1, ".2%"),
        first_textbook_cost=spread("textbook_cost", 0, ".4f"),
        first_cost=spread("cost", 0, ".4f"),
        last_cost=spread("cost", -1, ".4f"),
        verdict=runs[0].verdict if len(runs) == 1 else _shared_verdict(runs),
    )


def _is_told(finding: Finding) -> bool:
    """Whether a finding has a place in a line on several runs: no note has, but that more steps would have helped."""
    return finding.severity >= Severity.WARNING or finding.cause == "still improving"


def _shared_verdict(runs: Sequence[RunRecord]) -> str:
    """Return in how many of the runs each cause stands first, and in how many the others worth a word were found."""
    first = Counter(run.findings[0].cause for run in runs)
    found = Counter(cause for run in runs for cause in {one.cause for one in run.findings if _is_told(one)})
    others = {cause: count for cause, count in found.items() if cause not in first}
    ordered = first.most_common() + sorted(others.items(), key=lambda item: (-item[1], item[0]))
    return "; ".join(f"{cause} in {count} of {len(runs)} seeds" for cause, count in ordered).capitalize() + "."
