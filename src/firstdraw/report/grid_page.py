"""The report of a grid: one self-contained page, bounded in size however many runs it tells of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from firstdraw.engine import Engine
from firstdraw.experiments.grid import Cell, Grid, grid_as_toml
from firstdraw.experiments.grid_plane import labels_of, names_of, plane_of, planes_of
from firstdraw.experiments.grid_record import GridRecord, SeriesRecord
from firstdraw.experiments.statistics import LEARNING_RATE, Ranking, TunedCells, tuned_rankings
from firstdraw.experiments.statistics.steps_to import steps_to
from firstdraw.experiments.trainable_depth import DEPTH, depth_line
from firstdraw.report.cell_command import cell_command
from firstdraw.report.cell_sections import CellSections, cell_sections
from firstdraw.report.grid_causes import FailedSeries, failed_series, with_causes
from firstdraw.report.grid_pictures import axis_picture, bands_picture, plane_picture, survival_picture
from firstdraw.report.grid_summary import percent, rankings_of
from firstdraw.report.pictures import Picture
from firstdraw.report.template import rendered

__all__ = ["GridReport"]

SECTIONS_BYTES: Final = 1_350_000
"""For the cells' own sections; all the rest of the page is bounded by the numbers below, to half a megabyte or so."""
MOST_MAPS: Final = 12
MOST_MAPPED_CELLS: Final = 6000
"""Of all maps together."""
MOST_LINKED_CELLS: Final = 400
"""In the maps of more cells these are drawn together and lead nowhere."""
MOST_POINTS: Final = 60
"""Of an axis; beyond, cells would be a few pixels wide."""
MOST_RANKED: Final = 100
MOST_TUNED_CELLS: Final = 200
MOST_TUNED: Final = 12
MOST_SURVIVALS: Final = 4
"""So many cells get survival curves of their own; of more the runs of all cells are taken together."""
MOST_FAILURES: Final = 100
MOST_REFUSED: Final = 30
MOST_SINGLE: Final = 50
LONGEST: Final = 160
"""Letters of a label or a message in a table."""
LONGEST_SPEC: Final = 60_000
REACHED: Final = 0.5
"""The share of what guessing costs, to which survival curves count the steps."""


@dataclass(frozen=True, slots=True)
class _AxisLine:
    paths: str
    points: int
    values: str


class GridReport:
    """The report of a grid.

    Args:
        record: its runs.
        engine: what trains some of the failed runs again to find the causes; by default what trained them all.
    """

    def __init__(self, record: GridRecord, engine: Engine | None = None) -> None:
        self._record = record
        self._engine = engine or record.engine

    def html(self, times: Mapping[str, float] | None = None) -> str:
        """Return the page.

        Args:
            times: seconds by what they were spent on.
        """
        record, grid = self._record, self._record.grid
        rankings = rankings_of(record, MOST_RANKED)
        sections = cell_sections(record, rankings, SECTIONS_BYTES)
        failures = failed_series(record)
        told = with_causes(failures[:MOST_FAILURES], self._engine)
        pictures, left_out = _overview(record, sections)
        is_tuned = len(grid) <= MOST_TUNED_CELLS
        tuned = tuned_rankings(record) if is_tuned else ()
        spec = grid_as_toml(grid)
        return rendered(
            "grid.html",
            title=grid.title,
            unit=grid.cells[0].spec.training.loss.unit,
            lede=_lede(record),
            axes=_axes(grid),
            starts=_starts(grid),
            pictures=pictures,
            left_out=left_out,
            ranked=_ranked(record, rankings, sections),
            only=next(iter(rankings.values())) if len(grid) == 1 and rankings else None,
            unranked=_unranked(record, rankings),
            tuned=[(_coordinates(one, grid), one) for one in tuned[:MOST_TUNED]],
            more_tuned=max(0, len(tuned) - MOST_TUNED),
            untuned=not is_tuned and any(LEARNING_RATE in axis.paths for axis in grid.axes),
            survivals=_survivals(record),
            failures=[_failure_row(one, sections) for one in told],
            more_failures=failures[MOST_FAILURES:],
            unlooked=sum(one.cause is None for one in told),
            refused=_refused(record, sections)[:MOST_REFUSED],
            more_refused=max(0, len(_refused(record, sections)) - MOST_REFUSED),
            sections=sections,
            engine=record.engine.name,
            times=times or {},
            spec=spec[:LONGEST_SPEC],
            cut=len(spec) > LONGEST_SPEC,
            command=cell_command(grid.cells[0]),
            clipped=clipped,
        )


def clipped(text: str) -> str:
    """Return a text as a table of a bounded page shows it: of at most 160 letters."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _lede(record: GridRecord) -> str:
    grid, labels = record.grid, labels_of(record)
    seeds = {len(cell.spec.seeds) for cell in grid.cells}
    each = f"{_plural(seeds.pop(), 'seed')} each" if len(seeds) == 1 else "as many seeds as each cell asks for"
    asked = f"{_plural(len(grid), 'cell')} of {_plural(len(labels), 'initialization')} with {each}"
    if not record.runs:
        return f"{asked}: no run is stored yet."
    failed = f"{record.failed:,} failed ({percent(record.failed / record.runs)})"
    told = f"{asked}: {_plural(record.runs, 'run')}, of which {failed}."
    if not (missing := grid.runs - record.runs):
        return told
    refused = f", {record.refused:,} of them because they could not be made" if record.refused else ""
    return f"{told} Of the runs that were asked for {missing:,} {'is' if missing == 1 else 'are'} missing{refused}."


def _axes(grid: Grid) -> list[_AxisLine]:
    names = [names_of(grid, number) for number in range(len(grid.axes))]
    return [
        _AxisLine(", ".join(axis.paths), len(axis), clipped(", ".join(own.points)))
        for axis, own in zip(grid.axes, names, strict=True)
    ]


def _starts(grid: Grid) -> list[tuple[str, str]]:
    """Return each initialization of the first cell with what it is, as a spec writes it."""
    starts = grid.base.get("initializations", ())
    return [
        (start.label, clipped(_described(starts[i]) if i < len(starts) else ""))
        for i, start in enumerate(grid.cells[0].spec.initializations)
    ]


def _described(start: Any) -> str:  # noqa: ANN401  # any TOML value
    if not isinstance(start, Mapping):
        return str(start)
    return ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)}"
        for key, value in start.items()  # pyright: ignore[reportUnknownVariableType]  # any TOML value
        if key != "label"
    )


def _overview(record: GridRecord, sections: CellSections) -> tuple[list[tuple[Picture, str]], str]:
    """Return the figures over the grid, each with its role on the page, and a sentence on those that are left out."""
    grid = record.grid
    if not record.runs:
        return [], ""
    long = [number for number, axis in enumerate(grid.axes) if len(axis) > 1]
    if len(long) >= 2:
        return _maps(record, sections)
    if len(long) == 1 and len(grid.axes[long[0]]) <= MOST_POINTS:
        return [(axis_picture(record, long[0]), "img")], ""
    if len(grid) == 1:
        return [(bands_picture(record.series[0], MOST_SINGLE), "img")], ""
    return [], f"The axis has more than {MOST_POINTS} points, too many to be drawn: the cells below tell of each."


def _maps(record: GridRecord, sections: CellSections) -> tuple[list[tuple[Picture, str]], str]:
    grid = record.grid
    # The planes with a depth come first: theory has something to say of them.
    pairs = sorted(planes_of(grid), key=lambda pair: DEPTH not in grid.axes[pair[1]].paths)
    wanted = [(pair, label) for pair in pairs for label in labels_of(record)]
    found: list[tuple[Picture, str]] = []
    room = MOST_MAPPED_CELLS
    for (x, y), label in wanted:
        cells = 2 * len(grid.axes[x]) * len(grid.axes[y])
        if max(len(grid.axes[x]), len(grid.axes[y])) > MOST_POINTS or cells > room or len(found) == MOST_MAPS:
            continue
        room -= cells
        linked = cells <= 2 * MOST_LINKED_CELLS
        failed, cost = (plane_of(record, label, quantity, x, y) for quantity in ("failed", "cost"))
        line = depth_line(grid, label, grid.axes[x], grid.axes[y])
        anchors = sections.link_of if linked else _nowhere
        found.append((plane_picture(failed, cost, line, anchors), "group" if linked else "img"))
    left = len(wanted) - len(found)
    sentence = (
        f"{_plural(left, 'more map')} of an initialization over two axes {'is' if left == 1 else 'are'} not drawn, to "
        "keep the page small: `firstdraw.figures.plot_heat_map` draws any."
    )
    return found, sentence if left else ""


def _nowhere(cell: int) -> str:  # noqa: ARG001
    return ""


def _ranked(record: GridRecord, rankings: Mapping[int, Ranking], sections: CellSections) -> list[tuple[str, str, str]]:
    """Return for each ranked cell its label, where it is told, and its groups in a line."""
    found: list[tuple[str, str, str]] = []
    for cell, ranking in rankings.items():
        groups: dict[int, list[str]] = {}
        for row in ranking.rows:
            groups.setdefault(row.group, []).append(clipped(row.label))
        line = " \N{RIGHTWARDS ARROW} ".join(", ".join(labels) for labels in groups.values())
        found.append((clipped(record.grid.cells[cell].label), sections.link_of(cell), line))
    return found


def _unranked(record: GridRecord, rankings: Mapping[int, Ranking]) -> str:
    """Say of which cells no ranking is told, and why."""
    if not rankings:
        return "No cell has the two initializations and the five common seeds that a ranking takes."
    later = len(record.grid) - 1 - max(rankings)
    if len(rankings) == MOST_RANKED and later:
        return f"The {_plural(later, 'cell')} after these {'is' if later == 1 else 'are'} not ranked, to save time."
    few = len(record.grid) - len(rankings)
    return (
        f"{_plural(few, 'cell')} with fewer than five common seeds {'is' if few == 1 else 'are'} not ranked."
        if few
        else ""
    )


def _coordinates(tuned: TunedCells, grid: Grid) -> str:
    return clipped(Cell(tuned.coordinates, grid.cells[0].spec).label)


def _survivals(record: GridRecord) -> list[Picture]:
    """Return the curves of each of a few cells, or of the runs of all; none where no run gets so far."""
    if len(record.grid) <= MOST_SURVIVALS:
        found = [_survival(series, series[0].cell.label or "All runs", intervals=True) for series in record.series]
    else:
        together = [one for series in record.series for one in series]
        found = [_survival(together, f"The runs of all {len(record.grid):,} cells together", intervals=False)]
    return [picture for picture in found if picture is not None]


def _survival(series: Sequence[SeriesRecord], title: str, *, intervals: bool) -> Picture | None:
    own: dict[str, list[SeriesRecord]] = {}
    for one in series:
        own.setdefault(one.initialization.label, []).append(one)
    curves = {label: steps_to(some, REACHED) for label, some in own.items() if any(len(one.runs) for one in some)}
    reached = any(curve.reached for curve in curves.values())
    return survival_picture(curves, title, intervals=intervals) if reached else None


def _failure_row(item: FailedSeries, sections: CellSections) -> dict[str, Any]:
    cause = item.cause
    return {
        "coordinates": clipped(item.series.cell.label) or "the cell",
        "link": sections.link_of(item.cell),
        "initialization": clipped(item.series.initialization.label),
        "failures": item.failures,
        "runs": len(item.series.runs),
        "cause": "" if cause is None else cause.finding.cause,
        "severity": "" if cause is None else cause.finding.severity.name.lower(),
        "sentence": "" if cause is None else cause.finding.sentence,
        "seen": "" if cause is None else f"{cause.agreeing} of {len(cause.diagnosed)} looked at",
    }


def _refused(record: GridRecord, sections: CellSections) -> list[dict[str, Any]]:
    """Return the runs that could not be made, those of a series with the same message together."""
    found: list[dict[str, Any]] = []
    for cell, series in enumerate(record.series):
        for one in series:
            messages: dict[str, list[int]] = {}
            for failure in one.refused:
                messages.setdefault(failure.message, []).append(failure.seed)
            found += [
                {
                    "coordinates": clipped(one.cell.label) or "the cell",
                    "link": sections.link_of(cell),
                    "initialization": clipped(one.initialization.label),
                    "seeds": clipped(", ".join(map(str, seeds))),
                    "message": clipped(message),
                }
                for message, seeds in messages.items()
            ]
    return found
