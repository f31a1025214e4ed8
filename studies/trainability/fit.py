"""Fits the prediction of trainability to the runs beside it, and judges it on what was held out.

python studies/trainability/fit.py                  # the tables of the README
python studies/trainability/fit.py --numbers        # src/firstdraw/diagnosis/trainability_fit.py
python studies/trainability/fit.py --figure reliability.svg
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from scipy import optimize, special, stats

from firstdraw.activations import ACTIVATIONS
from firstdraw.arrays import Floats
from firstdraw.diagnosis.trainability import FEATURES, Evidence, judge
from firstdraw.diagnosis.trainability_fit import TRAINED_SHARE
from firstdraw.figures.canvas import axes_or_new
from firstdraw.figures.palette import quiet_style
from firstdraw.marks import CLASS_MARKERS, LINE_STYLES, SERIES_COLORS

RUNS = Path(__file__).parent / "runs.csv.gz"

# Where the piecewise linear functions bend, in log10, by condition and feature.
KNOTS: dict[str, dict[str, tuple[float, ...]]] = {
    "progress": {
        "pace": (-3, -2, -1, 0),
        "speed": (-1, 0, 1, 2, 3),
        "learned": (-6, -3, -2, -1, -0.5, -0.2, 0, 0.2, 0.6),
        "start": (-0.01, 0.01, 0.05, 0.5, 1, 3),
        "first step": (0, 0.05, 0.3, 1, 2),
        "lowest": (-0.5, -0.2, -0.05, 0, 0.1),
        "room": (-3, -2, -1, 0),
        "movement": (-1, 0, 1, 2),
    },
    "stability": {
        "pace": (0, 1, 2, 3),
        "alignment": (-2, -1),
        "bend": (-2, -1, 0),
        "growth": (0, 6),
        "batch": (1.2, 2.4),
    },
}
# What makes its condition likelier the more of it there is; the rest makes it less likely.
RISING = {
    ("progress", "pace"),
    ("progress", "learned"),
    ("progress", "movement"),
    ("stability", "alignment"),
    ("stability", "batch"),
}
# Of the weights of the ramps, in standard deviations of the ramps: enough to share what overlapping features say.
PENALTY = 1.0
# The least that a run which did not train is given for that; a probability of 1 would cost it without bound.
TINY = 1e-10


@dataclass(frozen=True)
class Table:
    """The runs: their facts, their features `[n, F]`, whether the optimizer is adaptive, whether they trained."""

    facts: Mapping[str, Sequence[str]]
    X: Floats
    adaptive: Floats
    trained: Floats
    measurable: Floats


def load(path: Path = RUNS) -> Table:
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    evidence = [evidence_in(row) for row in rows]
    X = np.array([[feature.of(one) for feature in FEATURES.values()] for one in evidence])
    trained = [row["diverged"] == "0" and float(row["final_share"]) <= TRAINED_SHARE for row in rows]
    return Table(
        facts={name: [row[name] for row in rows] for name in rows[0]},
        X=X,
        adaptive=np.array([one.adaptive for one in evidence], float),
        trained=np.array(trained, float),
        measurable=~np.isnan(X).any(axis=1) & np.isfinite([one.cost for one in evidence]),
    )


def evidence_in(row: Mapping[str, str]) -> Evidence:
    numbers = {
        field.name: float(row[field.name]) for field in fields(Evidence) if field.name not in ("adaptive", "branches")
    }
    batch = int(row["batch"]) or int(row["examples"])
    whole = {"depth": int(row["depth"]), "steps": int(row["steps"]), "batch": batch}
    return Evidence(**{**numbers, **whole, "adaptive": row["optimizer"] == "adam"})


@dataclass(frozen=True)
class Model:
    """By condition a constant and by feature the heights of its function at its knots; what Adam adds to progress."""

    constants: Mapping[str, float]
    adaptive: float
    heights: Mapping[str, Mapping[str, Floats]]

    def log_odds(self, X: Floats, adaptive: Floats) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        for condition, functions in self.heights.items():
            found[condition] = self.constants[condition] + (self.adaptive * adaptive if condition == "progress" else 0)
            for name, heights in functions.items():
                found[condition] = found[condition] + np.interp(column(X, name), KNOTS[condition][name], heights)
        return found

    def probabilities(self, X: Floats, adaptive: Floats) -> Floats:
        return np.prod([special.expit(s) for s in self.log_odds(X, adaptive).values()], axis=0)


def column(X: Floats, name: str) -> Floats:
    return X[:, list(FEATURES).index(name)]


def ramps(X: Floats, condition: str) -> Floats:
    """Return for every function of a condition and every piece between two knots how far along it a run is, 0 to 1."""
    return np.column_stack(
        [
            np.clip((column(X, name) - low) / (high - low), 0, 1)
            for name, knots in KNOTS[condition].items()
            for low, high in pairwise(knots)
        ]
    )


def fitted(X: Floats, adaptive: Floats, trained: Floats) -> Model:
    """Return the likeliest product of logistic functions of penalized ramps that only rise or only fall.

    The weights of a condition are its constant, for progress what Adam adds, and those of its standardized ramps.
    """
    R = {condition: ramps(X, condition) for condition in KNOTS}
    mean = {condition: one.mean(axis=0) for condition, one in R.items()}
    deviation = {condition: one.std(axis=0) + 1e-9 for condition, one in R.items()}
    standard = [(R[condition] - mean[condition]) / deviation[condition] for condition in KNOTS]
    free = [np.column_stack([np.ones(len(X)), adaptive - adaptive.mean()]), np.ones((len(X), 1))]
    B = [np.column_stack(parts) for parts in zip(free, standard, strict=True)]
    penalty = np.concatenate(
        [np.repeat([0.0, PENALTY], [f.shape[1], s.shape[1]]) for f, s in zip(free, standard, strict=True)]
    )
    ends = np.cumsum([one.shape[1] for one in B])[:-1]

    def cost(w: Floats) -> tuple[float, Floats]:
        z = [one @ part for one, part in zip(B, np.split(w, ends), strict=True)]
        log_p = -np.sum([np.logaddexp(0, -one) for one in z], axis=0)
        p = np.exp(log_p)
        rest = np.maximum(-np.expm1(log_p), TINY)
        slope = np.where(trained == 1, -1.0, p / rest)
        value = float(-np.sum(np.where(trained == 1, log_p, np.log(rest))) + penalty @ w**2 / 2)
        gradients = [one.T @ (slope * special.expit(-each)) for one, each in zip(B, z, strict=True)]
        return value, np.concatenate(gradients) + penalty * w

    bounds: list[tuple[float | None, float | None]] = []
    for (condition, functions), one in zip(KNOTS.items(), free, strict=True):
        bounds += [(None, None)] * one.shape[1]
        bounds += [
            (0, None) if (condition, name) in RISING else (None, 0)
            for name, knots in functions.items()
            for _ in knots[1:]
        ]
    found = optimize.minimize(
        cost,
        np.zeros(len(bounds)),
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        options={"maxiter": 5000, "ftol": 1e-12},
    )
    weights = dict(zip(KNOTS, np.split(found.x, ends), strict=True))
    heights: dict[str, dict[str, Floats]] = {}
    for (condition, functions), one in zip(KNOTS.items(), free, strict=True):
        rises = iter(weights[condition][one.shape[1] :] / deviation[condition])
        heights[condition] = {}
        for name, knots in functions.items():
            own = np.append(0.0, np.cumsum([next(rises) for _ in knots[1:]]))
            heights[condition][name] = own - np.interp(column(X, name), knots, own).mean()
    slope = weights["progress"][1]
    constants = {condition: float(one[0]) for condition, one in weights.items()}
    return Model({**constants, "progress": constants["progress"] - slope * adaptive.mean()}, slope, heights)


# --- judging -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judgment:
    """How well probabilities agree with what happened, on runs that their model has not seen."""

    runs: int
    trained: int
    auc: float
    worst: float
    brier: float
    calibration_error: float


def auc(predicted: Floats, trained: Floats) -> float:
    """Return the probability that a run that trained was given more than one that did not; ties count one half."""
    ranks = stats.rankdata(predicted)
    positives, negatives = trained.sum(), (1 - trained).sum()
    return float((ranks[trained == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def bins(predicted: Floats, trained: Floats, count: int = 10) -> list[tuple[int, float, float]]:
    """Return for each tenth of the probabilities the runs, the mean probability and the share that trained."""
    places = np.minimum((predicted * count).astype(int), count - 1)
    chosen = [places == i for i in range(count)]
    return [(int(m.sum()), float(predicted[m].mean()), float(trained[m].mean())) for m in chosen if m.any()]


def calibration_error(predicted: Floats, trained: Floats) -> float:
    """Return the mean distance between probability and share that trained, over ten bins weighted by their runs."""
    return sum(n * abs(p - share) for n, p, share in bins(predicted, trained)) / len(predicted)


def held_out(table: Table, folds: Sequence[str], only: Sequence[str] = ()) -> tuple[Floats, Floats, Floats]:
    """Return the probabilities of runs by a model of all other folds, what happened, and where that is.

    Args:
        table: the runs.
        folds: which fold each belongs to.
        only: the folds to predict; by default each in turn.
    """
    names = np.array(folds)
    predicted = np.full(len(names), np.nan)
    for name in only or sorted(set(folds)):
        out = names == name
        predicted[out] = probabilities(table, learn=~out)[out]
    there = ~np.isnan(predicted)
    return predicted[there], table.trained[there], names[there]


def probabilities(table: Table, learn: Floats) -> Floats:
    """Return every run's probability by the model of those to learn from."""
    known = learn & table.measurable
    model = fitted(table.X[known], table.adaptive[known], table.trained[known])
    return probabilities_by(model, table)


def probabilities_by(model: Model, table: Table) -> Floats:
    """Return every run's probability by a model, 0 where something could not be measured."""
    with np.errstate(invalid="ignore"):
        return np.where(table.measurable, model.probabilities(table.X, table.adaptive), 0.0)


def fresh(path: Path, up_to: int | None) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Return the probabilities of runs that had no part in choosing or fitting anything, and of the deep among them.

    Args:
        path: the runs.
        up_to: the depth up to which published runs are learned from; None for the numbers of the package.
    """
    table = load(path)
    if up_to is None:
        rows = [dict(zip(table.facts, values, strict=True)) for values in zip(*table.facts.values(), strict=True)]
        predicted = np.array([judge(evidence_in(row)).probability for row in rows])
    else:
        published = load()
        known = published.measurable & (np.array(published.facts["depth"], int) <= up_to)
        model = fitted(published.X[known], published.adaptive[known], published.trained[known])
        predicted = probabilities_by(model, table)
    deep = np.array(table.facts["depth"], int) > 30
    return {
        name: (predicted[chosen], table.trained[chosen], np.zeros(chosen.sum()))
        for name, chosen in (("nothing: fresh runs", np.ones_like(deep)), ("nothing: fresh runs above 30 layers", deep))
    }


def judged(predicted: Floats, trained: Floats, names: Floats) -> Judgment:
    single = [auc(predicted[names == name], trained[names == name]) for name in np.unique(names)]
    return Judgment(
        runs=len(trained),
        trained=int(trained.sum()),
        auc=auc(predicted, trained),
        worst=min(single),
        brier=float(np.mean((predicted - trained) ** 2)),
        calibration_error=calibration_error(predicted, trained),
    )


DEPTHS = ((1, 2), (3, 5), (6, 10), (11, 30), (31, 100))


def depth_fold(depth: str) -> str:
    return next(f"{least} to {most}" for least, most in DEPTHS if int(depth) <= most)


def activation_folds(run: Iterable[str]) -> dict[str, str]:
    """Return four folds of the activations of the runs: every fourth in the order of the catalogue."""
    found = set(run)
    names = [name for name in ACTIVATIONS if name in found]
    return {name: " ".join(names[i % 4 :: 4]) for i, name in enumerate(names)}


SPLITS = (
    "activations, three at a time",
    "data sets, one at a time",
    "depths above 30, learned from the others",
    "depths, one range at a time",
    "initializers, one at a time",
    "losses, one at a time",
    "optimizers, one at a time",
)


def split(table: Table, name: str) -> tuple[Floats, Floats, Floats]:
    """Return the held-out probabilities of one way to hold out, one of `SPLITS`."""
    facts, three = table.facts, activation_folds(table.facts["activation"])
    match name.split(",", maxsplit=1)[0]:
        case "activations":
            return held_out(table, [three[activation] for activation in facts["activation"]])
        case "data sets":
            return held_out(table, facts["data"])
        case "depths above 30":
            deep = ["above 30" if int(depth) > 30 else "30 or less" for depth in facts["depth"]]
            return held_out(table, deep, only=["above 30"])
        case "depths":
            return held_out(table, [depth_fold(depth) for depth in facts["depth"]])
        case "initializers":
            return held_out(table, facts["start"])
        case "losses":
            return held_out(table, facts["loss"])
        case _:
            return held_out(table, facts["optimizer"])


# --- telling -------------------------------------------------------------------------------------------------


def judgment_table(found: Mapping[str, tuple[Floats, Floats, Floats]]) -> str:
    lines = [
        "| held out | runs | trained | ROC AUC | worst fold | Brier score | calibration error |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        if len(set(one[2])) > 20:  # an initializer has too few runs for an area of its own
            worst = "-"
            j = judged(one[0], one[1], np.zeros(len(one[1])))
        else:
            j = judged(*one)
            worst = f"{j.worst:.3f}"
        lines.append(
            f"| {name} | {j.runs:,} | {j.trained:,} | {j.auc:.3f} | {worst} | {j.brier:.3f} "
            f"| {j.calibration_error:.3f} |"
        )
    return "\n".join(lines)


def by_number(name: str) -> tuple[int, str]:
    """Put ranges of depths in their order."""
    first = name.split(maxsplit=1)[0]
    return int(first) if first.isdigit() else 0, name


def fold_table(found: tuple[Floats, Floats, Floats]) -> str:
    predicted, trained, names = found
    lines = ["| held out | runs | trained | ROC AUC | Brier score |", "|---|---|---|---|---|"]
    for name in sorted(set(names), key=by_number):
        m = names == name
        brier = np.mean((predicted[m] - trained[m]) ** 2)
        lines.append(
            f"| {name} | {m.sum():,} | {int(trained[m].sum()):,} | {auc(predicted[m], trained[m]):.3f} | {brier:.3f} |"
        )
    return "\n".join(lines)


def without_table(table: Table) -> str:
    """Return what the prediction loses without each of its features, on held-out activations and depths."""
    three = activation_folds(table.facts["activation"])
    folds = [three[name] for name in table.facts["activation"]]
    ranges = [depth_fold(depth) for depth in table.facts["depth"]]
    lines = ["| without | held-out activations | held-out depths |", "|---|---|---|"]
    for name in ["nothing", *FEATURES]:
        X = table.X.copy()
        if name in FEATURES:
            # The same value for all: its ramps do not vary, and take no part.
            X[table.measurable, list(FEATURES).index(name)] = 0.0
        thinner = replace(table, X=X)
        areas = [auc(*held_out(thinner, chosen)[:2]) for chosen in (folds, ranges)]
        lines.append(f"| {name} | {areas[0]:.3f} | {areas[1]:.3f} |")
    return "\n".join(lines)


NUMBERS = '''"""The numbers of `trainability`, as `studies/trainability/fit.py --numbers` prints them."""

from __future__ import annotations

from typing import Final

TRAINED_SHARE: Final = 2 / 3
"""A run has trained that ends at or below this share of the best constant prediction's cost: between one half and 0.8
end the fewest runs of the sweep, most having learned more, or nothing."""

CONSTANTS: Final[dict[str, float]] = {{
{constants}}}
"""By condition the log-odds of gradient descent where every feature adds what it does on the average, in nats."""

ADAPTIVE: Final = {adaptive}
"""What Adam adds to those of progress, in nats."""

RANGES: Final[dict[str, tuple[float, float]]] = {{
{ranges}}}
"""What the runs lay between."""

POINTS: Final[dict[str, dict[str, tuple[tuple[float, float], ...]]]] = {{
{points}}}
"""By condition and feature where its function bends, and how much it adds to the log-odds there, in nats."""
'''


def whole_model(table: Table) -> Model:
    known = table.measurable
    return fitted(table.X[known], table.adaptive[known], table.trained[known])


def numbers(table: Table) -> str:
    """Return the source of `trainability_fit`."""
    model = whole_model(table)
    facts = table.facts
    fan_in = np.array(facts["fan_in"], float)
    ranges = {
        "depth": (min(map(int, facts["depth"])), max(map(int, facts["depth"]))),
        "steps": (min(map(int, facts["steps"])), max(map(int, facts["steps"]))),
        "mean fan-in": (float(fan_in.min()), float(fan_in.max())),
        "residual branches": (0, 0),
    }
    points = "".join(
        f'    "{condition}": {{\n'
        + "".join(
            f'        "{name}": (\n{pairs(KNOTS[condition][name], one)}        ),\n' for name, one in functions.items()
        )
        + "    },\n"
        for condition, functions in model.heights.items()
    )
    return NUMBERS.format(
        constants="".join(f'    "{condition}": {value:.3f},\n' for condition, value in model.constants.items()),
        adaptive=f"{model.adaptive:.3f}",
        ranges="".join(f'    "{name}": ({least:g}, {most:g}),\n' for name, (least, most) in ranges.items()),
        points=points,
    )


def pairs(knots: Sequence[float], heights: Floats) -> str:
    return "".join(f"            ({knot:g}, {height:.3f}),\n" for knot, height in zip(knots, heights, strict=True))


def plot_reliability(found: Mapping[str, tuple[Floats, Floats, Floats]], *, ax: Any = None) -> Any:  # noqa: ANN401
    """Draw, for each way to hold out, the share that trained against the probability that was given.

    Args:
        found: the held-out probabilities by name.
        ax: where to draw; by default on a new figure.

    Returns:
        The axes.
    """
    ax = axes_or_new(ax)
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=":")
    for i, (name, (predicted, trained, _)) in enumerate(found.items()):
        n, p, share = np.array(bins(predicted, trained)).T
        color = SERIES_COLORS[i % len(SERIES_COLORS)]
        error = np.sqrt(share * (1 - share) / n)
        ax.errorbar(
            p,
            share,
            yerr=error,
            color=color,
            linestyle=LINE_STYLES[i % len(LINE_STYLES)],
            marker=CLASS_MARKERS[i % len(CLASS_MARKERS)],
            markersize=5,
            label=name,
        )
    ax.set(xlabel="predicted probability", ylabel="share that trained", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.legend(loc="upper left", fontsize="small")
    return ax


def draw(found: Mapping[str, tuple[Floats, Floats, Floats]], path: Path) -> None:
    shown = {name: one for name, one in found.items() if name.startswith(("activations", "data", "depths above"))}
    # Without a date, the same runs give the same file.
    with quiet_style(), mpl.rc_context({"svg.hashsalt": "trainability"}):
        ax = plot_reliability(shown)
        ax.figure.set_size_inches(5.5, 5)
        ax.figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--numbers", action="store_true", help="print the numbers of the package instead of the tables")
    parser.add_argument("--figure", type=Path, help="draw the reliability diagram into this file")
    parser.add_argument("--fresh", type=Path, help="judge the package's own probabilities on the runs of this CSV file")
    parser.add_argument(
        "--up-to", type=int, help="judge them by a model of the published runs up to this depth instead"
    )
    given = parser.parse_args()
    if given.fresh is not None:
        print(judgment_table(fresh(given.fresh, given.up_to)))
        return
    table = load(given.runs)
    if given.numbers:
        print(numbers(table), end="")
        return
    found = {name: split(table, name) for name in SPLITS}
    print(judgment_table(found))
    for name in (
        "activations, three at a time",
        "data sets, one at a time",
        "depths, one range at a time",
        "optimizers, one at a time",
    ):
        print(f"\n{name}\n")
        print(fold_table(found[name]))
    print()
    print(without_table(table))
    if given.figure is not None:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
