"""A model measured on a batch, in one forward and one backward pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from firstdraw.errors import FirstdrawError
from firstdraw.torch.calling import loss_of, send_back, watched
from firstdraw.torch.hooks import Recorder
from firstdraw.torch.inputs import input_state, input_sums, named_inputs
from firstdraw.torch.layers import ModelState
from firstdraw.torch.library import Module, type_name
from firstdraw.torch.losses import constant_losses, loss_name
from firstdraw.torch.parameters import measured_parameters, parameter_state
from firstdraw.torch.passes import layer_states
from firstdraw.torch.preserving import untouched_gradients
from firstdraw.torch.sums import fetched
from firstdraw.torch.trees import mapped, tensors_in

__all__ = ["Call", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is measured: a model, how it is called, and what its gradient is of.

    Args:
        model: a module.
        args: its positional arguments.
        kwargs: its keyword arguments.
        loss: a function of the outputs, and of the targets where there are any; None for the projection.
        targets: what the loss compares the outputs with.
        optimizer: whose first step is compared with the weights.
        seed: of the projection.
    """

    model: Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    loss: Callable[..., Any] | None
    targets: Any
    optimizer: Any
    seed: int

    @property
    def examples(self) -> int:
        """How many examples the model is given: the length of its first input."""
        return next((len(tensor) for tensor in tensors_in((self.args, self.kwargs)) if tensor.ndim), 1)


def measure(call: Call) -> ModelState:
    """Measure a model; it is left changed, as `preserving.preserved` undoes.

    Raises:
        FirstdrawError: if the model fails, or no gradient comes back.
        InputError: if the loss is none, or the optimizer cannot be asked.
    """
    recorder = Recorder(call.examples)
    args, kwargs = _detached((call.args, dict(call.kwargs)))
    named = named_inputs(args, kwargs)
    inputs = [(name, tensor) for name, tensor in named if tensor.is_floating_point() and tensor.numel()]
    sums_of_inputs = [input_sums(tensor) for _, tensor in inputs]
    outputs = watched(call.model, args, kwargs, recorder)
    layers = recorder.recordings
    loss = loss_of(call.loss, outputs, _detached(call.targets), seed=call.seed)
    constants = (
        [] if call.loss is None or call.targets is None else constant_losses(call.loss, loss, outputs, call.targets)
    )
    # What the outputs take is then free on the way back.
    del outputs
    if not layers:
        raise FirstdrawError("nothing is measured, as no module of the model returns a dense tensor of real numbers")
    with untouched_gradients(loss, besides=call.model.parameters()):
        send_back(loss)
    parameters = list(measured_parameters(call.model, layers, call.optimizer))
    numbers = iter(
        fetched(
            [
                *(loss.detach(), *constants),
                *sums_of_inputs,
                *(layer.sums for layer in layers),
                *(layer.gradient for layer in layers if layer.gradient is not None),
                *(item for parameter in parameters for item in parameter.sums),
            ]
        )
    )
    [cost], *constant_costs = (next(numbers) for _ in range(1 + len(constants)))
    return ModelState(
        kind=type_name(call.model),
        training=bool(call.model.training),
        inputs=tuple(input_state(name, tensor, next(numbers)) for name, tensor in inputs),
        layers=layer_states(layers, call.model, numbers),
        parameters=tuple(parameter_state(parameter, numbers) for parameter in parameters),
        loss=cost,
        loss_name=loss_name(call.loss),
        constant_loss=min((cost for [cost] in constant_costs if math.isfinite(cost)), default=None),
    )


def _detached(given: Any) -> Any:  # noqa: ANN401  # of the type that came
    """Cut what a model or a loss is given off from what computed it, which would be asked for gradients too."""
    if all(tensor.is_leaf for tensor in tensors_in(given)):
        return given
    return mapped(given, lambda tensor: tensor if tensor.is_leaf else tensor.detach().requires_grad_())
