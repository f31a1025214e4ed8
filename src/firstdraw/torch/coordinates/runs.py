"""One model trained for a few steps, and what its layers did before each of them and after the last."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from firstdraw.errors import FirstdrawError
from firstdraw.torch.calling import loss_of, said, send_back, watched
from firstdraw.torch.coordinates.scans import Size
from firstdraw.torch.coordinates.trial import Batch, Trial
from firstdraw.torch.failing import told
from firstdraw.torch.generators import seed_all, seeded
from firstdraw.torch.hooks import Key, Recorder, Recording, as_written, own_parameters
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.sums import absolute_sum, fetched
from firstdraw.torch.ways import bypassed

__all__ = ["Divergence", "Run", "RunLayer", "trained"]

# Numbers that a model draws for dropout are others than those that it was built of.
FORWARD_SEED: Final = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLayer:
    """What a layer of one model is, before training.

    Args:
        key: its name, kind and call.
        units: how many features or channels it returns.
        weight: how many elements its largest matrix or kernel has; 0 where it has none.
        bypassed: whether a skip leads around it.
        fed_by: the layers whose outputs lead here without another layer between.
    """

    key: Key
    units: int
    weight: int
    bypassed: bool
    fed_by: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Where the numbers of a run ceased to be finite; it was not trained on.

    Args:
        size: of the model.
        seed: of the model.
        step: how many steps had been made.
        layer: the first layer that returned something that is not finite, in the order of execution.
    """

    size: Size
    seed: int
    step: int
    layer: Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the layers of one model did.

    Args:
        size: of the model.
        seed: of the model.
        layers: in the order of execution.
        signals: for each step from 0 on that was reached, mean |x| of the layers that ran.
        changes: likewise mean |x - x_0|, x_0 that of step 0; nan where the shapes differ.
        divergence: where it diverged; None where it did not.
        optimizer: the name of the optimizer's class.
    """

    size: Size
    seed: int
    layers: tuple[RunLayer, ...]
    signals: tuple[dict[Key, float], ...]
    changes: tuple[dict[Key, float], ...]
    divergence: Divergence | None
    optimizer: str


class _Outputs:
    """Takes sums of |x| and of |x - x_0| from the outputs of layers, of which it keeps those of step 0."""

    def __init__(self) -> None:
        self._first: dict[Key, Tensor] = {}
        self.started = False

    def __call__(self, key: Key, tensor: Tensor) -> Tensor:
        torch, x = pytorch(), tensor.detach()
        if not self.started:
            self._first[key] = x.clone()
        first = self._first.get(key)
        signal = absolute_sum(x)
        known = first is not None and first.shape == x.shape
        change = absolute_sum(x, first) if known else torch.full_like(signal, math.nan)
        return torch.stack((signal, change))


def trained(trial: Trial, size: Size, seed: int) -> Run:
    """Build and train one model; errors say of which size and seed.

    Raises:
        FirstdrawError: if the factory, the model or the optimizer fails, or no gradient comes back.
        InputError: if what they return cannot be used.
    """
    with told(f"{size}, seed {seed}"):
        seed_all(seed)
        model = trial.model(size, seed)
        optimizer = trial.optimizer_of(model, size)
        with as_written():
            return _trained(trial, size, seed, model, optimizer)


def _trained(trial: Trial, size: Size, seed: int, model: Module, optimizer: Any) -> Run:  # noqa: ANN401
    outputs, signals, changes = _Outputs(), list[dict[Key, float]](), list[dict[Key, float]]()
    layers: tuple[RunLayer, ...] = ()
    divergence: Divergence | None = None
    for step in range(trial.steps + 1):
        with told(f"step {step}"):
            recorder = Recorder(trial.measured.examples, outputs)
            # The same units are dropped in each step, so that what changes has been learned.
            seeded(FORWARD_SEED + seed)
            batch = trial.measured.copied()
            returned = watched(model, batch.args, batch.kwargs, recorder)
            if not outputs.started:
                layers, outputs.started = _layers(recorder.recordings), True
            measured = _means(recorder.recordings)
            signals.append({key: signal for key, (signal, _) in measured.items()})
            changes.append({key: change for key, (_, change) in measured.items()})
            broken = next((key for key, signal in signals[-1].items() if not math.isfinite(signal)), None)
            if broken is not None:
                divergence = Divergence(size=size, seed=seed, step=step, layer=broken)
                break
            if step < trial.steps:
                _make_step(trial, step, model, optimizer, batch, returned)
    return Run(
        size=size,
        seed=seed,
        layers=layers,
        signals=tuple(signals),
        changes=tuple(changes),
        divergence=divergence,
        optimizer=type(optimizer).__name__,
    )


def _make_step(
    trial: Trial,
    step: int,
    model: Module,
    optimizer: Any,  # noqa: ANN401
    batch: Batch,
    returned: object,
) -> None:
    """Make a step on the batch of this step; on the one that was measured its outputs are there."""
    if trial.batches:
        batch = trial.batches[step].copied()
        returned = watched(model, batch.args, batch.kwargs, Recorder(batch.examples, _nothing))
    optimizer.zero_grad()
    send_back(loss_of(trial.loss, returned, batch.targets, seed=0))
    try:
        optimizer.step()
    except Exception as error:
        raise FirstdrawError(f"the optimizer fails in its step: {said(error)}") from error


def _nothing(key: Key, tensor: Tensor) -> Tensor:  # noqa: ARG001
    return tensor.new_zeros(())


def _layers(recordings: list[Recording]) -> tuple[RunLayer, ...]:
    around = bypassed([item.fed_by for item in recordings])
    return tuple(
        RunLayer(
            key=item.key,
            units=item.units,
            weight=max((one.numel() for one in own_parameters(item.module) if one.ndim > 1), default=0),
            bypassed=around[i],
            fed_by=tuple(recordings[k].key for k in item.fed_by),
        )
        for i, item in enumerate(recordings)
    )


def _means(recordings: list[Recording]) -> dict[Key, tuple[float, float]]:
    elements = [math.prod(item.shape) for item in recordings]
    sums = fetched([item.sums for item in recordings])
    return {
        item.key: (signal / count, change / count)
        for item, count, (signal, change) in zip(recordings, elements, sums, strict=True)
    }
