"""A claim can fail: each check says otherwise when its records say otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn.linear_model import LogisticRegression

from firstdraw.datasets import Examples
from firstdraw.engine import Trajectory
from firstdraw.experiments import ExperimentRecord, Initialization, RunRecord, prepare
from firstdraw.initializers.constant import ConstantValue
from firstdraw.initializers.glorot import GlorotNormal, XavierFanIn
from firstdraw.initializers.he import HeNormal
from firstdraw.initializers.unscaled import PlainNormal
from firstdraw.papers import PAPERS, Checked, Claims, Judged, Verdict, further_training, tally
from firstdraw.papers.exercise.evidence import at_step, final, only, paired_p_value, steps_to_accuracy
from firstdraw.papers.exercise.he import signal_kept
from firstdraw.papers.exercise.studies import SCALES
from firstdraw.papers.exercise.zeros import best_half_plane, logistic_regression_accuracy

CLAIMS = {claim.name: claim for claim in PAPERS["exercise"]().claims()}
HOLDS, HALF, NOT = Verdict.HOLDS, Verdict.HALF_TRUE, Verdict.DOES_NOT_HOLD


def _relabelled(run: RunRecord, label: str) -> RunRecord:
    return replace(run, initialization=replace(run.initialization, label=label))


def _swapped(record: ExperimentRecord, one: str, other: str) -> ExperimentRecord:
    names = {one: other, other: one}
    return replace(record, runs=tuple(_relabelled(run, names.get(run.label, run.label)) for run in record.runs))


def _with_trajectory(record: ExperimentRecord, label: str, **changes: Any) -> ExperimentRecord:
    runs = [
        replace(run, trajectory=replace(run.trajectory, **changes)) if run.label == label else run
        for run in record.runs
    ]
    return replace(record, runs=tuple(runs))


def _moved(trajectory: Trajectory, name: str, index: Any, value: float) -> dict[str, Any]:
    values = np.array(getattr(trajectory, name))
    values[index] = value
    return {name: values}


def _zeros(record: ExperimentRecord, name: str, index: Any, value: float) -> ExperimentRecord:
    return _with_trajectory(record, "zeros", **_moved(only(record, "zeros").trajectory, name, index, value))


def _x10_starting_at(record: ExperimentRecord, textbook: float, safe: float) -> ExperimentRecord:
    trajectory = only(record, "normal x10").trajectory
    changes = _moved(trajectory, "textbook_cost", (0, 0), textbook) | _moved(trajectory, "cost", (0, 0), safe)
    return _with_trajectory(record, "normal x10", **changes)


def _all_of_one_class(record: ExperimentRecord) -> ExperimentRecord:
    train = record.dataset.train
    mostly = Examples(train.inputs, np.where(np.arange(len(train)) < 3, 1, 0))
    return replace(record, dataset=replace(record.dataset, train=mostly))


MODIFIED: list[tuple[str, Callable[[ExperimentRecord], ExperimentRecord], Verdict]] = [
    ("zero-cost", lambda record: _zeros(record, "cost", (0, 7), 0.6931471), NOT),
    ("zero-cost", lambda record: _swapped(record, "zeros", "He"), NOT),
    ("zero-class", lambda record: _swapped(record, "zeros", "He"), NOT),
    ("zero-symmetry", lambda record: _zeros(record, "distinct_units", (0, 9, 1), 2.0), NOT),
    ("zero-symmetry", lambda record: _swapped(record, "zeros", "Xavier"), NOT),
    ("zero-linear", lambda record: _swapped(record, "zeros", "He"), NOT),
    ("random-weights", lambda record: _swapped(record, "zeros", "He"), NOT),
    ("large-draws", lambda record: _swapped(record, "zeros", "normal x10"), NOT),
    ("large-draws", lambda record: _swapped(record, "He", "normal x10"), NOT),
    ("large-cost", lambda record: _swapped(record, "normal x10", "He"), NOT),
    ("large-infinity", lambda record: _x10_starting_at(record, 1773.0, 1773.0), NOT),
    ("large-infinity", lambda record: _x10_starting_at(record, np.inf, np.inf), HOLDS),
    ("large-infinity", lambda record: _swapped(record, "normal x10", "He"), NOT),
    ("large-gradients", lambda record: _swapped(record, "normal x10", "Xavier"), HALF),
    ("he-factor", lambda record: _swapped(record, "He", "Xavier"), NOT),
    ("he-quick", lambda record: _swapped(record, "He", "normal x10"), NOT),
    ("table", lambda record: _swapped(record, "normal x10", "He"), NOT),
    ("table", lambda record: _zeros(record, "train_accuracy", (0, -1), 0.51), NOT),
    ("task", _all_of_one_class, NOT),
    (
        "different",
        lambda record: replace(record, runs=tuple(_relabelled(only(record, "He"), run.label) for run in record.runs)),
        NOT,
    ),
]


@pytest.mark.parametrize(
    ("name", "changed", "verdict"), MODIFIED, ids=[f"{name}-{i}" for i, (name, *_) in enumerate(MODIFIED)]
)
def test_a_verdict_changes_with_the_numbers(
    exercise: ExperimentRecord,
    name: str,
    changed: Callable[[ExperimentRecord], ExperimentRecord],
    verdict: Verdict,
) -> None:
    assert CLAIMS[name].check({"exercise": exercise}).verdict is not verdict
    assert CLAIMS[name].check({"exercise": changed(exercise)}).verdict is verdict


def test_he_is_quick_when_it_arrives_in_a_tenth_of_the_steps(exercise: ExperimentRecord) -> None:
    trajectory = only(exercise, "He").trajectory
    early = np.where(trajectory.steps >= 1000, 1.0, 0.5)[np.newaxis]
    record = _with_trajectory(exercise, "He", train_accuracy=early)
    judged = CLAIMS["he-quick"].check({"exercise": record})
    assert judged.verdict is HOLDS
    assert judged.numbers["step of 90%"] == 1000


# Claims over many seeds, on made-up outcomes: what a check says depends on these numbers alone.


def _seeded(
    record: ExperimentRecord, accuracies: Mapping[str, list[float]], costs: Mapping[str, list[float]] | None = None
) -> ExperimentRecord:
    """A record with one run for each given final accuracy (and cost)."""
    model = only(record, "He")
    rows = len(model.trajectory.steps)
    runs: list[RunRecord] = []
    for label, values in accuracies.items():
        for seed, accuracy in enumerate(values):
            cost = (costs or {}).get(label, [1 - value for value in values])[seed]
            trajectory = replace(
                model.trajectory,
                train_accuracy=np.linspace(0.5, accuracy, rows)[np.newaxis],
                test_accuracy=np.linspace(0.5, accuracy, rows)[np.newaxis],
                cost=np.linspace(0.7, cost, rows)[np.newaxis],
            )
            start = Initialization(label, HeNormal())
            runs.append(replace(model, initialization=start, seed=seed, trajectory=trajectory))
    n = len(next(iter(accuracies.values())))
    starts = tuple(Initialization(label, ConstantValue()) for label in accuracies)
    spec = replace(record.spec, seeds=tuple(range(n)), initializations=starts)
    return replace(record, spec=spec, runs=tuple(runs))


GOOD, BAD = [0.97 + i / 1000 for i in range(20)], [0.6 + i / 1000 for i in range(20)]
SEEDS = {
    "good He": {"He": GOOD, "normal x10": BAD, "normal x1": BAD},
    "bad He": {"He": BAD, "normal x10": GOOD, "normal x1": GOOD},
    "all good": {"He": GOOD, "normal x10": GOOD, "normal x1": GOOD},
}
FALLING = {f"{scale:g}": [0.9 - i / 10] * 3 for i, scale in enumerate(SCALES)}


@pytest.mark.parametrize(
    ("name", "seeds", "verdict"),
    [
        ("faster", "good He", HOLDS),
        ("faster", "bad He", NOT),
        ("better-odds", "good He", HOLDS),
        ("better-odds", "bad He", NOT),
        ("better-odds", "all good", NOT),
        ("large-bad", "good He", HOLDS),
        ("large-bad", "bad He", HALF),
        ("he-works", "good He", HOLDS),
        ("he-works", "all good", HALF),
        ("he-works", "bad He", NOT),
        ("one-seed", "good He", HOLDS),
        ("one-seed", "all good", HOLDS),
    ],
)
def test_a_claim_over_seeds_follows_from_where_they_end(
    exercise: ExperimentRecord, name: str, seeds: str, verdict: Verdict
) -> None:
    assert CLAIMS[name].check({"seeds": _seeded(exercise, SEEDS[seeds])}).verdict is verdict


@pytest.mark.parametrize(
    ("name", "rising", "verdict"),
    [
        ("not-too-large", False, HOLDS),
        ("not-too-large", True, NOT),
        ("small-better", False, HOLDS),
        ("small-better", True, NOT),
        ("large-slow", False, HOLDS),
        ("large-slow", True, NOT),
    ],
)
def test_a_claim_over_scales_follows_from_their_order(
    exercise: ExperimentRecord, name: str, rising: bool, verdict: Verdict
) -> None:
    accuracies = {label: [1 - value for value in values] for label, values in FALLING.items()} if rising else FALLING
    assert CLAIMS[name].check({"scales": _seeded(exercise, accuracies)}).verdict is verdict


@pytest.mark.parametrize(
    ("zero", "random", "verdict"),
    [(GOOD, GOOD, HOLDS), (GOOD, BAD, HOLDS), (BAD, GOOD, HALF)],
    ids=["alike", "better", "worse"],
)
def test_zero_biases_are_judged_by_what_random_ones_cost(
    exercise: ExperimentRecord, zero: list[float], random: list[float], verdict: Verdict
) -> None:
    records = {"seeds": _seeded(exercise, {"He": zero}), "biases": _seeded(exercise, {"He, random biases": random})}
    assert CLAIMS["zero-biases"].check(records).verdict is verdict


def test_zero_biases_would_not_be_harmless_if_symmetry_stayed(exercise: ExperimentRecord) -> None:
    seeds = _seeded(exercise, {"He": GOOD})
    equal = only(exercise, "zeros").trajectory.distinct_units
    runs = tuple(replace(run, trajectory=replace(run.trajectory, distinct_units=equal)) for run in seeds.runs)
    records = {"seeds": replace(seeds, runs=runs), "biases": _seeded(exercise, {"He, random biases": GOOD})}
    assert CLAIMS["zero-biases"].check(records).verdict is NOT


@pytest.mark.parametrize(("last", "verdict"), [(0.1, HOLDS), (0.9, HALF)])
def test_longer_is_better_exactly_where_every_cost_falls(
    exercise: ExperimentRecord, last: float, verdict: Verdict
) -> None:
    longer = _seeded(exercise, {"normal x10": GOOD}, {"normal x10": [0.1] * 19 + [last]})
    steps = replace(longer.problem, steps=60_000)
    # 151 records, 400 steps apart, of which the 38th is said to be the one at step 15,000.
    told = np.where(np.arange(151) == 37, 15_000, np.arange(151) * 400)
    runs = tuple(replace(run, trajectory=replace(run.trajectory, steps=told)) for run in longer.runs)
    records = {"exercise": exercise, "longer": replace(longer, problem=steps, runs=runs)}
    assert CLAIMS["large-longer"].check(records).verdict is verdict


@pytest.mark.parametrize(("label", "verdict"), [("zeros", HOLDS), ("He", NOT)])
def test_one_unit_a_layer_is_as_good_only_while_the_units_are_equal(
    exercise: ExperimentRecord, label: str, verdict: Verdict
) -> None:
    record = replace(exercise, runs=(_relabelled(only(exercise, label), "constant 0.5"),))
    assert CLAIMS["zero-width"].check({"symmetric": record}).verdict is verdict


def test_the_studies_change_one_thing_each(exercise: ExperimentRecord) -> None:
    studies = PAPERS["exercise"]().studies()
    assert next(iter(studies)) == "exercise"
    assert studies["exercise"] == exercise.spec == PAPERS["exercise"]().main()
    for spec in studies.values():
        assert (spec.data, spec.network, spec.draws) == (exercise.spec.data, exercise.spec.network, exercise.spec.draws)
        assert spec.training.optimizer == exercise.spec.training.optimizer
        # The exercise's own numbers are known to the last digit; over seeds, distributions are compared.
        assert spec.training.precision == ("float64" if spec is studies["exercise"] else "float32")
    assert studies["longer"].training.steps == 60_000
    assert len(studies["seeds"].seeds) == len(studies["biases"].seeds) == 40
    assert set().union(*(claim.needs for claim in CLAIMS.values())) == set(studies)


# What the checks measure with.


@st.composite
def _points(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    # Grid points a seventh apart: lines between different points are far enough from the others for 720 directions.
    m = draw(st.integers(2, 7))
    inputs = draw(arrays(np.float64, (m, 2), elements=st.integers(-3, 3).map(float), unique=False))
    return inputs, draw(arrays(np.int64, m, elements=st.integers(0, 1)))


def _best_by_trying_every_line(inputs: np.ndarray, labels: np.ndarray) -> float:
    """Every split of the points by a line has one direction between those of two pairs of points."""
    differences = (inputs[:, np.newaxis] - inputs).reshape(-1, 2)
    critical = np.unique(np.arctan2(differences[:, 0], -differences[:, 1]) % np.pi)
    between = np.concatenate([critical, (critical + np.append(critical[1:], critical[0] + np.pi)) / 2])
    best = 0
    for angle in np.concatenate([between, between + np.pi]):
        heights = (inputs @ [np.cos(angle), np.sin(angle)]).round(9)
        for level in np.append(np.unique(heights), np.inf):
            best = max(best, int(np.sum((heights >= level) == labels)))
    return best / len(labels)


@given(_points())
def test_the_best_half_plane_is_found(points: tuple[np.ndarray, np.ndarray]) -> None:
    inputs, labels = points
    assert best_half_plane(inputs, labels) == _best_by_trying_every_line(inputs, labels)


def test_on_the_exercise_720_directions_find_the_best_of_all_lines(exercise: ExperimentRecord) -> None:
    inputs, labels = exercise.dataset.train.inputs, exercise.dataset.train.targets
    first, second = np.triu_indices(len(inputs), 1)
    across = inputs[second] - inputs[first]
    critical = np.sort(np.arctan2(across[:, 0], -across[:, 1]) % np.pi)
    gains = np.where(labels == 0, 1, -1)
    best = 0
    # Between two neighboring critical directions every line's split is the same.
    for angle in (critical + np.append(critical[1:], critical[0] + np.pi)) / 2:
        along = np.cumsum(gains[np.argsort(inputs @ [np.cos(angle), np.sin(angle)])])
        best = max(best, labels.sum() + along.max(), len(labels) - labels.sum() - along.min())
    assert best_half_plane(inputs, np.asarray(labels, np.int64)) == best / len(labels)


@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.floats(0, 3), st.sampled_from([1, 2, 3]), st.floats(0.5, 3))
def test_logistic_regression_is_scikit_learn_s(seed: int, m: int, apart: float, d: int, scale: float) -> None:
    stream = np.random.default_rng(seed)
    labels = np.arange(m) % 2
    inputs = scale * (stream.normal(size=(m, d)) + apart * labels[:, np.newaxis])
    judged, judged_labels = stream.normal(size=(50, d)) + 1, stream.integers(0, 2, 50)
    # Its default tolerance stops before the minimum.
    model = LogisticRegression(tol=1e-10, max_iter=10_000).fit(inputs, labels)
    ours = logistic_regression_accuracy(inputs, labels, judged, judged_labels)
    # A point within a millionth of the line may fall on either side of it.
    unsure = int(np.sum(np.abs(model.decision_function(judged)) < 1e-6))
    assert abs(ours - model.score(judged, judged_labels)) * 50 <= unsure + 1e-9


def test_logistic_regression_on_the_exercise_is_scikit_learn_s_at_its_minimum(exercise: ExperimentRecord) -> None:
    train, test = exercise.dataset.train, exercise.dataset.test
    model = LogisticRegression(tol=1e-10).fit(train.inputs, train.targets)
    for judged in (train, test):
        labels, others = np.asarray(train.targets, np.int64), np.asarray(judged.targets, np.int64)
        ours = logistic_regression_accuracy(train.inputs, labels, judged.inputs, others)
        assert ours == model.score(judged.inputs, judged.targets)


def test_no_line_solves_exclusive_or() -> None:
    assert best_half_plane(np.array([[0.0, 0], [1, 1], [0, 1], [1, 0]]), np.array([0, 0, 1, 1])) == 0.75


def test_logistic_regression_is_judged_on_the_second_pair() -> None:
    inputs, labels = np.array([[-1.0, 0], [-2, 0], [1, 0], [2, 0]]), np.array([0, 0, 1, 1])
    assert logistic_regression_accuracy(inputs, labels, inputs, labels) == 1.0
    assert logistic_regression_accuracy(inputs, labels, inputs, 1 - labels) == 0.0
    assert logistic_regression_accuracy(inputs, labels, inputs[:3], np.array([0, 1, 1])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("initializer", "factor", "tolerance"),
    [
        (HeNormal(), 1.0, 0.05),
        (XavierFanIn(), 0.5, 0.05),
        # Equal widths: Glorot's own rule is the same law.
        (GlorotNormal(), 0.5, 0.05),
        (PlainNormal(1.0), 100.0, 0.05),
        (HeNormal(slope=1.0), 0.5, 0.05),
    ],
    ids=["He", "Xavier", "Glorot", "N(0, 1)", "He for a slope of 1"],
)
def test_the_signal_kept_is_half_of_fan_in_times_variance(initializer: Any, factor: float, tolerance: float) -> None:
    assert signal_kept(initializer) == pytest.approx(factor, rel=tolerance)


def test_numbers_are_read_off_the_records(exercise: ExperimentRecord) -> None:
    record = _seeded(exercise, {"a": [0.5, 1.0], "b": [0.75, 0.75]})
    assert final(record, "a").tolist() == [0.5, 1.0]
    assert at_step(record, "a", 15_000).tolist() == [0.5, 1.0]
    assert at_step(record, "a", 7_500).tolist() == [0.5, 0.75]
    assert steps_to_accuracy(record, "a", 0.75).tolist() == [np.inf, 7_500]
    with pytest.raises(ValueError, match="too many values"):
        only(record, "a")


@given(st.lists(st.floats(-1e3, 1e3).filter(bool), min_size=1, max_size=50, unique_by=abs))
def test_without_ties_the_paired_test_is_scipy_s_exact_one(differences: list[float]) -> None:
    difference = np.array(differences)
    expected = stats.wilcoxon(difference, method="exact").pvalue
    assert paired_p_value(difference, np.zeros_like(difference)) == pytest.approx(expected, rel=1e-12)


@given(arrays(np.float64, st.integers(1, 9), elements=st.integers(-3, 3).map(float)))
def test_with_ties_the_paired_test_counts_every_assignment_of_signs(difference: np.ndarray) -> None:
    kept = difference[difference != 0]
    ranks = stats.rankdata(np.abs(kept))
    balance = abs(ranks[kept > 0].sum() - ranks[kept < 0].sum())
    sums = [abs(np.dot(signs, ranks)) for signs in product((-1, 1), repeat=len(ranks))]
    expected = np.mean([total >= balance for total in sums])
    assert paired_p_value(difference, np.zeros_like(difference)) == pytest.approx(expected, rel=1e-12)


def test_a_paired_test_sees_a_shift_and_no_difference_where_there_is_none() -> None:
    first = np.arange(20.0)
    assert paired_p_value(first, first) == 1.0
    assert paired_p_value(first, first + 1) < 1e-3
    assert paired_p_value(first, first + np.where(np.arange(20) % 2, 1.0, -1.0) * np.arange(1, 21)) > 0.5


def test_what_is_known_is_not_checked_again(exercise: ExperimentRecord) -> None:
    paper = PAPERS["exercise"]()
    known = (Checked(CLAIMS["task"], Judged(NOT, "Known.")),)
    checked = {item.claim.name: item for item in paper.check({"exercise": exercise}, known)}
    assert checked["task"] is known[0]
    assert len(checked) == 18
    assert list(checked) == [name for name in CLAIMS if name in checked]


def test_claims_are_counted_by_their_verdicts() -> None:
    def some(*verdicts: Verdict) -> list[Checked]:
        return [Checked(CLAIMS["task"], Judged(verdict, ".")) for verdict in verdicts]

    assert tally(some(HOLDS, HALF, HOLDS, NOT)) == "4 claims were measured: 2 hold, 1 is half true, 1 does not hold"
    assert tally(some(HOLDS)) == "1 claim was measured: 1 holds"


def test_what_was_not_checked_is_named(exercise: ExperimentRecord) -> None:
    paper = PAPERS["exercise"]()
    claims = Claims.of(paper, paper.check({"exercise": exercise}), "Trained.")
    assert (claims.paper, claims.trained) == ("exercise", "Trained.")
    assert {item.name for item in claims.unchecked} | {item.claim.name for item in claims.checked} == set(CLAIMS)
    assert len(claims.unchecked) + len(claims.checked) == len(CLAIMS)


def test_further_training_is_counted_once() -> None:
    studies = {name: prepare(spec) for name, spec in PAPERS["exercise"]().studies().items() if name != "exercise"}
    # 40 seeds of five starts, 5 of five more scales, one constant: what studies have in common is not counted twice.
    assert further_training(tuple(studies.values())) == (
        "Those over many seeds and scales rest on 226 further runs of 15,000 or 60,000 steps, in float32."
    )
    assert further_training(()) == ""
