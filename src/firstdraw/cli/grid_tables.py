"""The tables that a grid leaves on the standard output."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from firstdraw.report.grid_summary import number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table

    from firstdraw.experiments.statistics import TunedCells
    from firstdraw.grid_result import GridResult
    from firstdraw.report.grid_summary import GridRow

__all__ = ["print_grid"]

MOST_CELLS: Final = 12
"""A longer table scrolls away before it is read."""
MOST_COLUMNS: Final = 12
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
    axes = result.record.grid.axes
    if len(axes) == 1 and len(axes[0].paths) == 1 and cells <= MOST_COLUMNS:
        console.print(_crossed(result, rows, "Runs that failed", _share))
        console.print(_crossed(result, rows, "Median last cost", _cost))
        console.print(Text(_crossed_legend(rows)))
    else:
        console.print(_table([row for row in rows if row.cell < MOST_CELLS]))
        console.print(Text(_legend(rows, cells)))
    if refused := sum(row.refused for row in rows):
        console.print(Text(f"{refused:,} run{'s' if refused > 1 else ''} could not be made: {_reason(result)}."))
    tuned = result.tuned() if cells <= MOST_TUNED_CELLS else ()
    for one in tuned[:MOST_TUNED]:
        console.print()
        _print_tuned(one)
    if len(tuned) > MOST_TUNED:
        console.print(Text(f"{len(tuned) - MOST_TUNED} more such rankings are in the report."))


def _crossed(result: GridResult, rows: Sequence[GridRow], title: str, told: Callable[[GridRow], str]) -> Table:
    """Return a table of the points of the one axis and the initializations, whichever is narrower as columns."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    (axis,) = result.record.grid.axes
    points = [_written(value) for (value,) in axis.values]
    labels = list(dict.fromkeys(row.initialization for row in rows))
    texts = {(points[row.cell], row.initialization): told(row) for row in rows}
    table = Table(box=box.SIMPLE, pad_edge=False, title=title, title_justify="left", title_style="bold")
    table.add_column(axis.paths[0].rpartition(".")[2], overflow="fold")
    if sum(max(NARROWEST, len(point) + 3) for point in points) <= WIDEST:
        lines = [[label, *(texts[point, label] for point in points)] for label in labels]
        headers = points
    else:
        lines = [[point, *(texts[point, label] for label in labels)] for point in points]
        headers = labels
    for header in headers:
        table.add_column(Text(header), justify="right", overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
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
