"""One run: a model built, started, trained for some steps, and what it is judged by."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.engine import Progress
from firstdraw.errors import FirstdrawError, InputError
from firstdraw.experiments.store import ModelRun
from firstdraw.torch.comparison.batches import Batches, Loader, Pairing, iterable, seed_generators
from firstdraw.torch.comparison.building import build, optimizer_of
from firstdraw.torch.comparison.curves import running_mean
from firstdraw.torch.comparison.objective import Objective, check_gradient
from firstdraw.torch.comparison.place import Place
from firstdraw.torch.comparison.starts import Start
from firstdraw.torch.comparison.streams import TRAINING
from firstdraw.torch.failing import failing, told
from firstdraw.torch.generators import seed_all
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.trees import moved

__all__ = ["Evaluation", "Task", "train"]

Evaluation: TypeAlias = Iterable[Any] | Callable[[Module], Any]
"""Held-out batches, or a function of the trained model; of its number less is better."""

# To ask for a loss makes the processor wait for the device: it is asked for so many at once.
LOSSES_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """What all runs have in common.

    Args:
        factory: builds the model.
        loader: gives the batches.
        objective: the loss of a batch.
        optimizer: a function of the parameters, and of the rate where there are rates.
        steps: how many.
        evaluation: what a trained model is judged by; None for its last losses.
        device: where the models go; None for where they are built.
    """

    factory: Callable[[], Module]
    loader: Loader
    objective: Objective
    optimizer: Callable[..., Any]
    steps: int
    evaluation: Evaluation | None
    device: Any


def train(
    task: Task,
    start: Start,
    place: Place,
    *,
    pairing: Pairing,
    clock: Callable[[], float],
    progress: Progress,
    others: Module | None = None,
) -> ModelRun:
    """Train a model from a start, and return its losses.

    A run whose loss is not finite ends there, as does one that fails with parameters that are not.

    Args:
        task: what is trained, and how.
        start: what it begins with.
        place: the seed and the rate.
        pairing: what other runs of the seed saw.
        clock: tells the time in seconds.
        progress: is told how many steps have been made.
        others: a model that the factory built before, which must share no parameter with the new one.

    Raises:
        InputError: if the factory, the loader, the loss or the optimizer is none.
        FirstdrawError: if the user's code fails.
    """
    with told(str(place)):
        seed_all(place.seed)
        model = build(task.factory, task.device, others)
        start.write(model, place.seed)
        optimizer = optimizer_of(task.optimizer, model, place.rate)
    model.train()
    seed_all(TRAINING + place.seed)
    began = clock()
    loss = _losses(task, model, optimizer, place, pairing, progress)
    with told(str(place)):
        final = _judged(task, model, loss, place) if np.isfinite(loss).all() else math.inf
    return ModelRun(loss, final, clock() - began)


@dataclass(slots=True)
class _Curve:
    """Losses that come in one by one, and are fetched some at a time.

    Args:
        values: those that were fetched `[T]`; the others are NaN.
        pending: those that were not.
        known: how many were.
    """

    values: Floats
    pending: list[Tensor] = field(default_factory=list[Tensor])
    known: int = 0

    def fetch(self) -> bool:
        """Fetch what is pending, and return whether all are finite."""
        if self.pending:
            new = np.array(pytorch().stack(self.pending).tolist(), np.float64)
            self.values[self.known : self.known + len(new)] = new
            self.known += len(new)
            self.pending.clear()
        finite = np.isfinite(self.values[: self.known])
        if finite.all():
            return True
        self.values[int(np.argmin(finite)) + 1 :] = np.nan
        return False


def _losses(
    task: Task,
    model: Module,
    optimizer: Any,  # noqa: ANN401  # one of PyTorch
    place: Place,
    pairing: Pairing,
    progress: Progress,
) -> Floats:
    """Train, and return the loss before each step; NaN after the first that is not finite."""
    curve = _Curve(np.full(task.steps, np.nan))
    device = next(iter(model.parameters())).device
    with told(str(place)):
        batches = Batches(task.loader, place.seed)
    reported = 0
    for step in range(task.steps):
        with told(f"{place}, step {step}"):
            batch = next(batches)
            pairing.check(place.seed, step, batch)
            try:
                curve.pending.append(_updated(task.objective, model, optimizer, moved(batch, device)))
            except FirstdrawError:
                if curve.fetch() and _is_finite(model):
                    raise
                break
        if len(curve.pending) == LOSSES_AT_ONCE or step == task.steps - 1:
            is_finite = curve.fetch()
            progress(step + 1 - reported)
            reported = step + 1
            if not is_finite:
                break
    if reported < task.steps:
        # Steps that a run does not make are not waited for.
        progress(task.steps - reported)
    return curve.values


def _updated(objective: Objective, model: Module, optimizer: Any, batch: Any) -> Tensor:  # noqa: ANN401
    """Make one step, and return the loss before it."""
    optimizer.zero_grad()
    with failing("the forward pass"):
        loss = objective(model, batch)
    check_gradient(loss)
    with failing("the backward pass"):
        loss.backward()
    with failing("the step of the optimizer"):
        optimizer.step()
    return loss.detach()


def _is_finite(model: Module) -> bool:
    return all(bool(parameter.isfinite().all()) for parameter in model.parameters())


def _judged(task: Task, model: Module, loss: Floats, place: Place) -> float:
    """Return what a trained model is judged by."""
    if task.evaluation is None:
        return float(running_mean(loss)[-1])
    model.eval()
    seed_all(TRAINING + place.seed)
    with failing("the evaluation"), pytorch().no_grad():
        held_out = iterable(task.evaluation)
        if held_out is None:
            return _number(cast("Callable[[Module], Any]", task.evaluation)(model))
        seed_generators(held_out, place.seed)
        device = next(iter(model.parameters())).device
        costs: list[float] = [task.objective(model, moved(batch, device)).item() for batch in held_out]
    if not costs:
        raise InputError("evaluation", "must give one batch or more whenever it is gone through, and gives none")
    return math.fsum(costs) / len(costs) if np.isfinite(costs).all() else math.inf


def _number(value: Any) -> float:  # noqa: ANN401  # whatever it is
    if isinstance(value, pytorch().Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InputError("evaluation", "must return one number, of which less is better", value)
    return float(value)
