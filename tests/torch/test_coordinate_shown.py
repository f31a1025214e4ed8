"""A coordinate check as text, as a page, as a document and as a figure."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from firstdraw.torch import CoordinateCheck, coordinate_check

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


class Hostile(nn.Module):
    """Its name is markup."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.add_module("<script>&", nn.Linear(4, width))
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = nn.Linear(width, 2)

    def forward(self, x: Any) -> Any:
        x = self.get_submodule("<script>&")(x)
        for block in self.blocks:
            x = x + block(x).tanh()
        return self.last(x)


@pytest.fixture(scope="module")
def checked() -> CoordinateCheck:
    x = torch.linspace(-1, 1, 64).reshape(16, 4)
    return coordinate_check(Hostile, x, widths=[8, 32, 128], depths=[1, 2, 4], steps=2, seeds=3)


def test_the_report_reads_verdict_reasons_and_a_table_for_each_axis(checked: CoordinateCheck) -> None:
    lines = str(checked).splitlines()
    assert lines[0] == "fails: along the width and depth, 2 steps of Adam, 3 seeds"
    assert any(line.startswith("grows: `") and line.endswith(").") for line in lines)
    assert "    Let the learning rates of hidden layers fall as 1/width under Adam." in lines
    assert "width 8, 32, 128, at the depth 1" in lines
    assert "depth 1, 2, 4, at the width 8" in lines
    heading = next(line for line in lines if line.startswith("layer"))
    assert [word.strip() for word in heading.split("  ") if word] == [
        "layer",
        "kind",
        "role",
        "step",
        "slope of |x|",
        "slope of |x - x_0|",
        "verdict",
    ]
    assert len(checked.table()) == len(checked.judgments)
    assert all(len(row) == 7 for row in checked.table())


def test_the_document_has_a_schema_and_every_number(checked: CoordinateCheck) -> None:
    document = json.loads(checked.to_json())
    assert document["schema"] == "firstdraw.coordinate-check/1"
    assert document["verdict"] == checked.verdict == "fails"
    assert [fault["sentence"] for fault in document["faults"]] == [fault.sentence for fault in checked.faults]
    assert [(scan["axis"], scan["sizes"], scan["fixed"]) for scan in document["scans"]] == [
        ("width", [8, 32, 128], {"depth": 1}),
        ("depth", [1, 2, 4], {"width": 8}),
    ]
    for scan, measured in zip(document["scans"], checked.scans, strict=True):
        for layer, steps in zip(scan["layers"], measured.layers, strict=True):
            assert [step["signals"] for step in layer["steps"]] == [one.signals.tolist() for one in steps]
            assert [step["changes"] for step in layer["steps"]] == [one.changes.tolist() for one in steps]
    said = [
        (scan["axis"], layer["name"], step["step"], step["verdict"])
        for scan in document["scans"]
        for layer in scan["layers"]
        for step in layer["steps"]
    ]
    assert said == [(one.axis, one.layer, one.step, one.verdict) for one in checked.judgments]


def test_numbers_that_json_has_not_are_null() -> None:
    def diverging(width: int) -> Any:
        return nn.Sequential(nn.Linear(2, width), nn.Linear(width, 2))

    def optimizer(model: Any) -> Any:
        return torch.optim.SGD(model.parameters(), lr=1e30)

    check = coordinate_check(diverging, torch.ones(4, 2), widths=[2, 4, 8], optimizer=optimizer, seeds=2)
    scan = json.loads(check.to_json())["scans"][0]
    assert scan["layers"][0]["steps"][-1]["signals"] == [[None, None]] * 3
    assert scan["divergences"][0] == {"width": 2, "seed": 0, "step": 1, "layer": "1"}


def test_the_page_is_well_formed_whatever_the_names_are(checked: CoordinateCheck) -> None:
    page = checked._repr_html_()
    assert "<script>" not in page
    rows = ET.fromstring(page).findall(".//tbody/tr")  # noqa: S314
    assert len(rows) == len(checked.judgments)
    assert rows[0].findall("td")[0].text == "<script>&"


def test_the_figure_has_a_line_for_each_layer_with_weights(checked: CoordinateCheck) -> None:
    axes = checked.plot()
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_xlabel()) == ("log", "log", "width")
    assert axes.get_title() == "after 2 steps of Adam"
    labels = [str(line.get_label()) for line in axes.lines]
    assert [label.partition(": ")[2] for label in labels] == ["<script>&", "blocks.0", "last"]
    signals = checked.scans[0].layers[-1][2].signals
    drawn: Any = axes.lines[-1].get_ydata()
    assert drawn == pytest.approx((signals.prod(axis=1) ** (1 / 3)).tolist())
    bad = [checked.judgment(name, 2).verdict in {"grows", "shrinks"} for name in ("<script>&", "blocks.0", "last")]
    assert [line.get_linestyle() == "--" for line in axes.lines] == bad
    assert any(bad)


def test_a_step_a_quantity_and_an_axis_can_be_chosen_and_axes_given(checked: CoordinateCheck) -> None:
    from matplotlib.figure import Figure

    own = Figure().add_subplot()
    axes = checked.plot(step=1, quantity="change", axis="depth", ax=own)
    assert axes is own
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == (
        "depth",
        "mean |x - x_0|",
        "after 1 step of Adam",
    )


def test_a_legend_names_the_steepest_of_many_layers() -> None:
    def deep(width: int) -> Any:
        return nn.Sequential(nn.Linear(2, width), *(nn.Linear(width, width) for _ in range(14)))

    check = coordinate_check(deep, torch.ones(4, 2), widths=[2, 4, 8], seeds=2, steps=1)
    axes = check.plot()
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "slope, verdict: layer (steepest of 15)"
    named = [text.get_text().partition(": ")[2] for text in legend.get_texts()]
    slopes = {str(i): abs(slope.value) for i in range(15) if (slope := check.judgment(str(i), 1).signal) is not None}
    assert set(named) == set(sorted(slopes, key=lambda name: -slopes[name])[:12])


def test_what_is_zero_has_no_place_on_a_logarithmic_axis() -> None:
    def silent(width: int) -> Any:
        model = nn.Sequential(nn.Linear(2, width), nn.Linear(width, 2))
        nn.init.zeros_(model[1].weight)
        nn.init.zeros_(model[1].bias)
        return model

    axes = coordinate_check(silent, torch.ones(4, 2), widths=[2, 4, 8], seeds=2).plot(step=0)
    drawn: Any = axes.lines[1].get_ydata()
    assert len(drawn) == 0
    assert str(axes.lines[1].get_label()) == "zero: 1"
