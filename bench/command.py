"""The whole command beside a bare script: what `firstdraw run` costs from its start to its end, and on what.

The command runs the exercise with every claim of its write-up and writes the report; the script, `bench/bare.py`, makes
the exercise's three trainings in NumPy and nothing else. Both are processes of their own, run in turns; each time is
the best of its kind. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

BARE = Path(__file__).with_name("bare.py")
FIRSTDRAW = [sys.executable, "-m", "firstdraw"]
MOST_PACKAGES = 6


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds on the clock, seconds of all cores, and what it wrote to its standard error."""

    wall: float
    cores: float
    error: str


def cost_of(command: list[str], folder: str) -> Cost:
    """Run a command in a folder."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(error)
    return Cost(wall, usage.ru_utime + usage.ru_stime, error)


def parts_of(cost: Cost) -> dict[str, float]:
    """Return where the command says that its time went, and what is left: Python's start and its end."""
    told = re.search(r"^Time: [\d.]+ s: (.*)$", cost.error, re.MULTILINE)
    assert told is not None
    parts = {name: float(seconds) for name, seconds in re.findall(r"(\w+) ([\d.]+) s", told[1])}
    return {"process": cost.wall - sum(parts.values())} | parts


def imports(folder: str) -> list[tuple[str, float]]:
    """Return how many seconds the import of each package takes, the slowest first."""
    command = [sys.executable, "-X", "importtime", "-m", "firstdraw", "run", "--set", "training.steps=0"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stderr
    seconds: Counter[str] = Counter()
    for own, name in re.findall(r"^import time: +(\d+) \| +\d+ \| +([\w.]+)$", told, re.MULTILINE):
        package = name.partition(".")[0]
        seconds["the standard library" if package in sys.stdlib_module_names else package] += int(own) / 1e6
    return seconds.most_common(MOST_PACKAGES)


WHAT = {
    "process": "Python's start, click, the process's end",
    "start": "imports, the spec",
    "data": "the data of all experiments",
    "training": "the exercise's four runs",
    "figures": "the report's figures, while the other runs are trained",
    "claims": "checking the claims, and waiting for those runs",
    "report": "the page, on disk",
}


def row(*cells: object) -> None:
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="how often each is run  [default: 5]")
    turns = parser.parse_args().turns
    ours: list[Cost] = []
    bare: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(turns):
            bare.append(cost_of([sys.executable, str(BARE)], folder))
            ours.append(cost_of([*FIRSTDRAW, "run", "--no-progress"], folder))
        packages = imports(folder)
    best, rival = (min(costs, key=lambda cost: cost.wall) for costs in (ours, bare))
    row("`firstdraw run`", "seconds", "what")
    row("---", "---:", "---")
    for name, seconds in parts_of(best).items():
        row(name, f"{seconds:.2f}", WHAT.get(name, ""))
    row("**all**", f"**{best.wall:.2f}**", f"{best.cores:.2f} s of {os.cpu_count()} cores together")
    row("**the bare script**", f"**{rival.wall:.2f}**", f"{rival.cores:.2f} s of {os.cpu_count()} cores together")
    row("**ratio**", f"**{best.wall / rival.wall:.2f}**", "reach: at most 1")
    print(f"\nImports: {', '.join(f'{package} {seconds:.2f} s' for package, seconds in packages)}.")


if __name__ == "__main__":
    main()
