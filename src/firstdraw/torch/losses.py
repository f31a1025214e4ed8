"""What the gradient is of: a loss, or a random projection of the outputs; and what a constant costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from firstdraw.draws import CounterDraws
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.sharding import whole
from firstdraw.torch.trees import is_dense, mapped, tensors_in

__all__ = ["PROJECTION", "constant_losses", "loss_name", "projection"]

PROJECTION: Final = "a random projection of the outputs"

OF_SCORES: Final = frozenset({"LogSoftmaxBackward0", "BinaryCrossEntropyWithLogitsBackward0"})
"""What autograd records in losses that take a score of 0 for each class as all classes being equally likely."""
OF_VALUES: Final = frozenset({"MseLossBackward0", "L1LossBackward0", "SmoothL1LossBackward0", "HuberLossBackward0"})
"""The same of losses between predictions and targets of one shape."""


def loss_name(loss: Callable[..., Any] | None) -> str:
    """Return what a loss is called, and what stands in for none."""
    return PROJECTION if loss is None else str(getattr(loss, "__name__", type(loss).__name__))


def projection(outputs: object, seed: int) -> Tensor:
    """Return C = (1/m) sum_k <p_k, y_k>/sqrt(E_k) over the dense outputs y_k that have a gradient, p_k ~ N(0, 1).

    Args:
        outputs: y_k, of E_k elements for each of m examples, in any nesting.
        seed: of the p_k.
    """
    torch, draws = pytorch(), CounterDraws(seed)
    total: Tensor = torch.zeros(())
    for number, output in enumerate(tensors_in(outputs)):
        if not output.requires_grad or not is_dense(output) or not output.numel():
            continue
        y = whole(output)
        p = draws.normal(f"projection of output {number}", tuple(y.shape), out=np.empty(tuple(y.shape), np.float32))
        m = len(y) if y.ndim else 1
        scaled = torch.from_numpy(p).mul_(1 / math.sqrt(y.numel() * m)).flatten().to(y.device, y.dtype)
        total = total + torch.dot(y.flatten(), scaled).to(total)
    return total


def constant_losses(loss: Callable[..., Any], cost: Tensor, outputs: object, targets: object) -> list[Tensor]:
    """Return the losses of a few predictions that are the same for every example; the best constant costs no more.

    Args:
        loss: a function of outputs and targets.
        cost: what it returned.
        outputs: what the model returned: their means over the examples are one such prediction.
        targets: what it should return: their mean is another one, where the loss compares values.
    """
    torch = pytorch()
    predictions, recorded = [mapped(outputs, _mean)], _recorded(cost, outputs)
    if recorded & OF_SCORES:
        predictions.append(mapped(outputs, torch.zeros_like))
    if recorded & OF_VALUES and isinstance(targets, torch.Tensor):
        predictions.append(mapped(targets, _mean))
    costs: list[Tensor] = []
    with torch.no_grad():
        for prediction in predictions:
            try:
                costs.append(loss(prediction, targets).reshape(()))
            except Exception:  # noqa: S112  # a loss may refuse what no model returns, and the others are left
                continue
    return costs


def _recorded(cost: Tensor, outputs: object) -> set[str]:
    """Return the names of the nodes between a loss and the outputs: what the loss computes, and not the model."""
    ends = {tensor.grad_fn for tensor in tensors_in(outputs)}
    seen: set[Any] = set()
    waiting: list[Any] = [cost.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen and node not in ends:
            seen.add(node)
            waiting.extend(before for before, _ in node.next_functions)
    return {node.name() for node in seen}


def _mean(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    return tensor.mean(0, keepdim=True).expand_as(tensor) if tensor.ndim else tensor
