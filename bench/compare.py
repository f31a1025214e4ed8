"""The native engine beside its peers, each row measured in one run on one core: `make bench` prints the table.

Every time is the best of several, after a first run that compiles and warms up; what a reader sees are ratios. One core
is used unless the row says otherwise.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import peers

from firstdraw.activations import ACTIVATIONS, ReLU
from firstdraw.draws import DRAWS, CounterDraws
from firstdraw.engine import SGD, Columns, Problem, Recording, native, reference
from firstdraw.experiments import prepare
from firstdraw.losses import SquaredError
from firstdraw.networks import MultilayerPerceptron
from firstdraw.papers.exercise.studies import studies

NEVER = 10**9
BATCH = 320


def best(run: Callable[[], object], trials: int = 5) -> float:
    """Return the shortest of some times, in seconds."""
    times = []
    for _ in range(trials):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def exercise(precision: str) -> tuple[Problem, np.ndarray]:
    """Return the exercise with He's start, with nothing recorded on the way."""
    spec = studies()["exercise"]
    spec = replace(
        spec,
        training=replace(spec.training, precision=precision),
        recording=replace(spec.recording, every=NEVER, snapshots=()),
    )
    prepared = prepare(spec)
    start = spec.network.draw(prepared.laws[3], DRAWS[spec.draws](3))
    return prepared.problem, start[np.newaxis]


def as_layers(problem: Problem, theta: np.ndarray) -> peers.Layers:
    return [(layer.W.copy(), layer.b.copy()) for layer in problem.network.layers(theta.astype(problem.precision))]


def operations(problem: Problem) -> float:
    """Return the floating-point operations of a step: each weight multiplies and adds once forward, twice backward, but
    that the first layer sends no gradient to the inputs."""
    widths = problem.network.widths
    weights = [a * b for a, b in pairwise(widths)]
    return 2.0 * problem.train.X.shape[1] * (3 * sum(weights) - weights[0])


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def bench_exercise(quick: bool) -> None:
    problem, start = exercise("float64")
    X, Y = np.ascontiguousarray(problem.train.X.T), np.ascontiguousarray(problem.train.Y.T)
    layers, steps = as_layers(problem, start[0]), problem.steps
    ours = best(lambda: native.train(problem, start, (0,), threads=1), 9)
    share = 3 if quick else 1
    times = {"NumPy reference": best(lambda: reference.train(problem, start, (0,)), 3)}
    for name, run, reach in (
        ("eager PyTorch", peers.torch_modules(layers, X, Y, 0.01), 80),
        ("eager PyTorch, bare functions", peers.torch_eager(layers, X, Y, "bce", 0.01), 80),
        ("scikit-learn MLP", peers.scikit_learn(layers, X, Y, 0.01), 35),
        ("JAX jit+scan", peers.jax_scan(layers, X, Y, "bce", 0.01), 4.5),
    ):
        run(steps // share)
        times[name] = best(lambda run=run: run(steps // share), 2 if reach > 10 else 5) * share
    reaches = {
        "NumPy reference": 15,
        "eager PyTorch": 80,
        "scikit-learn MLP": 35,
        "JAX jit+scan": 4.5,
    }
    for name, seconds in times.items():
        row("the exercise, float64", name, f"{seconds / ours:.1f}x", f">= {reaches[name]}x" if name in reaches else "")
    for precision, reach in (("float64", 65), ("float32", 60)):
        problem, start = exercise(precision)
        rate = (
            operations(problem)
            * steps
            / best(lambda problem=problem, start=start: native.train(problem, start, (0,), threads=1), 9)
        )
        row(
            f"the exercise, {precision}",
            "the core's peak",
            f"{rate / native.measured_peak(precision):.0%}",
            f">= {reach} %",
        )


def bench_stack() -> None:
    problem, _ = exercise("float32")
    problem = replace(problem, steps=2000)
    spec = studies()["exercise"]
    laws = prepare(spec).laws[3]
    starts = np.array([spec.network.draw(laws, CounterDraws(seed)) for seed in range(64)])
    X, Y = np.ascontiguousarray(problem.train.X.T), np.ascontiguousarray(problem.train.Y.T)
    each = [as_layers(problem, start) for start in starts]
    stacked = [
        (np.stack([layers[i][0] for layers in each]), np.stack([layers[i][1] for layers in each]))
        for i in range(problem.network.depth)
    ]
    ours = best(lambda: native.train(problem, starts, tuple(range(64)), threads=1), 3)
    for name, run in (
        ("JAX vmap+scan", peers.jax_scan(stacked, X, Y, "bce", 0.01, stacked=True)),
        ("torch.bmm", peers.torch_stacked(stacked, X, Y, 0.01)),
    ):
        run(problem.steps // 10)
        seconds = best(lambda run=run: run(problem.steps // 10), 3) * 10
        row("64 networks, float32", name, f"{seconds / ours:.1f}x", ">= 4x the best")


def wide(width: int, depth: int, activation: object = None) -> tuple[Problem, np.ndarray]:
    """Return a network of equal widths on random data, and a start."""
    draws = CounterDraws(0)
    network = MultilayerPerceptron((width,) * (depth + 1), activation or ReLU())
    X, Y = (draws.normal(name, (width, BATCH)).astype(np.float32) for name in "XY")
    problem = Problem(network, Columns(X, Y, None), None, SquaredError(), SGD(1e-4), 1, precision="float32")
    start = draws.normal("start", (1, network.parameter_count)).astype(np.float32) / np.float32(np.sqrt(width))
    steps = max(4, int(1.5e9 / operations(problem)))
    return replace(problem, steps=steps, recording=Recording(every=NEVER)), start


def seconds_of_steps(problem: Problem, start: np.ndarray, **options: object) -> float:
    """Return the time of the steps, without what a call costs beside them: that of three times as many, less that of
    these, halved. The peers record nothing at the ends."""
    longer = replace(problem, steps=3 * problem.steps)
    once, thrice = [], []
    for _ in range(7):
        once.append(best(lambda: native.train(problem, start, (0,), **options), 1))
        thrice.append(best(lambda: native.train(longer, start, (0,), **options), 1))
    return (min(thrice) - min(once)) / 2


def bench_shapes(quick: bool) -> None:
    peak = native.measured_peak("float32")
    for width in (4, 16, 64, 128, 256, 512):
        for depth in (2, 10) if quick else (2, 10, 50):
            problem, start = wide(width, depth)
            ours = seconds_of_steps(problem, start, threads=1)
            layers = as_layers(problem, start[0])
            X, Y = np.ascontiguousarray(problem.train.X.T), np.ascontiguousarray(problem.train.Y.T)
            times: dict[str, float] = {}
            steps = max(3, problem.steps // 8)
            for name, run in (
                ("eager PyTorch", peers.torch_eager(layers, X, Y, "mse", 1e-4)),
                ("JAX jit+scan", peers.jax_scan(layers, X, Y, "mse", 1e-4)),
            ):
                run(steps)
                times[name] = best(lambda run=run, steps=steps: run(steps), 3) * problem.steps / steps
            name = min(times, key=lambda name: times[name])
            share = operations(problem) * problem.steps / ours / peak
            reach = ">= 1x, >= 60 %" if width >= 64 else ">= 1x"
            row(
                f"width {width}, depth {depth}, float32", name, f"{times[name] / ours:.1f}x, {share:.0%} of peak", reach
            )


def bench_activations() -> None:
    problem, start = wide(32, 10)
    relu = seconds_of_steps(problem, start, threads=1)
    ratios = {}
    for name, activation in ACTIVATIONS.items():
        problem, start = wide(32, 10, activation())
        ratios[name] = seconds_of_steps(problem, start, threads=1) / relu
    told = ", ".join(f"{name} {ratio:.2f}" for name, ratio in sorted(ratios.items(), key=lambda item: -item[1]))
    row("every activation, width 32, depth 10, float32", "relu's time", told, "<= 2.5x")


def bench_threads() -> None:
    problem, start = exercise("float32")
    problem, starts, seeds = replace(problem, steps=1000), np.repeat(start, 256, axis=0), tuple(range(256))
    one, two = (best(lambda t=t: native.train(problem, starts, seeds, threads=t), 3) for t in (1, 2))
    row("256 networks, 1 to 2 threads", "one thread", f"{one / two:.2f}x", ">= 1.9x")


MANY = """
import sys, time
import numpy as np
sys.path.insert(0, {folder!r})
from compare import exercise, native, replace
problem, start = exercise("float32")
problem = replace(problem, steps=100)
n = int(sys.argv[1])
starts = np.repeat(start.astype(np.float32), n, axis=0)
started = time.perf_counter()
native.train(problem, starts, tuple(range(n)), threads=1)
seconds = time.perf_counter() - started
# Not ru_maxrss, which a process inherits from the one that started it.
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(seconds, int(peak) / 1024)
"""


def bench_many() -> None:
    folder = __file__.rpartition("/")[0]
    measured = {}
    for n in (10_000, 100_000):
        command = [sys.executable, "-c", MANY.format(folder=folder), str(n)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        measured[n] = [float(word) for word in done.stdout.split()]
    linear = measured[100_000][0] / measured[10_000][0] / 10
    row("100,000 networks, 100 steps, float32", "memory", f"{measured[100_000][1]:.0f} MB", "< 300 MB")
    row("100,000 networks, 100 steps, float32", "ten times 10,000", f"{linear:.2f}x the time", "0.9x to 1.1x")


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer shapes and shorter peers")
    quick = parser.parse_args().quick
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "torch", "jax", "scikit-learn")
    )
    print(f"Python {platform.python_version()}, {versions}; {native.best_target()}; one core unless said otherwise.")
    print(
        f"Peak of a core, measured: {native.measured_peak('float64') / 1e9:.0f} GFLOP/s (float64), "
        f"{native.measured_peak('float32') / 1e9:.0f} GFLOP/s (float32).\n"
    )
    cores = os.sched_getaffinity(0)
    # Settings of the libraries do not keep all of them on one core; the system does.
    os.sched_setaffinity(0, {min(cores)})
    row("work", "beside", "native engine", "reach")
    row("---", "---", "---", "---")
    bench_exercise(quick)
    bench_stack()
    bench_shapes(quick)
    bench_activations()
    bench_many()
    os.sched_setaffinity(0, cores)
    bench_threads()


if __name__ == "__main__":
    main()
