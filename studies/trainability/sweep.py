"""Trains networks drawn at random and writes down, a row a run, what probes saw at the start and what came of it.

    python studies/trainability/sweep.py runs.csv --runs 6000 --minutes 45

Row i is a function of the seed and i alone: a sweep that was cut off goes on where its file ends.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
import warnings
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from firstdraw.activations import ACTIVATIONS
from firstdraw.arrays import Floats
from firstdraw.datasets import DATASETS, Dataset
from firstdraw.diagnosis.trainability import evidence_of
from firstdraw.distributions import Distribution, Normal
from firstdraw.draws import CounterDraws
from firstdraw.engine import OPTIMIZERS, Batches, Columns, Optimizer, Problem, Recording, columns, native
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import LOSSES, Loss
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes import NetworkState, probe
from firstdraw.probes.lines import line
from firstdraw.probes.tangents import tangent

SEED = 20_261_125
LARGEST_COST = 6e9
"""Floating-point operations a run: about a fifth of a second on one core."""

DATA: dict[str, dict[str, Any]] = {
    "blobs": {"classes": 5, "features": 4, "test_size": 0},
    "circles": {"factor": 0.5, "test_size": 0},
    "gaussian_clouds": {"features": 8, "distance": 4.0, "test_size": 0},
    "moons": {"test_size": 0},
    "spirals": {"turns": 0.75, "test_size": 0},
    "xor": {"test_size": 0},
    "breast_cancer": {"standardize": True},
    "digits": {"standardize": True},
    "iris": {"standardize": True},
    "wine": {"standardize": True},
}
"""Ten data sets that a wide network with a sound start learns; the measured ones are standardized."""

ACTIVATIONS_RUN = (
    *("identity", "relu", "leaky_relu", "tanh", "sigmoid", "softplus"),
    *("elu", "selu", "gelu", "silu", "sin", "erf"),
)
"""Those that the catalogue had when the runs were made: a longer list would draw others."""

STARTS: dict[str, tuple[str, dict[str, float]]] = {
    "activation_gain": ("activation_gain", {}),
    "constant": ("constant", {"value": 0.5}),
    "cosines": ("cosines", {}),
    "geometric_mean": ("geometric_mean", {}),
    "glorot_normal": ("glorot_normal", {}),
    "glorot_uniform": ("glorot_uniform", {}),
    "gpt2": ("gpt2", {}),
    "hadamard": ("hadamard", {}),
    "he_normal": ("he_normal", {}),
    "he_uniform": ("he_uniform", {}),
    "identity": ("identity", {}),
    "kumar": ("kumar", {}),
    "lecun_normal": ("lecun_normal", {}),
    "lecun_uniform": ("lecun_uniform", {}),
    "martens_sparse": ("martens_sparse", {}),
    "nguyen_widrow": ("nguyen_widrow", {}),
    "normal 0.01": ("normal", {"standard_deviation": 0.01}),
    "normal 0.1": ("normal", {"standard_deviation": 0.1}),
    "normal 1": ("normal", {"standard_deviation": 1.0}),
    "normal 10": ("normal", {"standard_deviation": 10.0}),
    "orthogonal": ("orthogonal", {}),
    "rademacher": ("rademacher", {}),
    "random_walk": ("random_walk", {}),
    "scaled_orthogonal": ("scaled_orthogonal", {}),
    "siren": ("siren", {}),
    "sparse": ("sparse", {"standard_deviation": 0.3}),
    "stable": ("stable", {}),
    "torch_default": ("torch_default", {}),
    "truncated_normal": ("truncated_normal", {"scale": 0.2}),
    "zero_hadamard": ("zero_hadamard", {}),
    "zero_head": ("zero_head", {}),
    "zeros": ("zeros", {}),
}
"""What the weights start from, beside the scaled normal of `OFF_CRITICAL`."""

OFF_CRITICAL = "scaled_normal"
"""N(0, s/n) with ln s uniform between ln 0.1 and ln 10, biases N(0, b^2) with b one of 0, 0.1, 0.5: on both sides of
the edge of chaos, and on it. A third of the runs start so."""

RATES = {"sgd": (1e-3, 1e1), "momentum": (3e-4, 3.0), "adam": (1e-5, 1e-1)}
"""Four decades of learning rates an optimizer."""


@dataclass(frozen=True)
class Run:
    """One point of the sweep."""

    row: int
    data: str
    loss: str
    examples: int
    activation: str
    depth: int
    width: int
    start: str
    scale: float
    bias: float
    optimizer: str
    learning_rate: float
    steps: int
    batch: int


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


@cache
def dataset(name: str) -> Dataset:
    return DATASETS[name](**DATA[name]).load()


@cache
def data_columns(name: str, loss: str) -> Columns:
    return columns(dataset(name), LOSSES[loss](), "float64")[0]


def drawn(row: int) -> Run:
    """Return the row's point: every choice from its own generator, shrunk until it is cheap enough to train."""
    rng = np.random.default_rng([SEED, row])
    data = str(rng.choice(list(DATA)))
    classes = dataset(data).target_dimensions
    cross_entropy = "binary_cross_entropy" if classes == 2 else "softmax_cross_entropy"
    loss = "squared_error" if rng.random() < 0.25 else cross_entropy
    examples = int(rng.choice([64, 128, 256]))
    activation = str(rng.choice(ACTIVATIONS_RUN))
    depth, width = round(log_uniform(rng, 1, 100)), round(log_uniform(rng, 4, 256))
    start = OFF_CRITICAL if rng.random() < 1 / 3 else str(rng.choice(list(STARTS)))
    scale, bias = log_uniform(rng, 0.1, 10), float(rng.choice([0.0, 0.1, 0.5]))
    if start != OFF_CRITICAL:
        scale, bias = math.nan, math.nan
    optimizer = str(rng.choice(list(RATES)))
    learning_rate = log_uniform(rng, *RATES[optimizer])
    steps, batch = int(rng.choice([100, 200, 400])), int(rng.choice([0, 0, 32, 16]))
    examples = min(examples, data_columns(data, loss).X.shape[1])
    features = data_columns(data, loss).X.shape[0]
    while (cost := flops(features, classes, examples, depth, width, steps, batch)) > LARGEST_COST:
        if examples > 64:
            examples //= 2
        elif batch != 16:
            batch = 16 if batch else 32
        elif steps > 100:
            steps //= 2
        else:
            width = max(4, int(width * min(0.95, math.sqrt(LARGEST_COST / cost))))
    return Run(
        row, data, loss, examples, activation, depth, width, start, scale, bias, optimizer, learning_rate, steps, batch
    )


def flops(features: int, outputs: int, examples: int, depth: int, width: int, steps: int, batch: int) -> float:
    """Return 6 operations a parameter and example of a step, and 2 an example of each of eleven records."""
    parameters = features * width + max(depth - 2, 0) * width**2 + width * outputs
    return parameters * (6 * steps * (batch or examples) + 22 * examples)


def laws(run: Run, network: MultilayerPerceptron) -> list[Distribution]:
    if run.start == OFF_CRITICAL:
        chosen = INITIALIZERS["variance_scaling"](scale=run.scale)
        return [
            Normal(run.bias) if role.kind == "bias" and run.bias and role.layer < network.depth else chosen.law(role)
            for role in network.roles
        ]
    name, options = STARTS[run.start]
    return [INITIALIZERS[name](**options).law(role) for role in network.roles]


def part(run: Run) -> Columns:
    whole = data_columns(run.data, run.loss)
    chosen = np.random.default_rng([SEED, run.row, 1]).permutation(whole.X.shape[1])[: run.examples]
    labels = None if whole.labels is None else whole.labels[chosen]
    return Columns(np.ascontiguousarray(whole.X[:, chosen]), np.ascontiguousarray(whole.Y[:, chosen]), labels)


ALREADY = {"depth", "learning_rate", "steps", "batch", "adaptive", "branches"}
"""The evidence that the run's own facts hold."""
LATER = {"overshoot", "gradient_first", "gradient_last"}
"""The evidence that stands further on in a row."""

# --- what is measured at the start ---------------------------------------------------------------------------------


def measured(
    run: Run, network: MultilayerPerceptron, loss: Loss, optimizer: Optimizer, data: Columns, theta: Floats
) -> dict[str, float]:
    """Return the evidence that the prediction takes, and what else was tried for it."""
    reach = run.steps / (1 - getattr(optimizer, "momentum", 0.0))
    state = probe(network, theta, loss, data.X, data.Y, data.labels, optimizer=optimizer)
    tangents = tangent(network, theta, loss, data.X, data.Y)
    along = line(network, theta, loss, data.X, data.Y, optimizer=optimizer, distance=reach)
    found = evidence_of(state, tangents, along, optimizer, run.steps, run.batch or run.examples)
    spectrum = tangents.layerwise if found.adaptive else tangents.plain
    evidence = {name: value for name, value in asdict(found).items() if name not in ALREADY | LATER}
    return {
        **evidence,
        "largest_rate": spectrum.largest_rate,
        "overshoot": found.overshoot,
        **of_state(state),
    }


def of_state(state: NetworkState) -> dict[str, float]:
    layers, hidden = state.layers, state.hidden
    first, last, before = layers[0], layers[-1], layers[max(len(layers) - 2, 0)]
    updates = [math.nan if layer.update_ratio is None else layer.update_ratio for layer in layers]
    with np.errstate(divide="ignore"):
        chi = np.log([layer.chi for layer in hidden if layer.chi is not None])
    return {
        "signal_last": last.signal_rms,
        "signal_before_last": before.signal_rms,
        "output_deviation": math.sqrt(max(last.signal.example_variance, 0.0)),
        "correlation_before_last": before.correlation,
        "varying_share_before_last": before.activation.varying_share,
        "participation_before_last": before.participation_ratio,
        "gradient_first": first.gradient_rms,
        "gradient_last": last.gradient_rms,
        "update_least": min(updates),
        "update_median": float(np.median(updates)),
        "log_chi_sum": float(np.sum(chi)),
        "dead_units_largest": max((layer.dead_units / layer.units for layer in hidden), default=0.0),
        "dead_inputs_largest": max((layer.dead_inputs / state.inputs.examples for layer in hidden), default=0.0),
        "flat_share_largest": max((layer.flat_share for layer in hidden), default=0.0),
        "distinct_units_least": min((layer.distinct_units for layer in hidden), default=1),
        "weight_rms_largest": max(layer.weight_rms for layer in layers),
    }


# --- what came of it -------------------------------------------------------------------------------------------------


def outcome(
    run: Run, network: MultilayerPerceptron, loss: Loss, optimizer: Optimizer, data: Columns, theta: Floats, seed: int
) -> dict[str, float]:
    """Train, in float32, and return what came of it, costs as shares of the best constant prediction's."""
    single = Columns(data.X.astype(np.float32), data.Y.astype(np.float32), data.labels)
    problem = Problem(
        network=network,
        train=single,
        test=None,
        loss=loss,
        optimizer=optimizer,
        steps=run.steps,
        batches=Batches(run.batch or None),
        recording=Recording(every=run.steps // 10),
        precision="float32",
    )
    trajectory = native.train(problem, theta[np.newaxis], (seed,), threads=1)
    cost, constant = trajectory.cost[0], loss.constant_cost(data.Y)
    return {
        "diverged": int(trajectory.outcomes[0].diverged),
        "final_share": cost[-1] / constant,
        "lowest_share": float(np.nanmin([*cost, np.inf])) / constant,
        "accuracy": trajectory.train_accuracy[0, -1],
    }


def row_of(row: int, *, train: bool = True, draw: int = 0) -> dict[str, Any] | None:
    """Return a row of the table; None where the initializer refuses the network.

    Args:
        row: its number.
        train: whether to train, or to measure the start alone.
        draw: 0 for the row's own weights and batches; another number for others of the same network on the same data.
    """
    run = drawn(row)
    seed = row + 1_000_000 * draw
    data, loss = part(run), LOSSES[run.loss]()
    optimizer = OPTIMIZERS[run.optimizer](learning_rate=run.learning_rate)
    widths = (data.X.shape[0], *[run.width] * (run.depth - 1), data.Y.shape[0])
    network = MultilayerPerceptron(widths, ACTIVATIONS[run.activation]())
    try:
        theta = network.draw(laws(run, network), CounterDraws(seed))
    except InputError:
        return None
    found = vars(run) | measured(run, network, loss, optimizer, data, theta)
    return found | outcome(run, network, loss, optimizer, data, theta, seed) if train else found


def told(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--runs", type=int, default=6000)
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--deeper-than", type=int, default=0, help="leave out the rows of networks of fewer layers")
    parser.add_argument(
        "--draw", type=int, default=0, help="which of a network's weights and batches; 0 for the row's own"
    )
    given = parser.parse_args()
    done = 0
    if given.out.exists():
        with given.out.open() as file:
            rows = [line for line in file if line.endswith("\n")]
        given.out.write_text("".join(rows))
        done = int(rows[-1].split(",")[0]) + 1 if len(rows) > 1 else 0
    ends = time.monotonic() + 60 * given.minutes
    warnings.simplefilter("ignore")
    with given.out.open("a", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for row in range(max(given.first, done), given.first + given.runs):
            if time.monotonic() > ends:
                break
            found = row_of(row, draw=given.draw) if drawn(row).depth > given.deeper_than else None
            if found is None:
                continue
            if writer is None:
                writer = csv.DictWriter(file, list(found), lineterminator="\n")
                if not done:
                    writer.writeheader()
            writer.writerow({key: told(value) for key, value in found.items()})
            file.flush()


if __name__ == "__main__":
    main()
