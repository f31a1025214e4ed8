"""Residual networks: branches that are added to their own input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .convolutional import IMAGES, ended
from .laws import drawn, he, of_order
from .perceptrons import ROWS, TEN
from .specimen import Specimen, numbers
from .training import adam, labels

__all__ = ["RESIDUAL", "Multiplied", "Residual"]

EIGHT = labels(10, 8)


class Residual(nn.Module):
    def __init__(self, inner: Any, after: Any = None) -> None:
        super().__init__()
        self.inner, self.after = inner, after or nn.Identity()

    def forward(self, x: Any) -> Any:
        return self.after(x + self.inner(x))


class Multiplied(nn.Module):
    """A residual branch with a multiplier that starts from 0."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.alpha = inner, nn.Parameter(torch.zeros(1))

    def forward(self, x: Any) -> Any:
        return x + self.alpha * self.inner(x)


def convolution(n: int, m: int, size: int = 3) -> list[Any]:
    return [nn.Conv2d(n, m, size, padding=size // 2, bias=False), nn.BatchNorm2d(m)]


def residual_network(*, zero_last: bool = False, blocks: int = 8, channels: int = 16) -> Any:
    def branch() -> Any:
        return nn.Sequential(*convolution(channels, channels), nn.ReLU(), *convolution(channels, channels))

    made = [Residual(branch(), nn.ReLU()) for _ in range(blocks)]
    if zero_last:
        for block in made:
            nn.init.zeros_(block.inner[-1].weight)
    return ended([*convolution(3, channels), nn.ReLU(), *made], channels)


def bottlenecks(blocks: int = 4, channels: int = 32) -> Any:
    def branch() -> Any:
        inside = channels // 4
        parts = (convolution(channels, inside, 1), convolution(inside, inside), convolution(inside, channels, 1))
        return nn.Sequential(*parts[0], nn.ReLU(), *parts[1], nn.ReLU(), *parts[2])

    made = [Residual(branch(), nn.ReLU()) for _ in range(blocks)]
    return ended([*convolution(3, channels), nn.ReLU(), *made], channels)


def without_norm(around: Callable[[Any], Any] = Residual, blocks: int = 14, channels: int = 16) -> Any:
    """Return a residual network without normalizations, of two convolutions a branch."""

    def branch() -> Any:
        first, last = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        return nn.Sequential(nn.ReLU(), first, nn.ReLU(), last)

    return ended(
        [nn.Conv2d(3, channels, 3, padding=1), *(around(branch()) for _ in range(blocks)), nn.ReLU()], channels
    )


def branches_of(model: Any) -> list[Any]:
    return [module.inner for module in model.modules() if isinstance(module, Residual | Multiplied)]


def fixup(model: Any) -> Any:
    """Return the model drawn so that no branch says anything at first, and all together learn as one."""
    drawn(model, he)
    branches = branches_of(model)
    with torch.no_grad():
        for branch in branches:
            first, last = (part for part in branch if isinstance(part, nn.Conv2d | nn.Linear))
            first.weight.mul_(len(branches) ** -0.5)
            last.weight.zero_()
    return model


def divided(model: Any) -> Any:
    """Return the model drawn by He's law, each of L branches scaled by 1/sqrt(L)."""
    drawn(model, he)
    branches = branches_of(model)
    with torch.no_grad():
        for branch in branches:
            branch[-1].weight.mul_(1 / math.sqrt(len(branches)))
    return model


def zero_branches(model: Any) -> Any:
    for branch in branches_of(model):
        drawn(branch, nn.init.zeros_)
    return model


def residual_perceptron(blocks: int = 12, width: int = 64) -> Any:
    """Return residual branches of two layers, between two more."""

    def branch() -> Any:
        return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    made = [Residual(branch()) for _ in range(blocks)]
    return nn.Sequential(nn.Linear(64, width), *made, nn.Linear(width, 10))


def small_multiplied() -> Any:
    branch = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
    return nn.Sequential(nn.Linear(8, 16), Multiplied(branch), nn.Linear(16, 3))


RESIDUAL = {
    "ResNet with batch norm": Specimen(make=residual_network, call=IMAGES, answer="healthy"),
    "the same, evaluated": Specimen(make=lambda: residual_network().eval(), call=IMAGES, answer="healthy"),
    "ResNet, last scale of 0": Specimen(make=lambda: residual_network(zero_last=True), call=IMAGES, answer="healthy"),
    "bottlenecks": Specimen(make=bottlenecks, call=IMAGES, answer="healthy"),
    "ResNet without norm, Fixup": Specimen(make=lambda: fixup(without_norm()), call=IMAGES, answer="healthy"),
    "ResNet without norm, SkipInit": Specimen(
        make=lambda: drawn(without_norm(Multiplied), he), call=IMAGES, answer="healthy"
    ),
    "ResNet without norm, 1/sqrt(L)": Specimen(make=lambda: divided(without_norm()), call=IMAGES, answer="healthy"),
    # Each branch has a thirty-sixth of the variance of what it is added to.
    "ResNet without norm, default": Specimen(make=without_norm, call=IMAGES, answer="healthy"),
    "a multiplier of 0": Specimen(make=small_multiplied, call=numbers(9, 8), answer="healthy"),
    # Each branch adds 1.5^2 times the second moment, less what the zeros around the images take: 3^14 over all of them.
    "ResNet without norm, 3/n": Specimen(
        make=lambda: drawn(without_norm(), of_order(3.0)),
        call=IMAGES,
        answer="exploding signal",
        twin=lambda: fixup(without_norm()),
        objective=EIGHT,
        # At twice the rate one healthy start in ten is slow, too.
        optimizer=adam(1e-3),
    ),
    # And here threefold, as no rectifier stands before a branch.
    "residual perceptron, He": Specimen(
        make=lambda: drawn(residual_perceptron(), he),
        call=ROWS,
        answer="exploding signal",
        also=frozenset({"exploding gradient"}),
        twin=lambda: fixup(residual_perceptron()),
        objective=TEN,
    ),
    "ResNet without norm, zeros in its branches": Specimen(
        make=lambda: zero_branches(drawn(without_norm(blocks=4), he)),
        call=IMAGES,
        answer="unbroken symmetry",
        faults=frozenset({"both factors of a product zero"}),
        twin=lambda: fixup(without_norm(blocks=4)),
        objective=EIGHT,
        optimizer=adam(2e-3),
    ),
}
