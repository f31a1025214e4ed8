"""The tables that a grid leaves on the standard output."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from firstdraw.report.grid_summary import number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.table import Table

    from firstdraw.experiments.statistics import TunedCells
    from firstdraw.grid_result import GridResult
    from firstdraw.report.grid_summary import GridRow

__all__ = ["print_grid"]

MOST_CELLS: Final = 12
"""A longer table scrolls away before it is read."""
MOST_LINES: Final = 24
MOST_CROSSED: Final = 4
NARROWEST, WIDEST = 11, 95
"""Letters that a column of numbers takes at least, and those of all columns together at most."""
MOST_SENTENCES: Final = 8
MOST_TUNED: Final = 4
MOST_TUNED_CELLS: Final = 200
"""Each ranking takes a tenth of a second."""


def print_grid(result: GridResult) -> None:
    """Print a row for each cell and initialization, and who wins at the best learning rate of each."""
    from rich.text import Text

    from firstdraw.cli.tables import console_of_output

    console = console_of_output()
    rows = result.table()
    cells = len(result.record.series)
    if crossings := _crossings(result, rows):
        for crossing in crossings:
            console.print(_crossed(crossing, "Runs that failed", _share))
            console.print(_crossed(crossing, "Median last cost", _cost))
        console.print(Text(_crossed_legend(rows)))
    else:
        console.print(_table([row for row in rows if row.cell < MOST_CELLS]))
        console.print(Text(_legend(rows, cells)))
    if cells == 1 and (ranking := result.rankings.get(0)) is not None:
        for sentence in ranking.sentences:
            console.print(Text(sentence))
    if refused := sum(row.refused for row in rows):
        console.print(Text(f"{refused:,} run{'s' if refused > 1 else ''} could not be made: {_reason(result)}."))
    tuned = result.tuned() if cells <= MOST_TUNED_CELLS else ()
    for one in tuned[:MOST_TUNED]:
        console.print()
        _print_tuned(one)
    if len(tuned) > MOST_TUNED:
        console.print(Text(f"{len(tuned) - MOST_TUNED} more such rankings are in the report."))


@dataclass(frozen=True, slots=True)
class _Crossing:
    """Rows of a grid as a table of two directions.

    Args:
        heading: what all of them have in common.
        down: what changes from line to line.
        across: what changes from column to column.
        lines: its values.
        columns: its values.
        rows: the row for each line and column.
    """

    heading: str
    down: str
    across: str
    lines: Sequence[str]
    columns: Sequence[str]
    rows: Mapping[tuple[str, str], GridRow]

    def turned(self) -> _Crossing:
        """Return the same with lines for columns."""
        rows = {(column, line): row for (line, column), row in self.rows.items()}
        return _Crossing(self.heading, self.across, self.down, self.columns, self.lines, rows)

    @property
    def width(self) -> int:
        """How many letters its columns take."""
        return sum(max(NARROWEST, len(column) + 3) for column in self.columns)

    def fitting(self) -> _Crossing | None:
        """Return it, or itself turned, as a table that is read at a glance; None where it is none."""
        return next(
            (one for one in (self, self.turned()) if one.width <= WIDEST and len(one.lines) <= MOST_LINES), None
        )


def _crossings(result: GridResult, rows: Sequence[GridRow]) -> list[_Crossing]:
    """Return a grid of one axis, or of two and few initializations, as tables; none where they are too large."""
    axes = result.record.grid.axes
    labels = list(dict.fromkeys(row.initialization for row in rows))
    if not 1 <= len(axes) <= 2 or any(len(axis.paths) > 1 for axis in axes):
        return []
    names = [axis.paths[0].rpartition(".")[2] for axis in axes]
    points = [[_written(value) for (value,) in axis.values] for axis in axes]
    if len(axes) == 1:
        found = {(row.initialization, points[0][row.cell]): row for row in rows}
        crossings = [_Crossing("", "", names[0], labels, points[0], found)]
    elif len(labels) <= MOST_CROSSED:
        across = len(points[1])
        places = {(row.initialization, *divmod(row.cell, across)): row for row in rows}
        crossings = [
            _Crossing(
                label,
                names[0],
                names[1],
                points[0],
                points[1],
                {(points[0][i], points[1][j]): row for (own, i, j), row in places.items() if own == label},
            )
            for label in labels
        ]
    else:
        return []
    fitting = [crossing.fitting() for crossing in crossings]
    return [] if None in fitting else [one for one in fitting if one is not None]


def _crossed(crossing: _Crossing, title: str, told: Callable[[GridRow], str]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    heading = f"{crossing.heading}: {title.lower()}" if crossing.heading else title
    table = Table(box=box.SIMPLE, pad_edge=False, title=Text(heading), title_justify="left", title_style="bold")
    corner = " \\ ".join(filter(None, (crossing.down, crossing.across)))
    table.add_column(Text(corner), overflow="fold")
    for column in crossing.columns:
        table.add_column(Text(column), justify="right", overflow="fold")
    for line in crossing.lines:
        table.add_row(Text(line), *(Text(told(crossing.rows[line, column])) for column in crossing.columns))
    return table


def _written(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _share(row: GridRow) -> str:
    return percent(row.failures / row.runs) if row.runs else "-"


def _cost(row: GridRow) -> str:
    return f"{number(row.last_cost.median, '.3g')}{' *' if row.group == 1 else '  '}"


def _crossed_legend(rows: Sequence[GridRow]) -> str:
    told_apart = any(row.group is not None for row in rows)
    marks = " * marks those of a cell that cannot be told apart from its best." if told_apart else ""
    missing = sum(row.missing for row in rows)
    lacks = f" {missing:,} runs are missing." if missing else ""
    return f"A run fails that diverges or learns nothing.{marks}{lacks} The report has each cell with its quartiles."


def _table(rows: Sequence[GridRow]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    told_apart = any(row.group is not None for row in rows)
    several = any(row.coordinates for row in rows)
    table = Table(box=box.SIMPLE, pad_edge=False)
    headers = ["Cell"] * several + ["Initialization"] + ["Group"] * told_apart
    for header in headers:
        table.add_column(header, overflow="fold")
    for header in ("Failed", "Last cost", "Test accuracy"):
        table.add_column(header, justify="right", no_wrap=True)
    for _, group in groupby(rows, key=lambda row: row.cell):
        for i, row in enumerate(own := list(group)):
            told = [row.coordinates if i == 0 else ""] * several + [row.initialization]
            told += [str(row.group or "-")] * told_apart
            told += [_failed(row), str(row.last_cost), str(row.test_accuracy)]
            table.add_row(*map(Text, told), end_section=i == len(own) - 1)
    return table


def _failed(row: GridRow) -> str:
    there = f"{row.failures:,} of {row.runs:,}" if row.runs else "-"
    return there if not row.missing else f"{there}, {row.missing:,} missing"


def _legend(rows: Sequence[GridRow], cells: int) -> str:
    """Say what the table shows, and what it does not."""
    sentences = ["Median and quartiles over the seeds; a run fails that diverges or learns nothing."]
    if any(row.group is not None for row in rows):
        sentences.append("Those of one group of a cell cannot be told apart from its best.")
    if cells > MOST_CELLS:
        sentences.append(f"Of {cells:,} cells the first {MOST_CELLS} are shown; the report and `--json` have all.")
    return " ".join(sentences)


def _reason(result: GridResult) -> str:
    return next(one.refused[0].message for cell in result.record.series for one in cell if one.refused)


def _print_tuned(tuned: TunedCells) -> None:
    from rich.text import Text

    from firstdraw.cli.tables import console_of_output

    console = console_of_output()
    where = ", ".join(f"{path.rpartition('.')[2]} = {value}" for path, value in tuned.coordinates)
    seeds = tuned.tuned.tuning_seeds
    console.print(
        Text(
            f"At the best learning rate of each{f' ({where})' if where else ''}, chosen on {seeds} seeds and compared "
            "on the others:",
            style="bold",
        )
    )
    for row in tuned.tuned.ranking.rows:
        rate = tuned.tuned.rates[row.label]
        edge = ", the end of the list" if len(tuned.rates) > 1 and rate in (min(tuned.rates), max(tuned.rates)) else ""
        line = f"  {row.group}. {row.label} at {rate:.6g}{edge}: {row.median:{tuned.tuned.ranking.pattern}}"
        console.print(Text(line))
    only = tuned.tuned.only_by_rate
    for sentence in (*tuned.tuned.ranking.sentences, *only[:MOST_SENTENCES]):
        console.print(Text(sentence))
    if len(only) > MOST_SENTENCES:
        console.print(Text(f"There are {len(only) - MOST_SENTENCES} more such pairs; `--json` has them."))
