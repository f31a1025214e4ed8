"""Every cause is found in a run that has it, and not in one that has not."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from firstdraw.diagnosis import Cause, Finding, Severity, diagnose, verdict
from firstdraw.experiments import RunRecord, prepare, read_table
from firstdraw.experiments import run as run_prepared

RunCase = Callable[[str], RunRecord]

FOUND = {
    "deep Xavier": {"vanishing signal", "vanishing gradient", "nothing learned"},
    "deep large": {"exploding signal", "exploding gradient", "saturated output"},
    "deep large, trained": {"divergence", "exploding signal", "exploding gradient", "dead units"},
    "tanh, large": {"saturated hidden units", "saturated output", "exploding signal"},
    "sigmoid, large": {"saturated hidden units", "saturated output"},
    "tanh, Glorot": {"healthy"},
    "tanh, Glorot, short": {"healthy", "still improving"},
    "zeros": {"unbroken symmetry", "no gradient at the start", "nothing learned", "vanishing signal", "dead units"},
    "zeros, sigmoid": {"unbroken symmetry", "no gradient at the start", "nothing learned"},
    "constant": {"unbroken symmetry"},
    "x10": {"saturated output", "exploding signal", "exploding gradient"},
    "x0.001": {"vanishing signal", "vanishing gradient", "nothing learned"},
    "He": {"healthy"},
    "narrow": {"dead units", "no gradient at the start", "nothing learned"},
    "far too fast": {"divergence", "dead units"},
    "far too fast at once": {"divergence"},
    "overflow": {"divergence", "exploding signal"},
    "far too slow": {"nothing learned"},
    "a line for moons": {"plateau"},
    "clouds": {"healthy"},
    "ReZero": {"healthy"},
    "ReZero, untrained": {"healthy"},
    "SkipInit": {"healthy"},
    "SkipInit, deep": {"healthy"},
    "residual, unscaled": {"exploding signal", "exploding gradient"},
    "residual zeros": {"dead branch", "unbroken symmetry", "no gradient at the start", "nothing learned"},
    "iris, zeros": {"unbroken symmetry", "no gradient at the start", "nothing learned"},
}
NOT_FOUND = {
    "deep Xavier": {"exploding signal", "exploding gradient", "saturated output", "divergence", "healthy"},
    "deep He": {"vanishing signal", "vanishing gradient", "exploding signal", "exploding gradient", "divergence"},
    "tanh, Glorot": {"nothing learned", "plateau", "saturated hidden units", "dead units"},
    "zeros, sigmoid": {"dead units", "saturated hidden units"},
    "constant": {"no gradient at the start", "dead units"},
    "x10": {"unbroken symmetry", "saturated hidden units", "divergence", "healthy"},
    "He": {"nothing learned", "plateau", "still improving"},
    "far too fast": {"nothing learned", "plateau", "still improving", "healthy"},
    "overflow": {"vanishing gradient", "exploding gradient", "saturated output", "nothing learned", "healthy"},
    "far too slow": {"divergence", "healthy", "plateau", "still improving"},
    "a line for moons": {"nothing learned", "still improving", "healthy"},
    "clouds": {"plateau", "still improving", "nothing learned"},
    "ReZero": {"nothing learned", "dead branch", "no gradient at the start"},
    "SkipInit": {"nothing learned", "dead branch", "no gradient at the start"},
    "residual, unscaled": {"dead branch", "healthy"},
    "residual zeros": {"healthy"},
}


def _causes(run: RunRecord) -> set[str]:
    return {finding.cause for finding in run.findings}


def _finding(run: RunRecord, cause: str) -> Finding:
    return next(finding for finding in run.findings if finding.cause == cause)


@pytest.mark.parametrize(("name", "causes"), FOUND.items(), ids=list(FOUND))
def test_what_is_so_is_found(run_case: RunCase, name: str, causes: set[str]) -> None:
    assert causes - _causes(run_case(name)) == set()


@pytest.mark.parametrize(("name", "causes"), NOT_FOUND.items(), ids=list(NOT_FOUND))
def test_what_is_not_so_is_not_found(run_case: RunCase, name: str, causes: set[str]) -> None:
    assert causes & _causes(run_case(name)) == set()


def test_every_cause_that_only_training_shows_has_a_run_that_has_it() -> None:
    """The others have a start that has them, in the table of starts."""
    shown_by_training = {"divergence", "nothing learned", "plateau", "still improving"}
    assert shown_by_training <= set().union(*FOUND.values()) <= set(get_args(Cause))


def test_the_worst_finding_stands_first(case: RunRecord) -> None:
    severities = [finding.severity for finding in case.findings]
    assert severities[0] == max(severities) or case.findings[0].cause == "healthy"
    rest = severities[1:] if case.findings[0].cause == "healthy" else severities
    assert rest == sorted(rest, reverse=True)


def test_a_run_is_healthy_exactly_where_no_finding_is_a_warning(case: RunRecord) -> None:
    worst = max(finding.severity for finding in case.findings)
    assert ("healthy" in _causes(case)) == (worst < Severity.WARNING)
    assert case.findings != ()


def test_every_finding_is_told_in_full(case: RunRecord) -> None:
    for finding in case.findings:
        assert finding.sentence[0].isupper()
        assert not finding.sentence.endswith(".")
        assert re.search(r"\d", finding.sentence)
        assert finding.remedy[0].isupper()
        assert not finding.remedy.endswith(".")
        assert finding.evidence
        assert finding.place == "" or finding.place.startswith(("layer", "every layer", "inputs"))
        assert "nan" not in finding.sentence


def test_evidence_is_finite_where_nothing_overflows(case: RunRecord) -> None:
    # An infinite cost is the evidence where a probability rounds to 0 or a run diverges.
    explained = {"textbook cost", "cost at the start", "pre-activation rms", "factor", "cost"}
    for finding in case.findings:
        infinite = {name for name, value in finding.evidence.items() if not math.isfinite(value)}
        assert {name for name in infinite if not name.startswith("update ratio")} <= explained
        assert not any(math.isnan(value) for name, value in finding.evidence.items() if name != "cost at the start")


def test_the_verdict_is_the_first_finding_and_what_came_of_it(case: RunRecord) -> None:
    assert case.verdict.startswith(f"{case.findings[0].sentence}. ")
    assert case.verdict.endswith(".")
    assert 1 <= len(re.findall(r"\.(?= [A-Z]|$)", case.verdict)) <= 2
    assert re.search(r"\d", case.verdict)
    assert "step -1" not in case.verdict


def test_the_verdict_about_zeros_is_the_one_the_issue_asks_for(run_case: RunCase) -> None:
    assert run_case("zeros").verdict == (
        "Symmetry is never broken: the 10 units of layer 1 stay identical for all 20 steps (largest difference 0). "
        "After 20 steps every prediction is class 0."
    )


def test_divergence_names_its_step_and_its_layer(run_case: RunCase) -> None:
    run = run_case("far too fast at once")
    outcome, finding = run.trajectory.outcomes[0], _finding(run, "divergence")
    assert outcome.diverged
    assert finding.evidence["step"] == outcome.step > 0
    assert finding.place == f"layer {outcome.layer}"
    assert f"step {outcome.step:,}" in finding.sentence
    assert f"Training diverges at step {outcome.step:,}; before that, at step {outcome.step - 1:,}, " in run.verdict
    assert np.isfinite(run.trajectory.final).all()


def test_a_cost_that_overflows_before_the_parameters_do_is_not_told(run_case: RunCase) -> None:
    run = run_case("far too fast")
    assert run.measured.end.cost == math.inf
    assert _finding(run, "divergence").evidence["step"] == run.trajectory.outcomes[0].step > 0
    assert run.findings[0].cause == "learning rate too large"
    assert run.verdict.endswith("; the last finite parameters give no finite cost.")


def test_a_divergence_without_another_cause_is_told_once(run_case: RunCase) -> None:
    run = run_case("far too fast")
    alone = replace(run.measured, sharpness=None, learning_rate=None)
    start = replace(alone.start, layers=tuple(replace(layer, update_ratio=None) for layer in alone.start.layers))
    alone = replace(alone, start=start)
    findings = diagnose(alone)
    assert findings[0].cause == "divergence"
    assert verdict(findings, alone, run.classes).endswith("not finite. The last finite parameters give no finite cost.")
    finite = replace(alone, end=alone.start)
    assert f". Before that, at step {run.trajectory.outcomes[0].step - 1:,}, " in verdict(findings, finite, run.classes)


def test_a_start_that_overflows_has_no_step_before_it(run_case: RunCase) -> None:
    run = run_case("overflow")
    assert _finding(run, "divergence").evidence["step"] == 0
    assert run.verdict.endswith(" The cost is not finite, even before the first step.")


def test_a_vanishing_signal_is_located_at_the_first_layer_that_is_too_small(run_case: RunCase) -> None:
    run = run_case("deep Xavier")
    finding = _finding(run, "vanishing signal")
    layer = int(finding.place.removeprefix("layer "))
    start = run.measured.start
    assert start.layers[layer - 1].signal_rms < start.input_rms / 100 <= start.layers[layer - 2].signal_rms
    assert finding.evidence["factor"] == start.layers[layer - 1].signal_rms / start.input_rms


@pytest.mark.parametrize(("name", "scale"), [("deep Xavier", math.sqrt(2)), ("deep large", 1 / math.sqrt(30))])
def test_the_remedy_for_a_wrong_law_is_the_one_that_he_has(run_case: RunCase, name: str, scale: float) -> None:
    """Xavier's 1/n keeps half of a rectifier's second moment; N(0, 1) over 60 inputs makes 30 of it."""
    finding = run_case(name).findings[0]
    assert finding.cause == "wrong law for the activation"
    assert "Use `he_normal`: " in finding.remedy
    told = float(re.search(r"deviation by ([\d.]+)$", finding.remedy)[1])  # type: ignore[index]
    assert told == pytest.approx(scale, rel=0.02)
    assert finding.evidence["factor of the variance, a layer"] == pytest.approx(scale**-2, rel=0.04)
    assert finding.evidence["factor of the signal, over the depth"] == pytest.approx(scale**-29, rel=0.2)


def test_zeros_on_unbalanced_data_learn_the_class_shares_and_nothing_else(tmp_path: Path) -> None:
    rows = [f"{i / 60},{i % 7},{'yes' if i % 4 else 'no'}" for i in range(60)]
    (tmp_path / "data.csv").write_text("a,b,y\n" + "\n".join(rows) + "\n", encoding="utf-8")
    table = {
        "data": {"name": "csv", "path": "data.csv", "target": "y", "test_share": 0.0},
        "network": {"widths": [2, 10, 5, 1]},
        "training": {"loss": "bce", "optimizer": {"name": "sgd", "learning_rate": 1.0}, "steps": 300},
        "initializations": [{"label": "zeros", "weights": "zeros"}],
    }
    (run,) = run_prepared(prepare(read_table(table, folder=tmp_path))).runs
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert run.trajectory.cost[0, 0] == pytest.approx(math.log(2))
    assert run.measured.end.cost == pytest.approx(entropy, rel=1e-9)
    assert {"unbroken symmetry", "no gradient at the start", "nothing learned"} <= _causes(run)
    assert run.verdict.endswith("every prediction is class yes.")
