"""The probes beside a forward and a backward pass of PyTorch, on one core: `python bench/probes.py` prints the table.

The network is 100 layers of 256 units on 1,000 examples. PyTorch makes the passes alone and keeps the gradients of all
parameters; the probe makes them and measures every layer. The contenders take turns, and each time is the best of its
turns, in seconds of the core: what to read are ratios.
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from firstdraw.activations import ReLU, Tanh
from firstdraw.draws import CounterDraws
from firstdraw.engine.optimizers import Adam
from firstdraw.losses import SquaredError
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes import probe

WIDTH, DEPTH, EXAMPLES = 256, 100, 1000


def passes_of_torch(
    network: MultilayerPerceptron, theta: np.ndarray, X: np.ndarray, Y: np.ndarray
) -> Callable[[], object]:
    """Return one forward and one backward pass as PyTorch users write them, one row an example."""
    linear: list[Any] = []
    for layer in network.layers(theta):
        linear.append(torch.nn.Linear(layer.W.shape[1], layer.W.shape[0], dtype=torch.from_numpy(X).dtype))
        linear[-1].weight.data.copy_(torch.from_numpy(layer.W))
        linear[-1].bias.data.copy_(torch.from_numpy(layer.b[:, 0]))
    phi = torch.nn.ReLU if isinstance(network.activation, ReLU) else torch.nn.Tanh
    modules = [part for layer in linear for part in (layer, phi())][:-1]
    model = torch.nn.Sequential(*modules)
    inputs, targets = (torch.from_numpy(np.ascontiguousarray(array.T)) for array in (X, Y))

    def run() -> None:
        model.zero_grad(set_to_none=True)
        torch.nn.functional.mse_loss(model(inputs), targets).backward()

    return run


def best_of_turns(runs: dict[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """Return the shortest time of each, in seconds of the core."""
    times = dict.fromkeys(runs, np.inf)
    for _ in range(turns):
        for name, run in runs.items():
            started = time.process_time()
            run()
            times[name] = min(times[name], time.process_time() - started)
    return times


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, numpy {version('numpy')}, torch {version('torch')}; one core.\n")
    # Settings of the libraries do not keep all of them on one core; the system does.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    row(
        "activation, precision",
        "PyTorch, both passes",
        "probe",
        "ratio",
        "layers computed twice",
        "with Adam's first step",
        "reach",
    )
    row(*["---"] * 7)
    with threadpool_limits(1):
        for activation in (ReLU(), Tanh()):
            network = MultilayerPerceptron((WIDTH,) * (DEPTH + 1), activation)
            draws = CounterDraws(0)
            for dtype in (np.float32, np.float64):
                theta = (draws.normal("theta", (network.parameter_count,)) * np.sqrt(2 / WIDTH)).astype(dtype)
                X, Y = (draws.normal(name, (WIDTH, EXAMPLES)).astype(dtype) for name in "XY")
                measure = functools.partial(probe, network, theta, SquaredError(), X, Y, None)
                runs: dict[str, Callable[[], object]] = {
                    "torch": passes_of_torch(network, theta, X, Y),
                    "probe": measure,
                    "twice": functools.partial(measure, memory=0),
                    "adam": functools.partial(measure, optimizer=Adam()),
                }
                times = best_of_turns(runs, arguments.turns)
                ratios = {name: f"{seconds / times['torch']:.2f}x" for name, seconds in times.items()}
                row(
                    f"{type(activation).__name__}, {np.dtype(dtype).name}",
                    f"{times['torch']:.2f} s",
                    f"{times['probe']:.2f} s",
                    ratios["probe"],
                    ratios["twice"],
                    ratios["adam"],
                    "<= 3x",
                )


if __name__ == "__main__":
    main()
