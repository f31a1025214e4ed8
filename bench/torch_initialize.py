"""`firstdraw.torch.initialize` beside `torch.nn.init` on a model of a billion parameters: a table.

Both fill the same model's memory with N(0, 2/n), on all threads, one after the other, in turns; the time of a turn is
that of the clock, as both use all cores, and what counts is the best of the turns. Reading the roles is part of ours.
Memory is the peak of the process, less that of the model.
"""

from __future__ import annotations

import argparse
import resource
import time
from importlib.metadata import version

import torch

import firstdraw.torch

WIDTH, BLOCKS = 2048, 20


def model(width: int, blocks: int) -> torch.nn.Module:
    """Return a transformer whose memory is there, and written once: 12 width^2 parameters a block."""
    with torch.device("meta"):
        layer = torch.nn.TransformerEncoderLayer(width, 16, 4 * width, norm_first=True, batch_first=True)
        made = torch.nn.TransformerEncoder(layer, blocks, enable_nested_tensor=False)
    made.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
    return made


def of_torch(made: torch.nn.Module) -> None:
    """Fill as people write it: a function for the weights, 1 and 0 for what is left."""
    for name, parameter in made.named_parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
        elif "norm" in name and name.endswith("weight"):
            torch.nn.init.ones_(parameter)
        else:
            torch.nn.init.zeros_(parameter)


def peak() -> float:
    """Return the peak of this process's memory, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--blocks", type=int, default=BLOCKS)
    arguments = parser.parse_args()
    made = model(WIDTH, arguments.blocks)
    count = sum(parameter.numel() for parameter in made.parameters())
    size = sum(parameter.numel() * parameter.element_size() for parameter in made.parameters()) / 2**20
    # The libraries are loaded, and the small buffers there, before anything is measured.
    firstdraw.torch.initialize(torch.nn.Linear(4, 4), "he_normal")
    before, ours, theirs = peak(), [], []
    for _ in range(arguments.turns):
        start = time.perf_counter()
        firstdraw.torch.initialize(made, "he_normal", seed=0)
        middle = time.perf_counter()
        of_torch(made)
        ours.append(middle - start)
        theirs.append(time.perf_counter() - middle)
    print(f"torch {version('torch')}, {torch.get_num_threads()} threads; {count:,} parameters, {size:,.0f} MB")
    print()
    print("| law | `torch.nn.init` | `firstdraw.torch.initialize` | ratio | more memory at the peak | reach |")
    print("| --- | --- | --- | --- | --- | --- |")
    ratio = min(ours) / min(theirs)
    print(
        f"| N(0, 2/n) | {min(theirs):.1f} s | {min(ours):.1f} s | {ratio:.2f}x | {peak() - before:.0f} MB "
        f"| <= 1.4x, no second copy |"
    )


if __name__ == "__main__":
    main()
