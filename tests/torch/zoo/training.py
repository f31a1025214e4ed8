"""What the models are trained for, and by what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn.functional import cross_entropy

__all__ = ["ADAM", "SMOOTHING", "adam", "labels", "of_classes"]

# Its cross-entropy ends at about 0.5 nats of ten classes and not at 0, where ratios of losses would say nothing.
SMOOTHING = 0.1


def adam(rate: float) -> Callable[[Iterable[Any]], Any]:
    return lambda parameters: torch.optim.Adam(parameters, lr=rate)


ADAM = adam(1e-3)


def labels(classes: int, *shape: int, first: Callable[[Any], Any] = lambda outputs: outputs) -> Callable[[Any], Any]:
    """Return the smoothed cross-entropy of scores `[*shape, classes]` for fixed labels, drawn at random.

    Args:
        classes: how many there are.
        shape: that of the labels.
        first: takes the scores out of what the model returns.
    """
    wanted = torch.randint(classes, shape, generator=torch.Generator().manual_seed(1)).flatten()

    def loss(outputs: Any) -> Any:
        return cross_entropy(first(outputs).float().flatten(0, -2), wanted, label_smoothing=SMOOTHING)

    return loss


def of_classes(scores: Any, wanted: Any) -> Any:
    """Return the cross-entropy of scores whose last axis is that of the classes."""
    return cross_entropy(scores.flatten(0, -2), wanted.flatten())
