"""How far an optimizer's first step moves a parameter."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

from firstdraw.errors import InputError
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.sums import square_sum

__all__ = ["group_of", "squared_change"]


def group_of(optimizer: Any, parameter: Tensor) -> dict[str, Any] | None:  # noqa: ANN401
    """Return the group of an optimizer that a parameter belongs to; None where the optimizer does not hold it."""
    groups: list[dict[str, Any]] = optimizer.param_groups
    return next((group for group in groups if any(item is parameter for item in group["params"])), None)


def squared_change(optimizer: Any, group: dict[str, Any], parameter: Tensor, gradient: Tensor) -> Tensor:  # noqa: ANN401
    """Return the sum of the squares of a parameter's change in the next step, which a copy of the optimizer takes.

    Args:
        optimizer: one of `torch.optim`, or like them; it stays as it is, its state included.
        group: the group of the parameter.
        parameter: the parameter.
        gradient: its gradient.

    Raises:
        InputError: if the optimizer cannot step on one parameter alone.
    """
    torch = pytorch()
    # Where a short type would round a small change away, the step is taken in float32.
    short = parameter.dtype in {torch.float16, torch.bfloat16}
    twin_parameter = parameter.detach().to(torch.float32 if short else parameter.dtype, copy=True).requires_grad_()
    twin_parameter.grad = gradient.to(twin_parameter.dtype)
    twin: Any = copy.copy(optimizer)
    twin.param_groups = [{**group, "params": [twin_parameter]}]
    twin.state = defaultdict[Any, dict[str, Any]](dict)
    if parameter in optimizer.state:
        twin.state[twin_parameter] = copy.deepcopy(optimizer.state[parameter])
    try:
        twin.step()
    except Exception as error:
        raise InputError(
            "optimizer", f"must be able to step on one parameter alone, and fails: {error}", type(optimizer).__name__
        ) from error
    return square_sum(twin_parameter.detach() - parameter.detach())
