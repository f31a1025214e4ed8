"""Floor 2. Multilayer perceptrons: the parameters with their roles, the forward and the backward pass.

With A_0 the inputs `[d, m]` (d features, m examples), layer l of L computes

    Z_l = W_l A_(l-1) + b_l,    A_l = phi(Z_l) for l < L,    A_L = Z_L,

and hands Z_L to the loss. All parameters of a network lie in one vector theta, W_1, b_1, W_2, b_2, ... in order,
each row by row; the layers' matrices are views into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.distributions import Distribution
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.roles import Role, dense_roles
from firstdraw.rules import check_positive_integer

__all__ = ["Layer", "MultilayerPerceptron", "Taps"]

# 8 GB of float64: above it a width is a typing error rather than a network for this program.
MOST_PARAMETERS = 10**9


class Layer(NamedTuple):
    """The parameters of one layer: W `[fan_out, fan_in]` and b `[fan_out, 1]`."""

    W: Floats
    b: Floats


class Taps(NamedTuple):
    """What a forward pass leaves: Z_1 to Z_L and A_0 to A_L."""

    Z: list[Floats]
    A: list[Floats]


@dataclass(frozen=True)
class MultilayerPerceptron:
    """A network of dense layers with one activation between them.

    Args:
        widths: the number of features, of the units of each hidden layer, and of outputs; two integers or more.
        activation: phi, applied after every layer but the last.

    Raises:
        InputError: if `widths` breaks a rule.

    >>> from firstdraw.activations import ReLU
    >>> network = MultilayerPerceptron((2, 10, 5, 1), ReLU())
    >>> network.depth, network.parameter_count
    (3, 91)
    """

    widths: tuple[int, ...]
    activation: Activation

    def __post_init__(self) -> None:
        if len(self.widths) < 2:
            raise InputError(
                "widths", "must have two entries or more, the features first, the outputs last", self.widths
            )
        for i, width in enumerate(self.widths):
            check_positive_integer(f"widths[{i}]", width)
        if self.parameter_count > MOST_PARAMETERS:
            raise InputError(
                "widths",
                f"must give at most {MOST_PARAMETERS:,} parameters, not {self.parameter_count:,}",
                self.widths,
            )

    @property
    def depth(self) -> int:
        """The number of layers L."""
        return len(self.widths) - 1

    @property
    def parameter_count(self) -> int:
        """The number of elements of theta."""
        return sum(fan_out * (fan_in + 1) for fan_in, fan_out in pairwise(self.widths))

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        """The roles of W_1, b_1, W_2, b_2, ..., in the order of theta."""
        return tuple(
            role
            for layer, (fan_in, fan_out) in enumerate(pairwise(self.widths), start=1)
            for role in dense_roles(
                fan_in,
                fan_out,
                layer=layer,
                depth=self.depth,
                activation=self.activation if layer < self.depth else None,
            )
        )

    def draw(self, laws: Sequence[Distribution], draws: Draws) -> Floats:
        """Return theta with each parameter drawn from its law, in the order of the roles, in float64.

        Args:
            laws: one law a role.
            draws: where the random numbers come from.
        """
        parts = [law.sample(draws, role.name, role.shape).ravel() for role, law in zip(self.roles, laws, strict=True)]
        return np.concatenate(parts)

    def layers(self, theta: Floats) -> list[Layer]:
        """Return the layers as views into theta `[P]`."""
        layers: list[Layer] = []
        start = 0
        for fan_in, fan_out in pairwise(self.widths):
            middle, end = start + fan_out * fan_in, start + fan_out * (fan_in + 1)
            layers.append(Layer(theta[start:middle].reshape(fan_out, fan_in), theta[middle:end].reshape(fan_out, 1)))
            start = end
        return layers

    def forward(self, layers: Sequence[Layer], inputs: Floats) -> Taps:
        """Return every Z_l and A_l for the inputs `[d, m]`."""
        Z: list[Floats] = []
        A: list[Floats] = [inputs]
        last = self.depth - 1
        for number, (W, b) in enumerate(layers):
            Z.append(W @ A[-1] + b)
            A.append(Z[-1] if number == last else self.activation.value(Z[-1]))
        return Taps(Z, A)

    def output(self, theta: Floats, inputs: Floats) -> Floats:
        """Return Z_L for the inputs `[d, m]`."""
        return self.forward(self.layers(theta), inputs).Z[-1]

    def backward(self, layers: Sequence[Layer], taps: Taps, dZ: Floats, gradients: Sequence[Layer]) -> list[Floats]:
        """Write the gradients of every W and b into `gradients`, and return those of every Z.

        With dZ_L the cost's derivative by Z_L: dW_l = dZ_l A_(l-1)^T, db_l = sum over examples of dZ_l,
        dZ_(l-1) = W_l^T dZ_l * phi'(Z_(l-1)).

        Args:
            layers: the parameters that the forward pass used.
            taps: what it left.
            dZ: dZ_L, `[k, m]`.
            gradients: the layers of the gradient vector, overwritten.
        """
        dZs = [dZ]
        for number in range(self.depth - 1, -1, -1):
            np.matmul(dZ, taps.A[number].T, out=gradients[number].W)
            dZ.sum(axis=1, keepdims=True, out=gradients[number].b)
            if number > 0:
                dZ = (layers[number].W.T @ dZ) * self.activation.derivative(taps.Z[number - 1])
                dZs.append(dZ)
        return dZs[::-1]
