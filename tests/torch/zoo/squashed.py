"""Networks of sigmoids and sines."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from .laws import as_tanh, drawn, glorot, he, normal
from .perceptrons import ROWS, TEN, changed, perceptron
from .specimen import Specimen
from .training import adam, labels

__all__ = ["SQUASHED", "autoencoder"]

WIDTHS = (64, 48, 32, 16, 8, 16, 32, 48, 64)
FREQUENCY = 30.0


def sigmoids(depth: int) -> Any:
    return perceptron(depth, activation=nn.Sigmoid)


def autoencoder(activation: Any) -> Any:
    parts = [part for n, m in pairwise(WIDTHS) for part in (nn.Linear(n, m), activation())]
    return nn.Sequential(*parts[:-1])


class Sine(nn.Module):
    def forward(self, z: Any) -> Any:
        return torch.sin(FREQUENCY * z)


def siren(*, own_law: bool) -> Any:
    """Return a network of sines of places in the plane; its own law lets every sine see N(0, 1)."""
    widths = (2, 48, 48, 48, 48, 48, 10)
    layers = [nn.Linear(n, m) for n, m in pairwise(widths)]
    if own_law:
        for number, layer in enumerate(layers):
            n = layer.in_features
            bound = math.sqrt(6 / n) / FREQUENCY if number else 1 / n
            nn.init.uniform_(layer.weight, -bound, bound)
    parts = [part for layer in layers for part in (layer, Sine())]
    return nn.Sequential(*parts[:-1])


def places() -> Any:
    return (2 * torch.rand(64, 2, generator=torch.Generator().manual_seed(0)) - 1,), {}


def probabilities() -> Any:
    return drawn(nn.Sequential(*perceptron(2)[:-1], nn.Linear(64, 10), nn.Sigmoid()), he)


def certain(model: Any) -> None:
    model[-2].weight.mul_(30.0)


# Nine times of ten as a coin says.
WANTED = torch.rand(32, 10, generator=torch.Generator().manual_seed(1)).round() * 0.8 + 0.1


def of_wanted(outputs: Any) -> Any:
    return binary_cross_entropy(outputs, WANTED)


SQUASHED = {
    "sigmoid, drawn as tanh": Specimen(make=lambda: as_tanh(sigmoids(6)), call=ROWS, answer="healthy"),
    "autoencoder": Specimen(make=lambda: drawn(autoencoder(nn.Tanh), glorot), call=ROWS, answer="healthy"),
    "SIREN": Specimen(make=lambda: siren(own_law=True), call=places, answer="healthy"),
    # A sigmoid's derivative is at most 1/4, and its mean of 1/2 is all that is left of the inputs.
    "sigmoid, Glorot, 10 layers": Specimen(
        make=lambda: drawn(sigmoids(10), glorot),
        call=ROWS,
        answer="collapse to one correlation",
        also=frozenset({"vanishing gradient"}),
        twin=lambda: as_tanh(sigmoids(10)),
        objective=TEN,
    ),
    "autoencoder of sigmoids, std 0.01": Specimen(
        make=lambda: drawn(autoencoder(nn.Sigmoid), normal(0.01)),
        call=ROWS,
        answer="collapse to one correlation",
        also=frozenset({"vanishing gradient"}),
        twin=lambda: as_tanh(autoencoder(nn.Sigmoid)),
        objective=labels(64, 32),
        optimizer=adam(5e-3),
    ),
    "probabilities of 0 and 1": Specimen(
        make=lambda: changed(probabilities(), certain),
        call=ROWS,
        answer="saturated output",
        also=frozenset({"high initial cost"}),
        options={"loss": binary_cross_entropy, "targets": WANTED},
        twin=probabilities,
        objective=of_wanted,
    ),
    # Each layer's Jacobian has the variance 30^2/(3 n) cos^2, 150 times what keeps a gradient; sines hide the signal.
    "SIREN, default law": Specimen(
        make=lambda: siren(own_law=False),
        call=places,
        answer="exploding gradient",
        twin=lambda: siren(own_law=True),
        objective=labels(10, 64),
    ),
}
