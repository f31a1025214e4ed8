"""What the write-up says before its first experiment."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from firstdraw.initializers import INITIALIZERS
from firstdraw.papers.claim import Claim, Judged, Records, Verdict
from firstdraw.papers.exercise.evidence import final, paired_p_value, steps_to_accuracy

__all__ = ["CLAIMS"]

SECTION: Final = "Introduction"
GOOD_ACCURACY: Final = 0.9
"""A run has converged to something useful when nine examples of ten are right."""
SIGNIFICANT: Final = 0.01


def _speeds_convergence(records: Records) -> Judged:
    seeds = records["seeds"]
    he, large = (steps_to_accuracy(seeds, label, GOOD_ACCURACY) for label in ("He", "normal x10"))
    n = len(he)
    he_arrived, large_arrived = int(np.isfinite(he).sum()), int(np.isfinite(large).sum())
    median = float(np.median(he))
    return Judged(
        Verdict.HOLDS if he_arrived > large_arrived and median < np.median(large) else Verdict.DOES_NOT_HOLD,
        f"With He, {he_arrived} of {n} seeds reach {GOOD_ACCURACY:.0%} training accuracy, the median one at step "
        f"{median:,.0f} (recorded every {seeds.spec.recording.every}); with x10, {large_arrived} of {n} do within "
        f"{seeds.problem.steps:,} steps.",
        {"He: seeds that arrive": he_arrived, "x10: seeds that arrive": large_arrived, "He: median step": median},
    )


def _improves_the_odds(records: Records) -> Judged:
    seeds = records["seeds"]
    he, large = (final(seeds, label, "test_accuracy") for label in ("He", "normal x10"))
    he_cost, large_cost = (final(seeds, label, "cost") for label in ("He", "normal x10"))
    p = paired_p_value(he, large)
    wins, cheaper, n = int(np.sum(he > large)), int(np.sum(he_cost < large_cost)), len(he)
    return Judged(
        Verdict.HOLDS if p < SIGNIFICANT and wins > n / 2 and cheaper > n / 2 else Verdict.DOES_NOT_HOLD,
        f"He ends with a lower training cost than x10 on {cheaper} of {n} seeds and with a higher test accuracy on "
        f"{wins} (medians {np.median(he):.0%} and {np.median(large):.0%}; paired test, p = {p:.1g}).",
        {"lower cost": cheaper, "higher test accuracy": wins, "seeds": n, "p": p},
    )


def _three_methods(records: Records) -> Judged:
    compared = len(records["exercise"].spec.initializations)
    known = len(INITIALIZERS)
    return Judged(
        Verdict.HALF_TRUE,
        f"These three are compared here, with Xavier as a fourth row ({compared} in all); this program's "
        f"catalogue alone has {known}, and the literature about a hundred.",
        {"compared": compared, "in the catalogue": known},
    )


def _task(records: Records) -> Judged:
    record = records["exercise"]
    train, test = record.dataset.train, record.dataset.test
    red = int(np.sum(train.targets == 0))
    depth, widths = record.problem.network.depth, record.problem.network.widths
    return Judged(
        Verdict.HOLDS if depth == 3 and 2 * red == len(train) else Verdict.DOES_NOT_HOLD,
        f"{len(train)} training and {len(test)} test dots, {red} + {len(train) - red} of the two classes in training; "
        f"{depth} layers with weights, of {', '.join(map(str, widths[1:]))} units.",
        {"training dots": len(train), "test dots": len(test), "layers": depth},
    )


def _two_types_of_parameters(records: Records) -> Judged:
    network = records["exercise"].problem.network
    weights = sum(math.prod(role.shape) for role in network.roles if role.kind == "weight")
    biases = sum(math.prod(role.shape) for role in network.roles if role.kind == "bias")
    return Judged(
        Verdict.HOLDS if weights + biases == network.parameter_count else Verdict.DOES_NOT_HOLD,
        f"{weights} weights in {network.depth} matrices and {biases} biases in {network.depth} vectors: "
        f"{network.parameter_count} parameters, and no others.",
        {"weights": weights, "biases": biases},
    )


CLAIMS: Final = (
    Claim(
        "faster",
        SECTION,
        "A well-chosen initialization speeds up the convergence of gradient descent.",
        ("seeds",),
        _speeds_convergence,
    ),
    Claim(
        "better-odds",
        SECTION,
        "It raises the odds of reaching a lower training and generalization error.",
        ("seeds",),
        _improves_the_odds,
    ),
    Claim(
        "three-methods",
        SECTION,
        "There are three possible methods: zeros, large random values, He.",
        ("exercise",),
        _three_methods,
    ),
    Claim("task", SECTION, "A three-layer network is to separate blue from red dots.", ("exercise",), _task),
    Claim(
        "two-types",
        SECTION,
        "Two types of parameters are to be initialized: weight matrices and bias vectors.",
        ("exercise",),
        _two_types_of_parameters,
    ),
)
