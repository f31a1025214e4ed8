"""NF-ResNets: standardized weights and residual blocks of known variance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution, SphereRows
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.moments import gaussian_moments
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative, check_non_negative_integer

__all__ = ["NFResNet"]


@INITIALIZERS.register("nf_resnet", aliases=("scaled_weight_standardization",))
@dataclass(frozen=True, slots=True)
class NFResNet(Initializer):
    """W = g (V - mean V)/(std V sqrt(n k)) for each unit, V Gaussian, g = 1/std phi(z), z from N(0, 1).

    n k is the number of a unit's weights, k of them an input, and phi the activation that feeds the layer, which the
    role must name: a unit's weights sum to 0 and have the length g. g is 1.7129 for ReLU. As what they sum is centered
    by them, the mean of phi is lost and the variance kept: g = 1/std phi, wrong for other weights, is right here.

    In the network this is no initialization but a parametrization: V is trained and W made from it at every step. The
    law is that of W at the start, as of a layer without it. The blocks are x + a f(x/b), a = `multiplier`, with b^2 the
    variance of x, a constant of the network, so that a block adds a^2 to it: see `stream_variance`.

    Known confusions: the papers' tables of g come from samples, 1.7140 for ReLU in timm; NFNets multiply each branch
    by one more scalar, which starts at 0; biases and one trained gain a unit, at 1, are not part of g.

    Args:
        multiplier: a, at least 0.

    Raises:
        InputError: if phi is constant, or has no variance under N(0, 1).

    >>> from firstdraw.activations import ReLU
    >>> from firstdraw.roles import weight_role
    >>> print(NFResNet().law(weight_role((8, 4, 3, 3), operation="convolution", activation=ReLU())))
    each unit's weights uniform on a sphere of radius 1.71286, of sum 0
    """

    multiplier: float = 0.2
    kinds: ClassVar[tuple[Kind, ...]] = ("convolution",)
    formula: ClassVar[str] = "each unit's weights of sum 0 and length 1/std phi(z), multipliers = multiplier"
    source: ClassVar[Source | None] = Source(
        "Brock, De & Smith",
        2021,
        "Characterizing signal propagation to close the performance gap in unnormalized ResNets",
        "https://arxiv.org/abs/2101.08692",
    )
    residual: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_non_negative("multiplier", self.multiplier)

    def stream_variance(self, blocks: int) -> float:
        """Return the variance of the stream, b^2, behind so many blocks since it was 1: 1 + a^2 for each of them.

        At a transition between stages the skip is a layer of its own, fed by phi(x/b): the count starts again there.

        >>> round(NFResNet().stream_variance(5), 12)
        1.2
        """
        return 1 + check_non_negative_integer("blocks", blocks) * self.multiplier**2

    def weight_law(self, role: Role) -> Distribution:
        if role.activation is None:
            return SphereRows(role.layout, centered=True)
        variance = gaussian_moments(role.activation).variance
        if variance <= 0:
            raise InputError("activation", "must have a variance above 0 for 'nf_resnet'", role.activation)
        return SphereRows(role.layout, 1 / math.sqrt(variance), centered=True)

    def scalar_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Constant(self.multiplier)
