"""The loss of a batch, however the model and the batch are shaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch.library import Module, Tensor, pytorch

__all__ = ["Objective", "check_gradient"]


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """How the loss of a batch is computed.

    Args:
        loss: a function of outputs and targets; None where the model returns its loss.
        forward: a function of model and batch that returns the loss, in place of both.
    """

    loss: Callable[[Any, Any], Any] | None
    forward: Callable[[Module, Any], Any] | None

    def __call__(self, model: Module, batch: Any) -> Tensor:  # noqa: ANN401  # whatever the loader gives
        """Return the loss of a batch, a tensor of one number.

        Raises:
            InputError: if the batch is no pair where the loss needs one, or the loss is not one number.
        """
        if self.forward is not None:
            return _one_number("forward", self.forward(model, batch))
        if self.loss is None:
            return _one_number("loss", _own_loss(_called(model, batch)))
        if not (isinstance(batch, list | tuple) and len(cast("tuple[Any, ...]", batch)) == 2):
            raise InputError(
                "loader",
                "must give pairs (inputs, targets), as the loss compares both",
                hint="`loss=None` takes the model's own loss, and `forward` computes it from any batch",
            )
        inputs, targets = cast("tuple[Any, Any]", batch)
        return _one_number("loss", self.loss(_called(model, inputs), targets))


def _called(model: Module, inputs: Any) -> Any:  # noqa: ANN401  # whatever it takes and returns
    if isinstance(inputs, Mapping):
        return model(**cast("Mapping[str, Any]", inputs))
    return model(*cast("tuple[Any, ...]", inputs)) if isinstance(inputs, list | tuple) else model(inputs)


def _own_loss(outputs: object) -> Any:  # noqa: ANN401  # whatever it calls one
    if isinstance(outputs, pytorch().Tensor):
        return outputs
    found = _named_loss(outputs)
    if found is None:
        kind: Any = outputs.__class__
        raise InputError(
            "loss",
            "must be given where the model returns none as `loss`, and it returns",
            kind.__name__,
            hint="models of transformers return one if the batch has `labels`",
        )
    return found


def _named_loss(outputs: object) -> Any:  # noqa: ANN401
    if isinstance(outputs, Mapping):
        return cast("Mapping[str, Any]", outputs).get("loss")
    return getattr(outputs, "loss", None)


def _one_number(name: str, loss: Any) -> Tensor:  # noqa: ANN401
    if not isinstance(loss, pytorch().Tensor):
        raise InputError(name, "must return a tensor", loss)
    if loss.numel() != 1:
        raise InputError(name, "must return a tensor of one number, as `reduction='mean'` does", list(loss.shape))
    return loss.reshape(())


def check_gradient(loss: Tensor) -> None:
    """Refuse a loss that no training can lower.

    Raises:
        FirstdrawError: if it depends on no trainable parameter.
    """
    if not loss.requires_grad:
        raise FirstdrawError("no gradient comes back: the loss depends on no trainable parameter")
