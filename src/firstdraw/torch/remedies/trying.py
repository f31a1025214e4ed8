"""A model checked under its present numbers."""

from __future__ import annotations

from firstdraw.torch.checking import check
from firstdraw.torch.measuring import Call
from firstdraw.torch.shown import Check

__all__ = ["checked"]


def checked(call: Call) -> Check:
    """Check a model as it is."""
    return check(
        call.model,
        *call.args,
        loss=call.loss,
        targets=call.targets,
        optimizer=call.optimizer,
        seed=call.seed,
        **call.kwargs,
    )
