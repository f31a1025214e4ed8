"""A model called under a recorder's eyes, its loss and the way back; what fails says where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from firstdraw.errors import FirstdrawError, InputError, shown
from firstdraw.torch.failing import said
from firstdraw.torch.hooks import Recorder
from firstdraw.torch.library import Module, Tensor, pytorch, type_name
from firstdraw.torch.losses import projection
from firstdraw.torch.trees import is_dense, tensors_in

__all__ = ["loss_of", "send_back", "watched"]


def watched(model: Module, args: Sequence[Any], kwargs: Mapping[str, Any], recorder: Recorder) -> Any:  # noqa: ANN401
    """Return what a model returns, its layers recorded.

    Raises:
        FirstdrawError: if the model fails; the sentence says in which module, and after which layer.
    """
    with recorder.on(model):
        try:
            return model(*args, **kwargs)
        except Exception as error:
            raise FirstdrawError(f"the model fails in its forward pass, {_place(recorder)}: {said(error)}") from error


def loss_of(loss: Callable[..., Any] | None, outputs: object, targets: object, *, seed: int) -> Tensor:
    """Return the number that the gradient is of.

    Args:
        loss: a function of the outputs, and of the targets where there are any; None for the projection.
        outputs: what the model returned.
        targets: None where there are none.
        seed: of the projection.

    Raises:
        InputError: if the loss fails or returns no number.
        FirstdrawError: if it does not depend on a trainable parameter.
    """
    torch = pytorch()
    if loss is None:
        if not any(is_dense(tensor) and tensor.numel() for tensor in tensors_in(outputs)):
            raise FirstdrawError(
                f"the model returns no dense tensor of numbers, but {type(outputs).__name__!r}: give a `loss` that "
                "makes a number of it"
            )
        cost = projection(outputs, seed)
    else:
        given = (outputs,) if targets is None else (outputs, targets)
        cost: Tensor
        try:
            cost = loss(*given)
        except Exception as error:
            raise InputError(
                "loss", f"must take what the model returns, and the targets if there are any: {said(error)}"
            ) from error
        if not isinstance(cost, torch.Tensor):
            raise InputError("loss", "must return a tensor", cost)
        if cost.numel() != 1:
            rule = "must return a tensor of one number, as `reduction='mean'` does"
            raise InputError("loss", rule, list(cost.shape))
        cost = cost.reshape(())
    if not cost.requires_grad:
        raise FirstdrawError(
            "no gradient comes back: nothing that the model returns depends on a trainable parameter; what does is cut "
            "off by `torch.no_grad`, `detach` and integers"
        )
    return cost


def send_back(loss: Tensor) -> None:
    """Send the gradient of a loss back to the parameters.

    Raises:
        FirstdrawError: if the model fails on the way.
    """
    try:
        loss.backward()
    except Exception as error:
        raise FirstdrawError(f"the model fails in its backward pass: {said(error)}") from error


def _place(recorder: Recorder) -> str:
    """Say where the model is: in which module, and after which layer."""
    visit = recorder.visits[-1] if recorder.visits else None
    if visit is not None and visit.name:
        where = f"in `{_short(visit.name)}` ({type_name(visit.module)})"
    else:
        where = "in `forward`"
    last = recorder.recordings[-1] if recorder.recordings else None
    return where if last is None else f"{where}, after `{_short(last.name)}` returned the shape {list(last.shape)}"


def _short(name: str) -> str:
    """Write a module's name as an error shows a value: without its middle where it is deeply nested."""
    return shown(name)[1:-1]
