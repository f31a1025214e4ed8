"""Which scheme trains better, how surely and by how much."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.experiments.statistics import (
    Estimate,
    Ranking,
    compare_paired,
    rank,
    rank_tuned,
    survival,
    times_to,
)
from firstdraw.experiments.statistics import Runs as Scores
from firstdraw.experiments.store import ModelRun
from firstdraw.torch.comparison.curves import running_mean
from firstdraw.torch.comparison.place import Place

__all__ = ["Judgment", "Row", "judge"]

GAINED: Final = 0.9
"""The share of the gain in loss that steps are counted to: the rest is slow, and lost in the noise of batches."""


@dataclass(frozen=True, slots=True)
class Row:
    """A scheme in its place.

    Args:
        group: the number of its group, from 1 for the best; schemes of a group are not told apart from its first.
        label: of the scheme.
        rate: its best learning rate, where several were compared.
        runs: how many runs judge it.
        failed: how many of them diverged.
        final: the median of what they are judged by; infinite where half of them diverged.
        steps: the median number of steps to the level; infinite where it is not seen that half of them reach it.
        difference: the median of its differences from the best over common seeds; None for the best itself.
        worse: with how many seeds it is worse than the best; None for the best itself.
        p: that it is no different from the best, corrected for the number of tests; None for the best itself.
        seconds: the median time of a run.
    """

    group: int
    label: str
    rate: float | None
    runs: int
    failed: int
    final: Estimate
    steps: Estimate
    difference: Estimate | None
    worse: int | None
    p: float | None
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Judgment:
    """What the runs of a comparison bear out.

    Args:
        rows: the schemes, the best first.
        level: the loss that `Row.steps` are counted to; None where no scheme gets below its first.
        curves: of each scheme the mean of the last losses, at its best rate `[n, T]`, in the order given.
        verdict: sentences that say what is certain and what is not.
    """

    rows: tuple[Row, ...]
    level: float | None
    curves: Mapping[str, Floats]
    verdict: tuple[str, ...]


def judge(runs: Mapping[Place, ModelRun], *, measure: str, level: float = 0.95) -> Judgment:
    """Return the schemes in an order that their runs over common seeds bear out.

    The order, its groups, the tests and their correction are those of `experiments.statistics.rank`; with several
    rates those of `rank_tuned`, where a third of the seeds chooses each scheme's rate and the others compare. The level
    that steps are counted to is

        c = e + (1 - 0.9) (b - e),

    b the lowest median of the schemes' first losses and e that of their last: where 90 % of what can be gained is.

    Args:
        runs: of each scheme, at each rate, over the same seeds.
        measure: what they are judged by, for sentences.
        level: of the intervals, each for itself, and of all tests together.
    """
    labels, rates, seeds = (list(dict.fromkeys(values)) for values in zip(*map(_parts, runs), strict=True))
    ranking, chosen, judged, more = _ranked(runs, labels, rates, seeds, measure, level)
    own = {label: [runs[Place(label, chosen[label], seed)] for seed in judged] for label in labels}
    curves = {label: np.array([running_mean(run.loss) for run in own[label]]) for label in labels}
    goal = _goal(list(curves.values()))
    rows = _rows(ranking, chosen, own, curves, goal, level)
    return Judgment(rows, goal, curves, (*_verdict(ranking, rows, len(judged)), *more))


def _goal(curves: Sequence[Floats]) -> float | None:
    """Return the loss that steps are counted to; None where no scheme gets below its first."""
    # A run that breaks off counts as the worst.
    first, last = (
        min(float(np.median(np.nan_to_num(curve[:, end], nan=math.inf, posinf=math.inf))) for curve in curves)
        for end in (0, -1)
    )
    return last + (1 - GAINED) * (first - last) if math.isfinite(first) and last < first else None


def _parts(place: Place) -> tuple[str, float | None, int]:
    return place.label, place.rate, place.seed


def _scores(label: str, runs: Sequence[ModelRun]) -> Scores:
    return Scores(label, np.array([run.final for run in runs]), np.array([run.diverged for run in runs]))


def _ranked(
    runs: Mapping[Place, ModelRun],
    labels: Sequence[str],
    rates: Sequence[float | None],
    seeds: Sequence[int],
    measure: str,
    level: float,
) -> tuple[Ranking, Mapping[str, float | None], Sequence[int], tuple[str, ...]]:
    """Return the order, the rate of each scheme, the seeds that were compared, and what is to be said of the rates."""
    given = {
        label: {rate: _scores(label, [runs[Place(label, rate, seed)] for seed in seeds]) for rate in rates}
        for label in labels
    }
    if rates == [None]:
        ranking = rank([own[None] for own in given.values()], measure=measure, level=level)
        return ranking, dict.fromkeys(labels), seeds, ()
    numbered = {label: {rate: own[rate] for rate in rates if rate is not None} for label, own in given.items()}
    tuned = rank_tuned(numbered, measure=measure, level=level)
    count = f"{tuned.tuning_seeds} seed{'s' if tuned.tuning_seeds != 1 else ''}"
    sentences = (
        f"Each scheme has the rate that was best for it with {count} of {len(seeds)}; the others compare.",
        *_ends(tuned.rates, sorted(rate for rate in rates if rate is not None)),
        *tuned.only_by_rate,
    )
    return tuned.ranking, dict(tuned.rates), seeds[tuned.tuning_seeds :], sentences


def _ends(chosen: Mapping[str, float], rates: Sequence[float]) -> list[str]:
    """Say of each scheme whose best rate is the end of the list that a better one may lie beyond."""
    return [
        f"The best rate of {label}, {rate:g}, is the {'lowest' if rate == rates[0] else 'highest'} of the list: a "
        "better one may lie beyond."
        for label, rate in chosen.items()
        if len(rates) > 1 and rate in (rates[0], rates[-1])
    ]


def _rows(
    ranking: Ranking,
    chosen: Mapping[str, float | None],
    own: Mapping[str, Sequence[ModelRun]],
    curves: Mapping[str, Floats],
    goal: float | None,
    level: float,
) -> tuple[Row, ...]:
    best = ranking.rows[0].label
    scores = {label: _scores(label, runs).scores(higher_is_better=False) for label, runs in own.items()}
    p = {
        label: contest.p
        for contest in ranking.contests
        if best in (contest.first, contest.second)
        for label in (contest.first, contest.second)
    }
    rows: list[Row] = []
    for place in ranking.rows:
        label = place.label
        beside = None if label == best else compare_paired(scores[label], scores[best], level=level)
        rows.append(
            Row(
                group=place.group,
                label=label,
                rate=chosen[label],
                runs=place.runs,
                failed=sum(run.diverged for run in own[label]),
                final=place.median,
                steps=_steps_to(goal, curves[label], level),
                difference=None if beside is None else beside.median_difference,
                worse=None if beside is None else beside.worse,
                p=None if beside is None else p[label],
                seconds=float(np.median([run.seconds for run in own[label]])),
            )
        )
    return tuple(rows)


def _steps_to(goal: float | None, curves: Floats, level: float) -> Estimate:
    if goal is None:
        return Estimate(math.inf, 0.0, math.inf, level, "no scheme gets below its first loss")
    return survival(times_to(goal, np.arange(len(curves[0])), curves), level=level).median


def _verdict(ranking: Ranking, rows: Sequence[Row], seeds: int) -> list[str]:
    """Say who is better than whom, and of those that are not told apart how far the seeds agree."""
    if len(rows) == 1:
        return ["There is one scheme, and nothing to compare it with."]
    tests = sum(contest.tests for contest in ranking.contests)
    found = ranking.sentences[-1:] if tests else ()
    sentences = list(ranking.sentences[: len(ranking.sentences) - len(found)])
    if all(contest.better is None for contest in ranking.contests):
        sentences.insert(0, f"Nothing is certain at {100 * ranking.level:g} %: no two schemes are told apart.")
    sentences += [_undecided(row, rows[0], seeds) for row in rows[1:] if row.group == rows[0].group]
    least = 2 ** (seeds - 1)
    if tests and tests / least > 1 - ranking.level:
        sentences.append(
            f"However clear a difference is, with {seeds} seed{'s' if seeds != 1 else ''} its p is "
            f"{_fraction(1, least)} at least, and {_fraction(tests, least)} once it is corrected for {tests} "
            f"test{'s' if tests != 1 else ''}."
        )
    return [*sentences, *found]


def _fraction(numerator: int, denominator: int) -> str:
    """Write a probability; what is corrected to more than 1 is 1."""
    return f"{numerator}/{denominator}" if numerator < denominator else "1"


def _undecided(row: Row, best: Row, seeds: int) -> str:
    """Say how far the seeds agree on two schemes that are not told apart."""
    assert row.difference is not None and row.worse is not None  # noqa: PT018, S101  # it is not the best
    if row.difference.low == row.difference.high == 0:
        return f"{best.label} and {row.label} end alike with every seed."
    by = f", by {row.difference:.3g} in the median" if math.isfinite(row.difference.value) else ""
    return f"{best.label} ends lower than {row.label} with {row.worse} of {seeds} seeds{by}."
