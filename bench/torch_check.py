"""`firstdraw.torch.check` beside one forward and one backward pass: `python bench/torch_check.py` prints the tables.

The large model is a transformer of GPT-2's small size, 12 blocks of 768 features with 12 heads and a head tied to
50,257 embeddings, on 2 sequences of 128 tokens, in float32 on the CPU. The passes are what a training loop makes, with
the cross-entropy of the next token; `check` makes them with the same loss. They take turns: on one core, in seconds of
that core, and on all, in seconds of the clock. A ratio is the median of those of the turns, and a time the median too;
the first turn, which loads what is loaded once, does not count. For its peak memory each is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from firstdraw.torch import check

VOCABULARY, WIDTH, HEADS, DEPTH, LENGTH, BATCH = 50_257, 768, 12, 12, 128, 2


class Block(nn.Module):
    """Attention and two layers, each normalized before and added to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention, self.before_layers = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.projection = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.activation, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        q, k, v = (
            part.view(batch, length, HEADS, -1).transpose(1, 2)
            for part in self.qkv(self.before_attention(x)).split(WIDTH, -1)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(mixed.transpose(1, 2).reshape(batch, length, -1))
        return x + self.down(self.activation(self.up(self.before_layers(x))))


class Transformer(nn.Module):
    """Tokens to the scores of the next ones."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks, self.last = nn.Sequential(*(Block() for _ in range(DEPTH))), nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        return self.head(self.last(self.blocks(x)))


def next_token(scores: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(scores.flatten(0, 1), tokens.flatten())


def contenders() -> dict[str, Callable[[], Any]]:
    """Return the passes, and both checks, of one model on one batch."""
    torch.manual_seed(0)
    model = Transformer()
    tokens, targets = torch.randint(VOCABULARY, (2, BATCH, LENGTH))

    def passes() -> None:
        model.zero_grad(set_to_none=True)
        next_token(model(tokens), targets).backward()

    def checked() -> None:
        model.zero_grad(set_to_none=True)
        check(model, tokens, loss=next_token, targets=targets)

    def projected() -> None:
        model.zero_grad(set_to_none=True)
        check(model, tokens)

    return {"passes": passes, "check": checked, "check, by default": projected}


class Joined(nn.Module):
    """Two convolutions, each normalized, added to what came."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(32, 32, 3, padding=1, bias=False) for _ in range(2))
        self.norms, self.activation = nn.ModuleList(nn.BatchNorm2d(32) for _ in range(2)), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.activation(self.norms[0](self.first(x)))
        return self.activation(x + self.norms[1](self.second(h)))


class Recurrent(nn.Module):
    """The last state of an LSTM of two layers, read out."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(32, 64, 2, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


def small() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    """Return models of which the measuring, and not the passes, takes most of the time, each with a batch."""
    image = [nn.Conv2d(3, 32, 3, padding=1), *(Joined() for _ in range(9)), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return {
        "3 layers of 64 units, 32 examples": (
            nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)),
            torch.randn(32, 64),
        ),
        "ResNet, 9 blocks of 32 channels, 8 images of 32 x 32": (
            nn.Sequential(*image, nn.Linear(32, 10)),
            torch.randn(8, 3, 32, 32),
        ),
        "LSTM, 2 layers of 64 units, 8 sequences of 100": (Recurrent(), torch.randn(8, 100, 32)),
        "1,000 layers of 8 units, 4 examples": (
            nn.Sequential(*(nn.Linear(8, 8) for _ in range(1000))),
            torch.randn(4, 8),
        ),
    }


Times = dict[str, list[float]]


def timed(runs: dict[str, Callable[[], Any]], turns: int, clock: Callable[[], float]) -> Times:
    """Return the times of contenders that take turns, without the first turn."""
    times: Times = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            started = clock()
            run()
            if turn:
                times[name].append(clock() - started)
    return times


def ratio(times: Times, name: str) -> float:
    """Return the median ratio of a contender's time to that of the passes in the same turn."""
    return statistics.median(one / passes for one, passes in zip(times[name], times["passes"], strict=True))


def peak_of(name: str) -> int:
    """Return the most memory that a process takes which runs a contender alone, in bytes."""
    command = [sys.executable, __file__, "--memory-of", name]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--memory-of", choices=("passes", "check", "check, by default"))
    arguments = parser.parse_args()
    runs = contenders()
    if arguments.memory_of:
        runs[arguments.memory_of]()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        return
    cores, threads = os.sched_getaffinity(0), torch.get_num_threads()
    on_all = timed(runs, arguments.turns, time.perf_counter)
    # Threads that wait for each other on a busy machine would be counted as work.
    os.sched_setaffinity(0, {max(cores)})
    torch.set_num_threads(1)
    on_one = timed(runs, arguments.turns, time.process_time)
    peaks = {name: peak_of(name) for name in runs}
    print(f"Python {platform.python_version()}, torch {version('torch')}.\n")
    print(f"| | one core | ratio | {threads} threads | ratio | reach | peak memory | ratio | reach |")
    print("| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | --- |")
    for name in runs:
        reaches = ("", "") if name == "passes" else ("<= 3x", "<= 1.2x")
        print(
            f"| {name} | {statistics.median(on_one[name]):.2f} s | {ratio(on_one, name):.2f}x "
            f"| {statistics.median(on_all[name]):.2f} s | {ratio(on_all, name):.2f}x | {reaches[0]} "
            f"| {peaks[name] / 2**20:,.0f} MiB | {peaks[name] / peaks['passes']:.2f}x | {reaches[1]} |"
        )
    print("\n| small models, one core | layers | passes | check | more a layer |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, (model, batch) in small().items():
        layers, times = len(check(model, batch).state.layers), timed(both(model, batch), 9, time.process_time)
        passes, checked = (1e3 * statistics.median(times[key]) for key in ("passes", "check"))
        print(f"| {name} | {layers:,} | {passes:.1f} ms | {checked:.1f} ms | {(checked - passes) / layers:.2f} ms |")


def both(model: nn.Module, batch: torch.Tensor) -> dict[str, Callable[[], Any]]:
    """Return the passes and the check of a model, of a random projection of its outputs."""

    def passes() -> None:
        model.zero_grad(set_to_none=True)
        outputs = model(batch)
        (outputs * torch.randn_like(outputs)).sum().backward()

    return {"passes": passes, "check": lambda: check(model, batch)}


if __name__ == "__main__":
    main()
