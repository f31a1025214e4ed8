"""A checked model as text, as a page, as a document and as a figure."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from firstdraw.torch import Check, check

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


class Hostile(nn.Module):
    """Its name is markup."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("<script>&", nn.Linear(4, 4))
        self.tanh, self.last = nn.Tanh(), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.last(x + self.tanh(self.get_submodule("<script>&")(x * 1)))


@pytest.fixture(scope="module")
def checked() -> Check:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    return check(model, torch.randn(16, 4), optimizer=torch.optim.SGD(model.parameters(), lr=0.1))


def test_the_report_reads_findings_first_then_layers(checked: Check) -> None:
    lines = repr(checked).splitlines()
    assert lines[0].startswith(
        "Sequential: 130 parameters, 5 layers as they ran in training mode; the gradient is of a random projection of "
        "the outputs, "
    )
    assert lines[2].startswith("good: healthy. A healthy start: the signal is ")
    heading = next(line for line in lines if line.lstrip().startswith("layer"))
    assert (
        heading.split() == ["layer", "kind", "rms", "mean", "cosine", "gradient", "chi", "update"] or "dead" in heading
    )
    assert lines[-1].split()[:3] == ["5", "4", "Linear"]
    assert all(len(row) == 11 for row in checked.table())


def test_the_document_has_a_schema_and_every_number(checked: Check) -> None:
    document = json.loads(checked.to_json())
    assert document["schema"] == "firstdraw.check/1"
    assert document["findings"][0]["severity"] == "good"
    assert [item["second_moment"] for item in document["layers"]] == [
        item.second_moment for item in checked.state.layers
    ]
    assert [item["name"] for item in document["parameters"]][:2] == ["0.weight", "0.bias"]


def test_numbers_that_json_has_not_are_null() -> None:
    model = nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.fill_(torch.inf)
    document = json.loads(check(model, torch.ones(1, 3)).to_json())
    assert document["layers"][0]["second_moment"] is None
    assert document["layers"][0]["correlation"] is None


def test_the_page_is_well_formed_whatever_the_names_are() -> None:
    found = check(Hostile(), torch.randn(8, 4))
    page = found._repr_html_()
    assert "<script>" not in page
    rows = ET.fromstring(page).findall(".//tbody/tr")  # noqa: S314
    assert len(rows) == len(found.state.layers)
    assert rows[0].findall("td")[1].text == "<script>&"


@pytest.mark.parametrize("quantity", ["signal", "gradient"])
def test_the_figure_shows_every_layer_that_has_a_place_on_it(quantity: Any) -> None:
    from matplotlib.figure import Figure

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.inner, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            x = self.first(x)
            return self.last(x + self.inner(x))

    found = check(Residual(), torch.randn(8, 4))
    ax = Figure().add_subplot()
    assert found.plot(quantity=quantity, ax=ax) is ax
    drawn = {int(x): y for line in ax.lines for x, y in zip(*line.get_data(), strict=True)}
    expected = {layer.number: layer.rms if quantity == "signal" else layer.gradient_rms for layer in found.state.layers}
    assert drawn == expected
    assert [line.get_label() for line in ax.lines] == ["every signal passes", "inside a residual branch"]
    assert found.plot().get_ylabel() == "output (rms)"


def test_zeros_and_infinities_have_no_place_on_the_figure() -> None:
    model = nn.Linear(3, 2)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    assert not list(check(model, torch.randn(4, 3)).plot().lines)


def test_the_package_does_not_import_pytorch_unasked() -> None:
    code = (
        "import sys, firstdraw, firstdraw.torch; print('torch' in sys.modules); "
        "firstdraw.torch.check; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == ["False", "False"]
