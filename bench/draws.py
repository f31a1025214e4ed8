"""The default draws beside those of NumPy and PyTorch, on one core: `python bench/draws.py` prints the table.

All fill the same array, which is there before. The contenders take turns, and each time is the best of its turns, in
seconds of the core, so that a neighbor's work counts less: what to read are ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from scipy import special

from firstdraw import compiled
from firstdraw.draws import CounterDraws, Draws

OURS = "firstdraw"
STREAMS = (np.random.Philox, np.random.PCG64, np.random.SFC64)


def contenders(law: str, array: np.ndarray) -> dict[str, Callable[[], object]]:
    """Return what fills the array with draws of a law, by name, ours first; the last writes one number throughout."""
    draws: Draws = CounterDraws(0)
    tensor = torch.from_numpy(array)
    if law == "truncated normal":
        return {
            OURS: lambda: draws.truncated_normal("layers.1.weight", array.shape, 2.0, out=array),
            "SciPy's `ndtri` of NumPy Philox": lambda: quantiles(np.random.Generator(np.random.Philox(0)), array),
            "PyTorch": lambda: torch.nn.init.trunc_normal_(tensor),
        }
    fill = getattr(draws, law)
    found: dict[str, Callable[[], object]] = {OURS: lambda: fill("layers.1.weight", array.shape, out=array)}
    for stream in STREAMS:
        generator = np.random.Generator(stream(0))
        method: Any = generator.standard_normal if law == "normal" else generator.random
        found[f"NumPy {stream.__name__}"] = lambda method=method: method(dtype=array.dtype, out=array)
    found["PyTorch"] = tensor.normal_ if law == "normal" else tensor.uniform_
    found["one number (`fill`)"] = lambda: array.fill(1.0)
    return found


def quantiles(generator: np.random.Generator, array: np.ndarray) -> None:
    """Fill an array with N(0, 1) cut at 2 standard deviations by inverting the distribution function."""
    beyond = special.ndtr(-2.0)
    generator.random(dtype=array.dtype, out=array)
    array *= 1 - 2 * beyond
    array += beyond
    special.ndtri(array, out=array)


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
    parser.add_argument("--count", type=int, default=40_000_000, help="how many numbers an array holds")
    parser.add_argument("--turns", type=int, default=9)
    arguments = parser.parse_args()
    target = compiled.best_target() if compiled.is_built() else "not compiled"
    print(
        f"Python {platform.python_version()}, numpy {version('numpy')}, torch {version('torch')}; {target}; one core.\n"
    )
    # Settings of the libraries do not keep all of them on one core; the system does.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    row("law", "source", "float64, million/s", "firstdraw is", "float32, million/s", "firstdraw is")
    row(*["---"] * 6)
    for law in ("normal", "truncated normal", "uniform"):
        times = [
            best_of_turns(contenders(law, np.ones(arguments.count, dtype)), arguments.turns)
            for dtype in (np.float64, np.float32)
        ]
        for source in times[0]:
            cells = [
                cell
                for one in times
                for cell in (f"{arguments.count / one[source] / 1e6:.0f}", f"{one[source] / one[OURS]:.2f}x")
            ]
            row(law, source, *cells)


if __name__ == "__main__":
    main()
