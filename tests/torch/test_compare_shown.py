"""A comparison as text, as a page, as a document and as a figure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from firstdraw.errors import InputError
from firstdraw.torch import Comparison, compare

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

HOSTILE = "<script>&"


def huge(model: Any, seed: int) -> None:
    model.weight.data.fill_(1e30 if seed else 1.0)


@pytest.fixture(scope="module")
def found() -> Comparison:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    loader = [(torch.eye(4), torch.ones(4, 1)), (torch.eye(4) * 2, torch.zeros(4, 1))]
    schemes: dict[str, Any] = {"He": "he_normal", HOSTILE: "as built", "huge": huge}
    made = compare(
        lambda: nn.Linear(4, 1),
        loader,
        nn.MSELoss(),
        torch.optim.SGD,
        schemes=schemes,
        seeds=6,
        steps=40,
        rates=[0.1, 0.3],
    )
    torch.set_num_threads(threads)
    return made


def test_the_report_reads_table_first_then_what_is_certain(found: Comparison) -> None:
    title, _, heading, *lines = repr(found).splitlines()
    assert title == ("Linear: 5 parameters, 3 schemes over 6 common seeds, at 2 learning rates, 40 steps each")
    assert heading.split()[:5] == ["group", "scheme", "rate", "last", "loss"]
    assert [line.split()[1] for line in lines[:3]] == [row.label for row in found.rows]
    assert tuple(lines[4:]) == found.judgment.verdict
    assert found.verdict == " ".join(found.judgment.verdict)
    assert lines[2].split()[1] == "huge"
    assert "4 of 4" in lines[2]
    assert "not reached" in lines[2]


def test_columns_without_anything_are_left_out() -> None:
    one = compare(
        lambda: nn.Linear(2, 1),
        [(torch.eye(2), torch.ones(2, 1))],
        nn.MSELoss(),
        torch.optim.SGD,
        seeds=1,
        steps=3,
        schemes=["auto"],
    )
    heading = repr(one).splitlines()[2]
    assert heading.split() == ["group", "scheme", "last", "loss", "diverged", "steps", "to", *heading.split()[7:]]
    assert "rate" not in heading
    assert "worse by" not in heading
    assert "1 scheme over 1 common seed, 3 steps each" in repr(one)


def test_the_page_is_well_formed_whatever_the_names_are(found: Comparison) -> None:
    page = found._repr_html_()
    assert "<script>" not in page
    rows = ET.fromstring(page).findall(".//tbody/tr")  # noqa: S314
    assert {row.findall("td")[1].text for row in rows} == {"He", HOSTILE, "huge"}
    assert [len(row) for row in rows] == [len(found.headings)] * 3


def test_the_document_has_a_schema_and_every_loss(found: Comparison) -> None:
    document = json.loads(found.to_json())
    assert document["schema"] == "firstdraw.comparison/1"
    assert len(document["runs"]) == 3 * 2 * 6
    for told, (place, run) in zip(document["runs"], found.runs.items(), strict=True):
        assert (told["scheme"], told["rate"], told["seed"]) == (place.label, place.rate, place.seed)
        assert [math.nan if x is None else x for x in told["loss"]] == pytest.approx(
            np.where(np.isfinite(run.loss), run.loss, np.nan).tolist(), rel=0, nan_ok=True
        )
        assert told["diverged"] == (told["final"] is None)
    assert [row["label"] for row in document["schemes"]] == [row.label for row in found.rows]
    assert document["schemes"][0]["difference"] is None
    assert document["schemes"][1]["difference"]["level"] == 0.95
    assert document["verdict"] == list(found.judgment.verdict)


def test_the_figure_is_the_quartiles_of_the_mean_of_the_last_losses(found: Comparison) -> None:
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert found.plot(ax=ax) is ax
    assert ax.get_ylabel() == "training loss, mean of 2 steps"
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert list(lines)[:2] == ["He", HOSTILE]
    rate = next(row.rate for row in found.rows if row.label == "He")
    curves = [run.loss for place, run in found.runs.items() if place.label == "He" and place.rate == rate][2:]
    pairs = [[curve[0], *(curve[1:] + curve[:-1]) / 2] for curve in curves]
    assert lines["He"] == pytest.approx(np.median(pairs, axis=0), rel=1e-12)
    assert found.plot().get_yscale() == "log"


def test_losses_below_zero_have_a_linear_axis() -> None:
    made = compare(
        lambda: nn.Linear(2, 1),
        [(torch.eye(2), torch.ones(2, 1))],
        lambda outputs, targets: (outputs - targets).square().mean() - 1,
        torch.optim.SGD,
        seeds=2,
        steps=9,
        schemes=["auto", "as built"],
    )
    ax = made.plot()
    assert ax.get_yscale() == "linear"
    assert ax.get_ylabel() == "training loss"
    assert all(np.isfinite(line.get_ydata()).all() for line in ax.lines)


def test_steps_to_a_level_are_counted_on_request(found: Comparison) -> None:
    counted = found.steps_to(0.5)
    assert counted["He"].runs == 4
    assert counted["huge"].reached == 0
    with pytest.raises(InputError, match="`level` must be a finite number, got nan"):
        found.steps_to(math.nan)


def test_where_no_scheme_gets_below_its_first_loss_no_steps_are_counted() -> None:
    loader = [(torch.eye(2), torch.ones(2, 1))]
    made = compare(
        lambda: nn.Linear(2, 1), loader, nn.MSELoss(), lambda p: torch.optim.SGD(p, lr=1e30), seeds=2, steps=9,
        schemes=["auto", "he_normal"],
    )  # fmt: skip
    assert made.judgment.level is None
    assert "steps" in made.headings
    assert all(row.steps.remark == "no scheme gets below its first loss" for row in made.rows)
    assert not [line for line in made.plot().lines if np.isfinite(line.get_ydata()[1:]).any()]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
