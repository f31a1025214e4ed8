"""Floor 6. A grid as people hold it in their hands: tables of its runs, a page, a document."""

from __future__ import annotations

import html
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstdraw.errors import FirstdrawError
from firstdraw.experiments.grid_record import GridRecord, SeriesRecord
from firstdraw.experiments.statistics import Ranking, Survival, TunedCells, tuned_rankings
from firstdraw.experiments.statistics.steps_to import steps_to
from firstdraw.report.document import as_json
from firstdraw.report.files import check_writable, write_whole
from firstdraw.report.grid_document import as_grid_document
from firstdraw.report.grid_summary import GridRow, rankings_of, summarize_grid

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["GridResult"]

CURVES = ("cost", "test_cost", "train_accuracy", "test_accuracy")


@dataclass(frozen=True, repr=False)
class GridResult:
    """The runs of a grid, ready to be told.

    Args:
        record: the values behind it.
        times: seconds by what they were spent on.
    """

    record: GridRecord
    times: Mapping[str, float] | None = None

    @cached_property
    def rankings(self) -> dict[int, Ranking]:
        """The ranking of each cell with five common seeds of two initializations or more, by its number."""
        return rankings_of(self.record)

    def table(self) -> tuple[GridRow, ...]:
        """Return a row for each cell and initialization, with its group in the cell's ranking."""
        return summarize_grid(self.record, self.rankings)

    def tuned(self, measure: str = "train_cost", *, level: float = 0.95) -> tuple[TunedCells, ...]:
        """Return rankings at the best learning rate of each initialization; see `statistics.tuned_rankings`.

        Raises:
            InputError: if there is no such measure, or the level is not above 0 and below 1.
        """
        return tuned_rankings(self.record, measure, level=level)

    def steps_to(self, share: float, *, level: float = 0.95) -> dict[tuple[int, str], Survival]:
        """Return after how many steps runs cost a share of what guessing costs, by the cell's number and the label.

        Raises:
            InputError: if the share is no finite number above 0, or the level is not above 0 and below 1.
        """
        return {
            (cell, one.initialization.label): steps_to([one], share, level=level)
            for cell, series in enumerate(self.record.series)
            for one in series
            if len(one.runs)
        }

    def to_columns(self, *, curves: bool = False) -> dict[str, list[Any]]:
        """Return the runs as columns of one length, from which any library makes a table.

        Args:
            curves: whether there is a row a run and recorded step, with what was recorded there; by default there is a
                row a run, with how it ended and its last records.

        Returns:
            `cell`, its number; each path of the axes with the value there; `label` and `seed`; then of a run
            `diverged`, `failed`, `last_step` and `first_cost`, or of a step `step`; then the records, after a
            divergence NaN. Values of a path that are not all numbers, all names or all truth values are written out.
        """
        rows = [(cell, one) for cell, series in enumerate(self.record.series) for one in series]
        repeats = [(cell, one, len(one.runs) * (len(one.runs.steps) if curves else 1)) for cell, one in rows]
        columns: dict[str, list[Any]] = {"cell": [cell for cell, _, count in repeats for _ in range(count)]}
        for path in [path for axis in self.record.grid.axes for path in axis.paths]:
            values = [dict(one.cell.coordinates)[path] for _, one, _ in repeats]
            named = _alike(values)
            columns[path] = [value for value, (_, _, count) in zip(named, repeats, strict=True) for _ in range(count)]
        columns["label"] = [one.initialization.label for _, one, count in repeats for _ in range(count)]
        parts = [_curves_of(one) if curves else _runs_of(one) for _, one in rows]
        for name in parts[0]:
            columns[name] = [value for part in parts for value in part[name].tolist()]
        return columns

    def to_pandas(self, *, curves: bool = False) -> DataFrame:
        """Return a pandas table of the columns of `to_columns`.

        Raises:
            FirstdrawError: if pandas is not installed.
        """
        return _imported("pandas", "to_pandas").DataFrame(self.to_columns(curves=curves))

    def to_polars(self, *, curves: bool = False) -> Any:  # noqa: ANN401  # polars may not be there
        """Return a polars table of the columns of `to_columns`.

        Raises:
            FirstdrawError: if polars is not installed.
        """
        return _imported("polars", "to_polars").DataFrame(self.to_columns(curves=curves))

    def to_arrow(self, *, curves: bool = False) -> Any:  # noqa: ANN401  # pyarrow may not be there
        """Return an Arrow table of the columns of `to_columns`.

        Raises:
            FirstdrawError: if pyarrow is not installed.
        """
        return _imported("pyarrow", "to_arrow").table(self.to_columns(curves=curves))

    def to_json(self) -> str:
        """Return the grid as JSON, in the schema `firstdraw.grid/1`; every number is finite or null."""
        return as_json(as_grid_document(self.record, self.rankings))

    def to_html(self) -> str:
        """Return the report, a page that needs no network; some of the failed runs are trained again for it."""
        from firstdraw.report.grid_page import GridReport

        return GridReport(self.record).html(self.times)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file, whole or not at all, and return its path.

        Raises:
            OutputError: if it cannot be written.
        """
        file = Path(path)
        check_writable(file)
        write_whole(file, self.to_html())
        return file

    def __repr__(self) -> str:
        rows = summarize_grid(self.record)
        names = [f"{row.coordinates}  {row.initialization}".strip() for row in rows]
        longest = max(map(len, names))
        return "\n".join(
            f"{name:<{longest}}  failed {row.failures} of {row.runs}  cost {row.last_cost}  test {row.test_accuracy}"
            for name, row in zip(names, rows, strict=True)
        )

    def _repr_html_(self) -> str:
        """Return the report in a frame of its own, so that a notebook's styles and the page's do not mix."""
        page = html.escape(self.to_html(), quote=True)
        return f'<iframe title="firstdraw report" style="width:100%;height:44rem;border:0" srcdoc="{page}"></iframe>'


def _imported(library: str, method: str) -> Any:  # noqa: ANN401  # a module
    try:
        return importlib.import_module(library)
    except ImportError:
        raise FirstdrawError(f"`{method}` needs {library}, which is not installed: `pip install {library}`") from None


def _alike(values: list[Any]) -> list[Any]:
    """Return values as a column can hold them: as they are where they are of one kind, else written out."""
    kinds: set[Any] = {type(value) for value in values}
    if kinds <= {int, float} and len(kinds) == 2:
        return [float(value) for value in values]
    return values if len(kinds) == 1 and kinds <= {int, float, bool, str} else [str(value) for value in values]


def _runs_of(series: SeriesRecord) -> dict[str, np.ndarray]:
    runs = series.runs
    return {
        "seed": runs.seeds,
        "diverged": runs.diverged,
        "failed": series.failed if len(runs) else np.zeros(0, bool),
        "last_step": runs.last_step,
        "first_cost": runs.cost[:, 0],
        **{f"last_{name}" if name.endswith("cost") else name: series.last(name) for name in CURVES},
    }


def _curves_of(series: SeriesRecord) -> dict[str, np.ndarray]:
    runs = series.runs
    return {
        "seed": np.repeat(runs.seeds, len(runs.steps)),
        "step": np.tile(runs.steps, len(runs)),
        **{name: getattr(runs, name).ravel() for name in CURVES},
    }
