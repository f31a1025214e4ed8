"""Floor 6. An experiment as people hold it in their hands: a table, figures, a page, a document."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.experiments import ExperimentRecord, RunRecord
from firstdraw.experiments.statistics import Ranking, Survival, ranking_of, survival, times_of
from firstdraw.papers import Claims
from firstdraw.report import SummaryRow, as_document, as_json, check_writable, summarize, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

__all__ = ["Result"]


@dataclass(frozen=True, repr=False)
class Result:
    """What `firstdraw.run` returns.

    Args:
        record: the values behind it: spec, data, trajectories, findings.
        claims: the claims of a paper that were checked on it, if the spec is a paper's.
        times: seconds by what they were spent on.

    >>> import firstdraw
    >>> result = firstdraw.run({
    ...     "data": "circles",
    ...     "network": {"widths": [2, 10, 5, 1]},
    ...     "training": {"loss": "binary_cross_entropy", "steps": 200},
    ...     "initializations": [{"label": "zeros", "weights": "zeros"}, {"label": "He", "weights": "he_normal"}],
    ... })
    >>> print(result)
    zeros  train 50.00%  test 50.00%  cost 0.6931 -> 0.6931
    He     train ...
    """

    record: ExperimentRecord
    claims: Claims | None = None
    times: Mapping[str, float] | None = None

    def table(self) -> tuple[SummaryRow, ...]:
        """Return the comparison table, one row an initialization."""
        return summarize(self.record)

    def ranking(self, measure: str = "train_cost", *, level: float = 0.95) -> Ranking:
        """Return the initializations in an order that their seeds bear out; see `experiments.statistics.ranking_of`.

        Args:
            measure: what is ordered by: `train_cost`, `test_cost`, `train_accuracy` or `test_accuracy`.
            level: of the intervals, each for itself, and of all tests together.

        Raises:
            InputError: if there is no such measure, the runs have none of it, or the level is not above 0 and below 1.
        """
        return ranking_of(self.record, measure, level=level)

    def steps_to(self, share: float, *, level: float = 0.95) -> dict[str, Survival]:
        """Return by initialization after how many steps its runs cost a share of what guessing costs, or less.

        Args:
            share: of the cost of the best prediction that ignores the inputs; see `experiments.statistics.times_of`.
            level: the confidence of the intervals; see `experiments.statistics.survival`.

        Raises:
            InputError: if the share is no finite number above 0, or the level is not above 0 and below 1.
        """
        labels = [start.label for start in self.record.spec.initializations]
        return {label: survival(times_of(self.record.runs_of(label), share=share), level=level) for label in labels}

    def to_pandas(self) -> DataFrame:
        """Return a pandas table with one row a run.

        Raises:
            FirstdrawError: if pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise FirstdrawError("`to_pandas` needs pandas, which is not installed: `pip install pandas`") from None
        return pd.DataFrame([_run_row(run) for run in self.record.runs])

    def to_json(self) -> str:
        """Return the experiment as JSON, in the schema of `firstdraw schema`; every number is finite or null."""
        return as_json(as_document(self.record, self.claims.checked if self.claims else ()))

    def to_html(self) -> str:
        """Return the report, a page that needs no network."""
        from firstdraw.report.page import Report

        return Report(self.record).html(self.claims, self.times)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file, whole or not at all, and return its path.

        Raises:
            OutputError: if it cannot be written.
        """
        file = Path(path)
        check_writable(file)
        write_whole(file, self.to_html())
        return file

    def run_of(self, label: str, seed: int | None = None) -> RunRecord:
        """Return the run of an initialization, for the first seed by default.

        Raises:
            InputError: if there is no such run.
        """
        for run in self.record.runs:
            if run.label == label and seed in (None, run.seed):
                return run
        labels = [start.label for start in self.record.spec.initializations]
        raise InputError(
            "label", f"must be one of {labels}, with a seed of {list(self.record.spec.seeds)}", (label, seed)
        )

    def plot_data(self, *, part: Literal["train", "test"] = "train", ax: Axes | None = None) -> Axes:
        """Draw the examples in the plane of their two features; see `figures.plot_points`."""
        from firstdraw.figures import plot_points

        return plot_points(self.record.dataset, part=part, ax=ax)

    def plot_cost(self, *, scale: Literal["log", "linear"] = "log", ax: Axes | None = None) -> Axes:
        """Draw the cost curves of all runs; see `figures.plot_cost`."""
        from firstdraw.figures import plot_cost

        return plot_cost(self.record.runs, unit=self.record.problem.loss.unit, ax=ax, scale=scale)

    def plot_accuracy(self, *, ax: Axes | None = None) -> Axes:
        """Draw the training accuracies of all runs; see `figures.plot_accuracy`."""
        from firstdraw.figures import plot_accuracy

        return plot_accuracy(self.record.runs, ax=ax)

    def plot_boundary(
        self, label: str, *, seed: int | None = None, step: int | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draw the decision boundary of a run; see `figures.plot_boundary`."""
        from firstdraw.figures import plot_boundary

        return plot_boundary(self.record, self.run_of(label, seed), step=step, ax=ax)

    def plot_layers(self, *, quantity: Literal["signal", "gradient"] = "signal", ax: Axes | None = None) -> Axes:
        """Draw signal or gradient by layer at the start; see `figures.plot_layers`."""
        from firstdraw.figures import plot_layers

        first = [self.record.runs_of(start.label)[0] for start in self.record.spec.initializations]
        return plot_layers(first, quantity=quantity, ax=ax)

    def __repr__(self) -> str:
        rows = self.table()
        longest = max(len(row.label) for row in rows)
        return "\n".join(
            f"{row.label:<{longest}}  train {row.train_accuracy}  test {row.test_accuracy}  "
            f"cost {row.first_cost_shown} -> {row.last_cost}"
            for row in rows
        )

    def _repr_html_(self) -> str:
        """Return the report in a frame of its own, so that a notebook's styles and the page's do not mix."""
        page = html.escape(self.to_html(), quote=True)
        return f'<iframe title="firstdraw report" style="width:100%;height:44rem;border:0" srcdoc="{page}"></iframe>'


def _run_row(run: RunRecord) -> dict[str, Any]:
    trajectory, outcome = run.trajectory, run.trajectory.outcomes[0]
    return {
        "label": run.label,
        "seed": run.seed,
        "train_accuracy": trajectory.train_accuracy[0, -1],
        "test_accuracy": trajectory.test_accuracy[0, -1],
        "first_textbook_cost": trajectory.textbook_cost[0, 0],
        "first_cost": trajectory.cost[0, 0],
        "last_cost": trajectory.cost[0, -1],
        "diverged": outcome.diverged,
        "cause": run.findings[0].cause,
        "verdict": run.verdict,
    }
