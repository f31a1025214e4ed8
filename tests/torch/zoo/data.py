"""Faults of the data, the targets and the architecture, for which no start makes up."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import mse_loss

from .convolutional import convolutional
from .laws import drawn, glorot, he, of_order
from .perceptrons import ROWS, perceptron
from .residual import Residual
from .specimen import Specimen, numbers, tokens
from .transformers import Attention

__all__ = ["DATA"]


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, x: Any) -> Any:
        return self.used(x)


class Token(nn.Module):
    """Reads what a token says that stands first, in attention that looks at what is before."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.features, self.token = nn.Linear(16, width), nn.Parameter(torch.randn(1, 1, width))
        self.attention, self.head = Residual(Attention(width, 4, causal=True)), nn.Linear(width, 10)

    def forward(self, x: Any) -> Any:
        x = torch.cat([self.token.expand(len(x), -1, -1), self.features(x)], 1)
        return self.head(self.attention(x)[:, 0])


class Logarithm(nn.Module):
    def forward(self, x: Any) -> Any:
        return (x - x.detach()).log()


def with_nan() -> Any:
    [x], _ = numbers(16, 64)()
    x[3, 5] = torch.nan
    return (x,), {}


def pixels() -> Any:
    [x], _ = tokens(256, 8, 3, 12, 12)()
    return (x.float(),), {}


def repeated() -> Any:
    [x], _ = numbers(1, 64)()
    return (x.expand(8, 64),), {}


def far_away() -> Any:
    [x], _ = numbers(32, 64)()
    return (1000.0 + x,), {}


def short() -> Any:
    [x], _ = numbers(16, 64)()
    return (x.half(),), {}


DATA = {
    "nan among the inputs": Specimen(make=lambda: drawn(perceptron(3), he), call=with_nan, answer="inputs not finite"),
    "a logarithm of 0": Specimen(
        make=lambda: nn.Sequential(nn.Linear(8, 8), Logarithm(), nn.Linear(8, 2)),
        call=numbers(5, 8),
        answer="exploding signal",
    ),
    "pixels of 0 to 255": Specimen(make=lambda: drawn(convolutional(3), he), call=pixels, answer="unscaled inputs"),
    "one example many times": Specimen(make=lambda: drawn(perceptron(3), he), call=repeated, answer="constant inputs"),
    "a layer that is not used": Specimen(
        make=Unused,
        call=numbers(5, 8),
        answer="no gradient at the start",
        faults=frozenset({"parameter never reached"}),
    ),
    "a token that sees no other": Specimen(make=Token, call=numbers(4, 5, 16), answer="no gradient at the start"),
    "inputs around a thousand": Specimen(
        make=lambda: drawn(perceptron(3, activation=nn.Tanh), glorot), call=far_away, answer="unscaled inputs"
    ),
    "inputs of a millionth": Specimen(
        make=lambda: drawn(perceptron(3), he), call=numbers(32, 64, scale=1e-6), answer="unscaled inputs"
    ),
    "a number too large for float16": Specimen(
        make=lambda: drawn(perceptron(4), of_order(1e4)).half(), call=short, answer="exploding signal"
    ),
    "targets of a thousand": Specimen(
        make=lambda: drawn(perceptron(3), he),
        call=ROWS,
        answer="high initial cost",
        options={"loss": mse_loss, "targets": 1000.0 + numbers(32, 10)()[0][0]},
    ),
}
