"""How long the theory of wide networks takes: `python bench/theory.py` prints the table.

Everything is new in each trial: no table of moments is kept from one to the next. Times are the best of several, of one
core; the phase plane has 200 weight variances and 200 bias variances.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from firstdraw.activations import ACTIVATIONS, Activation
from firstdraw.theory import WideLayer, edge_of_chaos, pair_expectation, phase_plane, propagate
from firstdraw.theory.moment_table import moment_table

WEIGHTS, BIASES = np.linspace(0, 4, 200), np.linspace(0, 1, 200)


def best(run: Callable[[], object], trials: int) -> float:
    """Return the shortest of some times, in milliseconds of the core."""
    times = []
    for _ in range(trials):
        moment_table.cache_clear()
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return 1000 * min(times)


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def works(phi: Activation) -> dict[str, Callable[[], object]]:
    layer = WideLayer(activation=phi, weight_variance=1.5, bias_variance=0.05)
    return {
        "phase plane": lambda: phase_plane(phi, weight_variances=WEIGHTS, bias_variances=BIASES),
        "edge of chaos": lambda: edge_of_chaos(phi),
        "100 layers": lambda: propagate(layer, depth=100),
        "one pair": lambda: pair_expectation(phi, variances=(1.3, 0.7), correlation=0.4),
    }


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"Python {platform.python_version()}, numpy {version('numpy')}; one core; milliseconds.\n")
    phis = {name: cls() for name, cls in ACTIVATIONS.items()}
    row("activation", *works(phis["tanh"]))
    row("---", *["---:"] * len(works(phis["tanh"])))
    for name, phi in phis.items():
        row(name, *(f"{best(run, arguments.trials):.1f}" for run in works(phi).values()))


if __name__ == "__main__":
    main()
