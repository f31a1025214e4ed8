"""The JSON document: strict, versioned, and frozen in its names."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec
import numpy as np
import pytest

from firstdraw import Result, __version__
from firstdraw.experiments import as_table, read_table
from firstdraw.report import ResultDocument, as_document, as_json, json_schema
from firstdraw.report.document import SCHEMA

KEYS = {
    "": ["claims", "engine", "nonfinite", "runs", "schema", "spec", "summary", "version"],
    "summary": [
        "first_cost",
        "first_textbook_cost",
        "label",
        "last_cost",
        "seeds",
        "test_accuracy",
        "train_accuracy",
        "verdict",
    ],
    "summary.first_cost": ["largest", "median", "smallest"],
    "runs": ["findings", "fit", "label", "outcome", "parameters", "records", "seed", "verdict"],
    "runs.outcome": ["diverged", "layer", "step"],
    "runs.findings": ["cause", "evidence", "place", "remedy", "sentence", "severity"],
    "runs.parameters": [
        "drawn_mean",
        "drawn_standard_deviation",
        "elements",
        "law",
        "mean",
        "name",
        "standard_deviation",
    ],
    "runs.records": [
        "activation_rms",
        "cost",
        "distinct_units",
        "gradient_rms",
        "steps",
        "test_accuracy",
        "test_cost",
        "textbook_cost",
        "train_accuracy",
        "unit_difference",
        "weight_rms",
    ],
    "claims": ["name", "numbers", "sentence", "statement", "verdict"],
    "nonfinite": ["path", "value"],
}


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def _strict(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


RANKING_KEYS = {
    "": ["contests", "level", "measure", "rows", "sentences"],
    "rows": ["failed", "group", "label", "median", "runs"],
    "rows.median": ["high", "low", "remark", "value"],
    "contests": ["better", "decided", "discordant", "failure_p", "first", "measure_p", "rank_biserial", "second"],
}


@pytest.fixture(params=["result", "diverged", "exercise_result", "ranked"])
def any_result(request: pytest.FixtureRequest) -> Result:
    return request.getfixturevalue(request.param)


def _at(document: Any, path: str) -> Any:
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        document = document[int(index)] if index else document[key]
    return document


def _numbers(value: Any, path: str = "") -> list[str]:
    """The paths of every null."""
    if value is None:
        return [path]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _numbers(item, f"{path}.{key}".lstrip("."))]
    if isinstance(value, list):
        return [found for i, item in enumerate(value) for found in _numbers(item, f"{path}[{i}]")]
    return []


def test_the_text_is_strict_json_that_ends_with_a_line_break(any_result: Result) -> None:
    text = any_result.to_json()
    _strict(text)
    assert text.endswith("}\n")


def test_the_document_comes_back_from_its_text(any_result: Result) -> None:
    claims = any_result.claims.checked if any_result.claims else ()
    document = as_document(any_result.record, claims)
    assert msgspec.json.decode(as_json(document), type=ResultDocument, strict=True) == document


@pytest.mark.parametrize("path", KEYS)
def test_the_names_are_the_ones_that_programs_rely_on(exercise_result: Result, path: str) -> None:
    part = _strict(exercise_result.to_json())
    for key in filter(None, path.split(".")):
        part = part[0] if isinstance(part, list) else part
        part = part[key]
    assert sorted(part[0] if isinstance(part, list) else part) == KEYS[path]


def test_the_schema_has_its_number(any_result: Result) -> None:
    document = _strict(any_result.to_json())
    assert document["schema"] == SCHEMA == "firstdraw.result/1"
    assert document["version"] == __version__


def test_every_null_is_explained_and_every_explanation_is_a_null(any_result: Result) -> None:
    document = _strict(any_result.to_json())
    explained = {item["path"] for item in document.pop("nonfinite")}
    # A run that does not diverge has no layer where it did, and one that is not fitted to data no fit. Of two that
    # cannot be told apart neither is better.
    nulls = {path for path in _numbers(document) if not path.endswith(("outcome.layer", ".fit", ".better"))}
    # Keys of evidence may hold anything, so their paths are compared by what stands there.
    assert nulls == explained


def test_a_diverged_run_leaves_nulls_and_says_what_stood_there(diverged: Result) -> None:
    document = _strict(diverged.to_json())
    run = next(run for run in document["runs"] if run["outcome"]["diverged"])
    assert run["outcome"]["layer"] >= 1
    assert run["records"]["cost"][-1] is None
    assert run["records"]["test_cost"] == [None] * len(run["records"]["steps"])
    assert {item["value"] for item in document["nonfinite"]} <= {"inf", "-inf", "nan"}


def test_an_infinite_cost_is_told_where_it_was(exercise_result: Result) -> None:
    document = _strict(exercise_result.to_json())
    values = {item["path"]: item["value"] for item in document["nonfinite"]}
    assert values["summary[1].first_textbook_cost.median"] == "inf"
    assert values["runs[1].records.textbook_cost[0]"] == "inf"
    assert document["runs"][1]["records"]["cost"][0] == pytest.approx(1773.5859549373833)
    for path in values:
        assert _at(document, path) is None


def test_the_numbers_are_the_records(any_result: Result) -> None:
    document = _strict(any_result.to_json())
    for told, run in zip(document["runs"], any_result.record.runs, strict=True):
        for name, values in told["records"].items():
            expected = getattr(run.trajectory, name)
            expected = expected if name == "steps" else expected[0]
            got = np.array(values, np.float64)
            np.testing.assert_array_equal(got, np.where(np.isfinite(expected), expected, np.nan))


def test_the_spec_in_the_document_is_the_spec(any_result: Result) -> None:
    document = _strict(any_result.to_json())
    assert document["spec"] == as_table(any_result.record.spec)
    assert read_table(document["spec"]) == any_result.record.spec


def test_the_claims_are_in_the_document(exercise_result: Result, result: Result) -> None:
    claims = _strict(exercise_result.to_json())["claims"]
    assert [claim["name"] for claim in claims][:2] == ["three-methods", "task"]
    assert {claim["verdict"] for claim in claims} <= {"holds", "half true", "does not hold"}
    assert _strict(result.to_json())["claims"] == []


@pytest.mark.parametrize("path", RANKING_KEYS)
def test_the_names_of_a_ranking_are_the_ones_that_programs_rely_on(ranked: Result, path: str) -> None:
    part = _strict(ranked.to_json())["ranking"]
    for key in filter(None, path.split(".")):
        part = part[0] if isinstance(part, list) else part
        part = part[key]
    assert sorted(part[0] if isinstance(part, list) else part) == RANKING_KEYS[path]


def test_a_ranking_is_in_the_document_where_there_are_seeds_enough(ranked: Result, result: Result) -> None:
    told, ranking = _strict(ranked.to_json())["ranking"], ranked.ranking()
    assert told["sentences"] == list(ranking.sentences)
    assert [(row["group"], row["label"], row["failed"]["value"]) for row in told["rows"]] == [
        (row.group, row.label, row.failed.value) for row in ranking.rows
    ]
    assert [(item["first"], item["measure_p"], item["better"]) for item in told["contests"]] == [
        (item.first, item.measure_p, item.better) for item in ranking.contests
    ]
    assert "ranking" not in _strict(result.to_json())


@pytest.mark.parametrize("fixture", ["exercise_result", "ranked"])
def test_the_schema_describes_the_document(request: pytest.FixtureRequest, fixture: str) -> None:
    schema, document = json_schema(), _strict(request.getfixturevalue(fixture).to_json())
    definitions = schema["$defs"]

    def fits(value: Any, rule: dict[str, Any], path: str) -> None:
        """The part of JSON Schema that ours uses: types, properties, items, references, alternatives, constants."""
        if "$ref" in rule:
            fits(value, definitions[rule["$ref"].rpartition("/")[2]], path)
        elif "anyOf" in rule:
            assert any(_has_type(value, choice.get("type")) for choice in rule["anyOf"]), path
        elif "enum" in rule:
            assert value in rule["enum"], path
        else:
            assert _has_type(value, rule.get("type")), path
            for name in rule.get("required", ()):
                assert name in value, path
            # What is not required may be missing; nothing may be there that is not described.
            assert value.keys() <= rule["properties"].keys() if "properties" in rule else True, path
            for name, inner in rule.get("properties", {}).items():
                if name in value:
                    fits(value[name], inner, f"{path}.{name}")
            for item in value if "items" in rule else ():
                fits(item, rule["items"], f"{path}[]")

    fits(document, schema, "")


def _has_type(value: Any, name: str | None) -> bool:
    match name:
        case "number":
            return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "null":
            return value is None
        case _:
            kinds = {"string": str, "array": list, "object": dict, "boolean": bool, None: object}
            return isinstance(value, kinds[name])
