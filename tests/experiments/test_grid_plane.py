"""Numbers over two axes of a grid, by another road; and the depths that theory draws over them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firstdraw.errors import InputError
from firstdraw.experiments import read_table
from firstdraw.experiments.grid import Axis, read_grid_table
from firstdraw.experiments.grid_plane import QUANTITIES, labels_of, names_of, place_on, plane_of, planes_of
from firstdraw.experiments.grid_record import GridRecord
from firstdraw.experiments.trainable_depth import depth_line, trainable_depth
from firstdraw.theory import WideLayer, propagate

TABLE: dict[str, Any] = {
    "seeds": 3,
    "data": {"name": "circles", "train_size": 30, "test_size": 10},
    "network": {"widths": [2, 6, 1], "activation": "tanh"},
    "training": {"loss": "binary_cross_entropy", "steps": 10},
    "recording": {"every": 5},
    "initializations": [
        {"label": "scaled", "weights": {"name": "variance_scaling", "scale": 1.0}},
        {"label": "zeros", "weights": "zeros"},
    ],
    "axes": [
        {"network.depth": [2, 3, 5]},
        {"initializations[0].weights.scale": [0.5, 1.0, 3.0]},
        {"training.optimizer.learning_rate": [0.1, 1.0]},
    ],
}


@pytest.fixture(scope="module")
def record(run_grid: Callable[[dict[str, Any]], GridRecord]) -> GridRecord:
    return run_grid(TABLE)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize(("x", "y"), [(1, 0), (0, 2)])
def test_a_number_is_that_of_the_runs_at_both_points(record: GridRecord, quantity: Any, x: int, y: int) -> None:
    plane = plane_of(record, "scaled", quantity, x, y)
    paths = [record.grid.axes[axis].paths[0] for axis in (x, y)]
    for row, column in np.ndindex(plane.values.shape):
        wanted = (plane.x.values[column][0], plane.y.values[row][0])
        own = [
            series[0]
            for series in record.series
            if tuple(dict(series[0].cell.coordinates)[path] for path in paths) == wanted
        ]
        assert len(own) == 18 // plane.values.size
        runs = np.concatenate([one.failed if quantity == "failed" else one.last(quantity) for one in own])
        assert plane.values[row, column] == pytest.approx(np.mean(runs) if quantity == "failed" else np.median(runs))
    assert (plane.cells == -1).all()
    assert len(plane.pooled) == 1


def test_where_two_points_make_one_cell_it_is_named(run_grid: Callable[[dict[str, Any]], GridRecord]) -> None:
    record = run_grid(TABLE | {"axes": TABLE["axes"][:2], "seeds": 1})
    plane = plane_of(record, "zeros", "cost", 1, 0)
    for row, column in np.ndindex(plane.cells.shape):
        coordinates = record.grid.cells[plane.cells[row, column]].coordinates
        assert tuple(value for _, value in coordinates) == (plane.y.values[row][0], plane.x.values[column][0])
    assert plane.pooled == ()


def test_runs_that_all_diverged_are_no_empty_cell(record: GridRecord) -> None:
    first = record.series[0][0]
    lost = replace(first, runs=replace(first.runs, cost=np.full(first.runs.cost.shape, np.nan)))
    empty = replace(first, runs=first.runs.chosen(np.zeros(0, np.int64)))
    for one, expected in ((lost, np.inf), (empty, np.nan)):
        cells = tuple((one, series[1]) for series in record.series)
        np.testing.assert_array_equal(plane_of(replace(record, series=cells), "scaled", "cost", 1, 0).values, expected)


def test_depths_stand_along_the_left(record: GridRecord) -> None:
    assert planes_of(record.grid) == ((1, 0), (2, 0), (2, 1))
    assert labels_of(record) == ("scaled", "zeros")
    assert names_of(record.grid, 1).title == "scale"
    assert names_of(record.grid, 1).points == ("0.5", "1", "3")


@pytest.mark.parametrize(
    ("rates", "names"), [([0.1 + 0.2, 1.0], ("0.3", "1")), ([0.12345, 0.12346], ("0.12345", "0.12346"))]
)
def test_numbers_are_short_where_that_tells_them_apart(rates: list[float], names: tuple[str, ...]) -> None:
    grid = read_grid_table(TABLE | {"axes": [{"training.optimizer.learning_rate": rates}]})
    assert names_of(grid, 0).points == names


@pytest.mark.parametrize(
    ("label", "quantity", "x", "y", "sentence"),
    [
        (
            "scaled",
            "loss",
            0,
            1,
            "`quantity` must be 'failed', 'cost', 'test_cost', 'train_accuracy' or 'test_accuracy', got 'loss'",
        ),
        ("he", "cost", 0, 1, "`label` must be 'scaled' or 'zeros', got 'he'"),
        ("zeros", "cost", 1, 1, "`axes` must be two different numbers of axes below 3, got (1, 1)"),
        ("zeros", "cost", 0, 3, "`axes` must be two different numbers of axes below 3, got (0, 3)"),
    ],
)
def test_what_is_not_there_is_refused(
    record: GridRecord, label: str, quantity: Any, x: int, y: int, sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        plane_of(record, label, quantity, x, y)
    assert str(caught.value) == sentence


def test_a_number_has_a_place_on_an_axis_of_rising_numbers() -> None:
    place = place_on(Axis(("p",), ((1,), (2,), (4.0,))))
    assert place is not None
    assert [place(value) for value in (1, 1.5, 2, 3, 4, 5, 0)] == [0, 0.5, 1, 1.5, 2, 2.5, -1]
    assert place(math.inf) == math.inf
    for values in (((1,),), ((2,), (1,)), (("a",), ("b",)), ((True,), (False,))):
        assert place_on(Axis(("p",), values)) is None
    assert place_on(Axis(("p", "q"), ((1, 1), (2, 2)))) is None


def _spec(scale: float, depth: int = 8, **parts: Any) -> Any:
    start = {"label": "s", "weights": {"name": "variance_scaling", "scale": scale}} | parts
    table = {key: value for key, value in TABLE.items() if key != "axes"}
    return read_table(table | {"network": TABLE["network"] | {"depth": depth}, "initializations": [start]})


@pytest.mark.parametrize("scale", [1.2, 2.0, 3.0])
@pytest.mark.parametrize("biases", [0.0, 0.2])
def test_the_depth_is_six_correlation_scales(scale: float, biases: float) -> None:
    spec = _spec(scale, biases={"name": "normal", "standard_deviation": biases} if biases else "zeros")
    layer = WideLayer(activation=spec.network.activation, weight_variance=scale, bias_variance=biases**2)
    assert trainable_depth(spec, 0) == pytest.approx(propagate(layer, depth=1).limit.trainable_depth, rel=1e-6)


def test_where_the_signal_dies_out_the_depth_is_that_of_ever_smaller_biases() -> None:
    layer = WideLayer(activation=_spec(0.5).network.activation, weight_variance=0.5, bias_variance=1e-10)
    assert trainable_depth(_spec(0.5), 0) == pytest.approx(6 / math.log(2), rel=1e-9)
    assert propagate(layer, depth=1).limit.trainable_depth == pytest.approx(6 / math.log(2), rel=1e-6)
    assert trainable_depth(_spec(1.0), 0) == math.inf


@pytest.mark.parametrize("parts", [{"fit": "lsuv"}, {"weights": {"name": "constant", "value": 0.5}}])
def test_where_theory_has_no_such_depth_there_is_none(parts: dict[str, Any]) -> None:
    assert trainable_depth(_spec(1.0, **parts), 0) is None


def test_without_layers_between_the_first_and_the_last_there_is_none() -> None:
    assert trainable_depth(_spec(1.0, depth=2), 0) is None


def test_the_line_goes_through_the_depths_of_the_cells() -> None:
    grid = read_grid_table(TABLE | {"axes": TABLE["axes"][:2]})
    line = depth_line(grid, "scaled", grid.axes[1], grid.axes[0])
    assert line is not None
    assert (np.diff(line.places) > 0).all()
    for i, (scale,) in enumerate(grid.axes[1].values):
        (at,) = line.depths[line.places == i]
        assert at == trainable_depth(_spec(scale), 0)
    assert "6 correlation scales of its hidden layers" in line.sentence
    none = depth_line(grid, "zeros", grid.axes[1], grid.axes[0])
    assert none is not None
    assert (none.depths == 0).all()


def test_where_there_is_no_single_depth_it_is_said() -> None:
    starts = [{"label": "scaled", "weights": {"name": "variance_scaling", "scale": 1.0}, "fit": "lsuv"}]
    grid = read_grid_table(TABLE | {"axes": TABLE["axes"][:2], "initializations": starts})
    line = depth_line(grid, "scaled", grid.axes[1], grid.axes[0])
    assert line is not None
    assert line.depths.size == 0
    assert line.sentence.startswith("No line of theory: it has no single depth up to which scaled trains")


def test_without_an_axis_of_depths_no_line_is_expected() -> None:
    grid = read_grid_table(TABLE)
    assert depth_line(grid, "scaled", grid.axes[0], grid.axes[1]) is None
    names = read_grid_table(TABLE | {"axes": [TABLE["axes"][0], {"network.activation": ["relu", "tanh"]}]})
    assert depth_line(names, "scaled", names.axes[1], names.axes[0]) is None
