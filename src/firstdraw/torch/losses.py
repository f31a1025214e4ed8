"""What the gradient is of: a loss, or a random projection of the outputs; and what a constant costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from firstdraw.draws import CounterDraws
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.trees import mapped, tensors_in

__all__ = ["PROJECTION", "constant_losses", "loss_name", "projection"]

PROJECTION: Final = "a random projection of the outputs"

OF_SCORES: Final = frozenset(
    {
        "CrossEntropyLoss",
        "BCEWithLogitsLoss",
        "MultiLabelSoftMarginLoss",
        "SoftMarginLoss",
        "cross_entropy",
        "binary_cross_entropy_with_logits",
    }
)
"""Losses that take a score of 0 for each class as the prediction that all are equally likely."""
OF_VALUES: Final = frozenset(
    {"MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
)
"""Losses between predictions and targets of one shape."""


def loss_name(loss: Callable[..., Any] | None) -> str:
    """Return what a loss is called, and what stands in for none."""
    return PROJECTION if loss is None else str(getattr(loss, "__name__", type(loss).__name__))


def projection(outputs: object, seed: int) -> Tensor:
    """Return C = (1/m) sum_k <p_k, y_k>/sqrt(E_k) over the outputs y_k that have a gradient, p_k ~ N(0, 1).

    Args:
        outputs: y_k, of E_k elements for each of m examples, in any nesting.
        seed: of the p_k.
    """
    torch, draws = pytorch(), CounterDraws(seed)
    total: Tensor = torch.zeros(())
    for number, y in enumerate(tensors_in(outputs)):
        if not y.requires_grad or not y.numel():
            continue
        p = draws.normal(f"projection of output {number}", tuple(y.shape), out=np.empty(tuple(y.shape), np.float32))
        m = len(y) if y.ndim else 1
        scaled = torch.from_numpy(p).mul_(1 / math.sqrt(y.numel() * m)).flatten().to(y.device, y.dtype)
        total = total + torch.dot(y.flatten(), scaled).to(total)
    return total


def constant_losses(loss: Callable[..., Any], outputs: object, targets: object) -> list[Tensor]:
    """Return the losses of a few predictions that are the same for every example; the best constant costs no more.

    Args:
        loss: a function of outputs and targets.
        outputs: what the model returned: their means over the examples are one such prediction.
        targets: what it should return: their mean is another one, where the loss compares values.
    """
    torch = pytorch()
    predictions = [mapped(outputs, _mean)]
    if loss_name(loss) in OF_SCORES:
        predictions.append(mapped(outputs, torch.zeros_like))
    if loss_name(loss) in OF_VALUES and isinstance(targets, torch.Tensor):
        predictions.append(mapped(targets, _mean))
    costs: list[Tensor] = []
    with torch.no_grad():
        for prediction in predictions:
            try:
                costs.append(loss(prediction, targets).reshape(()))
            except Exception:  # noqa: S112  # a loss may refuse what no model returns, and the others are left
                continue
    return costs


def _mean(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    return tensor.mean(0, keepdim=True).expand_as(tensor) if tensor.ndim else tensor
