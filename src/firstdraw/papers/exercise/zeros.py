"""What the write-up says about zero weights."""

from __future__ import annotations

from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.papers.claim import Claim, Judged, Records, Verdict
from firstdraw.papers.exercise.evidence import final, only, paired_p_value
from firstdraw.sigmoid import sigmoid

__all__ = ["CLAIMS", "best_half_plane", "logistic_regression_accuracy"]

SECTION: Final = "Zero initialization"
ROUNDING: Final = 1e-12
"""The mean of 300 equal costs may be off by a unit in the last place."""
SIGNIFICANT: Final = 0.01
ANGLES: Final = 720
NEWTON_STEPS: Final = 20
"""Each doubles the digits that are right; from zero weights, on overlapping classes, five are enough."""


def _cost_stays(records: Records) -> Judged:
    cost = only(records["exercise"], "zeros").trajectory.cost[0]
    change = float(np.abs(cost - cost[0]).max())
    return Judged(
        Verdict.HOLDS if change < ROUNDING else Verdict.DOES_NOT_HOLD,
        f"The cost is ln 2 = {cost[0]:.12f} at every one of {len(cost)} records; its largest change is {change:.1g}.",
        {"first cost": float(cost[0]), "largest change": change},
    )


def _one_class(records: Records) -> Judged:
    record = records["exercise"]
    run = only(record, "zeros")
    loss, network, test = record.problem.loss, record.problem.network, record.problem.test
    assert test is not None, "the exercise has test examples"  # noqa: S101
    counts = run.measured.end.output.predicted
    test_zero = int(np.sum(loss.classify(network.output(run.trajectory.final[0], test.X)) == 0))
    n_train, n_test = record.problem.train.X.shape[1], test.X.shape[1]
    return Judged(
        Verdict.HOLDS if counts[0] == n_train and test_zero == n_test else Verdict.DOES_NOT_HOLD,
        f"{counts[0]} of {n_train} training and {test_zero} of {n_test} test examples get class 0: the probability is "
        f"exactly 0.5, and only more than that counts as class 1.",
        {"training examples of class 0": counts[0], "test examples of class 0": test_zero},
    )


def _units_learn_the_same(records: Records) -> Judged:
    run = only(records["exercise"], "zeros")
    most = run.trajectory.distinct_units[0].max(axis=0)
    units = [state.units for state in run.measured.start.layers]
    difference = float(run.trajectory.unit_difference[0].max())
    return Judged(
        Verdict.HOLDS if (most == 1).all() else Verdict.DOES_NOT_HOLD,
        f"At every record the {units[0]} units of layer 1 are copies of {most[0]:.0f}, and the {units[1]} of layer 2 "
        f"of {most[1]:.0f}: the largest difference in any weight is {difference:.3g}. Here they learn nothing at all: "
        f"every weight's gradient is exactly 0.",
        {"distinct units, layer 1": float(most[0]), "distinct units, layer 2": float(most[1])},
    )


def _one_unit_a_layer(records: Records) -> Judged:
    record = records["symmetric"]
    run = only(record, "constant 0.5")
    most = run.trajectory.distinct_units[0].max(axis=0)
    accuracy = float(run.trajectory.train_accuracy[0, -1])
    best = best_half_plane(record.dataset.train.inputs, np.asarray(record.dataset.train.targets, np.int64))
    same = bool((most == 1).all())
    return Judged(
        Verdict.HOLDS if same and accuracy <= best else Verdict.DOES_NOT_HOLD,
        f"Started at 0.5 everywhere, so that it does learn, the network has {most[0]:.0f} and {most[1]:.0f} "
        f"distinct units in its hidden layers to the end and gets {accuracy:.1%} right; no straight line gets more "
        f"than {best:.1%}.",
        {"distinct units, layer 1": float(most[0]), "accuracy": accuracy, "best straight line": best},
    )


def _like_logistic_regression(records: Records) -> Judged:
    record = records["exercise"]
    zeros = float(final(record, "zeros")[0])
    train, test = record.dataset.train, record.dataset.test
    labels = np.asarray(train.targets, np.int64)
    logistic = logistic_regression_accuracy(train.inputs, labels, train.inputs, labels)
    logistic_test = logistic_regression_accuracy(train.inputs, labels, test.inputs, np.asarray(test.targets, np.int64))
    best = best_half_plane(train.inputs, labels)
    return Judged(
        Verdict.HOLDS if zeros <= best and logistic <= best else Verdict.DOES_NOT_HOLD,
        f"The zero network gets {zeros:.1%} of the training examples right, logistic regression with "
        f"scikit-learn's default penalty {logistic:.1%} (test {logistic_test:.1%}), and the best of all straight lines "
        f"{best:.1%}.",
        {"zeros": zeros, "logistic regression": logistic, "best straight line": best},
    )


def _random_breaks_symmetry(records: Records) -> Judged:
    record = records["exercise"]
    distinct = {run.label: [state.distinct_units for state in run.measured.start.hidden] for run in record.runs}
    units = [state.units for state in record.runs[0].measured.start.hidden]
    random = [label for label in distinct if label != "zeros"]
    broken = all(distinct[label] == units for label in random)
    return Judged(
        Verdict.HOLDS if broken and distinct["zeros"] == [1] * len(units) else Verdict.DOES_NOT_HOLD,
        f"Distinct units in the hidden layers at the start: "
        f"{', '.join(f'{label} {_counts(counts)}' for label, counts in distinct.items())}, of {_counts(units)}.",
        {f"{label}, layer 1": float(counts[0]) for label, counts in distinct.items()},
    )


def _zero_biases_are_harmless(records: Records) -> Judged:
    zero, random = records["seeds"], records["biases"]
    units = list(zero.problem.network.widths[1:-1])
    broken = sum(run.trajectory.distinct_units[0, -1, :-1].tolist() == units for run in zero.runs_of("He"))
    with_zero, with_random = final(zero, "He"), final(random, "He, random biases")
    cheaper = int(np.sum(final(random, "He, random biases", "cost") < final(zero, "He", "cost")))
    p = paired_p_value(final(zero, "He", "cost"), final(random, "He, random biases", "cost"))
    n = len(with_zero)
    if broken < n:
        verdict = Verdict.DOES_NOT_HOLD
    else:
        verdict = Verdict.HALF_TRUE if p < SIGNIFICANT and cheaper > n / 2 else Verdict.HOLDS
    return Judged(
        verdict,
        f"With zero biases all units differ in {broken} of {n} seeds, so symmetry is broken. Yet biases drawn from "
        f"N(0, 0.1²) end at a lower cost on {cheaper} of the {n} (p = {p:.1g}), and {_failures(with_random)} of "
        f"them end below 90 % against {_failures(with_zero)} with zeros (medians {np.median(with_random):.1%} and "
        f"{np.median(with_zero):.1%}).",
        {"seeds with broken symmetry": broken, "cheaper with random biases": cheaper, "p": p},
    )


def _failures(accuracy: Floats) -> int:
    return int(np.sum(accuracy < 0.9))


def _counts(counts: list[int]) -> str:
    return " + ".join(map(str, counts))


def best_half_plane(inputs: Floats, labels: Integers) -> float:
    """Return the largest share of points that any straight line separates rightly, over 720 directions.

    Args:
        inputs: points of the plane `[m, 2]`.
        labels: their classes, 0 or 1 `[m]`.

    >>> best_half_plane(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0, 1]))
    1.0
    """
    best = 0
    for angle in np.linspace(0, 2 * np.pi, ANGLES, endpoint=False):
        heights = inputs @ [np.cos(angle), np.sin(angle)]
        order = np.argsort(heights)
        sign = np.where(labels[order] == 0, 1, -1)
        # With the line before the first point everything is called 1; moving it past a 0 gains one, past a 1 loses one.
        right = np.sum(labels) + np.concatenate([[0], np.cumsum(sign)])
        # Nor does it pass between points that are equally high, but for rounding.
        tied = np.diff(heights[order]) <= ROUNDING * np.abs(inputs).max()
        right[1:-1][tied] = 0
        best = max(best, int(right.max()))
    return best / len(labels)


def logistic_regression_accuracy(
    inputs: Floats, labels: Integers, judged_inputs: Floats, judged_labels: Integers
) -> float:
    """Return the accuracy of a logistic regression, trained on one set and judged on another.

    Newton's method minimizes sum_i ln(1 + exp(-s_i (w x_i + b))) + |w|²/2, s_i = ±1 by class: what scikit-learn's
    `LogisticRegression` minimizes by default, and to its minimum, before which that stops.

    Args:
        inputs: points to train on `[m, d]`.
        labels: their classes, 0 or 1 `[m]`.
        judged_inputs: points to judge on `[n, d]`.
        judged_labels: their classes `[n]`.

    >>> points, classes = np.array([[-1.0], [1.0]]), np.array([0, 1])
    >>> logistic_regression_accuracy(points, classes, points, classes)
    1.0
    """
    X = np.column_stack([inputs, np.ones(len(inputs))])
    penalty = np.append(np.ones(inputs.shape[1]), 0.0)
    theta = np.zeros(X.shape[1])
    for _ in range(NEWTON_STEPS):
        p = sigmoid(X @ theta)
        gradient = X.T @ (p - labels) + penalty * theta
        theta -= np.linalg.solve((X.T * (p * (1 - p))) @ X + np.diag(penalty), gradient)
    heights: Floats = judged_inputs @ theta[:-1] + theta[-1]
    return float(np.mean(np.equal(heights > 0, judged_labels)))


CLAIMS: Final = (
    Claim(
        "zero-cost", SECTION, "With zero weights the cost does not move during training.", ("exercise",), _cost_stays
    ),
    Claim("zero-class", SECTION, "The model predicts 0 for every example.", ("exercise",), _one_class),
    Claim(
        "zero-symmetry",
        SECTION,
        "Symmetry is not broken: every neuron of a layer learns the same thing.",
        ("exercise",),
        _units_learn_the_same,
    ),
    Claim(
        "zero-width",
        SECTION,
        "One might as well train a network with a single unit in every layer.",
        ("symmetric",),
        _one_unit_a_layer,
    ),
    Claim(
        "zero-linear",
        SECTION,
        "Such a network is no more powerful than a linear classifier such as logistic regression.",
        ("exercise",),
        _like_logistic_regression,
    ),
    Claim(
        "random-weights",
        SECTION,
        "Weights should be initialized at random to break symmetry.",
        ("exercise",),
        _random_breaks_symmetry,
    ),
    Claim(
        "zero-biases",
        SECTION,
        "Biases may start at zero: random weights break the symmetry all the same.",
        ("seeds", "biases"),
        _zero_biases_are_harmless,
    ),
)
