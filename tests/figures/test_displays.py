"""Every display draws on the axes it is given, and draws whatever a run may hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from firstdraw.errors import InputError, shown
from firstdraw.experiments import ExperimentRecord
from firstdraw.figures import (
    is_planar,
    plot_accuracy,
    plot_boundary,
    plot_cost,
    plot_layers,
    plot_points,
    quiet_style,
)
from firstdraw.marks import CLASS_COLORS, CLASS_MARKERS, SERIES_COLORS

Drawn = Callable[[str], ExperimentRecord]
Display = Callable[..., Axes]

DISPLAYS: dict[str, Display] = {
    "points": lambda record, ax=None: plot_points(record.dataset, ax=ax),
    "test points": lambda record, ax=None: plot_points(record.dataset, part="test", ax=ax),
    "cost": lambda record, ax=None: plot_cost(record.runs, ax=ax),
    "linear cost": lambda record, ax=None: plot_cost(record.runs, ax=ax, scale="linear"),
    "accuracy": lambda record, ax=None: plot_accuracy(record.runs, ax=ax),
    "boundary": lambda record, ax=None: plot_boundary(record, record.runs[-1], ax=ax, resolution=20),
    "signal": lambda record, ax=None: plot_layers(record.runs, ax=ax),
    "gradient": lambda record, ax=None: plot_layers(record.runs, quantity="gradient", ax=ax),
}
PLANAR = ("points", "test points", "boundary")
HOSTILE = [
    "$x^",
    "$x^$",
    "$\\frac{1}{0",
    "<script>alert(1)</script>",
    "a & b < c > d \"e\" 'f'",
    "long " * 60,
    "Überprüfung, 初期化, эксперимент",
    "אתחול משקולות",
    "_nolegend_",
    "%s {0} \\N{DASH}",
]


@pytest.fixture(params=list(DISPLAYS))
def display(request: pytest.FixtureRequest) -> Display:
    return DISPLAYS[request.param]


def _svg(ax: Axes) -> str:
    buffer = BytesIO()
    ax.figure.savefig(buffer, format="svg")
    return buffer.getvalue().decode()


def test_a_display_returns_the_axes_it_was_given(drawn: Drawn, display: Display) -> None:
    figure = Figure()
    ax = figure.add_subplot()
    assert display(drawn("two classes"), ax=ax) is ax
    assert ax.has_data()
    assert figure.axes == [ax]


def test_a_display_makes_a_new_figure_where_it_is_given_none(drawn: Drawn, display: Display) -> None:
    first, second = display(drawn("two classes")), display(drawn("two classes"))
    assert first.figure is not second.figure
    assert "<svg" in _svg(first)


def test_no_display_opens_a_window_or_imports_pyplot() -> None:
    program = """
import sys
import firstdraw
start = "initializations=[{label='He', weights='he_normal'}]"
result = firstdraw.run(settings=["training.steps=2", "recording.snapshots=[]", start])
result.plot_data(), result.plot_cost(), result.plot_accuracy(), result.plot_boundary("He"), result.plot_layers()
result.to_html()
print("matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", ["two classes", "three classes", "diverging", "never finite", "no steps"])
def test_every_display_draws_every_planar_record(drawn: Drawn, display: Display, name: str) -> None:
    assert "<svg" in _svg(display(drawn(name)))


@pytest.mark.parametrize("name", ["seven classes", "four features"])
@pytest.mark.parametrize("kind", PLANAR)
def test_what_has_no_plane_is_refused(drawn: Drawn, name: str, kind: str) -> None:
    record = drawn(name)
    assert not is_planar(record.dataset)
    with pytest.raises(InputError) as caught:
        DISPLAYS[kind](record)
    assert str(caught.value) == (
        f"`dataset` must have two features and at most six classes to be drawn, got {shown(record.dataset.features)}"
    )


@pytest.mark.parametrize("kind", sorted(set(DISPLAYS) - set(PLANAR)))
def test_curves_need_no_plane(drawn: Drawn, kind: str) -> None:
    assert "<svg" in _svg(DISPLAYS[kind](drawn("four features")))


def _named(record: ExperimentRecord, name: str) -> ExperimentRecord:
    runs = [replace(run, initialization=replace(run.initialization, label=f"{name}{run.label}")) for run in record.runs]
    dataset = replace(record.dataset, classes=(name, "1"), features=(name, "x2"))
    return replace(record, runs=tuple(runs), dataset=dataset)


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")  # matplotlib's own font knows no Chinese
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_breaks_a_display(drawn: Drawn, display: Display, name: str) -> None:
    assert "<script>" not in _svg(display(_named(drawn("two classes"), name)))


def _in_legend(ax: Axes) -> list[str] | None:
    legend = ax.get_legend()
    return None if legend is None else [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("plot", [plot_cost, plot_accuracy, plot_layers])
def test_a_legend_stands_only_where_there_are_several(drawn: Drawn, plot: Callable[..., Axes]) -> None:
    record = drawn("two classes")
    assert _in_legend(plot([record.runs_of("He")[0]])) is None
    firsts = [record.runs_of(label)[0] for label in ("He", "zeros")]
    named = _in_legend(plot(firsts))
    # Zeros have no signal before any layer, and so no line on a logarithmic axis.
    assert named == (["He"] if plot is plot_layers else ["He", "zeros"])


@pytest.mark.parametrize(("label", "name"), [("_x", " _x"), ("é" * 41, "é" * 39 + "…")])
@pytest.mark.parametrize("plot", [plot_cost, plot_accuracy])
def test_a_legend_names_every_run_on_a_short_line(
    drawn: Drawn, plot: Callable[..., Axes], label: str, name: str
) -> None:
    one, other = (record := drawn("two classes")).runs_of("He")[0], record.runs_of("zeros")[0]
    renamed = replace(one, initialization=replace(one.initialization, label=label))
    assert _in_legend(plot([renamed, other])) == [name, "zeros"]


@pytest.mark.parametrize("plot", [plot_cost, plot_accuracy])
def test_the_seeds_of_an_initialization_share_a_color_and_a_name(drawn: Drawn, plot: Callable[..., Axes]) -> None:
    ax = plot(drawn("two classes").runs)
    assert [line.get_color() for line in ax.lines] == [SERIES_COLORS[0]] * 2 + [SERIES_COLORS[1]] * 2
    assert _in_legend(ax) == ["zeros", "He"]


def test_a_curve_is_the_record(drawn: Drawn) -> None:
    record = drawn("two classes")
    for line, run in zip(plot_cost(record.runs).lines, record.runs, strict=True):
        assert np.array_equal(line.get_xydata(), np.stack([run.trajectory.steps, run.trajectory.cost[0]], axis=1))
    for line, run in zip(plot_accuracy(record.runs).lines, record.runs, strict=True):
        assert np.array_equal(line.get_ydata(), run.trajectory.train_accuracy[0])


@pytest.mark.parametrize("quantity", ["signal", "gradient"])
def test_a_layer_is_a_point(drawn: Drawn, quantity: Any) -> None:
    (run,) = drawn("two classes").runs_of("He")[:1]
    (line,) = plot_layers([run], quantity=quantity).lines
    assert line.get_xdata().tolist() == [1, 2]  # type: ignore[union-attr]
    assert line.get_ydata().tolist() == [getattr(state, f"{quantity}_rms") for state in run.measured.start.layers]  # type: ignore[union-attr]


def test_a_constant_cost_looks_constant(drawn: Drawn) -> None:
    low, high = plot_cost(drawn("two classes").runs_of("zeros")).get_ylim()
    assert high / low >= 9.99
    assert low < np.log(2) < high


@pytest.mark.parametrize(("loss", "unit"), [("two classes", "cost (nats)"), ("four features", "cost (nats)")])
def test_the_cost_of_a_classification_is_in_nats(drawn: Drawn, loss: str, unit: str) -> None:
    assert plot_cost(drawn(loss).runs).get_ylabel() == unit


def test_the_cost_of_a_regression_is_in_the_unit_of_its_loss(drawn: Drawn) -> None:
    record = drawn("regression")
    label = plot_cost(record.runs, unit=record.problem.loss.unit).get_ylabel()
    assert label == "cost (squared target units)"


@pytest.mark.parametrize(("name", "classes"), [("two classes", 2), ("three classes", 3)])
@pytest.mark.parametrize("part", ["train", "test"])
def test_every_example_is_drawn_in_the_color_of_its_class(drawn: Drawn, name: str, classes: int, part: str) -> None:
    dataset = drawn(name).dataset
    examples = getattr(dataset, part)
    ax = plot_points(dataset, part=part)
    clouds = [item for item in ax.collections if isinstance(item, PathCollection)]
    assert len(clouds) == classes
    for number, cloud in enumerate(clouds):
        assert np.array_equal(cloud.get_offsets(), examples.inputs[examples.targets == number])
        assert tuple(cloud.get_facecolor()[0][:3]) == to_rgb(CLASS_COLORS[number])
        assert cloud.get_label() == f"class {dataset.classes[number]}"


def test_of_many_examples_the_first_are_drawn(drawn: Drawn) -> None:
    ax = plot_points(drawn("two classes").dataset, most_points=7)
    assert sum(len(item.get_offsets()) for item in ax.collections) == 7


def test_classes_differ_in_shape_as_well_as_in_color() -> None:
    assert len(set(CLASS_COLORS)) == len(set(CLASS_MARKERS)) == len(CLASS_COLORS)


def test_the_boundary_is_where_the_network_is_undecided(drawn: Drawn) -> None:
    record = drawn("two classes")
    run = record.runs_of("He")[0]
    ax = plot_boundary(record, run, resolution=200)
    vertices = [
        path.vertices for item in ax.collections if not isinstance(item, PathCollection) for path in item.get_paths()
    ]
    filled, line = vertices[:-1], vertices[-1]
    assert filled
    Z = record.problem.network.output(run.trajectory.final[0], np.asarray(line).T)
    assert np.abs(Z).max() < 0.02


def test_an_undecided_network_has_no_boundary(drawn: Drawn) -> None:
    record = drawn("two classes")
    undecided = plot_boundary(record, record.runs_of("zeros")[0], resolution=20)
    decided = plot_boundary(record, record.runs_of("He")[0], resolution=20)
    assert len(decided.collections) == len(undecided.collections) + 1


@pytest.mark.parametrize("step", [0, 10, 20])
def test_a_snapshot_is_drawn(drawn: Drawn, step: int) -> None:
    record = drawn("two classes")
    assert plot_boundary(record, record.runs[-1], step=step, resolution=20).has_data()


@pytest.mark.parametrize("step", [-1, 5, 21])
def test_a_step_that_was_not_kept_is_refused(drawn: Drawn, step: int) -> None:
    record = drawn("two classes")
    with pytest.raises(InputError) as caught:
        plot_boundary(record, record.runs[-1], step=step)
    assert str(caught.value) == f"`step` must be one of the kept snapshots [0, 10, 20], got {step}"


def test_a_part_that_is_neither_is_refused(drawn: Drawn) -> None:
    with pytest.raises(InputError) as caught:
        plot_points(drawn("two classes").dataset, part="tset")
    assert str(caught.value) == "`part` must be 'train' or 'test', got 'tset'"


def test_the_quiet_style_leaves_no_trace() -> None:
    before = dict(mpl.rcParams)
    with quiet_style():
        assert not mpl.rcParams["axes.spines.top"]
    assert dict(mpl.rcParams) == before
