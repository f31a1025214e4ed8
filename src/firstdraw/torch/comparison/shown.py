"""A comparison as people and programs hold it: a table, a verdict, a figure, a document."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from firstdraw.experiments.statistics import Estimate, Survival, survival, times_to
from firstdraw.experiments.store import ModelRun
from firstdraw.rules import check_finite
from firstdraw.torch.comparison.curves import window
from firstdraw.torch.comparison.judging import Judgment, Row, judge
from firstdraw.torch.comparison.place import Place
from firstdraw.torch.documents import aligned, finite, html_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison"]

SCHEMA: Final = "firstdraw.comparison/1"
EXPLAINED: Final = (
    "group, schemes that are not told apart from its first; medians over the seeds with their intervals; worse by, the "
    "median difference from the best over common seeds; p, that there is none, corrected for the number of tests; "
    "steps to the loss where 90 % of what can be gained is; seconds of a run"
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What `firstdraw.torch.compare` returns; printed, it reads as a report, and in a notebook as a page.

    Args:
        title: what was compared.
        measure: what the runs are judged by; less is better.
        steps: of each run.
        runs: of each scheme, rate and seed.
    """

    title: str
    measure: str
    steps: int
    runs: Mapping[Place, ModelRun]

    @cached_property
    def judgment(self) -> Judgment:
        """The order of the schemes, and what is certain of it."""
        return judge(self.runs, measure=self.measure)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The schemes, the best first."""
        return self.judgment.rows

    @property
    def verdict(self) -> str:
        """What is certain, and what is not."""
        return " ".join(self.judgment.verdict)

    def steps_to(self, level: float) -> dict[str, Survival]:
        """Return by scheme after how many steps the mean of the last losses is a level or less.

        Args:
            level: a loss. For the rest see `experiments.statistics.survival`.

        Raises:
            InputError: if the level is no finite number.
        """
        check_finite("level", level)
        return {
            label: survival(times_to(level, np.arange(self.steps), curve))
            for label, curve in self.judgment.curves.items()
        }

    def table(self) -> list[tuple[str, ...]]:
        """Return the schemes, one row each, the best first, as text under `headings`."""
        return [_cells(row) for row in self.rows]

    @property
    def headings(self) -> tuple[str, ...]:
        """What the columns of the table hold."""
        level = self.judgment.level
        steps = "steps" if level is None else f"steps to {level:.3g}"
        return ("group", "scheme", "rate", self.measure, "diverged", steps, "worse by", "p", "seconds")

    def to_json(self) -> str:
        """Return all of it as JSON; a number that is not finite is null."""
        document = {
            "schema": SCHEMA,
            "title": self.title,
            "measure": self.measure,
            "steps": self.steps,
            "level": self.judgment.level,
            "verdict": self.judgment.verdict,
            "schemes": [asdict(row) for row in self.rows],
            "runs": [
                {
                    "scheme": place.label,
                    "rate": place.rate,
                    "seed": place.seed,
                    "diverged": run.diverged,
                    "last_step": run.outcome.step,
                    "final": run.final,
                    "seconds": run.seconds,
                    "loss": run.loss.tolist(),
                }
                for place, run in self.runs.items()
            ],
        }
        return json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw of each scheme the median and the middle half of the training losses over the seeds.

        Each loss is the mean of the last 5 % of the steps, as in the table. A run that diverged stands behind all
        others. With several rates each scheme is drawn at its best, over the seeds that compare.

        Args:
            ax: where to draw; by default on a new figure.

        Returns:
            The axes.
        """
        from firstdraw.figures.bands import Band, draw_bands

        steps = np.arange(self.steps)
        bands = [Band(label, steps, curve) for label, curve in self.judgment.curves.items()]
        together = window(self.steps)
        label = "training loss" if together == 1 else f"training loss, mean of {together} steps"
        return draw_bands(bands, label=label, ax=ax)

    def __repr__(self) -> str:
        table = aligned([self.headings, *self.table()], left={1})
        return "\n".join([self.title, "", *table, "", *self.judgment.verdict])

    def _repr_html_(self) -> str:
        """Return the verdict and the table for a notebook."""
        told = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.judgment.verdict)
        rows = [self.headings, *self.table()]
        filled = [i for i in range(len(self.headings)) if any(row[i] for row in rows[1:])]
        heading, *body = ([row[i] for i in filled] for row in rows)
        return (
            f'<div><p>{html.escape(self.title)}</p><table title="{html.escape(EXPLAINED)}">'
            f"<thead>{html_row('th', heading)}</thead>"
            f"<tbody>{''.join(html_row('td', row) for row in body)}</tbody></table>"
            f"{told}</div>"
        )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row.group),
        row.label,
        "" if row.rate is None else f"{row.rate:g}",
        f"{row.final:.4g}",
        f"{row.failed} of {row.runs}",
        _steps(row.steps),
        "" if row.difference is None else f"{row.difference:.3g}",
        "" if row.p is None else _p(row.p),
        f"{row.seconds:.3g}",
    )


def _steps(steps: Estimate) -> str:
    return "not reached" if math.isinf(steps.value) else f"{steps:.0f}"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.2g}"
