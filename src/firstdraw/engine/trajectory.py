"""What training left, for many networks at once.

The letters of the shapes: n networks, R recorded steps, S snapshots, L layers, P parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Integers

__all__ = ["Outcome", "Trajectory"]

RECORDED: Final = (
    "cost",
    "textbook_cost",
    "test_cost",
    "train_accuracy",
    "test_accuracy",
    "activation_rms",
    "gradient_rms",
    "weight_rms",
    "distinct_units",
    "unit_difference",
)
"""The arrays with one row a recorded step."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: at its last step, or by diverging.

    Args:
        diverged: whether a number stopped being finite.
        step: the last step; for a diverged run the first step whose update or record was not finite.
        layer: for a diverged run the first layer, from 1, in which that shows; else None. A multiplier belongs to the
            last layer of its residual branch.
    """

    diverged: bool
    step: int
    layer: int | None = None

    def __str__(self) -> str:
        return f"diverged at step {self.step:,}, layer {self.layer}" if self.diverged else "finished"


@dataclass(frozen=True)
class Trajectory:
    """Records of n networks trained on one problem; after a divergence the records are NaN.

    Args:
        steps: the recorded steps `[R]`; a step counts the updates made before the record.
        cost: on the training examples, overflow-safe `[n, R]`, in nats for cross-entropies.
        textbook_cost: the same cost through the predicted probabilities, infinite where one rounds to 0 `[n, R]`.
        test_cost: on the test examples `[n, R]`; NaN without any.
        train_accuracy: the share of training examples classified rightly `[n, R]`; NaN for regression.
        test_accuracy: the same of test examples `[n, R]`.
        activation_rms: root mean square of A_l over units and training examples `[n, R, L]`.
        gradient_rms: root mean square of the cost's derivative by W_l over its elements `[n, R, L]`.
        weight_rms: root mean square of W_l over its elements `[n, R, L]`.
        distinct_units: how many different units a layer has, rounding aside (see `probes.distinct_units`) `[n, R, L]`.
        unit_difference: the largest difference between two units of a layer in any of these weights `[n, R, L]`.
        snapshot_steps: the steps of the snapshots `[S]`.
        snapshots: the parameters at these steps `[n, S, P]`.
        initial: the parameters before the first step `[n, P]`.
        final: the parameters after the last step, or the last finite ones `[n, P]`.
        outcomes: how each run ended, n of them.
    """

    steps: Integers
    cost: Floats
    textbook_cost: Floats
    test_cost: Floats
    train_accuracy: Floats
    test_accuracy: Floats
    activation_rms: Floats
    gradient_rms: Floats
    weight_rms: Floats
    distinct_units: Floats
    unit_difference: Floats
    snapshot_steps: Integers
    snapshots: Floats
    initial: Floats
    final: Floats
    outcomes: tuple[Outcome, ...]

    def __len__(self) -> int:
        return len(self.outcomes)

    def one(self, network: int) -> Trajectory:
        """Return the trajectory of one of the networks, as a trajectory of n = 1."""
        return self.part(slice(network, network + 1))

    def part(self, networks: slice) -> Trajectory:
        """Return the trajectory of some of the networks."""
        chosen = {
            item.name: getattr(self, item.name)[networks]
            for item in fields(self)
            if item.name not in ("steps", "snapshot_steps")
        }
        return replace(self, **chosen)

    def without_parameters(self) -> Trajectory:
        """Return the records alone: P = 0, and no snapshots."""
        nothing = np.empty((len(self), 0), self.final.dtype)
        return replace(
            self,
            snapshot_steps=self.snapshot_steps[:0],
            snapshots=nothing[:, np.newaxis][:, :0],
            initial=nothing,
            final=nothing,
        )

    def until(self, last: int, snapshot_steps: Integers) -> Trajectory:
        """Return what training would have left had it ended after fewer steps.

        Args:
            last: the last step, a recorded one whose parameters were kept as a snapshot.
            snapshot_steps: the steps of the snapshots to keep, among those there are.
        """
        kept = np.isin(self.snapshot_steps, snapshot_steps)
        rows = self.steps <= last
        if rows.all():
            return replace(self, snapshot_steps=self.snapshot_steps[kept], snapshots=self.snapshots[:, kept])
        ended = np.array([outcome.diverged and outcome.step <= last for outcome in self.outcomes])
        there = self.snapshots[:, self.snapshot_steps.tolist().index(last)]
        cut = {name: getattr(self, name)[:, rows] for name in RECORDED}
        return replace(
            self,
            steps=self.steps[rows],
            snapshot_steps=self.snapshot_steps[kept],
            snapshots=self.snapshots[:, kept],
            final=np.where(ended[:, np.newaxis], self.final, there),
            outcomes=tuple(
                outcome if over else Outcome(diverged=False, step=last)
                for outcome, over in zip(self.outcomes, ended, strict=True)
            ),
            **cut,
        )

    def step_of(self, reached: Floats) -> int | None:
        """Return the first recorded step at which `reached` `[R]`, a condition, is true; None if it never is."""
        where = np.flatnonzero(reached)
        return int(self.steps[where[0]]) if len(where) else None
