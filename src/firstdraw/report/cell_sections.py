"""The sections of a grid's cells, folded: as many as a number of bytes holds, and what is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup

from firstdraw.experiments.grid_record import GridRecord, SeriesRecord
from firstdraw.experiments.statistics import Ranking
from firstdraw.report.cell_command import cell_command
from firstdraw.report.grid_pictures import bands_picture
from firstdraw.report.grid_summary import number, summarize_series
from firstdraw.report.template import figure

__all__ = ["CellSections", "cell_sections"]

MOST_SINGLE: Final = 20
"""So many runs of an initialization are drawn alone in a cell's section."""
MOST_ROWS: Final = 400
"""So many seeds of a cell are told one by one."""


@dataclass(frozen=True, slots=True)
class CellSections:
    """The sections of a page.

    Args:
        html: all of them.
        cells: how many cells the grid has.
        told: how many of them have a section: the first ones.
        drawn: how many of these show their curves.
        listed: how many of these list their runs.
        cut: whether of some cell only the first seeds are listed.
    """

    html: Markup
    cells: int
    told: int
    drawn: int
    listed: int
    cut: bool

    def link_of(self, cell: int) -> str:
        """Return where a cell is told on the page; empty for one that is not."""
        return f"#cell-{cell}" if 0 <= cell < self.told else ""


def cell_sections(record: GridRecord, rankings: Mapping[int, Ranking], size: int) -> CellSections:
    """Return the sections of as many cells as fit.

    All cells come first with a table of their initializations, then as many with their curves, then as many with a list
    of their runs, each in the order of the grid.

    Args:
        record: the runs of the grid.
        rankings: of its cells, by their numbers.
        size: how many bytes there are.
    """
    room = size
    parts: list[list[Markup]] = []
    for cell, series in enumerate(record.series):
        head = _head(cell, series, rankings.get(cell))
        if (room := room - _size(head)) < 0:
            break
        parts.append([head])
    told = drawn = len(parts)
    for cell, series in enumerate(record.series[:told]):
        shown = _curves(series)
        if (room := room - _size(shown)) < 0:
            drawn = cell
            break
        parts[cell].append(shown)
    # What did not fit any more left its bytes.
    listed, cut = told, False
    room = size - sum(_size(part) for own in parts for part in own)
    for cell, series in enumerate(record.series[:told]):
        rows = _runs(series)
        if (room := room - _size(rows)) < 0:
            listed = cell
            break
        parts[cell].append(rows)
        cut = cut or _seeds(series)[MOST_ROWS:] != []
    html = Markup("").join(Markup("{}</div></details>").format(Markup("").join(own)) for own in parts)
    return CellSections(html, len(record.series), told, drawn, listed, cut)


def _size(part: Markup) -> int:
    return len(part.encode())


def _head(cell: int, series: Sequence[SeriesRecord], ranking: Ranking | None) -> Markup:
    """Return the line that opens a section, a table of its initializations, and how to run it alone."""
    runs, failures = sum(len(one.runs) for one in series), sum(int(one.failed.sum()) for one in series if len(one.runs))
    told = f"{failures} of {runs} runs failed" if runs else "no run"
    label = series[0].cell.label or "The cell"
    rows = Markup("").join(
        Markup(
            '<tr><th scope="row">{}</th><td class="number">{}</td><td class="number">{}</td><td class="number">{}</td>'
            '<td class="number">{}</td><td class="number">{}</td></tr>'
        ).format(
            row.initialization,
            row.runs,
            "-" if row.failed is None else f"{row.failed:.0%}",
            str(row.last_cost),
            str(row.test_accuracy),
            "-" if row.group is None else row.group,
        )
        for row in (summarize_series(one, cell, ranking) for one in series)
    )
    return Markup(
        '<details class="cell"><summary>{}<span class="tally">{}</span></summary><div id="cell-{}">'
        '<div class="scroll"><table><thead><tr><th scope="col">Initialization</th><th scope="col">Runs</th>'
        '<th scope="col">Failed</th><th scope="col">Last cost</th><th scope="col">Test accuracy</th>'
        '<th scope="col">Group</th></tr></thead><tbody>{}</tbody></table></div><p><code>{}</code></p>'
    ).format(label, told, cell, rows, cell_command(series[0].cell))


def _curves(series: Sequence[SeriesRecord]) -> Markup:
    known = [one for one in series if len(one.runs)]
    return figure(bands_picture(series, MOST_SINGLE)) if known else Markup("")


def _seeds(series: Sequence[SeriesRecord]) -> list[int]:
    return sorted({int(seed) for one in series for seed in one.runs.seeds})


def _runs(series: Sequence[SeriesRecord]) -> Markup:
    """Return a table with a row a seed and three columns an initialization."""
    known = [one for one in series if len(one.runs)]
    if not known:
        return Markup("")
    tops = Markup("").join(
        Markup('<th scope="colgroup" colspan="3">{}</th>').format(one.initialization.label) for one in known
    )
    names = Markup('<th scope="col">cost</th><th scope="col">train</th><th scope="col">test</th>') * len(known)
    rows = Markup("").join(_row(known, seed) for seed in _seeds(known)[:MOST_ROWS])
    return Markup(
        '<details><summary>The runs</summary><div class="scroll"><table class="runs"><caption>After the last step: the '
        "training cost, and the share of training and test examples that is right. A star marks a run that failed."
        '</caption><thead><tr><th scope="col" rowspan="2">Seed</th>{}</tr><tr>{}</tr></thead><tbody>{}</tbody></table>'
        "</div></details>"
    ).format(tops, names, rows)


def _row(series: Sequence[SeriesRecord], seed: int) -> Markup:
    cells = Markup("").join(_run(one, seed) for one in series)
    return Markup('<tr><th scope="row">{}</th>{}</tr>').format(seed, cells)


def _run(series: SeriesRecord, seed: int) -> Markup:
    runs = series.runs
    i = int(np.searchsorted(runs.seeds, np.uint64(seed)))
    if i == len(runs) or int(runs.seeds[i]) != seed:
        return Markup('<td colspan="3">no run</td>')
    if runs.diverged[i]:
        return Markup('<td colspan="3">diverged at step {} in layer {}*</td>').format(
            int(runs.last_step[i]), int(runs.layer[i])
        )
    cost, train, test = (float(getattr(runs, name)[i, -1]) for name in ("cost", "train_accuracy", "test_accuracy"))
    star = "*" if series.failed[i] else ""
    return Markup("<td>{}{}</td><td>{}</td><td>{}</td>").format(number(cost), star, _share(train), _share(test))


def _share(accuracy: float) -> str:
    return "-" if math.isnan(accuracy) else f"{100 * accuracy:.4g}%"
