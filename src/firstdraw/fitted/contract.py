"""What every fitted initializer promises: a network, drawn parameters and a batch in, fitted ones and a record out.

A fitted initializer starts where a drawn one ends: it keeps what the draw decided, such as the directions of the
weights, and chooses what the data decide, such as their scales.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from threadpoolctl import threadpool_limits  # pyright: ignore[reportUnknownVariableType]  # publishes no types

from firstdraw.arrays import Floats
from firstdraw.catalogue import Catalogue, Source
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.losses import Loss
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.statistics import rms

__all__ = ["FITTED", "Adjustment", "Batch", "Fit", "Fitted", "LayerFit", "deviation"]

# Values that agree to this share of the largest are equal but for rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Batch:
    """The examples that parameters are fitted to.

    Args:
        X: the inputs `[d, m]`.
        Y: the encoded targets `[k, m]`.
        loss: what training will minimize.
    """

    X: Floats
    Y: Floats
    loss: Loss


@dataclass(frozen=True, slots=True)
class LayerFit:
    """What fitting did to one layer.

    Args:
        layer: its place, from 1.
        weight_rms_before: root mean square of the elements of W as drawn.
        weight_rms_after: the same as fitted.
        deviation_before: standard deviation of Z over units and examples, with all parameters as drawn.
        deviation_after: the same with all parameters as fitted.
        iterations: how many times the layer was adjusted.
        converged: whether it ended as the initializer wants it.
    """

    layer: int
    weight_rms_before: float
    weight_rms_after: float
    deviation_before: float
    deviation_after: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class Fit:
    """Fitted parameters, with the record of how they came about.

    Args:
        theta: the parameters `[P]`.
        layers: what was done to each layer.
        objective: the lowest value so far of what is minimized, at the start and after each step; infinite before the
            first that is allowed, and empty where nothing is minimized.
    """

    theta: Floats
    layers: tuple[LayerFit, ...]
    objective: tuple[float, ...]

    @property
    def converged(self) -> bool:
        """Whether every layer ended as the initializer wants it."""
        return all(layer.converged for layer in self.layers)


@dataclass(frozen=True)
class Adjustment:
    """What a member hands back: the parameters, and by layer how often each was adjusted and whether it converged."""

    theta: Floats
    iterations: tuple[int, ...]
    converged: tuple[bool, ...]
    objective: tuple[float, ...] = ()


class Fitted(ABC):
    """A published way to choose parameters by looking at data.

    A member is a frozen value: its fields are its options. It is deterministic: the same network, parameters, batch and
    draws give the same bits.
    """

    formula: ClassVar[str]
    """What becomes of a weight, or what is minimized."""
    source: ClassVar[Source | None] = None
    needs_targets: ClassVar[bool] = False
    """Whether it reads the targets and the loss, not the inputs alone."""
    smallest_batch: ClassVar[int] = 2
    """How many examples it needs at least."""
    verified: ClassVar[bool] = True
    """Whether the formula was checked against its source, or a source that quotes it."""

    def fit(self, network: MultilayerPerceptron, theta: Floats, batch: Batch, draws: Draws) -> Fit:
        """Return fitted parameters and the record of the fitting.

        Args:
            network: its shape.
            theta: its parameters as drawn `[P]`, float64; they are not changed.
            batch: the examples to fit to, float64.
            draws: where random numbers come from, for the members that need some.

        Raises:
            InputError: if the batch is too small, something is not finite, or a layer cannot be fitted.
        """
        _check(network, theta, batch, self.smallest_batch)
        # As in the engine: sums must not depend on the number of threads, and what overflows is reported below.
        with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
            before = _deviations(network, theta, batch.X)
            adjusted = self.adjust(network, theta.copy(), batch, draws)
            after = _deviations(network, adjusted.theta, batch.X)
        if not np.isfinite(adjusted.theta).all():
            layer = next(number for number, value in enumerate(after, start=1) if not np.isfinite(value))
            raise InputError("", f"the fitted parameters of layer {layer} are not finite")
        old, new = network.layers(theta), network.layers(adjusted.theta)
        layers = tuple(
            LayerFit(
                layer=i + 1,
                weight_rms_before=rms(old[i].W),
                weight_rms_after=rms(new[i].W),
                deviation_before=before[i],
                deviation_after=after[i],
                iterations=adjusted.iterations[i],
                converged=adjusted.converged[i],
            )
            for i in range(network.depth)
        )
        return Fit(adjusted.theta, layers, adjusted.objective)

    @abstractmethod
    def adjust(self, network: MultilayerPerceptron, theta: Floats, batch: Batch, draws: Draws) -> Adjustment:
        """Return the fitted parameters; theta is the member's own to change, and all of it is checked."""


FITTED: Catalogue[Fitted] = Catalogue("fitted initializer")


def deviation(values: Floats, layer: int) -> float:
    """Return the standard deviation of what a layer gives on a batch.

    Raises:
        InputError: if it gives the same everywhere, so that no scale helps, or overflows.
    """
    spread = float(np.std(values))
    if not np.isfinite(spread):
        raise InputError("", f"layer {layer} overflows on the batch, and cannot be fitted")
    if spread <= ROUNDING * float(np.abs(values).max()):
        raise InputError(
            "", f"layer {layer} gives the same output for all units and examples, which no scale of its weights changes"
        )
    return spread


def _check(network: MultilayerPerceptron, theta: Floats, batch: Batch, smallest: int) -> None:
    features, examples = batch.X.shape
    if features != network.widths[0]:
        raise InputError("batch.X", f"must have a row for each of the network's {network.widths[0]} inputs", features)
    if batch.Y.shape != (network.widths[-1], examples):
        raise InputError(
            "batch.Y", f"must have the shape of the network's outputs, {(network.widths[-1], examples)}", batch.Y.shape
        )
    if examples < smallest:
        raise InputError("batch", f"must have {smallest} examples or more to fit to", examples)
    for name, values in (("batch.X", batch.X), ("batch.Y", batch.Y), ("theta", theta)):
        if not np.isfinite(values).all():
            raise InputError(name, "must be finite, and has elements that are not")


def _deviations(network: MultilayerPerceptron, theta: Floats, X: Floats) -> list[float]:
    return [float(np.std(Z)) for Z in network.forward(network.layers(theta), X).Z]
