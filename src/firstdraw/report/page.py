"""The report: one self-contained page, without scripts and without network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.diagnosis import Severity
from firstdraw.experiments import ExperimentRecord, RunRecord, as_toml
from firstdraw.experiments.statistics import has_seeds_enough, ranking_of
from firstdraw.papers import Claims, tally
from firstdraw.report.pictures import (
    Picture,
    cost_picture,
    data_picture,
    film_picture,
    layers_picture,
    run_picture,
)
from firstdraw.report.summary import LARGEST_IN_FULL, summarize
from firstdraw.report.template import rendered

__all__ = ["Report"]

MOST_CARDS: Final = 12
"""More initializations than this are compared in the table alone; a page of a hundred figures helps nobody."""
MOST_LINES: Final = 16
"""Lines of the table of numbers below a curve."""


@dataclass(frozen=True, slots=True)
class _Line:
    step: int
    cost: str
    test_cost: str
    train_accuracy: float
    test_accuracy: float


@dataclass(frozen=True, slots=True)
class _Card:
    run: RunRecord
    severity: str
    picture: Picture
    film: Picture | None
    lines: tuple[_Line, ...]


class Report:
    """The report of an experiment: its figures are drawn at once, its text when it is known.

    Args:
        record: the experiment.
    """

    def __init__(self, record: ExperimentRecord) -> None:
        self._record = record
        self._shown = [record.runs_of(start.label)[0] for start in record.spec.initializations[:MOST_CARDS]]
        self._data = data_picture(record)
        self._curves = cost_picture(record)
        self._layers = layers_picture(self._shown)
        self._cards = [_card(record, run) for run in self._shown]

    def html(self, claims: Claims | None = None, times: Mapping[str, float] | None = None) -> str:
        """Return the page.

        Args:
            claims: the claims that were checked on it.
            times: seconds by what they were spent on.
        """
        record = self._record
        checked = claims.checked if claims else ()
        return rendered(
            "page.html",
            record=record,
            title=record.spec.title,
            unit=record.problem.loss.unit,
            rows=summarize(record),
            ranking=ranking_of(record) if has_seeds_enough(record) else None,
            lede=_lede(record),
            data_sentence=_data_sentence(record),
            data=self._data,
            curves=self._curves,
            layers=self._layers,
            cards=self._cards,
            hidden_cards=len(record.spec.initializations) - len(self._shown),
            claims=checked,
            sections=list(dict.fromkeys(item.claim.section for item in checked)),
            claims_sentence=f"{tally(checked)}. Each verdict follows from the numbers beside it.",
            trained=claims.trained if claims else "",
            unchecked=claims.unchecked if claims else (),
            paper=claims.paper if claims else "",
            times=times or {},
            spec=as_toml(record.spec),
        )


def _card(record: ExperimentRecord, run: RunRecord) -> _Card:
    return _Card(
        run=run,
        severity=run.findings[0].severity.name.lower(),
        picture=run_picture(record, run),
        film=film_picture(record, run),
        lines=_lines(run),
    )


def _lines(run: RunRecord) -> tuple[_Line, ...]:
    trajectory = run.trajectory
    rows = np.unique(np.linspace(0, len(trajectory.steps) - 1, MOST_LINES).round().astype(int))
    return tuple(
        _Line(
            step=int(trajectory.steps[row]),
            cost=_both_costs(float(trajectory.textbook_cost[0, row]), float(trajectory.cost[0, row])),
            test_cost=_written(float(trajectory.test_cost[0, row])),
            train_accuracy=float(trajectory.train_accuracy[0, row]),
            test_accuracy=float(trajectory.test_accuracy[0, row]),
        )
        for row in rows
    )


def _both_costs(textbook: float, safe: float) -> str:
    agree = np.isclose(textbook, safe, rtol=1e-6, equal_nan=True)
    return _written(safe) if agree else f"{textbook:.6g} ({_written(safe)})"


def _written(cost: float) -> str:
    return f"{cost:.6g}" if abs(cost) >= LARGEST_IN_FULL else f"{cost:.6f}"


def _lede(record: ExperimentRecord) -> str:
    spec = record.spec
    starts, seeds = len(spec.initializations), len(spec.seeds)
    widths = "-".join(map(str, spec.network.widths))
    branches = len(spec.network.branches)
    residual = f" with {branches} residual branch{'es' if branches > 1 else ''}" if branches else ""
    seeded = f"seed {spec.seeds[0]}" if seeds == 1 else f"{seeds} seeds each"
    worst = [run for run in record.runs if run.findings[0].severity >= Severity.WARNING]
    plural = "s" if starts != 1 else ""
    return (
        f"{starts} initialization{plural} of a {widths} network{residual}, {seeded}, {spec.training.steps:,} steps; "
        f"everything else equal. {len(record.runs) - len(worst)} of {len(record.runs)} runs start healthy."
    )


def _data_sentence(record: ExperimentRecord) -> str:
    dataset = record.dataset
    kind = f"{len(dataset.classes)} classes" if dataset.task == "classification" else "a regression"
    count = len(dataset.features)
    description = record.spec.data.description
    return (
        f"{description[0].upper()}{description[1:]}. {len(dataset.train):,} training and {len(dataset.test):,} "
        "test examples "
        f"of {count} feature{'s' if count != 1 else ''}, {kind}."
    )
