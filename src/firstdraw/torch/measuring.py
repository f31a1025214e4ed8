"""A model measured on a batch, in one forward and one backward pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch.hooks import Recorder
from firstdraw.torch.inputs import input_state, input_sums, named_inputs
from firstdraw.torch.layers import ModelState
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.losses import constant_losses, loss_name, projection
from firstdraw.torch.parameters import measured_parameters, parameter_state
from firstdraw.torch.passes import layer_states
from firstdraw.torch.sums import fetched
from firstdraw.torch.trees import tensors_in

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
    named = named_inputs(call.args, call.kwargs)
    inputs = [(name, tensor) for name, tensor in named if tensor.is_floating_point() and tensor.numel()]
    sums_of_inputs = [input_sums(tensor) for _, tensor in inputs]
    with recorder.on(call.model):
        try:
            outputs = call.model(*call.args, **call.kwargs)
        except Exception as error:
            raise FirstdrawError(f"the model fails in its forward pass, {_place(recorder)}: {_said(error)}") from error
    layers = recorder.recordings
    loss = _loss(call, outputs)
    constants = (
        [] if call.loss is None or call.targets is None else constant_losses(call.loss, loss, outputs, call.targets)
    )
    # What the outputs take is then free on the way back.
    del outputs
    try:
        loss.backward()
    except Exception as error:
        raise FirstdrawError(f"the model fails in its backward pass: {_said(error)}") from error
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
        kind=type(call.model).__name__,
        training=bool(call.model.training),
        inputs=tuple(input_state(name, tensor, next(numbers)) for name, tensor in inputs),
        layers=layer_states(layers, call.model, numbers),
        parameters=tuple(parameter_state(parameter, numbers) for parameter in parameters),
        loss=cost,
        loss_name=loss_name(call.loss),
        constant_loss=min((cost for [cost] in constant_costs if math.isfinite(cost)), default=None),
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _place(recorder: Recorder) -> str:
    """Say where the model is: in which module, and after which layer."""
    visit = recorder.visits[-1] if recorder.visits else None
    where = f"in `{visit.name}` ({type(visit.module).__name__})" if visit is not None and visit.name else "in `forward`"
    last = recorder.recordings[-1] if recorder.recordings else None
    return where if last is None else f"{where}, after `{last.name}` returned the shape {list(last.shape)}"


def _loss(call: Call, outputs: object) -> Tensor:
    torch = pytorch()
    if call.loss is None:
        loss = projection(outputs, call.seed)
    else:
        given = (outputs,) if call.targets is None else (outputs, call.targets)
        loss: Tensor
        try:
            loss = call.loss(*given)
        except Exception as error:
            raise InputError(
                "loss", f"must take what the model returns, and the targets if there are any: {_said(error)}"
            ) from error
        if not isinstance(loss, torch.Tensor):
            raise InputError("loss", "must return a tensor", loss)
        if loss.numel() != 1:
            rule = "must return a tensor of one number, as `reduction='mean'` does"
            raise InputError("loss", rule, list(loss.shape))
        loss = loss.reshape(())
    if not loss.requires_grad:
        raise FirstdrawError("no gradient comes back: nothing that the model returns depends on a trainable parameter")
    return loss
