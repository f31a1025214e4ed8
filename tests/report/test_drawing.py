"""Figures as SVG: axes with room and ticks for any numbers, and marks where the numbers say."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.marks import LINE_STYLES
from firstdraw.report.axes import Axis, linear_axis, logarithmic_axis
from firstdraw.report.drawing import Panel, certainties, dots, frame, legend, line, regions
from firstdraw.sigmoid import logit

NUMBERS = st.floats(-1e300, 1e300)
POSITIVE = st.floats(1e-300, 1e300)
UNIT = Axis(0, 1, (0.0, 0.5, 1.0))
PANEL = Panel(10, 20, 100, 50, UNIT, UNIT)


def _check(axis: Axis) -> None:
    assert axis.low < axis.high
    assert 1 <= len(axis.ticks) <= 8
    shares = axis.share(np.array(axis.ticks))
    assert (shares > -1e-9).all()
    assert (shares < 1 + 1e-9).all()
    assert all(first < second for first, second in pairwise(axis.ticks))
    assert all(0 < len(text) <= 10 for _, text in axis.written())


@given(NUMBERS, NUMBERS)
def test_a_linear_axis_has_room_and_ticks(first: float, second: float) -> None:
    low, high = sorted((first, second))
    axis = linear_axis(low, high)
    assert axis.low <= low <= high <= axis.high
    # Where the values differ in their last digits only, no tick may fall between them.
    if high - low > 1e-9 * max(abs(low), abs(high)):
        _check(axis)


@given(st.floats(-1e6, 1e6), st.floats(0.01, 1e6))
def test_linear_ticks_are_even_steps_of_one_two_or_five(low: float, span: float) -> None:
    ticks = linear_axis(low, low + span).ticks
    steps = np.diff(ticks)
    assert len(ticks) >= 3
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
    assert round(steps[0] / 10 ** math.floor(math.log10(steps[0] * 1.001)), 6) in {1, 2, 5}


@given(st.lists(POSITIVE | st.sampled_from([0.0, -1.0, math.nan, math.inf]), min_size=1, max_size=20))
def test_a_logarithmic_axis_spans_a_factor_of_ten_and_the_positive_values(values: list[float]) -> None:
    array = np.array(values)
    axis = logarithmic_axis(array)
    _check(axis)
    assert axis.high - axis.low >= 1
    shares = axis.share(array)
    placed = np.isfinite(array) & (array > 0)
    assert ((shares[placed] >= 0) & (shares[placed] <= 1)).all()
    assert np.isnan(shares[~placed]).all()


def test_ticks_are_written_for_people() -> None:
    assert [text for _, text in Axis(-1, 20_000, (-0.5, 0, 2.5, 15_000)).written()] == [
        "\N{MINUS SIGN}0.5",
        "0",
        "2.5",
        "15,000",
    ]
    assert [text for _, text in Axis(-5, 300, (1e-5, 1e300), logarithmic=True).written()] == ["1e-05", "1e+300"]


def test_points_stand_where_the_axes_say() -> None:
    places = PANEL.places(np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, np.nan]))
    assert places[:2].tolist() == [[10, 70], [60, 20]]
    assert np.isnan(places[2]).any()


def test_a_line_is_broken_where_a_point_has_no_place() -> None:
    places = PANEL.places(np.arange(6) / 5, np.array([0, 0.5, np.nan, 1, np.inf, 0.5]))
    (path,) = re.findall(r' d="([^"]*)"', line(places, 0))
    assert path == "M10.0 70.0L30.0 45.0M70.0 20.0M110.0 45.0h0".replace("M70.0 20.0M", "M70.0 20.0h0M")
    assert "nan" not in line(np.full((3, 2), np.nan), 0)


def test_a_long_line_keeps_its_lowest_and_highest_points() -> None:
    heights = np.full(100_000, 0.5)
    heights[[12_345, 77_777]] = 0.0, 1.0
    (path,) = re.findall(r' d="([^"]*)"', line(PANEL.places(np.linspace(0, 1, len(heights)), heights), 0))
    assert len(path) < 20_000
    drawn = [float(number) for number in re.findall(r"[\d.]+ ([\d.]+)", path)]
    assert (min(drawn), max(drawn)) == (20, 70)
    assert path.startswith("M10.0 45.0")
    assert path.endswith("110.0 45.0")


def test_the_first_four_lines_differ_without_color() -> None:
    dashes = {re.sub(r"series-\d", "", line(np.zeros((2, 2)), number)) for number in range(len(LINE_STYLES))}
    assert len(dashes) == len(LINE_STYLES)


@pytest.mark.parametrize("number", range(8))
def test_every_mark_is_drawn_once_a_point(number: int) -> None:
    path = dots(np.array([[1.0, 2.0], [3.04, 4.0], [5.0, 6.0]]), number, 2.5)
    assert re.findall(r"M([\d.]+ [\d.]+)", path) == ["1 2", "3 4", "5 6"]
    assert f"--series-{number % 6}" in path


def test_the_six_marks_have_six_shapes() -> None:
    shapes = {re.sub(r"--series-\d", "", dots(np.zeros((1, 2)), number, 2.5)) for number in range(6)}
    assert len(shapes) == 6


def test_names_are_text() -> None:
    drawn = frame(PANEL, "<b>", '"&')
    assert "<b>" not in drawn
    assert "&lt;b&gt;" in drawn
    parts, _ = legend(0, 100, ["<i>"], lambda _ends, _number: "")
    assert "&lt;i&gt;" in "".join(parts)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=12), st.floats(100, 900))
def test_a_legend_wraps_and_says_how_high_it_is(names: list[str], width: float) -> None:
    parts, height = legend(10, width, names, lambda ends, _number: f"{ends[0, 0]} {ends[0, 1]}|")
    spots = [tuple(map(float, part.split("|")[0].split())) for part in parts]
    assert len(spots) == len(set(spots)) == len(names)
    assert all(x >= 10 and y < height for x, y in spots)
    rows = sorted({y for _, y in spots})
    assert height == len(rows) * rows[0] * 2
    # Only a name that is alone in its row may be too long for it.
    assert all(x < 10 + width for x, _ in spots)


# The plane.


def _fills(drawn: str) -> set[tuple[str, str]]:
    return set(re.findall(r'fill="var\(--series-(\d)\)" opacity="([\d.]+)"', drawn))


def _half(p: float) -> float:
    return p


@pytest.mark.parametrize(("value", "number"), [(-30.0, "0"), (30.0, "1")])
@pytest.mark.parametrize("height", [logit, _half])
def test_a_certain_plane_is_of_one_deep_color_without_a_line(
    value: float, number: str, height: Callable[[float], float]
) -> None:
    drawn = certainties(PANEL, np.full((5, 5), value), height)
    assert _fills(drawn) == {(number, "0.1"), (number, "0.45")}
    assert "stroke" not in drawn


def test_an_undecided_plane_is_of_class_0_as_it_is_classified() -> None:
    drawn = certainties(PANEL, np.zeros((5, 5)), logit)
    assert _fills(drawn) == {("0", "0.1")}
    assert "stroke" not in drawn


def test_the_line_runs_where_both_classes_are_equally_probable() -> None:
    # The output is -7,000 at the left and 3,000 at the right: one half at 0.7, however certain the ends are.
    drawn = certainties(PANEL, np.tile(np.linspace(-7000, 3000, 11), (4, 1)), logit)
    (border,) = re.findall(r'<path d="([^"]*)" fill="none" stroke="currentColor"', drawn)
    start = re.match(r"M([\d.]+) ([\d.]+)l", border)
    assert start is not None
    assert float(start[1]) == 80
    assert {number for number, _ in _fills(drawn)} == {"0", "1"}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_outputs_that_are_not_finite_leave_a_picture(value: float) -> None:
    z = np.array([[value, -1.0], [1.0, value]])
    assert "nan" not in certainties(PANEL, z, logit)
    assert "inf" not in certainties(PANEL, z, logit)
    assert "nan" not in regions(PANEL, np.stack([z, 1 - z, z]))


def test_each_of_several_classes_has_the_part_where_it_is_most_probable() -> None:
    x = np.linspace(0, 1, 41)
    P = np.stack([np.tile(row, (3, 1)) for row in (1 - x, np.full_like(x, 0.4), x)])
    drawn = regions(PANEL, P / P.sum(axis=0))
    assert {number for number, _ in _fills(drawn)} == {"0", "2"}
    P[1] = 0.8
    assert {number for number, _ in _fills(regions(PANEL, P))} == {"0", "1", "2"}
