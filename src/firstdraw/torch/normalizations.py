"""The scale with which a normalization leaves what it has normalized as it is: 1, or 0 where it adds 1 itself."""

from __future__ import annotations

import copy

from firstdraw.torch.library import Module, pytorch
from firstdraw.torch.skeleton import quiet

__all__ = ["neutral_scale"]


def neutral_scale(module: Module) -> float:
    """Return the scale that changes nothing: 1, and 0 for those that multiply with 1 + scale, as Gemma's do.

    A copy of the module on the CPU, its parameters 0, is tried on a vector: one that multiplies with its scale makes 0
    of it.

    Args:
        module: a normalization.
    """
    torch = pytorch()
    if type(module).__module__.startswith("torch."):
        return 1.0
    try:
        with quiet():
            tried = copy.deepcopy(module).to_empty(device="cpu").float()
            shapes = [tuple(parameter.shape) for parameter in tried.parameters(recurse=False)]
            for parameter in tried.parameters():
                parameter.zero_()
            made = tried(torch.arange(1.0, 1.0 + 2 * shapes[0][0]).reshape(2, shapes[0][0]))
            return 0.0 if bool(made.isfinite().all()) and bool((made != 0).any()) else 1.0
    except Exception:  # a copy runs code of the module's author
        return 1.0
