"""An experiment as JSON: a stable, versioned schema in which every number is finite or null.

A number that is infinite or not a number is null in its place, and the list `nonfinite` says at which path which one
stood. A change of meaning, or of a name, changes the number in `schema`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

import msgspec
import numpy as np

from firstdraw.experiments import ExperimentRecord, RunRecord, as_table
from firstdraw.experiments.statistics import Estimate, Ranking, has_seeds_enough, ranking_of
from firstdraw.fitted import Fit
from firstdraw.papers.claim import Checked
from firstdraw.report.summary import Spread, SummaryRow, summarize
from firstdraw.version import __version__

__all__ = ["SCHEMA", "ResultDocument", "as_document", "as_json", "finite", "json_schema", "ranking_fields"]

SCHEMA: Final = "firstdraw.result/1"
Number = float | None


class NonFinite(msgspec.Struct, frozen=True):
    """Where a number is not finite, and which it is."""

    path: str
    value: Literal["inf", "-inf", "nan"]


class SpreadDocument(msgspec.Struct, frozen=True):
    """A number over the seeds."""

    median: Number
    smallest: Number
    largest: Number


class SummaryDocument(msgspec.Struct, frozen=True):
    """A row of the comparison table."""

    label: str
    seeds: int
    train_accuracy: SpreadDocument
    test_accuracy: SpreadDocument
    first_textbook_cost: SpreadDocument
    first_cost: SpreadDocument
    last_cost: SpreadDocument
    verdict: str


class FindingDocument(msgspec.Struct, frozen=True):
    """A finding of the diagnosis."""

    cause: str
    severity: str
    place: str
    sentence: str
    evidence: dict[str, Number]
    remedy: str


class ParameterDocument(msgspec.Struct, frozen=True):
    """What was asked for a parameter and what was drawn."""

    name: str
    law: str
    mean: Number
    standard_deviation: Number
    drawn_mean: Number
    drawn_standard_deviation: Number
    elements: int


class LayerFitDocument(msgspec.Struct, frozen=True):
    """What fitting to data did to a layer: root mean square of W, and standard deviation of Z, before and after."""

    layer: int
    weight_rms_before: Number
    weight_rms_after: Number
    deviation_before: Number
    deviation_after: Number
    iterations: int
    converged: bool


class FitDocument(msgspec.Struct, frozen=True):
    """How the drawn parameters were fitted to data."""

    converged: bool
    layers: list[LayerFitDocument]
    objective: list[Number]


class OutcomeDocument(msgspec.Struct, frozen=True):
    """How a run ended."""

    diverged: bool
    step: int
    layer: int | None


class RecordsDocument(msgspec.Struct, frozen=True):
    """The records of a run: a number a recorded step, or one a recorded step and layer."""

    steps: list[int]
    cost: list[Number]
    textbook_cost: list[Number]
    test_cost: list[Number]
    train_accuracy: list[Number]
    test_accuracy: list[Number]
    activation_rms: list[list[Number]]
    gradient_rms: list[list[Number]]
    weight_rms: list[list[Number]]
    distinct_units: list[list[Number]]
    unit_difference: list[list[Number]]


class RunDocument(msgspec.Struct, frozen=True):
    """One initialization with one seed."""

    label: str
    seed: int
    verdict: str
    outcome: OutcomeDocument
    findings: list[FindingDocument]
    parameters: list[ParameterDocument]
    fit: FitDocument | None
    records: RecordsDocument


class ClaimDocument(msgspec.Struct, frozen=True):
    """A claim of a paper with its verdict."""

    name: str
    statement: str
    verdict: str
    sentence: str
    numbers: dict[str, Number]


class EstimateDocument(msgspec.Struct, frozen=True):
    """A number with its interval."""

    value: Number
    low: Number
    high: Number
    remark: str


class RankingRowDocument(msgspec.Struct, frozen=True):
    """An initialization in its place; those of a group cannot be told apart from the first of it."""

    group: int
    label: str
    runs: int
    failed: EstimateDocument
    median: EstimateDocument


class ContestDocument(msgspec.Struct, frozen=True):
    """Two initializations over common seeds; `better` is null where they cannot be told apart."""

    first: str
    second: str
    discordant: int
    failure_p: float
    decided: int
    measure_p: float
    rank_biserial: float
    better: str | None


class RankingDocument(msgspec.Struct, frozen=True):
    """The initializations in an order that their seeds bear out."""

    measure: str
    level: float
    rows: list[RankingRowDocument]
    contests: list[ContestDocument]
    sentences: list[str]


class ResultDocument(msgspec.Struct, frozen=True):
    """An experiment with its results; with a ranking where it has seeds enough for one."""

    schema: Literal["firstdraw.result/1"]
    version: str
    engine: str
    spec: dict[str, Any]
    summary: list[SummaryDocument]
    runs: list[RunDocument]
    claims: list[ClaimDocument]
    nonfinite: list[NonFinite]
    ranking: RankingDocument | msgspec.UnsetType = msgspec.UNSET


def as_document(record: ExperimentRecord, claims: tuple[Checked, ...] = ()) -> ResultDocument:
    """Return an experiment, and the claims checked on it, as a document of finite numbers."""
    plain: dict[str, Any] = {
        "schema": SCHEMA,
        "version": __version__,
        "engine": record.engine,
        "spec": as_table(record.spec),
        "summary": [_summary(row) for row in summarize(record)],
        "runs": [_run(run) for run in record.runs],
        "claims": [_claim(checked) for checked in claims],
    }
    if has_seeds_enough(record):
        plain["ranking"] = ranking_fields(ranking_of(record))
    nonfinite: list[dict[str, str]] = []
    finite_only = finite(plain, "", nonfinite)
    return msgspec.convert(finite_only | {"nonfinite": nonfinite}, ResultDocument)


def as_json(document: msgspec.Struct) -> str:
    """Return a document as indented JSON text that ends with a line break."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return msgspec.json.schema(ResultDocument)


def _summary(row: SummaryRow) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in SummaryDocument.__struct_fields__}
    return {
        name: {part: getattr(value, part) for part in SpreadDocument.__struct_fields__}
        if isinstance(value, Spread)
        else value
        for name, value in fields.items()
    }


def _run(run: RunRecord) -> dict[str, Any]:
    trajectory, outcome = run.trajectory, run.trajectory.outcomes[0]
    names = [name for name in RecordsDocument.__struct_fields__ if name != "steps"]
    return {
        "label": run.label,
        "seed": run.seed,
        "verdict": run.verdict,
        "outcome": {"diverged": outcome.diverged, "step": outcome.step, "layer": outcome.layer},
        "findings": [
            {name: getattr(finding, name) for name in FindingDocument.__struct_fields__}
            | {"severity": finding.severity.name.lower()}
            for finding in run.findings
        ],
        "parameters": [
            {name: getattr(parameter, name) for name in ParameterDocument.__struct_fields__}
            for parameter in run.parameters
        ],
        "fit": None if run.fit is None else _fit(run.fit),
        "records": {"steps": trajectory.steps.tolist()} | {name: getattr(trajectory, name)[0] for name in names},
    }


def _fit(fit: Fit) -> dict[str, Any]:
    layers = [{name: getattr(layer, name) for name in LayerFitDocument.__struct_fields__} for layer in fit.layers]
    return {"converged": fit.converged, "layers": layers, "objective": fit.objective}


def ranking_fields(ranking: Ranking) -> dict[str, Any]:
    """Return a ranking as the fields of a `RankingDocument`."""
    rows = [
        {
            name: _fields(value, EstimateDocument) if isinstance(value := getattr(row, name), Estimate) else value
            for name in RankingRowDocument.__struct_fields__
        }
        for row in ranking.rows
    ]
    contests = [_fields(contest, ContestDocument) for contest in ranking.contests]
    return {
        "measure": ranking.measure,
        "level": ranking.level,
        "rows": rows,
        "contests": contests,
        "sentences": ranking.sentences,
    }


def _fields(value: object, document: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in document.__struct_fields__}


def _claim(checked: Checked) -> dict[str, Any]:
    return {
        "name": checked.claim.name,
        "statement": checked.claim.statement,
        "verdict": checked.verdict.value,
        "sentence": checked.sentence,
        "numbers": checked.numbers,
    }


def finite(value: Any, path: str, nonfinite: list[dict[str, str]]) -> Any:  # noqa: ANN401  # any JSON value
    """Return a value with null for every number that is not finite, and note where that was."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        nonfinite.append({"path": path, "value": str(value)})
        return None
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        return {key: finite(item, f"{path}.{key}".lstrip("."), nonfinite) for key, item in items.items()}
    if isinstance(value, list | tuple):
        entries = cast("list[Any]", value)
        return [finite(item, f"{path}[{i}]", nonfinite) for i, item in enumerate(entries)]
    return value
