"""The displays of a grid draw its numbers on the axes they are given, whatever the runs and the names are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from firstdraw.errors import InputError
from firstdraw.experiments.grid_plane import GridPlane, plane_of
from firstdraw.experiments.grid_record import GridRecord, SeriesRecord
from firstdraw.experiments.statistics import Survival
from firstdraw.experiments.statistics.steps_to import leaving, steps_to
from firstdraw.experiments.trainable_depth import DepthLine, depth_line
from firstdraw.figures import plot_bands, plot_heat_map, plot_survival
from firstdraw.marks import SERIES_COLORS

HOSTILE = "$x^ <script>alert('x')</script> & \"quoted\" 初期化"
TABLE: dict[str, Any] = {
    "seeds": 6,
    "data": {"name": "circles", "train_size": 30, "test_size": 10},
    "network": {"widths": [2, 6, 1], "activation": "tanh"},
    "training": {"loss": "squared_error", "optimizer": {"name": "sgd", "learning_rate": 0.1}, "steps": 20},
    "recording": {"every": 5},
    "initializations": [
        {"label": "scaled", "weights": {"name": "variance_scaling", "scale": 1.0}},
        {"label": HOSTILE, "weights": {"name": "normal", "standard_deviation": 3.0}},
    ],
    "axes": [{"network.depth": [2, 3, 30]}, {"initializations[0].weights.scale": [0.5, 1.0, 3.0]}],
}
Display = Callable[[GridRecord, Axes | None], Axes]


def _curves(series: tuple[SeriesRecord, ...]) -> dict[str, Survival]:
    return {one.initialization.label: steps_to([one], 0.95) for one in series}


def _plane(record: GridRecord, quantity: Any = "cost", label: str = "scaled") -> GridPlane:
    return plane_of(record, label, quantity, 1, 0)


DISPLAYS: dict[str, Display] = {
    "bands": lambda record, ax: plot_bands(record.series[0], ax=ax),
    "bands of an accuracy": lambda record, ax: plot_bands(record.series[-1], curve="test_accuracy", ax=ax),
    "single runs": lambda record, ax: plot_bands(record.series[-1], single_runs=3, ax=ax),
    "heat map": lambda record, ax: plot_heat_map(_plane(record), ax=ax),
    "heat map with a line": lambda record, ax: plot_heat_map(
        plane := _plane(record, "failed"), line=depth_line(record.grid, "scaled", plane.x, plane.y), ax=ax
    ),
    "hostile heat map": lambda record, ax: plot_heat_map(_plane(record, "test_accuracy", HOSTILE), ax=ax),
    "survival": lambda record, ax: plot_survival(_curves(record.series[0]), ax=ax),
    "survival without intervals": lambda record, ax: plot_survival(_curves(record.series[0]), intervals=False, ax=ax),
}


@pytest.fixture(scope="module")
def record(run_grid: Callable[[dict[str, Any]], GridRecord]) -> GridRecord:
    return run_grid(TABLE)


@pytest.fixture(scope="module")
def diverged(run_grid: Callable[[dict[str, Any]], GridRecord]) -> GridRecord:
    """Some of these runs diverge at once, others on their way, and there are no test examples."""
    return run_grid(
        TABLE
        | {
            "training": TABLE["training"] | {"optimizer": {"name": "sgd", "learning_rate": 1e12}},
            "data": TABLE["data"] | {"test_size": 0},
        }
    )


@pytest.fixture(params=list(DISPLAYS))
def display(request: pytest.FixtureRequest) -> Display:
    return DISPLAYS[request.param]


def _svg(ax: Axes) -> str:
    buffer = BytesIO()
    ax.figure.savefig(buffer, format="svg")
    return buffer.getvalue().decode()


def test_a_display_returns_the_axes_it_was_given(record: GridRecord, display: Display) -> None:
    figure = Figure()
    ax = figure.add_subplot()
    assert display(record, ax) is ax
    assert ax.has_data()
    assert figure.axes == [ax]
    assert "<svg" in _svg(ax)


def test_a_display_makes_a_new_figure_where_it_is_given_none(record: GridRecord, display: Display) -> None:
    assert display(record, None).figure is not display(record, None).figure


def test_every_display_draws_runs_that_diverged(diverged: GridRecord, display: Display) -> None:
    assert diverged.failed > 0
    assert "<svg" in _svg(display(diverged, None))


def test_every_display_draws_a_grid_without_runs_of_some_cell(record: GridRecord, display: Display) -> None:
    first = tuple(replace(one, runs=one.runs.chosen(np.zeros(0, np.int64))) for one in record.series[4])
    part = replace(record, series=(*record.series[:4], first, *record.series[5:]))
    assert "<svg" in _svg(display(part, None))


@pytest.mark.parametrize("curve", ["cost", "test_cost", "train_accuracy", "test_accuracy"])
def test_a_band_is_the_middle_half_around_the_median(record: GridRecord, curve: Any) -> None:
    series = record.series[0]
    ax = plot_bands(series, curve=curve)
    for line, area, one, color in zip(ax.lines, ax.collections, series, SERIES_COLORS, strict=False):
        values = getattr(one.runs, curve)
        low, median, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        np.testing.assert_allclose(line.get_ydata(), median)
        assert line.get_color() == color
        (path,) = area.get_paths()
        heights = path.vertices[:, 1]
        assert heights.min() == pytest.approx(low.min())
        assert heights.max() == pytest.approx(high.max())


def test_single_runs_are_drawn_on_request(record: GridRecord) -> None:
    series = record.series[0][:1]
    thin, (middle,) = plot_bands(series, single_runs=4).lines[:4], plot_bands(series).lines
    assert [line.get_ydata().tolist() for line in thin] == series[0].runs.cost[:4].tolist()
    assert all(line.get_linewidth() < middle.get_linewidth() for line in thin)


def test_there_is_no_median_where_half_of_the_runs_diverged(diverged: GridRecord) -> None:
    series = next(series for series in diverged.series if series[0].runs.diverged.mean() > 0.5)
    (line,) = plot_bands(series[:1]).lines
    assert np.isnan(np.asarray(line.get_ydata(), float)[-1])


def test_a_curve_that_is_not_there_is_refused(record: GridRecord) -> None:
    with pytest.raises(InputError) as caught:
        plot_bands(record.series[0], curve="loss")  # type: ignore[arg-type]
    assert str(caught.value) == ("`curve` must be 'cost', 'test_cost', 'train_accuracy' or 'test_accuracy', got 'loss'")


@pytest.mark.parametrize("quantity", ["failed", "cost"])
def test_a_heat_map_has_the_numbers_of_its_plane(record: GridRecord, quantity: Any) -> None:
    plane = _plane(record, quantity)
    ax = plot_heat_map(plane)
    (mesh,) = ax.collections
    np.testing.assert_array_equal(np.ma.getdata(mesh.get_array()).reshape(plane.values.shape), plane.values)
    pattern = ".0%" if quantity == "failed" else ".2g"
    assert [text.get_text() for text in ax.texts] == [format(value, pattern) for value in plane.values.ravel()]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.5", "1", "3"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["2", "3", "30"]


def test_what_is_infinite_is_crossed_out(record: GridRecord) -> None:
    plane = _plane(record)
    values = plane.values.copy()
    values[1, 2] = np.inf
    (cross,) = plot_heat_map(replace(plane, values=values)).lines
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (2.5, 1.5)


def test_the_line_of_theory_stands_at_its_depths(record: GridRecord) -> None:
    plane = _plane(record)
    line = DepthLine(np.array([0.0, 1.0, 2.0]), np.array([2.5, 16.5, np.inf]), "")
    (drawn,) = plot_heat_map(plane, line=line).lines
    # 2.5 lies half way from 2 to 3, 16.5 from 3 to 30; what is infinite beyond the upper edge.
    assert drawn.get_xydata().tolist() == [[0.5, 1.0], [1.5, 2.0], [2.5, 4.5]]
    empty = DepthLine(np.array([]), np.array([]), "")
    assert len(plot_heat_map(plane, line=empty).lines) == 0


def test_where_numbers_have_no_room_a_bar_tells_the_colors(record: GridRecord) -> None:
    plane = _plane(record)
    wide = replace(
        plane,
        values=np.tile(plane.values, (1, 5)),
        x_names=replace(plane.x_names, points=plane.x_names.points * 5),
    )
    ax = plot_heat_map(wide)
    assert len(ax.texts) == 0
    assert len(ax.figure.axes) == 2


@pytest.mark.parametrize("intervals", [True, False])
def test_a_survival_curve_has_steps_and_marks(record: GridRecord, intervals: bool) -> None:
    curves = _curves(record.series[0])
    ax = plot_survival(curves, intervals=intervals)
    steps, marks = ax.lines[::2], ax.lines[1::2]
    for line, mark, found in zip(steps, marks, curves.values(), strict=True):
        assert line.get_drawstyle() == "steps-post"
        assert line.get_ydata().tolist() == [1.0, *found.share.tolist()]
        assert mark.get_xdata().tolist() == found.steps[leaving(found)].tolist()
    assert len(ax.collections) == (len(curves) if intervals else 0)
