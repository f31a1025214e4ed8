"""What a model's parameters hold, and the gradients that came to them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firstdraw.torch.hooks import Recording, own_parameters
from firstdraw.torch.layers import ParameterState
from firstdraw.torch.library import Module, Tensor, pytorch, type_name
from firstdraw.torch.sharding import whole
from firstdraw.torch.sums import square_sum
from firstdraw.torch.symmetry import distinct_rows, unit_rows
from firstdraw.torch.updates import group_of, squared_change

__all__ = ["Measured", "measured_parameters", "parameter_state", "root_of_quotient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A parameter with its sums, still on their device.

    Args:
        name: its name.
        module: the name of the module that holds it.
        kind: that module's class.
        shape: its shape.
        trainable: whether it asks for a gradient.
        fan_in: how many inputs a unit sums.
        units: how many units it describes.
        squares: the sum of the squares of its elements.
        gradient: that of its gradient's.
        change: that of its change in the optimizer's first step.
        distinct: how many of the units differ.
    """

    name: str
    module: str
    kind: str
    shape: tuple[int, ...]
    trainable: bool
    fan_in: int | None
    units: int | None
    squares: Tensor
    gradient: Tensor | None
    change: Tensor | None
    distinct: Tensor | None

    @property
    def sums(self) -> list[Tensor]:
        """What is to be fetched, in order."""
        sums = (self.squares, self.gradient, self.change, self.distinct)
        return [item for item in sums if item is not None]


def measured_parameters(model: Module, recordings: Sequence[Recording], optimizer: Any) -> Iterator[Measured]:  # noqa: ANN401
    """Yield what is measured of each parameter; its gradient is let go then.

    Args:
        model: after its backward pass.
        recordings: its layers.
        optimizer: whose first step is wanted; None for none.

    Raises:
        InputError: if the optimizer cannot step on one parameter alone.
    """
    fed = {k for item in recordings for k in item.fed_by}
    hidden = {id(own) for k in fed for own in own_parameters(recordings[k].module) if recordings[k].sort == "weight"}
    for name, parameter in model.named_parameters():
        holder, _, _ = name.rpartition(".")
        module = model.get_submodule(holder)
        gradient = parameter.grad
        group = None if optimizer is None or gradient is None else group_of(optimizer, parameter)
        change = None if group is None else squared_change(optimizer, group, parameter, gradient)
        values, gradient = whole(parameter.detach()), None if gradient is None else whole(gradient)
        rows = _rows(module, values)
        compared = gradient is not None and id(parameter) in hidden and rows is not None
        yield Measured(
            name=name,
            module=holder,
            kind=type_name(module),
            shape=tuple(parameter.shape),
            trainable=bool(parameter.requires_grad),
            fan_in=None if rows is None or "ConvTranspose" in type_name(module) else rows.shape[1],
            units=len(rows) if compared and rows is not None else None,
            squares=square_sum(values),
            gradient=None if gradient is None else square_sum(gradient),
            change=change,
            distinct=distinct_rows(_unit_parts(module, values, gradient)) if compared else None,
        )
        parameter.grad = None


def _rows(module: Module, values: Tensor) -> Tensor:
    return unit_rows(module, values) if values.ndim > 1 and values.numel() else None


def _unit_parts(module: Module, values: Tensor, gradient: Tensor) -> list[Tensor]:
    """Return what describes the units of a hidden layer: weights, their gradients, and biases."""
    parts = [unit_rows(module, part) for part in (values, gradient)]
    bias: Tensor = getattr(module, "bias", None)
    if isinstance(bias, pytorch().Tensor) and bias.shape == (len(parts[0]),):
        parts.append(whole(bias.detach())[:, None])
    return parts


def parameter_state(measured: Measured, numbers: Iterator[list[float]]) -> ParameterState:
    """Return what is told of a parameter.

    Args:
        measured: with its sums.
        numbers: what was fetched of them, in order.
    """
    squares, gradient, change, distinct = (
        None if item is None else next(numbers)[0]
        for item in (measured.squares, measured.gradient, measured.change, measured.distinct)
    )
    # Of no elements all moments are 0.
    elements = math.prod(measured.shape) or 1
    own = squares or 0.0
    return ParameterState(
        name=measured.name,
        module=measured.module,
        kind=measured.kind,
        shape=measured.shape,
        trainable=measured.trainable,
        rms=root_of_quotient(own, elements),
        gradient_rms=None if gradient is None else root_of_quotient(gradient, elements),
        update_ratio=None if change is None else root_of_quotient(change, own),
        fan_in=measured.fan_in,
        units=measured.units,
        distinct_units=None if distinct is None else int(distinct),
    )


def root_of_quotient(above: float, below: float) -> float:
    """Return sqrt(above/below); infinite or nan where `below` is 0."""
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.divide(above, below)))
