"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .laws import constant, drawn, glorot, he, lecun, normal, of_order
from .specimen import Specimen, numbers
from .training import labels, of_classes

__all__ = ["PERCEPTRONS", "ROWS", "TEN", "changed", "perceptron"]

ROWS = numbers(32, 64)
TEN = labels(10, 32)
SCORES = {"loss": of_classes, "targets": torch.arange(32) % 10}


def perceptron(depth: int, width: int = 64, activation: Any = nn.ReLU) -> Any:
    parts = [part for _ in range(depth) for part in (nn.Linear(width, width), activation())]
    return nn.Sequential(*parts, nn.Linear(width, 10))


def he_perceptron(depth: int = 3) -> Any:
    return drawn(perceptron(depth), he)


def linear_stack(depth: int = 5) -> Any:
    return nn.Sequential(*(nn.Linear(64, 64) for _ in range(depth)))


def changed(model: Any, change: Callable[[Any], Any]) -> Any:
    """Return the model after a change of its parameters."""
    with torch.no_grad():
        change(model)
    return model


def first_infinite(model: Any) -> None:
    model[2].weight[0, 0] = torch.inf


def twice(model: Any) -> None:
    """Make the second half of each hidden layer's units a copy of the first, in what they take and what they give."""
    for hidden, after in ((model[0], model[2]), (model[2], model[4])):
        hidden.weight[32:] = hidden.weight[:32]
        hidden.bias[32:] = hidden.bias[:32]
        after.weight[:, 32:] = after.weight[:, :32]


def narrow(activation: Any = nn.ReLU) -> Any:
    return nn.Sequential(nn.Linear(64, 4), activation(), nn.Linear(4, 64), activation(), nn.Linear(64, 10))


def normalized(norm: Any) -> Any:
    parts = [part for _ in range(10) for part in (nn.Linear(64, 64), norm(64), nn.ReLU())]
    return nn.Sequential(*parts, nn.Linear(64, 10))


PERCEPTRONS = {
    "He, 20 layers": Specimen(make=lambda: he_perceptron(20), call=ROWS, answer="healthy"),
    "default, 3 layers": Specimen(make=lambda: perceptron(3), call=ROWS, answer="healthy"),
    "Glorot under tanh": Specimen(
        make=lambda: drawn(perceptron(8, activation=nn.Tanh), glorot), call=ROWS, answer="healthy"
    ),
    "a last layer of 0": Specimen(
        make=lambda: changed(he_perceptron(), lambda model: model[-1].weight.zero_()), call=ROWS, answer="healthy"
    ),
    "one example": Specimen(make=he_perceptron, call=numbers(1, 64), answer="healthy"),
    # The activations keep the second moment with these multiples of 1/n, or nearly.
    "SELU, LeCun, 16 layers": Specimen(
        make=lambda: drawn(perceptron(16, activation=nn.SELU), lecun), call=ROWS, answer="healthy"
    ),
    "ELU, 10 layers": Specimen(
        make=lambda: drawn(perceptron(10, activation=nn.ELU), of_order(1.55)), call=ROWS, answer="healthy"
    ),
    "GELU, 10 layers": Specimen(
        make=lambda: drawn(perceptron(10, activation=nn.GELU), of_order(2.35)), call=ROWS, answer="healthy"
    ),
    "SiLU, 8 layers": Specimen(
        make=lambda: drawn(perceptron(8, activation=nn.SiLU), of_order(2.8)), call=ROWS, answer="healthy"
    ),
    "PReLU, 12 layers": Specimen(
        make=lambda: drawn(perceptron(12, activation=nn.PReLU), of_order(2 / (1 + 0.25**2))),
        call=ROWS,
        answer="healthy",
    ),
    "softplus, 3 layers": Specimen(make=lambda: perceptron(3, activation=nn.Softplus), call=ROWS, answer="healthy"),
    "LeakyReLU, 10 layers": Specimen(
        make=lambda: drawn(perceptron(10, activation=lambda: nn.LeakyReLU(0.2)), of_order(2 / (1 + 0.2**2))),
        call=ROWS,
        answer="healthy",
    ),
    "orthogonal, a linear stack": Specimen(
        make=lambda: drawn(linear_stack(20), nn.init.orthogonal_), call=ROWS, answer="healthy"
    ),
    "very wide": Specimen(make=lambda: drawn(perceptron(2, 2048), he), call=numbers(16, 2048), answer="healthy"),
    "a bottleneck of four units": Specimen(make=lambda: drawn(narrow(nn.Tanh), lecun), call=ROWS, answer="healthy"),
    "batch norm forgives the default": Specimen(make=lambda: normalized(nn.BatchNorm1d), call=ROWS, answer="healthy"),
    "layer norm forgives the default": Specimen(make=lambda: normalized(nn.LayerNorm), call=ROWS, answer="healthy"),
    "RMS norm forgives the default": Specimen(make=lambda: normalized(nn.RMSNorm), call=ROWS, answer="healthy"),
    "default, 20 layers": Specimen(
        make=lambda: perceptron(20),
        call=ROWS,
        answer="wrong law for the activation",
        also=frozenset({"vanishing gradient"}),
        faults=frozenset({"default law under a rectifier"}),
        twin=lambda: he_perceptron(20),
        objective=TEN,
    ),
    "weights ten times too large": Specimen(
        make=lambda: drawn(perceptron(6), nn.init.normal_),
        call=ROWS,
        answer="wrong law for the activation",
        also=frozenset({"exploding signal"}),
        twin=lambda: he_perceptron(6),
        objective=TEN,
    ),
    # 2^12 is more than a hundred.
    "twice He, 12 layers": Specimen(
        make=lambda: drawn(perceptron(12), of_order(8.0)),
        call=ROWS,
        answer="wrong law for the activation",
        also=frozenset({"exploding signal"}),
        twin=lambda: he_perceptron(12),
        objective=TEN,
    ),
    "tanh, a tenth of the variance": Specimen(
        make=lambda: drawn(perceptron(10, activation=nn.Tanh), of_order(0.1)),
        call=ROWS,
        answer="wrong law for the activation",
        also=frozenset({"vanishing gradient"}),
        twin=lambda: drawn(perceptron(10, activation=nn.Tanh), glorot),
        objective=TEN,
    ),
    "std 0.01, a linear stack": Specimen(
        make=lambda: drawn(linear_stack(), normal(0.01)),
        call=ROWS,
        answer="vanishing signal",
        also=frozenset({"vanishing gradient"}),
        twin=lambda: drawn(linear_stack(), lecun),
        objective=labels(64, 32),
    ),
    # No law is read where there is no activation: 3^8 is all that is seen.
    "three times too large, a linear stack": Specimen(
        make=lambda: drawn(linear_stack(8), of_order(9.0)),
        call=ROWS,
        answer="exploding signal",
        also=frozenset({"exploding gradient"}),
        twin=lambda: drawn(linear_stack(8), lecun),
        objective=labels(64, 32),
    ),
    "numbers as memory holds them": Specimen(
        make=lambda: drawn(perceptron(3), normal(1e15)),
        call=ROWS,
        answer="exploding signal",
        faults=frozenset({"never initialized"}),
        twin=he_perceptron,
        objective=TEN,
    ),
    "constants": Specimen(
        make=lambda: drawn(perceptron(2), constant(0.05)),
        call=ROWS,
        answer="unbroken symmetry",
        twin=lambda: he_perceptron(2),
        objective=TEN,
    ),
    "zeros": Specimen(
        make=lambda: drawn(perceptron(2), constant(0.0)),
        call=ROWS,
        answer="unbroken symmetry",
        faults=frozenset({"never initialized", "both factors of a product zero"}),
        twin=lambda: he_perceptron(2),
        objective=TEN,
    ),
    "every unit twice": Specimen(
        make=lambda: changed(he_perceptron(2), twice),
        call=ROWS,
        answer="nearly equal units",
        twin=lambda: he_perceptron(2),
        objective=TEN,
    ),
    "saturated": Specimen(
        make=lambda: drawn(perceptron(3, activation=nn.Tanh), normal(1.0)),
        call=ROWS,
        answer="saturated hidden units",
        twin=lambda: drawn(perceptron(3, activation=nn.Tanh), glorot),
        objective=TEN,
    ),
    "born dead": Specimen(
        make=lambda: changed(he_perceptron(), lambda model: model[2].bias.fill_(-99.0)),
        call=ROWS,
        answer="born-dead network",
        twin=he_perceptron,
        objective=TEN,
    ),
    # N(0, 2) exceeds 3.7 once in 230, so that of 32 examples none reaches seven units of eight.
    "most units dead": Specimen(
        make=lambda: changed(he_perceptron(), lambda model: model[0].bias.fill_(-3.7)),
        call=ROWS,
        answer="dead units",
        twin=he_perceptron,
        objective=TEN,
    ),
    "an infinite weight": Specimen(
        make=lambda: changed(perceptron(3), first_infinite),
        call=ROWS,
        answer="parameters not finite",
        faults=frozenset({"not finite"}),
        twin=he_perceptron,
        objective=TEN,
    ),
    "scores of thirty": Specimen(
        make=lambda: changed(he_perceptron(), lambda model: model[-1].weight.mul_(30.0)),
        call=ROWS,
        answer="high initial cost",
        options=SCORES,
        twin=he_perceptron,
        objective=TEN,
    ),
}
