"""Floor 2. Multilayer perceptrons: the parameters with their roles, the forward and the backward pass.

With A_0 the inputs `[d, m]` (d features, m examples), layer l of L computes

    Z_l = W_l A_(l-1) + b_l,    A_l = phi(Z_l) for l < L,    A_L = Z_L,

and hands Z_L to the loss. The last layer of a residual branch, which consists of the layers `first` to `last`, adds to
what entered the branch instead:

    A_last = A_(first-1) + alpha F,    F = Z_last, or F = phi(Z_last) in an activated branch,

with alpha the branch's multiplier, a trainable scalar. All parameters of a network lie in one vector theta, W_1, b_1,
W_2, b_2, ... in order, each row by row, a multiplier after the W and b of its branch's last layer; the layers'
matrices are views into it.
"""

from __future__ import annotations

import math
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
from firstdraw.roles import BranchPlace, Role, dense_roles, multiplier_role
from firstdraw.rules import check_positive_integer

__all__ = ["Branch", "Layer", "MultilayerPerceptron", "Taps", "repeated_branches"]

# 8 GB of float64: above it a width is a typing error rather than a network for this program.
MOST_PARAMETERS = 10**9


@dataclass(frozen=True, slots=True)
class Branch:
    """A residual branch: A_last = A_(first-1) + alpha F, with F = Z_last, or phi(Z_last) if `activated`.

    Without the last activation it is the branch of Fixup and SkipInit, W_2 phi(W_1 x) for two layers; with it, and a
    single layer, ReZero's fully connected x + alpha phi(W x).

    Args:
        first: the first of its layers, from 1.
        last: the last of its layers, below the network's last one.
        activated: whether phi follows the branch's last layer, before the multiplier.

    Raises:
        InputError: if the layers are no positive integers in order.
    """

    first: int
    last: int
    activated: bool = False

    def __post_init__(self) -> None:
        check_positive_integer("first", self.first)
        check_positive_integer("last", self.last)
        if self.last < self.first:
            raise InputError("last", f"must be at least `first`, {self.first}", self.last)


def repeated_branches(depth: int, length: int, *, activated: bool = False) -> tuple[Branch, ...]:
    """Return branches of one length side by side, from layer 2 to the last hidden layer.

    Args:
        depth: the number of layers L.
        length: how many layers each branch has; divides the L - 2 hidden layers after the first.
        activated: whether phi follows each branch's last layer.

    Raises:
        InputError: if `length` does not divide the hidden layers after the first.

    >>> repeated_branches(depth=6, length=2)
    (Branch(first=2, last=3, activated=False), Branch(first=4, last=5, activated=False))
    """
    check_positive_integer("length", length)
    layers = depth - 2
    if layers < 1 or layers % length:
        raise InputError(
            "length", f"must divide the number of hidden layers after the first, {layers}, without a rest", length
        )
    return tuple(Branch(first, first + length - 1, activated) for first in range(2, depth, length))


class Layer(NamedTuple):
    """The parameters of one layer: W `[fan_out, fan_in]`, b `[fan_out, 1]`, and alpha `[1, 1]` at a branch's end."""

    W: Floats
    b: Floats
    alpha: Floats | None = None


class Taps(NamedTuple):
    """What a forward pass leaves: Z_1 to Z_L, A_0 to A_L, and by the last layer of each branch its output F."""

    Z: list[Floats]
    A: list[Floats]
    F: dict[int, Floats]


@dataclass(frozen=True)
class MultilayerPerceptron:
    """A network of dense layers with one activation between them, and residual branches around some of them.

    Args:
        widths: the number of features, of the units of each hidden layer, and of outputs; two integers or more.
        activation: phi, applied after every layer but the last, and but those that end a branch without activation.
        branches: the residual branches, in order; none for the plain network.

    Raises:
        InputError: if `widths` or `branches` breaks a rule.

    >>> from firstdraw.activations import ReLU
    >>> network = MultilayerPerceptron((2, 10, 5, 1), ReLU())
    >>> network.depth, network.parameter_count
    (3, 91)
    >>> residual = MultilayerPerceptron((2, 8, 8, 8, 1), ReLU(), (Branch(2, 3),))
    >>> [role.name for role in residual.roles[4:7]]
    ['layers.3.weight', 'layers.3.bias', 'branches.1.multiplier']
    """

    widths: tuple[int, ...]
    activation: Activation
    branches: tuple[Branch, ...] = ()

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
        self._check_branches()

    def _check_branches(self) -> None:
        """Refuse branches that overlap, reach the last layer, or add what has not the width of their input."""
        free = 1
        for i, branch in enumerate(self.branches):
            if branch.first < free:
                raise InputError(
                    f"branches[{i}].first", f"must be at least {free}, after the branch before it", branch.first
                )
            if branch.last >= self.depth:
                raise InputError(
                    f"branches[{i}].last", f"must be below the last layer, {self.depth}, which has no skip", branch.last
                )
            enters, leaves = self.widths[branch.first - 1], self.widths[branch.last]
            if enters != leaves:
                source = f"layer {branch.first - 1}" if branch.first > 1 else "the inputs"
                raise InputError(
                    f"branches[{i}].last",
                    f"must be a layer as wide as {source}, to which it is added: {enters} units, not {leaves}",
                    branch.last,
                )
            free = branch.last + 1

    @property
    def depth(self) -> int:
        """The number of layers L."""
        return len(self.widths) - 1

    @property
    def parameter_count(self) -> int:
        """The number of elements of theta."""
        return sum(fan_out * (fan_in + 1) for fan_in, fan_out in pairwise(self.widths)) + len(self.branches)

    @cached_property
    def branch_places(self) -> dict[int, BranchPlace]:
        """The places in their branch of the layers that have one, by the layer's number."""
        return {
            layer: BranchPlace(
                number=number,
                count=len(self.branches),
                position=layer - branch.first + 1,
                length=branch.last - branch.first + 1,
            )
            for number, branch in enumerate(self.branches, start=1)
            for layer in range(branch.first, branch.last + 1)
        }

    @cached_property
    def skips(self) -> dict[int, int]:
        """By the last layer of each branch the layer whose A the skip adds to its output; 0 stands for the inputs."""
        return {branch.last: branch.first - 1 for branch in self.branches}

    @cached_property
    def activations(self) -> tuple[Activation | None, ...]:
        """What follows each layer: phi, or None where its Z goes on as it is."""
        plain = {self.depth, *(branch.last for branch in self.branches if not branch.activated)}
        return tuple(None if layer in plain else self.activation for layer in range(1, self.depth + 1))

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        """The roles of W_1, b_1, W_2, b_2, ..., and of each multiplier, in the order of theta."""
        roles: list[Role] = []
        for layer, (fan_in, fan_out) in enumerate(pairwise(self.widths), start=1):
            place, activation = self.branch_places.get(layer), self.activations[layer - 1]
            roles += dense_roles(fan_in, fan_out, layer=layer, depth=self.depth, activation=activation, branch=place)
            if place is not None and place.is_last:
                roles.append(multiplier_role(place, layer=layer, depth=self.depth))
        return tuple(roles)

    def draw(self, laws: Sequence[Distribution], draws: Draws) -> Floats:
        """Return theta with each parameter drawn from its law, in the order of the roles, in float64.

        Args:
            laws: one law a role.
            draws: where the random numbers come from.
        """
        parts = [law.sample(draws, role.name, role.shape).ravel() for role, law in zip(self.roles, laws, strict=True)]
        return np.concatenate(parts)

    def parameters(self, theta: Floats) -> list[Floats]:
        """Return the parameters as views into theta `[P]`, one a role, each in its role's shape."""
        views: list[Floats] = []
        start = 0
        for role in self.roles:
            end = start + math.prod(role.shape)
            views.append(theta[start:end].reshape(role.shape))
            start = end
        return views

    def multipliers(self, theta: Floats) -> list[Floats]:
        """Return the branches' multipliers as views into theta `[P]`."""
        views = zip(self.roles, self.parameters(theta), strict=True)
        return [view for role, view in views if role.kind == "scalar"]

    def layers(self, theta: Floats) -> list[Layer]:
        """Return the layers as views into theta `[P]`."""
        views = iter(self.parameters(theta))
        return [
            Layer(next(views), next(views), next(views) if layer in self.skips else None)
            for layer in range(1, self.depth + 1)
        ]

    def forward(self, layers: Sequence[Layer], inputs: Floats) -> Taps:
        """Return every Z_l and A_l, and every branch's F, for the inputs `[d, m]`."""
        taps = Taps(Z=[], A=[inputs], F={})
        for layer in layers:
            self.advance(layer, taps)
        return taps

    def advance(self, layer: Layer, taps: Taps) -> None:
        """Append what the next layer makes of the taps of all layers before it."""
        W, b, alpha = layer
        Z = W @ taps.A[-1] + b
        taps.Z.append(Z)
        number = len(taps.Z)
        activation = self.activations[number - 1]
        out = Z if activation is None else activation.value(Z)
        if alpha is not None:
            taps.F[number] = out
            out = taps.A[self.skips[number]] + alpha * out
        taps.A.append(out)

    def output(self, theta: Floats, inputs: Floats) -> Floats:
        """Return Z_L for the inputs `[d, m]`."""
        return self.forward(self.layers(theta), inputs).Z[-1]

    def backward(self, layers: Sequence[Layer], taps: Taps, dZ: Floats, gradients: Sequence[Layer]) -> list[Floats]:
        """Write the gradients of every W, b and alpha into `gradients`, and return those of every Z.

        With dZ_l and dA_l the cost's derivatives by Z_l and A_l: dW_l = dZ_l A_(l-1)^T, db_l = sum over examples of
        dZ_l, dA_(l-1) = W_l^T dZ_l, dZ_l = dA_l * phi'(Z_l). For a residual branch

            dalpha = sum(dA_last * F),    dZ_last = alpha dA_last (* phi'(Z_last) in an activated branch),

        and the skip hands dA_last to what entered the branch: dA_(first-1) = W_first^T dZ_first + dA_last.

        Args:
            layers: the parameters that the forward pass used.
            taps: what it left.
            dZ: dZ_L, `[k, m]`.
            gradients: the layers of the gradient vector, overwritten.
        """
        dZs = [dZ]
        skipped: dict[int, Floats] = {}
        for layer in range(self.depth, 0, -1):
            before = layer - 1
            np.matmul(dZ, taps.A[before].T, out=gradients[before].W)
            dZ.sum(axis=1, keepdims=True, out=gradients[before].b)
            if before == 0:
                break
            dA = layers[before].W.T @ dZ
            if before in skipped:
                dA += skipped.pop(before)
            alpha, dalpha = layers[before - 1].alpha, gradients[before - 1].alpha
            if alpha is not None and dalpha is not None:
                dalpha[:] = np.sum(dA * taps.F[before])
                skipped[self.skips[before]] = dA
                dA = alpha * dA
            activation = self.activations[before - 1]
            dZ = dA if activation is None else dA * activation.derivative(taps.Z[before - 1])
            dZs.append(dZ)
        return dZs[::-1]
