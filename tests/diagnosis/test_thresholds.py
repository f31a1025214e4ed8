"""The numbers that turn a measurement into a judgment: all in one file, each with its reason, each decisive."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firstdraw.diagnosis
from firstdraw.diagnosis import Measurements, Severity, diagnose, thresholds
from firstdraw.engine import Outcome
from firstdraw.experiments import RunRecord
from firstdraw.probes import Sharpness

FOLDER = Path(firstdraw.diagnosis.__file__).parent
HOME = FOLDER / "thresholds.py"
# What a fit to runs has found is no threshold: a script prints that file (see test_trainability_study.py).
FITTED = FOLDER / "trainability_fit.py"
OTHERS = sorted(set(FOLDER.glob("*.py")) - {HOME, FITTED})
# Models of PyTorch are judged by the same numbers, and how they grow with their size by some of their own.
READERS = [*OTHERS, *sorted((FOLDER.parent / "torch").rglob("*.py"))]
RunCase = Callable[[str], RunRecord]


def _constants() -> list[tuple[ast.AnnAssign, ast.stmt]]:
    body = ast.parse(HOME.read_text(encoding="utf-8")).body
    return [
        (statement, following)
        for statement, following in zip(body, [*body[1:], ast.Pass()], strict=True)
        if isinstance(statement, ast.AnnAssign)
    ]


def _name(constant: ast.AnnAssign) -> str:
    return ast.unparse(constant.target)


def test_the_home_of_the_thresholds_holds_nothing_else() -> None:
    body = ast.parse(HOME.read_text(encoding="utf-8")).body
    assert all(isinstance(statement, ast.AnnAssign | ast.Expr | ast.ImportFrom) for statement in body)
    assert len(_constants()) >= 10


@pytest.mark.parametrize(("constant", "following"), _constants(), ids=[_name(item) for item, _ in _constants()])
def test_every_threshold_is_final_and_has_its_reason_below_it(constant: ast.AnnAssign, following: ast.stmt) -> None:
    assert ast.unparse(constant.annotation) == "Final"
    assert isinstance(following, ast.Expr)
    reason = ast.literal_eval(following.value)
    assert len(reason.split()) >= 8
    assert reason.endswith(".")


@pytest.mark.parametrize("name", [_name(item) for item, _ in _constants()])
def test_every_threshold_is_used(name: str) -> None:
    used = {
        node.id
        for path in READERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name)
    }
    assert name in used


@pytest.mark.parametrize("path", OTHERS, ids=[path.stem for path in OTHERS])
def test_no_other_file_holds_a_threshold(path: Path) -> None:
    numbers = [
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    assert set(numbers) <= {0.0, 1.0}


# Each rule at its threshold: a healthy run with one measurement moved to just below and just above.


def _start(measured: Measurements, layer: int, **changes: Any) -> Measurements:
    layers = list(measured.start.layers)
    layers[layer] = replace(layers[layer], **changes)
    return replace(measured, start=replace(measured.start, layers=tuple(layers)))


def _ends_dead(measured: Measurements, dead: int) -> Measurements:
    layers = list(measured.end.layers)
    layers[0] = replace(layers[0], dead_units=dead)
    return replace(measured, end=replace(measured.end, layers=tuple(layers)))


def _signal(measured: Measurements, share: float) -> Measurements:
    return _start(measured, 1, signal_rms=measured.start.input_rms * thresholds.SIGNAL_FACTOR * share)


def _faint_signal(measured: Measurements, share: float) -> Measurements:
    return _start(measured, 1, signal_rms=measured.start.input_rms / thresholds.SIGNAL_FACTOR / share)


def _kept_gradient(measured: Measurements) -> float:
    """What the first layer would receive, a unit, of the norm that the last one has."""
    first, *_, last = measured.start.layers
    return last.gradient_rms * np.sqrt(last.units / first.units)


def _gradient(measured: Measurements, share: float) -> Measurements:
    return _start(measured, 0, gradient_rms=_kept_gradient(measured) * thresholds.GRADIENT_FACTOR * share)


def _faint_gradient(measured: Measurements, share: float) -> Measurements:
    return _start(measured, 0, gradient_rms=_kept_gradient(measured) / thresholds.GRADIENT_FACTOR / share)


def _flat(measured: Measurements, share: float) -> Measurements:
    return _start(measured, 0, flat_share=thresholds.FLAT_SHARE_WARNED * share)


def _certain(measured: Measurements, share: float) -> Measurements:
    start = measured.start
    flat = round(start.output.examples * thresholds.OUTPUT_FLAT_SHARE + (share - 1) * 10)
    output = replace(start.output, flat=flat)
    return replace(measured, start=replace(start, output=output, cost=10 * start.constant_cost))


def _costly(measured: Measurements, share: float) -> Measurements:
    start = measured.start
    output = replace(start.output, flat=start.output.examples)
    return replace(
        measured, start=replace(start, output=output, cost=start.constant_cost * thresholds.COST_FACTOR * share)
    )


def _with_costs(measured: Measurements, cost: np.ndarray) -> Measurements:
    trajectory = replace(measured.trajectory, cost=cost[np.newaxis])
    return replace(measured, trajectory=trajectory, end=replace(measured.end, cost=float(cost[-1])))


def _high(measured: Measurements, share: float) -> Measurements:
    constant = measured.start.constant_cost
    return _with_costs(
        measured,
        np.full(len(measured.trajectory.steps), constant * (1 - thresholds.LEARNED_SHARE) * (1 + (share - 1) / 100)),
    )


def _stands(measured: Measurements, share: float) -> Measurements:
    """The cost falls by a bit more or less than what is a plateau, over the window of a plateau."""
    steps = measured.trajectory.steps
    half = measured.start.constant_cost / 2
    fallen = half * (1 - thresholds.PLATEAU_CHANGE * (2 - share))
    return _with_costs(measured, np.where(steps > steps[-1] * (1 - thresholds.PLATEAU_WINDOW), fallen, half))


def _unsolved(measured: Measurements, share: float) -> Measurements:
    level = measured.start.constant_cost * thresholds.SOLVED_SHARE * share
    return _with_costs(measured, np.full(len(measured.trajectory.steps), level))


def _falls(measured: Measurements, share: float) -> Measurements:
    steps = measured.trajectory.steps
    half = measured.start.constant_cost / 2
    fallen = half * (1 - thresholds.IMPROVING_CHANGE * share)
    return _with_costs(measured, np.where(steps > steps[-1] * (1 - thresholds.IMPROVING_WINDOW), fallen, half))


@pytest.mark.parametrize(
    ("cause", "moved"),
    [
        ("exploding signal", _signal),
        ("vanishing signal", _faint_signal),
        ("exploding gradient", _gradient),
        ("vanishing gradient", _faint_gradient),
        ("saturated hidden units", _flat),
        ("saturated output", _certain),
        ("saturated output", _costly),
        ("nothing learned", _high),
        ("plateau", _stands),
        ("plateau", _unsolved),
        ("still improving", _falls),
    ],
)
def test_a_threshold_decides(
    run_case: RunCase, cause: str, moved: Callable[[Measurements, float], Measurements]
) -> None:
    healthy = run_case("clouds").measured
    assert cause not in {finding.cause for finding in diagnose(moved(healthy, 0.9))}
    assert cause in {finding.cause for finding in diagnose(moved(healthy, 1.1))}


def _inputs(measured: Measurements, **changes: Any) -> Measurements:
    return replace(measured, start=replace(measured.start, inputs=replace(measured.start.inputs, **changes)))


def _parallel(measured: Measurements, share: float) -> Measurements:
    first = measured.start.layers[0].correlation
    return _start(measured, 1, correlation=1 - (1 - first) * thresholds.COLLAPSE_FACTOR / share)


def _flattened(measured: Measurements, share: float) -> Measurements:
    wide = _start(measured, 0, participation_ratio=5.0)
    return _start(wide, 1, participation_ratio=thresholds.RANK_LEFT / share)


def _flat_from_the_start(measured: Measurements, share: float) -> Measurements:
    narrow = _start(measured, 0, participation_ratio=thresholds.RANK_LOST * share)
    return _start(narrow, 1, participation_ratio=1.0)


def _alike(measured: Measurements, share: float) -> Measurements:
    return _start(measured, 0, similar_units=round(20 * thresholds.ALIKE_SHARE * share))


def _opposite(measured: Measurements, share: float) -> Measurements:
    return _start(measured, 0, mirrored_units=round(20 * thresholds.ALIKE_SHARE * share))


def _loud(measured: Measurements, share: float) -> Measurements:
    return _inputs(measured, rms=thresholds.LARGEST_INPUTS * share)


def _silent(measured: Measurements, share: float) -> Measurements:
    return _inputs(measured, rms=thresholds.SMALLEST_INPUTS / share)


def _uneven(measured: Measurements, share: float) -> Measurements:
    return _inputs(measured, feature_ranges=(2.0, 2.0 * thresholds.INPUT_FACTOR * share))


def _aside(measured: Measurements, share: float) -> Measurements:
    means = (thresholds.OFFSET_FACTOR * share,) * 2
    return _inputs(measured, feature_ranges=(1.0, 1.0), feature_means=means)


def _dear(measured: Measurements, share: float) -> Measurements:
    start = measured.start
    cost = start.constant_cost * thresholds.HIGH_COST_FACTOR * share
    return replace(measured, start=replace(start, cost=cost))


def _hasty(measured: Measurements, share: float) -> Measurements:
    return _start(measured, 0, update_ratio=thresholds.UPDATE_RATIO * share)


def _steep(measured: Measurements, step: float) -> Measurements:
    sharp = Sharpness(largest_eigenvalue=step / 0.1, error=0.0, products=1, converged=True)
    return replace(measured, sharpness=sharp, learning_rate=0.1)


@pytest.mark.parametrize(
    ("cause", "moved"),
    [
        ("collapse to one correlation", _parallel),
        ("loss of rank", _flattened),
        ("loss of rank", _flat_from_the_start),
        ("nearly equal units", _alike),
        ("mirrored units", _opposite),
        ("unscaled inputs", _loud),
        ("unscaled inputs", _silent),
        ("unscaled inputs", _uneven),
        ("unscaled inputs", _aside),
        ("high initial cost", _dear),
        ("learning rate too large", _hasty),
    ],
)
def test_a_threshold_of_starts_decides(
    run_case: RunCase, cause: str, moved: Callable[[Measurements, float], Measurements]
) -> None:
    healthy = run_case("tanh, Glorot").measured
    assert cause not in {finding.cause for finding in diagnose(moved(healthy, 0.9))}
    assert cause in {finding.cause for finding in diagnose(moved(healthy, 1.1))}


@pytest.mark.parametrize(
    ("share", "severity"),
    [
        (0.9 * thresholds.STABLE_STEP, None),
        (1.1 * thresholds.STABLE_STEP, Severity.NOTE),
        (0.9 * thresholds.UNSTABLE_STEP, Severity.NOTE),
        (1.1 * thresholds.UNSTABLE_STEP, Severity.WARNING),
    ],
)
def test_a_rate_is_as_bad_as_it_is_large(run_case: RunCase, share: float, severity: Severity | None) -> None:
    findings = diagnose(_steep(run_case("tanh, Glorot").measured, share))
    assert [finding.severity for finding in findings if finding.cause == "learning rate too large"] == (
        [] if severity is None else [severity]
    )


@pytest.mark.parametrize(
    ("at_start", "at_end", "severity"),
    [
        (0, 0, None),
        (1, 0, Severity.NOTE),
        (0, 3, Severity.NOTE),
        (2, 2, Severity.NOTE),
        (3, 3, Severity.WARNING),
        (0, 4, Severity.BROKEN),
    ],
)
def test_dead_units_are_as_bad_as_they_are_many(
    run_case: RunCase, at_start: int, at_end: int, severity: Severity | None
) -> None:
    healthy = run_case("clouds").measured
    assert healthy.start.layers[0].units == 4
    findings = diagnose(_ends_dead(_start(healthy, 0, dead_units=at_start), at_end))
    assert [finding.severity for finding in findings if finding.cause == "dead units"] == (
        [] if severity is None else [severity]
    )


def test_nothing_learned_is_a_note_while_the_cost_still_falls(run_case: RunCase) -> None:
    healthy = run_case("clouds").measured
    falling = np.linspace(3, 2, len(healthy.trajectory.steps)) * healthy.start.constant_cost
    (finding,) = (item for item in diagnose(_with_costs(healthy, falling)) if item.cause == "nothing learned")
    assert finding.severity == Severity.NOTE
    assert finding.sentence.startswith("Nothing is learned yet: ")


def test_of_a_diverged_run_nothing_is_said_about_its_end(run_case: RunCase) -> None:
    healthy = run_case("clouds").measured
    trajectory = replace(healthy.trajectory, outcomes=(Outcome(diverged=True, step=3, layer=1),))
    causes = {finding.cause for finding in diagnose(replace(_high(healthy, 1.1), trajectory=trajectory))}
    assert causes == {"divergence"}
