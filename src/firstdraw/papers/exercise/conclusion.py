"""What the write-up concludes."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from firstdraw.papers.claim import Claim, Judged, Records, Verdict
from firstdraw.papers.exercise.evidence import final

__all__ = ["CLAIMS"]

SECTION: Final = "Conclusion"
TABLE: Final = {"zeros": 0.50, "normal x10": 0.83, "He": 0.99}
"""The write-up's table of training accuracies, rounded there to whole percents."""


def _table(records: Records) -> Judged:
    record = records["exercise"]
    train = {label: float(final(record, label)[0]) for label in TABLE}
    test = {label: float(final(record, label, "test_accuracy")[0]) for label in TABLE}
    close = all(abs(train[label] - printed) < 0.005 for label, printed in TABLE.items())
    return Judged(
        Verdict.HOLDS if close else Verdict.DOES_NOT_HOLD,
        f"Training accuracy {', '.join(f'{value:.2%} with {label}' for label, value in train.items())}; on the test "
        f"examples {', '.join(f'{value:.0%}' for value in test.values())}.",
        {f"{label}, training": value for label, value in train.items()}
        | {f"{label}, test": value for label, value in test.items()},
    )


def _one_seed(records: Records) -> Judged:
    seeds = records["seeds"]
    spreads = {label: final(seeds, label) for label in ("normal x10", "He")}
    large = spreads["normal x10"]
    told = "; ".join(
        f"{accuracy.min():.0%} to {accuracy.max():.0%} with {label} (median {np.median(accuracy):.0%})"
        for label, accuracy in spreads.items()
    )
    stands_for_all = large.max() - large.min() < 0.1
    return Judged(
        Verdict.HOLDS if stands_for_all else Verdict.HALF_TRUE,
        f"They are one draw each. Over {len(large)} seeds, training accuracy spans {told}.",
        {
            f"{label}, {name}": float(value)
            for label, v in spreads.items()
            for name, value in (("smallest", v.min()), ("median", np.median(v)), ("largest", v.max()))
        },
    )


def _different_results(records: Records) -> Judged:
    record = records["exercise"]
    accuracy = {start.label: float(final(record, start.label)[0]) for start in record.spec.initializations}
    lowest, highest = min(accuracy.values()), max(accuracy.values())
    return Judged(
        Verdict.HOLDS if highest - lowest > 0.1 else Verdict.DOES_NOT_HOLD,
        f"With data, network, learning rate and {record.problem.steps:,} steps the same, training accuracy ends "
        f"between {lowest:.0%} and {highest:.2%}.",
        accuracy,
    )


def _not_too_large(records: Records) -> Judged:
    scales = records["scales"]
    labels = ("1", "3", "10", "30")
    medians = [float(np.median(final(scales, label))) for label in labels]
    falling = all(first > second for first, second in pairwise(medians))
    return Judged(
        Verdict.HOLDS if falling else Verdict.DOES_NOT_HOLD,
        f"Median accuracy falls from {medians[0]:.0%} with x1 to {medians[1]:.0%} with x3, {medians[2]:.0%} with "
        f"x10 and {medians[3]:.0%} with x30.",
        {f"x{label}": median for label, median in zip(labels, medians, strict=True)},
    )


CLAIMS: Final = (
    Claim(
        "table",
        SECTION,
        "With the same iterations and hyperparameters: zeros 50 %, large random 83 %, He 99 % training accuracy.",
        ("exercise",),
        _table,
    ),
    Claim("one-seed", SECTION, "These three numbers compare the methods.", ("seeds",), _one_seed),
    Claim(
        "different", SECTION, "Different initializations lead to different results.", ("exercise",), _different_results
    ),
    Claim("not-too-large", SECTION, "Do not initialize to values that are too large.", ("scales",), _not_too_large),
)
