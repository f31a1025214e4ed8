"""What the write-up says about large random weights."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from firstdraw.papers.claim import Claim, Judged, Records, Verdict
from firstdraw.papers.exercise.evidence import at_step, final, only
from firstdraw.papers.exercise.studies import SCALES

__all__ = ["CLAIMS"]

SECTION: Final = "Random initialization"


def _drawn_at_ten(records: Records) -> Judged:
    run = only(records["exercise"], "normal x10")
    weights = [parameter for parameter in run.parameters if parameter.name.endswith("weight")]
    biases = [parameter for parameter in run.parameters if parameter.name.endswith("bias")]
    # The standard deviation of n normal numbers has a relative standard error of 1/sqrt(2 n); four of them.
    likely = all(
        item.standard_deviation == 10 and abs(item.drawn_standard_deviation / 10 - 1) < 4 / np.sqrt(2 * item.elements)
        for item in weights
    )
    zero = all(item.drawn_mean == item.drawn_standard_deviation == 0 for item in biases)
    return Judged(
        Verdict.HOLDS if likely and zero else Verdict.DOES_NOT_HOLD,
        f"The law is {weights[0].law} in every layer; the {' + '.join(str(item.elements) for item in weights)} weights "
        f"drawn have standard deviations {', '.join(f'{item.drawn_standard_deviation:.2f}' for item in weights)}, "
        f"and all {sum(item.elements for item in biases)} biases are 0.",
        {f"standard deviation, {item.name}": item.drawn_standard_deviation for item in weights},
    )


def _starts_high(records: Records) -> Judged:
    record = records["exercise"]
    start = only(record, "normal x10").measured.start
    he = only(record, "He").measured.start
    output = start.output
    return Judged(
        Verdict.HOLDS if output.certain_and_wrong > 0 and start.cost > 10 * he.cost else Verdict.DOES_NOT_HOLD,
        f"The first cost is {start.cost:,.3f}, against {he.cost:.3f} with He. The outputs before the sigmoid are "
        f"{output.smallest:,.1f} to {output.largest:,.1f}, so {output.certain} of {output.examples} sigmoids are "
        f"exactly 1, and for {output.certain_and_wrong} examples that is wrong.",
        {"first cost": start.cost, "certain": output.certain, "certain and wrong": output.certain_and_wrong},
    )


def _goes_to_infinity(records: Records) -> Judged:
    trajectory = only(records["exercise"], "normal x10").trajectory
    textbook, safe = float(trajectory.textbook_cost[0, 0]), float(trajectory.cost[0, 0])
    finite_from = trajectory.step_of(np.isfinite(trajectory.textbook_cost[0]))
    if np.isinf(textbook):
        verdict = Verdict.HOLDS if np.isinf(safe) else Verdict.HALF_TRUE
        why, agree = ", because 1 - p rounds to 0", "never" if finite_from is None else f"from step {finite_from:,} on"
    else:
        verdict, why, agree = Verdict.DOES_NOT_HOLD, "", "from the start"
    return Judged(
        verdict,
        f"Computed through the probabilities the first cost is {textbook}{why}; computed from the outputs before the "
        f"sigmoid it is {safe:.3f}. The two are both finite {agree}.",
        {"textbook cost": textbook, "overflow-safe cost": safe},
    )


def _gradients_explode(records: Records) -> Judged:
    ratios: dict[str, float] = {}
    for run in records["exercise"].runs:
        first, last = run.measured.start.layers[0], run.measured.start.layers[-1]
        ratios[run.label] = first.gradient_rms / last.gradient_rms
    explode, vanish = ratios["normal x10"] > 10 * ratios["He"], ratios["zeros"] == 0
    return Judged(
        Verdict.HOLDS if explode and vanish else Verdict.HALF_TRUE,
        f"From layer 3 back to layer 1 the gradient's size changes by a factor of {ratios['normal x10']:.0f} with x10, "
        f"{ratios['zeros']:.0f} with zeros, {ratios['Xavier']:.2f} with Xavier and {ratios['He']:.2f} with He.",
        ratios,
    )


def _slows_down(records: Records) -> Judged:
    scales = records["scales"]
    labels = [f"{scale:g}" for scale in SCALES if scale >= 1]
    medians = {label: float(np.median(final(scales, label, "cost"))) for label in labels}
    rising = all(medians[first] < medians[second] for first, second in pairwise(labels))
    return Judged(
        Verdict.HOLDS if rising else Verdict.DOES_NOT_HOLD,
        f"Median cost after {scales.problem.steps:,} steps, {len(scales.spec.seeds)} seeds: "
        f"{', '.join(f'{cost:.3f} with x{label}' for label, cost in medians.items())}.",
        {f"x{label}": cost for label, cost in medians.items()},
    )


def _longer_is_better(records: Records) -> Judged:
    longer = records["longer"]
    short, last = records["exercise"].problem.steps, longer.problem.steps
    before, after = at_step(longer, "normal x10", short, "cost"), final(longer, "normal x10", "cost")
    accurate_before, accurate_after = at_step(longer, "normal x10", short), final(longer, "normal x10")
    cheaper, n = int(np.sum(after < before)), len(before)
    good = int(np.sum(accurate_after >= 0.9))
    return Judged(
        Verdict.HOLDS if cheaper == n else Verdict.HALF_TRUE,
        f"From {short:,} to {last:,} steps the cost falls on {cheaper} of {n} seeds, and the median accuracy goes from "
        f"{np.median(accurate_before):.1%} to {np.median(accurate_after):.1%}. It helps and does not cure: "
        f"{n - good} of {n} still end below 90 %.",
        {
            "seeds whose cost falls": cheaper,
            "median accuracy before": float(np.median(accurate_before)),
            "median accuracy after": float(np.median(accurate_after)),
            "seeds that reach 90 %": good,
        },
    )


def _does_not_work_well(records: Records) -> Judged:
    seeds = records["seeds"]
    accuracy = final(seeds, "normal x10")
    good, n = int(np.sum(accuracy >= 0.9)), len(accuracy)
    return Judged(
        Verdict.HOLDS if good < n / 2 else Verdict.HALF_TRUE,
        f"{n - good} of {n} seeds end below 90 % training accuracy. It is not hopeless: the luckiest ends at "
        f"{accuracy.max():.1%}.",
        {"seeds below 90 %": n - good, "best accuracy": float(accuracy.max())},
    )


def _small_is_better(records: Records) -> Judged:
    scales = records["scales"]
    medians = {scale: float(np.median(final(scales, f"{scale:g}"))) for scale in SCALES}
    small = {scale: accuracy for scale, accuracy in medians.items() if scale < 10}
    better = [scale for scale, accuracy in small.items() if accuracy > medians[10.0]]
    return Judged(
        Verdict.HOLDS if len(better) == len(small) else Verdict.HALF_TRUE if better else Verdict.DOES_NOT_HOLD,
        f"It depends on how small. Median accuracy over {len(scales.spec.seeds)} seeds: "
        f"{', '.join(f'{accuracy:.0%} with x{scale:g}' for scale, accuracy in medians.items())}. Far too small is "
        "as bad as zero.",
        {f"x{scale:g}": accuracy for scale, accuracy in medians.items()},
    )


CLAIMS: Final = (
    Claim(
        "large-draws",
        SECTION,
        "Weights are standard normal draws times 10, and biases are zero.",
        ("exercise",),
        _drawn_at_ten,
    ),
    Claim(
        "large-cost",
        SECTION,
        "The cost starts very high, because the sigmoid is saturated at 0 or 1 where it is wrong.",
        ("exercise",),
        _starts_high,
    ),
    Claim(
        "large-infinity",
        SECTION,
        "The loss goes to infinity with the logarithm of 0.",
        ("exercise",),
        _goes_to_infinity,
    ),
    Claim(
        "large-gradients",
        SECTION,
        "Poor initialization can lead to vanishing or exploding gradients.",
        ("exercise",),
        _gradients_explode,
    ),
    Claim("large-slow", SECTION, "Overly large random values slow down the optimization.", ("scales",), _slows_down),
    Claim(
        "large-longer",
        SECTION,
        "Training this network longer gives better results.",
        ("exercise", "longer"),
        _longer_is_better,
    ),
    Claim(
        "large-bad",
        SECTION,
        "Initializing with very large random values does not work well.",
        ("seeds",),
        _does_not_work_well,
    ),
    Claim("small-better", SECTION, "Small random values should do better.", ("scales",), _small_is_better),
)
