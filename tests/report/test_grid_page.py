"""The page of a grid: its numbers are the record's, it stays small, loads nothing and is deaf to hostile names."""

from __future__ import annotations

import html
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_hex

from firstdraw.experiments.causes import cause_of
from firstdraw.experiments.grid import grid_as_table, read_grid_table
from firstdraw.experiments.grid_record import GridRecord
from firstdraw.experiments.statistics import ranking_of_cell, tuned_rankings
from firstdraw.experiments.store import Failure, series_of
from firstdraw.report import grid_page
from firstdraw.report.cell_command import cell_command, cell_settings
from firstdraw.report.cell_sections import cell_sections
from firstdraw.report.grid_causes import failed_series, with_causes
from firstdraw.report.grid_page import GridReport
from firstdraw.report.heat import COLORS, HeatMap, color_of, heat_map

VOID = {"meta", "input"}
HOSTILE = "<script>alert('x')</script> & \"quoted\" $x^ {{ 7 * 7 }} 初期化"
TABLE: dict[str, Any] = {
    "title": "a small grid",
    "seeds": 8,
    "data": {"name": "circles", "train_size": 40, "test_size": 20},
    "network": {"widths": [2, 6, 1]},
    "training": {"loss": "binary_cross_entropy", "steps": 40},
    "recording": {"every": 10},
    "initializations": [
        {"label": "He", "weights": "he_normal"},
        {"label": "zeros", "weights": "zeros"},
        {"label": "x100", "weights": {"name": "normal", "standard_deviation": 100.0}},
    ],
    "axes": [{"network.activation": ["relu", "tanh"]}, {"training.optimizer.learning_rate": [0.03, 1.0]}],
}
DIVERGING = {"loss": "squared_error", "optimizer": {"name": "sgd", "learning_rate": 1e12}, "steps": 20}
TABLES: dict[str, dict[str, Any]] = {
    "two axes": TABLE,
    "one axis": TABLE | {"axes": [{"network.activation": ["relu", "tanh", "gelu", "elu", "sigmoid"]}]},
    "one cell": {key: value for key, value in TABLE.items() if key != "axes"},
    "one run": {key: value for key, value in TABLE.items() if key not in ("axes", "seeds")},
    "three axes": TABLE | {"seeds": 2, "axes": [*TABLE["axes"], {"network.depth": [2, 4]}]},
    "zipped": TABLE | {"axes": [{"network.depth": [2, 4], "training.steps": [20, 40]}]},
    "diverging": TABLE | {"seeds": 5, "training": DIVERGING, "data": TABLE["data"] | {"test_size": 0}, "axes": []},
    "hostile": TABLE
    | {
        "title": HOSTILE,
        "initializations": [
            {"label": HOSTILE, "weights": "he_normal"},
            {"label": "'\"><img src=x>", "weights": "zeros"},
        ],
    },
}
Pages = Callable[[str], tuple[GridRecord, "Page"]]


class Page(HTMLParser):
    """What a browser would see: balanced elements, their attributes and the text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _refused(record: GridRecord) -> GridRecord:
    """The same grid with runs that are missing, some of which could not be made, and a cell without any."""
    first, *others = record.series
    store = series_of(first[0].cell.spec, record.engine)
    broken = Failure(store[0], 6, 3, f"cannot be made: {HOSTILE}")
    part = replace(first[0], runs=first[0].runs.chosen(np.arange(6)), refused=(broken,))
    empty = tuple(replace(one, runs=one.runs.chosen(np.zeros(0, np.int64))) for one in others[-1])
    return replace(record, series=((part, *first[1:]), *others[:-1], empty))


@pytest.fixture(scope="session")
def pages(run_grid: Callable[[dict[str, Any]], GridRecord]) -> Pages:
    """Pages of all kinds, each rendered once."""
    made: dict[str, tuple[GridRecord, Page]] = {}

    def make(name: str) -> tuple[GridRecord, Page]:
        if name not in made:
            record = _refused(make("two axes")[0]) if name == "missing runs" else None
            if name == "nothing yet":
                whole = make("two axes")[0]
                series = tuple(
                    tuple(replace(one, runs=one.runs.chosen(np.zeros(0, np.int64))) for one in own)
                    for own in whole.series
                )
                record = replace(whole, series=series)
            record = record or run_grid(TABLES[name])
            made[name] = (record, Page(GridReport(record).html()))
        return made[name]

    return make


@pytest.fixture(params=[*TABLES, "missing runs", "nothing yet"])
def page(request: pytest.FixtureRequest, pages: Pages) -> Page:
    return pages(request.param)[1]


def test_every_element_is_closed(page: Page) -> None:
    assert page.open == []


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
        assert not [name for name in attributes if name.startswith("on")]
        for name, value in attributes.items():
            if name in {"src", "href", "xlink:href", "action", "data", "srcset"}:
                assert value.startswith("#"), (tag, name, value)
            assert "url(" not in value
    policies = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_identifiers_are_unique_and_every_link_leads_to_one(page: Page) -> None:
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert [name for name, count in ids.items() if count > 1] == []
    assert {attributes["href"].removeprefix("#") for attributes in page.all("a")} <= set(ids)


def test_it_can_be_read_without_seeing_it(page: Page) -> None:
    pictures = [attributes for _, attributes in page.elements if attributes.get("role") in {"img", "group"}]
    assert len(page.all("figure")) == len(pictures) == len(page.all("svg"))
    assert all(len(picture["aria-label"]) > 20 for picture in pictures)
    assert all(header.get("scope") in {"row", "col", "colgroup"} for header in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_no_number_is_longer_than_a_line_and_none_is_no_number(page: Page) -> None:
    assert not re.search(r"\d{25}", page.text)
    assert "nan" not in re.sub(r"\w*nan\w+|\w+nan\w*", "", page.source)


@pytest.mark.parametrize("name", [*TABLES, "missing runs"])
def test_every_number_of_a_cell_is_the_records(pages: Pages, name: str) -> None:
    record, page = pages(name)
    text = page.text
    for series in record.series:
        for one in series:
            failed, runs = int(one.failed.sum()) if len(one.runs) else 0, len(one.runs)
            told = re.search(rf"{re.escape(_spaced(one.initialization.label))} {runs} (\S+)", text)
            assert told is not None
            if not runs:
                assert told[1] == "-"
                continue
            last = one.runs.cost[:, -1]
            costs = np.where(np.isnan(last), np.inf, last)
            assert f"{runs} {failed / runs:.0%}" in text
            assert format(float(np.median(costs)), ".4g") in text
            for seed, cost, bad in zip(one.runs.seeds, one.runs.cost[:, -1], one.failed, strict=True):
                if np.isfinite(cost):
                    assert f"{float(cost):.4g}{'*' if bad else ''}" in text, (one.initialization.label, seed)


def _spaced(text: str) -> str:
    return " ".join(text.split())


def test_the_lede_counts_all_runs(pages: Pages) -> None:
    record, page = pages("two axes")
    assert f"4 cells of 3 initializations with 8 seeds each: 96 runs, of which {record.failed} failed" in page.text
    record, page = pages("missing runs")
    missing = 96 - record.runs
    assert missing == 26
    assert f"asked for {missing} are missing, 1 of them because they could not be made." in page.text
    assert "no run is stored yet" in pages("nothing yet")[1].text


def test_the_rankings_are_told(pages: Pages) -> None:
    record, page = pages("two axes")
    for one in tuned_rankings(record):
        for sentence in (*one.tuned.ranking.sentences, *one.tuned.only_by_rate):
            assert sentence in page.text
    for series in record.series:
        ranking = ranking_of_cell(series)
        assert ranking is not None
        groups = [", ".join(row.label for row in ranking.rows if row.group == number) for number in (1, 2, 3)]
        assert f"{series[0].cell.label} {' → '.join(filter(None, groups))}" in page.text
    record, page = pages("one cell")
    ranking = ranking_of_cell(record.series[0])
    assert ranking is not None
    assert all(sentence in page.text for sentence in ranking.sentences)
    assert "five common seeds" in pages("one run")[1].text


def test_failures_are_told_with_their_causes(pages: Pages) -> None:
    record, page = pages("two axes")
    worst = failed_series(record)
    assert worst
    shares = [item.failures / len(item.series.runs) for item in worst]
    assert shares == sorted(shares, reverse=True)
    for item in worst[:4]:
        cause = cause_of(item.series, record.engine)
        assert cause is not None
        assert f"{item.failures} of {len(item.series.runs)} {cause.finding.cause}" in page.text
        assert cause.finding.sentence[:100] in page.text


def test_only_some_causes_are_looked_for(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    record, _ = pages("two axes")
    monkeypatch.setattr("firstdraw.report.grid_causes.MOST_CAUSES", 2)
    found = with_causes(failed_series(record), record.engine)
    looked = [item for item in found if item.cause is not None]
    # Of two initializations rather than of the two worst series of one.
    assert len({item.series.initialization.label for item in looked}) == len(looked) == 2
    unlooked = len(found) - 2
    assert f"{unlooked} of these rows were not looked at, to save time." in Page(GridReport(record).html()).text
    monkeypatch.setattr("firstdraw.report.grid_causes.MOST_WORK", 0)
    assert all(item.cause is None for item in with_causes(failed_series(record), record.engine))


def test_runs_that_could_not_be_made_are_told(pages: Pages) -> None:
    _, page = pages("missing runs")
    assert f"He 6 cannot be made: {_spaced(HOSTILE)}" in page.text
    assert "An empty cell has no run." in page.text
    assert "no run" in page.text


def test_hostile_names_are_told_as_text(pages: Pages) -> None:
    for name in ("hostile", "missing runs"):
        page = pages(name)[1]
        assert page.all("script") == page.all("img") == []
        assert "<script" not in page.source
    assert pages("hostile")[1].text.count(_spaced(HOSTILE)) >= 3


def test_the_page_stays_small_and_says_what_it_leaves_out(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    record, whole = pages("three axes")
    assert len(whole.all("details")) > 8
    monkeypatch.setattr(grid_page, "SECTIONS_BYTES", 24_000)
    monkeypatch.setattr(grid_page, "MOST_MAPS", 2)
    page = Page(GridReport(record).html())
    assert len(page.source.encode()) < len(whole.source.encode())
    for number, what in ((r"\d+", "cells are drawn here"), (r"\d+", "cells are listed one by one")):
        assert re.search(rf"first {number} {what}", page.text)
    assert "7 more maps of an initialization over two axes are not drawn" in page.text
    monkeypatch.setattr(grid_page, "SECTIONS_BYTES", 3_000)
    page = Page(GridReport(record).html())
    assert re.search(r"The last \d of 8 cells are left out, to keep this page small", page.text)
    assert page.open == []


@pytest.mark.parametrize("size", [0, 2_000, 10_000, 40_000, 10**6])
def test_sections_take_no_more_than_they_may(pages: Pages, size: int) -> None:
    record, _ = pages("three axes")
    found = cell_sections(record, {}, size)
    closing = len("</div></details>") * len(record.series)
    assert len(found.html.encode()) <= size + closing
    assert 0 <= found.listed <= found.told <= found.cells == 8
    assert found.drawn <= found.told
    assert [bool(found.link_of(cell)) for cell in range(-1, 9)] == [0 <= cell < found.told for cell in range(-1, 9)]
    Page(found.html)


def test_many_runs_are_cut_and_it_is_said(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    record, _ = pages("one cell")
    monkeypatch.setattr("firstdraw.report.cell_sections.MOST_ROWS", 3)
    assert cell_sections(record, {}, 10**6).cut
    assert not cell_sections(pages("one run")[0], {}, 10**6).cut


def test_the_command_of_a_cell_makes_that_cell(pages: Pages) -> None:
    inline = {
        "axes": [{"training.optimizer": ["adam", {"name": "sgd", "learning_rate": 0.5}], "network.depth": [2, 3]}]
    }
    for table in (TABLES["two axes"], TABLES["zipped"], TABLE | inline, TABLES["one cell"]):
        grid = read_grid_table(table)
        for cell in grid.cells:
            alone = read_grid_table(grid_as_table(grid), cell_settings(cell))
            assert [one.spec for one in alone.cells] == [cell.spec]
            seeded = read_grid_table(grid_as_table(grid), cell_settings(cell, seed=5))
            assert [one.spec for one in seeded.cells] == [replace(cell.spec, seeds=(5,))]
    record, page = pages("two axes")
    for cell in record.grid.cells:
        assert cell_command(cell) in page.text
    assert cell_command(record.grid.cells[0]) == (
        "firstdraw run grid.toml --set 'axes=[]' --set 'network.activation=\"relu\"' "
        "--set training.optimizer.learning_rate=0.03"
    )


def test_the_grid_on_the_page_is_the_grid(pages: Pages) -> None:
    record, page = pages("two axes")
    source = re.search(r"<pre><code>(.*?)</code></pre>", page.source, re.DOTALL)
    assert source is not None
    again = read_grid_table(tomllib.loads(html.unescape(source[1])))
    assert again.cells == record.grid.cells


def test_the_overview_follows_the_axes(pages: Pages) -> None:
    assert [a["aria-label"].partition(":")[0] for a in pages("two axes")[1].all("div") if a.get("role") == "group"] == [
        "He",
        "zeros",
        "x100",
    ]
    assert "Along activation:" in pages("one axis")[1].text
    assert "Along depth / steps:" in pages("zipped")[1].text
    assert "Cost on the training examples over the steps" in pages("one cell")[1].text
    assert "The line is the depth up to which theory lets He train" in pages("three axes")[1].text
    assert "are taken together" in pages("three axes")[1].text


def test_a_map_leads_to_its_cells(pages: Pages) -> None:
    record, page = pages("two axes")
    links = [a["href"] for a in page.all("a") if a["href"].startswith("#cell-")]
    assert {f"#cell-{number}" for number in range(len(record.grid))} <= set(links)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 7), (32, 31)])
@pytest.mark.parametrize("linked", [False, True])
def test_the_cells_of_a_map_fill_it_without_seams(rows: int, columns: int, linked: bool) -> None:
    values = np.arange(rows * columns, dtype=float).reshape(rows, columns)
    words = [["<b>"] * columns for _ in range(rows)] if linked else ()
    drawn = HeatMap(61.3, 26.0, 391.7, 355.1, values, values / values.size, str, words, words)
    source = "".join(heat_map(drawn, ["x"] * columns, ["y"] * rows, "x", "y"))
    assert "<b>" not in source
    if linked:
        found = [
            [float(number) for number in match]
            for match in re.findall(r'<rect x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"', source)
        ]
        boxes = [(x, y, round(x + width, 1), round(y + height, 1)) for x, y, width, height in found]
    else:
        matches = re.findall(r"M(\S+) (\S+)H(\S+)V(\S+)H\S+z", source.replace("z", "z "))
        boxes = [tuple(float(number) for number in match) for match in matches]  # type: ignore[misc]
    assert len(boxes) == len(set(boxes)) == values.size
    # As many edges as there must be, if neighbors have them in common.
    for first, last, count in ((0, 2, columns), (1, 3, rows)):
        assert len({box[first] for box in boxes} | {box[last] for box in boxes}) == count + 1


def test_the_same_record_gives_the_same_page(pages: Pages) -> None:
    record, page = pages("one axis")
    assert GridReport(record).html() == page.source
    assert "Where the time went: training 6.50 s." in GridReport(record).html({"training": 6.5})


def test_the_colors_are_those_of_cividis() -> None:
    cividis = colormaps["cividis"]
    assert list(COLORS) == [to_hex(cividis(share)) for share in np.linspace(0, 1, len(COLORS))]
    lightness: list[float] = []
    for share in np.linspace(0, 1, 101).tolist():
        color = np.array(color_of(share)) / 255
        # Between its ten stops ours is of straight lines, and theirs bends: by 0.055 at most, where red begins.
        np.testing.assert_allclose(color, cividis(share)[:3], atol=0.056)
        lightness.append(float(color @ (0.2126, 0.7152, 0.0722)))
    assert (np.diff(lightness) > 0).all()
