"""`firstdraw.torch.check` beside one forward and one backward pass: `python bench/torch_check.py` prints the table.

The model is a transformer of GPT-2's small size, 12 blocks of 768 features with 12 heads and a head tied to 50,257
embeddings, on 2 sequences of 128 tokens, in float32 on the CPU. The passes are what a training loop makes, with the
cross-entropy of the next token; `check` makes them with the same loss. On one core they take turns, and each time is
the best of its turns, in seconds of the core; for its peak memory each is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
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


def peak_of(name: str) -> int:
    """Return the most memory that a process takes which runs a contender alone, in bytes."""
    command = [sys.executable, __file__, "--memory-of", name]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--memory-of", choices=("passes", "check", "check, by default"))
    arguments = parser.parse_args()
    # Threads that wait for each other on a busy machine would be counted as work.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    runs = contenders()
    if arguments.memory_of:
        runs[arguments.memory_of]()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        return
    times = dict.fromkeys(runs, float("inf"))
    for _ in range(arguments.turns):
        for name, run in runs.items():
            started = time.process_time()
            run()
            times[name] = min(times[name], time.process_time() - started)
    peaks = {name: peak_of(name) for name in runs}
    print(f"Python {platform.python_version()}, torch {version('torch')}; one core.\n")
    print("| | time | ratio | reach | peak memory | ratio | reach |")
    print("| --- | ---: | ---: | --- | ---: | ---: | --- |")
    for name in runs:
        reaches = ("", "") if name == "passes" else ("<= 3x", "<= 1.2x")
        print(
            f"| {name} | {times[name]:.2f} s | {times[name] / times['passes']:.2f}x | {reaches[0]} "
            f"| {peaks[name] / 2**20:,.0f} MiB | {peaks[name] / peaks['passes']:.2f}x | {reaches[1]} |"
        )


if __name__ == "__main__":
    main()
