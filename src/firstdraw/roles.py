"""Floor 1. What a parameter is in its network; every fan is counted here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firstdraw.activations import Activation
from firstdraw.arrays import Shape

__all__ = ["Role", "dense_roles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What an initializer may know about a parameter.

    Args:
        name: the parameter's name, unique in its network; the default draws are keyed by it.
        kind: a weight is multiplied with activations, a bias added to them.
        shape: a weight is `[fan_out, fan_in]`, a bias `[fan_out, 1]`.
        fan_in: how many inputs a unit of the layer sums; a bias has its layer's.
        fan_out: how many units an input of the layer feeds; a bias has its layer's.
        layer: the layer's place, from 1.
        depth: the number of layers in the network.
        activation: what follows the layer; None for the last one, whose output goes to the loss.
    """

    name: str
    kind: Literal["weight", "bias"]
    shape: Shape
    fan_in: int
    fan_out: int
    layer: int
    depth: int
    activation: Activation | None


def dense_roles(
    fan_in: int, fan_out: int, *, layer: int, depth: int, activation: Activation | None
) -> tuple[Role, Role]:
    """Return the roles of the weight and the bias of a dense layer, Z = W A + b.

    >>> weight, bias = dense_roles(2, 10, layer=1, depth=3, activation=None)
    >>> weight.name, weight.shape, bias.shape
    ('layers.1.weight', (10, 2), (10, 1))
    """
    return (
        Role(
            name=f"layers.{layer}.weight",
            kind="weight",
            shape=(fan_out, fan_in),
            fan_in=fan_in,
            fan_out=fan_out,
            layer=layer,
            depth=depth,
            activation=activation,
        ),
        Role(
            name=f"layers.{layer}.bias",
            kind="bias",
            shape=(fan_out, 1),
            fan_in=fan_in,
            fan_out=fan_out,
            layer=layer,
            depth=depth,
            activation=activation,
        ),
    )
