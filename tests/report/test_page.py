"""The page: well-formed, self-contained, complete, and deaf to hostile names."""

from __future__ import annotations

import html
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import firstdraw
from firstdraw import Result

VOID = {"meta", "input", "br", "img", "link", "hr"}
HOSTILE = "<script>alert('x')</script> & \"quoted\" $x^ {{ 7 * 7 }} 初期化"
# SVG may name its vocabulary by address; nothing is loaded from there.
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


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

    @property
    def glued(self) -> str:
        """The text without a space where an element begins in the middle of a line, as for code."""
        return " ".join("".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="session")
def exercise_page(make_page: Callable[[str], tuple[Result, Page]]) -> Page:
    return make_page("exercise")[1]


@pytest.fixture(params=["small", "diverged", "astronomical", "exercise", "regression", "many", "no steps", "ranked"])
def page(request: pytest.FixtureRequest, make_page: Callable[[str], tuple[Result, Page]]) -> Page:
    return make_page(request.param)[1]


@pytest.fixture(scope="session")
def make_page(
    result: Result,
    diverged: Result,
    astronomical: Result,
    exercise_result: Result,
    ranked: Result,
    table: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[Result, Page]]:
    """Pages of all kinds, each rendered once."""
    csv = tmp_path_factory.mktemp("page") / "line.csv"
    csv.write_text("x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(20)), encoding="utf-8")
    regression = table | {
        "data": {"name": "csv", "path": str(csv), "target": "y", "task": "regression"},
        "network": {"widths": [1, 6, 1]},
        "training": {"loss": "squared_error", "steps": 20},
    }
    many = [{"label": f"start {i}", "weights": "he_normal"} for i in range(14)]
    makers: dict[str, Callable[[], Result]] = {
        "small": lambda: result,
        "diverged": lambda: diverged,
        "astronomical": lambda: astronomical,
        "exercise": lambda: exercise_result,
        "ranked": lambda: ranked,
        "regression": lambda: firstdraw.run(regression),
        "many": lambda: firstdraw.run(table | {"initializations": many, "seeds": [0], "recording": {"every": 20}}),
        "no steps": lambda: firstdraw.run(table, settings=["training.steps=0"]),
    }
    made: dict[str, tuple[Result, Page]] = {}

    def make(name: str) -> tuple[Result, Page]:
        if name not in made:
            what = makers[name]()
            made[name] = (what, Page(what.to_html()))
        return made[name]

    return make


def test_every_element_is_closed(page: Page) -> None:
    assert page.open == []
    assert page.text


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name, value in attributes.items():
            if name in {"src", "href", "xlink:href", "action", "data", "srcset"}:
                assert value.startswith("#"), (tag, name, value)
            elif name.startswith("xmlns"):
                assert value in NAMESPACES
            assert not re.search(r"url\((?!#)", value)


def test_the_style_loads_nothing(exercise_page: Page) -> None:
    style = re.search(r"<style>(.*?)</style>", exercise_page.source, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_the_page_forbids_itself_all_loading(page: Page) -> None:
    policies = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_identifiers_are_unique_and_found(page: Page) -> None:
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert [name for name, count in ids.items() if count > 1] == []
    pointed_at = {
        value.removeprefix("#")
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"href", "xlink:href"}
    } | set(re.findall(r"url\(#([^)]*)\)", " ".join(v for _, a in page.elements for v in a.values())))
    assert pointed_at <= set(ids)


def test_every_picture_has_a_label(page: Page) -> None:
    figures, pictures = page.all("figure"), [a for _, a in page.elements if a.get("role") == "img"]
    assert len(figures) == len(pictures) == len(page.all("svg")) >= 3
    assert all(len(picture["aria-label"]) > 20 for picture in pictures)


def test_tables_have_headers_with_a_scope(page: Page) -> None:
    assert len(page.all("th")) > len(page.all("table"))
    assert all(header.get("scope") in {"row", "col"} for header in page.all("th"))


def test_headings_have_no_gaps(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", ["small", "diverged", "astronomical", "regression", "exercise"])
def test_the_page_tells_everything_it_was_given(make_page: Callable[[str], tuple[Result, Page]], name: str) -> None:
    result, page = make_page(name)
    for row in result.table():
        for told in (row.label, row.verdict, row.train_accuracy, row.last_cost):
            assert str(told) in page.text
    for start in result.record.spec.initializations:
        run = result.run_of(start.label)
        assert run.verdict in page.text
        for finding in run.findings:
            assert finding.sentence in page.text
            assert finding.remedy.replace("`", "") in page.glued.replace("`", "")
        for parameter in run.parameters:
            assert parameter.law in page.text


def test_the_exercise_tells_every_claim_with_its_number(exercise_result: Result, exercise_page: Page) -> None:
    claims = exercise_result.claims
    assert claims is not None
    assert len(claims.checked) == 18
    for item in claims.checked:
        assert item.claim.statement in exercise_page.text
        assert item.sentence in exercise_page.text
    for claim in claims.unchecked:
        assert claim.statement in exercise_page.text
    assert "18 claims were measured: 14 hold, 4 are half true." in exercise_page.text
    assert f"{len(claims.unchecked)} more claims need more training than this" in exercise_page.text


def test_the_exercise_shows_both_costs_where_they_differ(exercise_page: Page) -> None:
    assert "inf 1773.586 overflow-safe" in exercise_page.text
    assert "inf (1773.585955)" in exercise_page.text
    assert exercise_page.text.count("overflow-safe") >= 2


def test_the_exercise_is_small_enough_to_be_mailed(exercise_page: Page) -> None:
    assert len(exercise_page.source.encode()) < 2_000_000


def test_no_number_is_longer_than_a_line(page: Page) -> None:
    assert not re.search(r"\d{25}", page.text)


def test_a_ranking_is_told_where_there_are_seeds_enough(make_page: Callable[[str], tuple[Result, Page]]) -> None:
    told, page = make_page("ranked")
    ranking = told.ranking()
    assert all(sentence in page.text for sentence in ranking.sentences)
    for row in ranking.rows:
        cells = f"{row.group} {row.label} {row.runs} {row.failed:.0%} {row.median:.4g}"
        assert cells in page.text
    assert {"href": "#ranking"} in page.all("a")
    assert {"id": "ranking"} not in make_page("small")[1].all("section")
    assert {"href": "#ranking"} not in make_page("small")[1].all("a")


def test_only_the_first_dozen_initializations_get_a_card(make_page: Callable[[str], tuple[Result, Page]]) -> None:
    result, page = make_page("many")
    assert len(page.all("article")) == 12
    assert "2 more initializations are in the comparison above." in page.text
    assert all(row.label in page.text for row in result.table())


def test_the_time_is_told_only_where_it_was_taken(
    exercise_page: Page, make_page: Callable[[str], tuple[Result, Page]]
) -> None:
    assert "Where the time went: training 6.50 s." in exercise_page.text
    assert "Where the time went" not in make_page("small")[1].text


def test_the_same_record_gives_the_same_page(make_page: Callable[[str], tuple[Result, Page]]) -> None:
    result, page = make_page("diverged")
    assert result.to_html() == page.source


def test_a_spec_on_the_page_is_the_spec(exercise_result: Result, exercise_page: Page) -> None:
    source = re.search(r"<pre><code>(.*?)</code></pre>", exercise_page.source, re.DOTALL)
    assert source is not None
    assert firstdraw.read_spec(tomllib.loads(html.unescape(source[1]))) == exercise_result.record.spec


@pytest.fixture(scope="session")
def hostile(table: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A result in which every name that a user gives is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    cell = '"' + HOSTILE.replace('"', '""') + '"'
    rows = "".join(f"{i},{i % 3},{cell if i % 2 else 'plain'}\n" for i in range(12))
    path = folder / "<b>.csv"
    path.write_text(f"{cell},b,y\n{rows}", encoding="utf-8")
    return firstdraw.run(
        table
        | {
            "title": HOSTILE,
            "data": {"name": "csv", "path": str(path), "target": "y"},
            "initializations": [
                {"label": HOSTILE, "weights": "zeros"},
                {"label": "'\"><img src=x>", "weights": "normal"},
            ],
        }
    )


def test_hostile_names_are_told_as_text(hostile: Result) -> None:
    source = hostile.to_html()
    page = Page(source)
    assert page.open == []
    assert page.all("script") == page.all("img") == page.all("b") == []
    assert "<script" not in source
    assert "49" not in page.all("h1"), "a template in a name is not run"
    assert page.text.count(HOSTILE) >= 3


def test_the_notebook_frame_holds_the_page_and_nothing_else(hostile: Result) -> None:
    frame = Page(hostile._repr_html_())
    ((tag, attributes),) = frame.elements
    assert (tag, frame.texts) == ("iframe", [])
    assert attributes["srcdoc"] == hostile.to_html()
    assert attributes["title"] == "firstdraw report"


def test_a_page_is_saved(make_page: Callable[[str], tuple[Result, Page]], tmp_path: Path) -> None:
    result, page = make_page("small")
    path = result.save(str(tmp_path / "report.html"))
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8") == page.source
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]


def test_claims_of_another_spec_are_not_told(exercise_result: Result) -> None:
    from firstdraw.laboratory import claims_of

    record = exercise_result.record
    assert claims_of(record) is not None
    assert claims_of(replace(record, spec=replace(record.spec, seeds=(4,)))) is None
