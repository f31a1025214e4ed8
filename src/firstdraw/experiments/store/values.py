"""What is kept of a run, and how it lies in the store.

n runs, R recorded steps, L layers. Of every record the cost, the test cost and the two accuracies; of the first and the
last record, by layer, the root mean squares of activations, gradients and weights and the number of distinct units. In
this order, as little-endian float64, 8 (4 R + 8 L) bytes a run, bit for bit: NaN and infinity are data.

They are not compressed: for the exercise's network zlib makes them a sixth smaller and takes longer than all the rest
of writing them (bench/store.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstdraw.arrays import Floats, Integers
from firstdraw.engine import Outcome, Trajectory

__all__ = ["StoredRuns", "bytes_of_a_run", "joined", "laid_out", "read_out"]

CURVES: Final = ("cost", "test_cost", "train_accuracy", "test_accuracy")
BY_LAYER: Final = ("activation_rms", "gradient_rms", "weight_rms", "distinct_units")
_NUMBER: Final = np.dtype("<f8")


@dataclass(frozen=True)
class StoredRuns:
    """Finished runs of one series, by ascending seeds; after a divergence the records are NaN.

    Args:
        seeds: of each run `[n]`, uint64.
        diverged: whether a number stopped being finite `[n]`.
        last_step: the last step, or the first that was not finite `[n]`.
        layer: for a diverged run the first layer, from 1, in which that shows; else 0 `[n]`.
        steps: the recorded steps `[R]`.
        cost: on the training examples `[n, R]`.
        test_cost: on the test examples `[n, R]`.
        train_accuracy: the share of training examples classified rightly `[n, R]`.
        test_accuracy: the same of test examples `[n, R]`.
        activation_rms: at the first and the last record, by layer `[n, 2, L]`, as are the next three.
        gradient_rms: of the cost's derivative by the weights.
        weight_rms: of the weights.
        distinct_units: how many different units.
    """

    seeds: NDArray[np.uint64]
    diverged: NDArray[np.bool_]
    last_step: Integers
    layer: Integers
    steps: Integers
    cost: Floats
    test_cost: Floats
    train_accuracy: Floats
    test_accuracy: Floats
    activation_rms: Floats
    gradient_rms: Floats
    weight_rms: Floats
    distinct_units: Floats

    def __len__(self) -> int:
        return len(self.seeds)

    def outcome(self, i: int) -> Outcome:
        """Return how one of the runs ended."""
        diverged = bool(self.diverged[i])
        return Outcome(diverged, int(self.last_step[i]), int(self.layer[i]) if diverged else None)

    def chosen(self, which: NDArray[np.bool_] | Integers) -> StoredRuns:
        """Return some of the runs: those at an index, or where a condition is true."""
        own = {name: getattr(self, name)[which] for name in self.__dataclass_fields__ if name != "steps"}
        return replace(self, **own)


def bytes_of_a_run(records: int, layers: int) -> int:
    """Return how many bytes are kept of a run: 8 (4 R + 8 L).

    >>> bytes_of_a_run(records=11, layers=3)
    544
    """
    return _NUMBER.itemsize * (len(CURVES) * records + 2 * len(BY_LAYER) * layers)


def laid_out(trajectory: Trajectory) -> list[bytes]:
    """Return what is kept of each run."""
    n = len(trajectory)
    parts: list[Floats] = [getattr(trajectory, name) for name in CURVES]
    ends: list[Floats] = [getattr(trajectory, name)[:, [0, -1]] for name in BY_LAYER]
    parts += [end.reshape(n, end.shape[1] * end.shape[2]) for end in ends]
    rows = np.concatenate(parts, axis=1).astype(_NUMBER)
    return [row.tobytes() for row in rows]


def read_out(
    outcomes: Sequence[tuple[int, int, int, int]], measured: Sequence[bytes], steps: Integers, layers: int
) -> StoredRuns:
    """Return runs as they were, from what was kept of them.

    Args:
        outcomes: of each, the seed as SQLite holds it, whether it diverged, the step and the layer.
        measured: of each, 8 (4 R + 8 L) bytes.
        steps: the recorded steps `[R]`.
        layers: L.
    """
    n, R = len(measured), len(steps)
    numbers = np.frombuffer(b"".join(measured), _NUMBER).reshape(n, bytes_of_a_run(R, layers) // _NUMBER.itemsize)
    table = np.array(outcomes, np.int64).reshape(n, 4)
    curves = {name: numbers[:, i * R : (i + 1) * R] for i, name in enumerate(CURVES)}
    by_layer = numbers[:, len(CURVES) * R :].reshape(n, len(BY_LAYER), 2, layers)
    # SQLite's integers have a sign: the seeds from 2^63 on are its negative ones, and come first.
    order = np.argsort(seeds := table[:, 0].copy().view(np.uint64))
    runs = StoredRuns(
        seeds=seeds,
        diverged=table[:, 1] != 0,
        last_step=table[:, 2],
        layer=table[:, 3],
        steps=steps,
        **curves,
        **{name: by_layer[:, i] for i, name in enumerate(BY_LAYER)},
    )
    return runs if n == 0 or bool((np.diff(order) == 1).all()) else runs.chosen(order)


def joined(parts: Sequence[StoredRuns]) -> StoredRuns:
    """Return the runs of one or more parts of a series together, by ascending seeds."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name in parts[0].__dataclass_fields__ if name != "steps"]
    runs = replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
    return runs.chosen(np.argsort(runs.seeds))
