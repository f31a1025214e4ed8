"""What training left, for many networks at once.

The letters of the shapes: n networks, R recorded steps, S snapshots, L layers, P parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from firstdraw.arrays import Floats, Integers

__all__ = ["Outcome", "Trajectory"]


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
        chosen = {
            item.name: getattr(self, item.name)[network : network + 1]
            for item in fields(self)
            if item.name not in ("steps", "snapshot_steps")
        }
        return replace(self, **chosen)

    def step_of(self, reached: Floats) -> int | None:
        """Return the first recorded step at which `reached` `[R]`, a condition, is true; None if it never is."""
        where = np.flatnonzero(reached)
        return int(self.steps[where[0]]) if len(where) else None
