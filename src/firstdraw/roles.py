"""Floor 1. What a parameter is in its network; every fan is counted here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firstdraw.activations import Activation
from firstdraw.arrays import Shape

__all__ = ["BranchPlace", "Role", "dense_roles", "multiplier_role"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchPlace:
    """Where a parameter stands among the residual branches of its network.

    Args:
        number: which branch it belongs to, from 1.
        count: how many branches the network has.
        position: its layer's place in the branch, from 1.
        length: how many layers the branch has.
    """

    number: int
    count: int
    position: int
    length: int

    @property
    def is_last(self) -> bool:
        """Whether its layer is the last of the branch, whose output is added to the skip connection."""
        return self.position == self.length


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What an initializer may know about a parameter.

    Args:
        name: the parameter's name, unique in its network; the default draws are keyed by it.
        kind: a weight is multiplied with activations, a bias added to them; a scalar multiplies all of a residual
            branch's output.
        shape: a weight is `[fan_out, fan_in]`, a bias `[fan_out, 1]`, a scalar `[1, 1]`.
        fan_in: how many inputs a unit of the layer sums; a bias has its layer's, a scalar 1.
        fan_out: how many units an input of the layer feeds; a bias has its layer's, a scalar 1.
        layer: the layer's place, from 1; a scalar has that of its branch's last layer.
        depth: the number of layers in the network.
        activation: what follows the layer; None where nothing does: after the last layer, whose output goes to the
            loss, after the last one of a branch that adds its pre-activation, and after a scalar.
        branch: the place in a residual branch; None outside of the branches.
    """

    name: str
    kind: Literal["weight", "bias", "scalar"]
    shape: Shape
    fan_in: int
    fan_out: int
    layer: int
    depth: int
    activation: Activation | None
    branch: BranchPlace | None = None


def dense_roles(
    fan_in: int,
    fan_out: int,
    *,
    layer: int,
    depth: int,
    activation: Activation | None,
    branch: BranchPlace | None = None,
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
            branch=branch,
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
            branch=branch,
        ),
    )


def multiplier_role(branch: BranchPlace, *, layer: int, depth: int) -> Role:
    """Return the role of the scalar that multiplies the output of a residual branch, before it is added to the skip.

    >>> role = multiplier_role(BranchPlace(number=1, count=3, position=2, length=2), layer=3, depth=8)
    >>> role.name, role.kind, role.shape
    ('branches.1.multiplier', 'scalar', (1, 1))
    """
    return Role(
        name=f"branches.{branch.number}.multiplier",
        kind="scalar",
        shape=(1, 1),
        fan_in=1,
        fan_out=1,
        layer=layer,
        depth=depth,
        activation=None,
        branch=branch,
    )
