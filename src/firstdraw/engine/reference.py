"""The reference engine: NumPy, one network after the other, written to be read. It is the truth others are held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # pyright: ignore[reportUnknownVariableType]  # publishes no types

from firstdraw.arrays import Floats
from firstdraw.engine.problem import Columns, Problem
from firstdraw.engine.records import Progress, check_parameters, empty_records
from firstdraw.engine.trajectory import Outcome, Trajectory
from firstdraw.networks import Taps
from firstdraw.probes.statistics import rms
from firstdraw.probes.symmetry import distinct_units, unit_difference

__all__ = ["train"]

# Often enough for a smooth bar, seldom enough to cost nothing.
STEPS_PER_PROGRESS = 250


def train(problem: Problem, parameters: Floats, seeds: tuple[int, ...], progress: Progress | None = None) -> Trajectory:
    """Train n networks on one problem.

    Each network's result depends on its own row of `parameters` and its own seed alone.

    Args:
        problem: what to train, on what and how.
        parameters: the initial parameters `[n, P]`.
        seeds: one a network; the mini-batches are shuffled by it.
        progress: is told how the work advances.

    Returns:
        The trajectories; a network that diverges stops, and the others go on.

    Raises:
        InputError: if `parameters` has the wrong shape.

    >>> from firstdraw.activations import ReLU
    >>> from firstdraw.datasets import DATASETS
    >>> from firstdraw.engine import SGD, columns
    >>> from firstdraw.losses import BinaryCrossEntropy
    >>> from firstdraw.networks import MultilayerPerceptron
    >>> circles, loss = DATASETS["circles"]().load(), BinaryCrossEntropy()
    >>> examples, held_out = columns(circles, loss, "float64")
    >>> network = MultilayerPerceptron((2, 10, 5, 1), ReLU())
    >>> problem = Problem(network, examples, held_out, loss, SGD(learning_rate=0.01), steps=10)
    >>> train(problem, np.zeros((1, 91)), seeds=(0,)).cost.round(12)
    array([[0.69314718, 0.69314718]])
    """
    check_parameters(problem, parameters, seeds)
    records = empty_records(problem, parameters)
    outcomes: list[Outcome] = []
    # Matrix products by several threads may add in another order, and a run must not depend on the machine's cores.
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for number, seed in enumerate(seeds):
            run = _Run(problem, parameters[number], {name: array[number] for name, array in records.items()}, seed)
            outcomes.append(run.train(progress))
    return Trajectory(
        steps=problem.recording.steps(problem.steps),
        snapshot_steps=problem.recording.snapshot_steps(problem.steps),
        outcomes=tuple(outcomes),
        **records,
    )


@dataclass
class _Divergence(Exception):  # noqa: N818  # leaves the training loop; never leaves this file
    step: int
    layer: int


class _Run:
    """The training of one network: theta is its parameters, g the gradient, both vectors of P elements."""

    def __init__(self, problem: Problem, start: Floats, records: dict[str, Any], seed: int) -> None:
        self.problem = problem
        self.records = records
        self.seed = seed
        self.theta: Floats = start.astype(problem.precision)
        self.g: Floats = np.empty_like(self.theta)
        self.layers = problem.network.layers(self.theta)
        self.gradients = problem.network.layers(self.g)

    def train(self, progress: Progress | None) -> Outcome:
        """Fill the records, and return how it ended."""
        reported = 0

        def report(step: int) -> None:
            nonlocal reported
            if progress is not None:
                progress(step - reported)
            reported = step

        try:
            self._descend(report)
            outcome = Outcome(diverged=False, step=self.problem.steps)
        except _Divergence as divergence:
            outcome = Outcome(diverged=True, step=divergence.step, layer=divergence.layer)
        # The steps that a diverged run will not make are over and done with, too.
        report(self.problem.steps)
        return outcome

    def _descend(self, report: Callable[[int], None]) -> None:
        problem, theta, g = self.problem, self.theta, self.g
        recorded = {int(step): row for row, step in enumerate(problem.recording.steps(problem.steps))}
        kept = {int(step): row for row, step in enumerate(problem.recording.snapshot_steps(problem.steps))}
        state = problem.optimizer.start(theta)
        factors = self._factors()
        batches = self._batches()
        for step in range(problem.steps + 1):
            if step in recorded:
                self._record(recorded[step], step)
            if step in kept:
                self.records["snapshots"][kept[step]] = theta
            if step == problem.steps:
                break
            X, Y = next(batches)
            self._differentiate(X, Y)
            problem.optimizer.update(theta, g, state, step + 1, factors)
            if not np.isfinite(theta).all():
                raise _Divergence(step + 1, self._first_layer_that_is_not_finite())
            self.records["final"][:] = theta
            if (step + 1) % STEPS_PER_PROGRESS == 0:
                report(step + 1)

    def _factors(self) -> Floats | float:
        """Return the factors of the learning rate, one a parameter where they differ."""
        if self.problem.learning_rate_factors is None:
            return 1.0
        spread = np.empty_like(self.theta)
        parts = self.problem.network.parameters(spread)
        for part, factor in zip(parts, self.problem.learning_rate_factors, strict=True):
            part[...] = factor
        return spread

    def _batches(self) -> Iterator[tuple[Floats, Floats]]:
        X, Y = self.problem.train.X, self.problem.train.Y
        if self.problem.batches.is_full(X.shape[1]):
            while True:
                yield X, Y
        for chosen in self.problem.batches.indices(X.shape[1], self.seed):
            yield X[:, chosen], Y[:, chosen]

    def _differentiate(self, X: Floats, Y: Floats) -> Taps:
        """Write the gradient of the cost on these examples into g, and return the forward pass."""
        network, loss = self.problem.network, self.problem.loss
        taps = network.forward(self.layers, X)
        network.backward(self.layers, taps, loss.gradient(taps.Z[-1], Y), self.gradients)
        return taps

    def _record(self, row: int, step: int) -> None:
        problem, records, loss = self.problem, self.records, self.problem.loss
        train = problem.train
        taps = self._differentiate(train.X, train.Y)
        for layer, Z in enumerate(taps.Z, start=1):
            # What a skip adds to a branch's finite output may overflow, or its multiplier may not be finite.
            ends = [taps.A[layer]] if layer in problem.network.skips else []
            if not all(np.isfinite(values).all() for values in (Z, *ends)):
                raise _Divergence(step, layer)
        records["cost"][row] = loss.value(taps.Z[-1], train.Y)
        records["textbook_cost"][row] = loss.textbook_value(taps.Z[-1], train.Y)
        records["train_accuracy"][row] = _accuracy(problem, taps.Z[-1], train)
        records["activation_rms"][row] = [rms(A) for A in taps.A[1:]]
        records["gradient_rms"][row] = [rms(layer.W) for layer in self.gradients]
        records["weight_rms"][row] = [rms(layer.W) for layer in self.layers]
        records["distinct_units"][row] = distinct_units(self.layers, problem.network.branches)
        records["unit_difference"][row] = unit_difference(self.layers, problem.network.branches)
        if problem.test is not None:
            held_out = problem.network.forward(self.layers, problem.test.X).Z[-1]
            records["test_cost"][row] = loss.value(held_out, problem.test.Y)
            records["test_accuracy"][row] = _accuracy(problem, held_out, problem.test)

    def _first_layer_that_is_not_finite(self) -> int:
        network = self.problem.network
        for role, *parts in zip(network.roles, network.parameters(self.theta), network.parameters(self.g), strict=True):
            if not all(np.isfinite(part).all() for part in parts):
                return role.layer
        raise AssertionError("a parameter is not finite, so its layer is not either")


def _accuracy(problem: Problem, Z: Floats, examples: Columns) -> float:
    if examples.labels is None:
        return float("nan")
    return float(np.mean(np.equal(problem.loss.classify(Z), examples.labels)))
