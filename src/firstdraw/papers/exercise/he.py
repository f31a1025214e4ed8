"""What the write-up says about He's initialization."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from firstdraw.activations import ReLU
from firstdraw.draws.numpy_legacy import NumpyLegacyDraws
from firstdraw.initializers import Initializer
from firstdraw.initializers.glorot import GlorotNormal, XavierFanIn
from firstdraw.initializers.he import HeNormal
from firstdraw.networks import MultilayerPerceptron
from firstdraw.papers.claim import Claim, Judged, Records, Verdict
from firstdraw.papers.exercise.evidence import final, only, paired_p_value, steps_to_accuracy

__all__ = ["CLAIMS", "signal_kept"]

SECTION: Final = "He initialization"
DEEP_WIDTHS: Final = (200,) * 21
"""Twenty layers, wide enough that the average over units is close to the expectation."""
SIGNIFICANT: Final = 0.01


def _only_the_factor_differs(records: Records) -> Judged:
    record = records["exercise"]
    layers = record.problem.network.layers
    large, he = (layers(only(record, label).trajectory.initial[0]) for label in ("normal x10", "He"))
    factors = [math.sqrt(2 / layer.W.shape[1]) for layer in he]
    error = max(
        float(np.abs(after.W - before.W / 10 * factor).max())
        for before, after, factor in zip(large, he, factors, strict=True)
    )
    return Judged(
        Verdict.HOLDS if error < 1e-14 else Verdict.DOES_NOT_HOLD,
        f"With one seed the draws are the same numbers, times 10 or times "
        f"{', '.join(f'{factor:.4f}' for factor in factors)} in layers 1 to 3; rescaled, they differ by at most "
        f"{error:.1g}.",
        {f"factor, layer {number}": factor for number, factor in enumerate(factors, start=1)} | {"error": error},
    )


def _xavier_is_one_over_n(records: Records) -> Judged:
    weights = [role for role in records["exercise"].problem.network.roles if role.kind == "weight"]
    told = [XavierFanIn().law(role).standard_deviation for role in weights]
    published = [GlorotNormal().law(role).standard_deviation for role in weights]
    he = [HeNormal().law(role).standard_deviation for role in weights]
    similar = all(math.isclose(h / x, math.sqrt(2)) for h, x in zip(he, told, strict=True))
    same = all(math.isclose(first, second) for first, second in zip(told, published, strict=True))
    return Judged(
        Verdict.HOLDS if similar and same else Verdict.HALF_TRUE if similar else Verdict.DOES_NOT_HOLD,
        f"He's factor is sqrt(2) = {math.sqrt(2):.4f} times the one called Xavier here: {_listed(he)} against "
        f"{_listed(told)} by layer. But Glorot and Bengio's own rule is sqrt(2/(n_in + n_out)): "
        f"{_listed(published)}.",
        {f"Xavier here, layer {i}": value for i, value in enumerate(told, start=1)}
        | {f"Glorot and Bengio, layer {i}": value for i, value in enumerate(published, start=1)},
    )


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


def _recommended_for_rectifiers(records: Records) -> Judged:  # noqa: ARG001  # drawn here: a wide, deep network
    depth = len(DEEP_WIDTHS) - 1
    he, xavier = signal_kept(HeNormal()), signal_kept(XavierFanIn())
    return Judged(
        Verdict.HOLDS if 0.9 < he < 1.1 and 0.45 < xavier < 0.55 else Verdict.DOES_NOT_HOLD,
        f"Through {depth} ReLU layers of {DEEP_WIDTHS[0]} units the signal's second moment changes by a factor of "
        f"{he:.3f} a layer with He and {xavier:.3f} with Xavier: by the last layer {he ** (depth - 1):.2g} and "
        f"{xavier ** (depth - 1):.2g} of it are left.",
        {"He, factor a layer": he, "Xavier, factor a layer": xavier},
    )


def signal_kept(initializer: Initializer) -> float:
    """Return the factor by which the second moment of the pre-activations changes a layer, through 20 ReLU layers."""
    network = MultilayerPerceptron(DEEP_WIDTHS, ReLU())
    theta = network.draw([initializer.law(role) for role in network.roles], NumpyLegacyDraws(0))
    inputs = NumpyLegacyDraws(1).normal("inputs", (DEEP_WIDTHS[0], 100))
    taps = network.forward(network.layers(theta), inputs)
    first, last = (float(np.mean(Z**2)) for Z in (taps.Z[0], taps.Z[-1]))
    return (last / first) ** (1 / (len(taps.Z) - 1))


def _separates_quickly(records: Records) -> Judged:
    record = records["exercise"]
    right = only(record, "He").measured.end.output
    accuracy = float(final(record, "He")[0])
    reached = {share: steps_to_accuracy(record, "He", share)[0] for share in (0.9, 0.95, 0.99)}
    xavier = steps_to_accuracy(record, "Xavier", 0.9)[0]
    steps = record.problem.steps
    quick = reached[0.9] <= steps / 10
    return Judged(
        Verdict.HOLDS if accuracy > 0.95 and quick else Verdict.HALF_TRUE if accuracy > 0.95 else Verdict.DOES_NOT_HOLD,
        f"Very well, yes: {right.right} of {right.examples} training dots. In few iterations, no: 90 % are right "
        f"at step {reached[0.9]:,.0f}, 95 % at {reached[0.95]:,.0f} and 99 % at {reached[0.99]:,.0f} of {steps:,} "
        f"(Xavier's 90 %: step {xavier:,.0f}).",
        {"accuracy": accuracy} | {f"step of {share:.0%}": float(step) for share, step in reached.items()},
    )


def _works_well_with_relu(records: Records) -> Judged:
    seeds = records["seeds"]
    he, plain = final(seeds, "He"), final(seeds, "normal x1")
    p = paired_p_value(he, plain)
    good, good_plain, n = int(np.sum(he >= 0.9)), int(np.sum(plain >= 0.9)), len(he)
    works = good >= 0.9 * n
    return Judged(
        Verdict.DOES_NOT_HOLD if not works else Verdict.HOLDS if p < SIGNIFICANT else Verdict.HALF_TRUE,
        f"It works: {good} of {n} seeds end at 90 % or more, the median at {np.median(he):.1%}. But so does N(0, "
        f"1) without any scaling on this small network: {good_plain} of {n}, median {np.median(plain):.1%} (paired "
        f"test, p = {p:.2g}). What He buys shows in deep and wide networks.",
        {"He: seeds at 90 %": good, "N(0, 1): seeds at 90 %": good_plain, "p": p},
    )


CLAIMS: Final = (
    Claim(
        "he-factor",
        SECTION,
        "The only difference to the large values is the factor: sqrt(2/n_in) in place of 10.",
        ("exercise",),
        _only_the_factor_differs,
    ),
    Claim(
        "xavier",
        SECTION,
        "Xavier initialization is similar, with sqrt(1/n_in).",
        ("exercise",),
        _xavier_is_one_over_n,
    ),
    Claim(
        "he-relu",
        SECTION,
        "It is what He et al. recommend for layers with ReLU.",
        ("exercise",),
        _recommended_for_rectifiers,
    ),
    Claim(
        "he-quick",
        SECTION,
        "He's start separates the two colors very well in a small number of iterations.",
        ("exercise",),
        _separates_quickly,
    ),
    Claim(
        "he-works", SECTION, "He initialization works well for networks with ReLU.", ("seeds",), _works_well_with_relu
    ),
)
