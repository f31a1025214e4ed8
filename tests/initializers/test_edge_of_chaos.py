"""The edge of chaos in networks: second moments and gradients stay, and nearby inputs keep their distance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from firstdraw.activations import GELU, SELU, Activation, ReLU, Softplus, Tanh
from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.networks import MultilayerPerceptron
from firstdraw.roles import weight_role

WIDTH, DEPTH = 800, 12


def trace(initializer: Initializer, activation: Activation, second_moment: float) -> tuple[float, float]:
    """The second moment of pre-activations, and the square of a gradient, at the last hidden layer over the first's."""
    network = MultilayerPerceptron((WIDTH,) * (DEPTH + 2), activation)
    layers = network.layers(network.draw([initializer.law(role) for role in network.roles], CounterDraws(0)))
    random = np.random.default_rng(1)
    # The inputs stand for pre-activations of the second moment q: the first layer is passed over.
    Z = np.sqrt(second_moment) * random.normal(size=(WIDTH, 2))
    first = np.mean(Z**2)
    derivatives = []
    for layer in layers[1:-1]:
        derivatives.append(activation.derivative(Z))
        Z = layer.W @ activation.value(Z) + layer.b
    gradient = random.normal(size=Z.shape)
    last = np.mean(gradient**2)
    for layer, derivative in zip(layers[-2:0:-1], derivatives[::-1], strict=True):
        gradient = layer.W.T @ gradient * derivative
    return float(np.mean(Z**2) / first), float(np.mean(gradient**2) / last)


@pytest.mark.parametrize("activation", [Tanh(), SELU(), ReLU()], ids=repr)
def test_second_moments_of_signals_and_gradients_stay_at_every_depth(activation: Activation) -> None:
    kept, backward = trace(INITIALIZERS["edge_of_chaos"](second_moment=0.5), activation, 0.5)
    # The logarithm of ReLU's has the standard deviation sqrt(5 depth/width), and no other here a larger one.
    margin = 3 * math.sqrt(5 * DEPTH / WIDTH)
    assert abs(math.log(kept)) < margin
    assert abs(math.log(backward)) < margin


def test_away_from_the_edge_gradients_vanish_or_explode() -> None:
    _, ordered = trace(INITIALIZERS["variance_scaling"](scale=0.5, distribution="normal"), Tanh(), 0.5)
    _, chaotic = trace(INITIALIZERS["variance_scaling"](scale=4.0, distribution="normal"), Tanh(), 2.2)
    assert ordered < 0.01
    assert chaotic > 10


def test_what_has_no_edge_of_chaos_is_told_so() -> None:
    with pytest.raises(InputError, match=r"which asks for biases of the variance"):
        INITIALIZERS["edge_of_chaos"]().law(weight_role((8, 8), activation=Softplus()))
    with pytest.raises(InputError, match=r"whose edge of chaos is the single point \(2, 0\)"):
        INITIALIZERS["edge_of_chaos"](bias_variance=0.1).law(weight_role((8, 8), activation=ReLU()))
    small = INITIALIZERS["edge_of_chaos"](bias_variance=0.0).law(weight_role((8, 8), activation=GELU()))
    assert small.variance == pytest.approx(4 / 8, rel=1e-15)
