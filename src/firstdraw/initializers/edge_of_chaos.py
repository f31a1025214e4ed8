"""The edge of chaos: weights and biases with which nearby inputs neither merge nor part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.activations import Identity
from firstdraw.catalogue import Source
from firstdraw.criticality import CriticalVariances, critical_variances, critical_variances_of_bias
from firstdraw.distributions import Constant, Distribution, Normal
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind, Preserves
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative

__all__ = ["EdgeOfChaos"]


@INITIALIZERS.register("edge_of_chaos", aliases=("critical",))
@dataclass(frozen=True, slots=True)
class EdgeOfChaos(Initializer):
    """W ~ N(0, v/n), b ~ N(0, u) with v E[phi'(x)^2] = 1 and v E[phi(x)^2] + u = q, x ~ N(0, q), n the fan-in.

    phi is the activation that follows the layer and q = `second_moment` that of pre-activations, which stays; or the
    bias variance u = `bias_variance` is given, and q follows. The second moment of gradients stays too, and the
    correlation of two inputs changes with depth more slowly than exponentially, so that very deep networks can be
    trained. Where nothing follows, as after the last layer, phi is the identity: v = 1, u = 0.

    For ReLU the edge of chaos is the single point v = 2, u = 0 (`he_normal`); softplus has none. Known confusion: the
    point is on the critical line, but q need not be a *stable* fixed point there; for GELU and SiLU it is not at every
    q.

    Args:
        second_moment: q, at least 0, where 0 stands for the limit; by default 1.
        bias_variance: u, at least 0; instead of `second_moment`.

    Raises:
        InputError: if both are given; or, for a parameter, if phi has no such point.

    >>> from firstdraw.activations import Tanh
    >>> from firstdraw.roles import bias_role, weight_role
    >>> weight = weight_role((8, 100), activation=Tanh())
    >>> critical = EdgeOfChaos(bias_variance=0.05)
    >>> print(critical.law(weight), critical.law(bias_role(weight)))
    N(0, 0.132701²) N(0, 0.223607²)
    """

    second_moment: float | None = None
    bias_variance: float | None = None
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution")
    preserves: ClassVar[Preserves | None] = "gradient"
    formula: ClassVar[str] = (
        "the edge of chaos: N(0, v/n), biases N(0, u), v E[phi'(x)^2] = 1, v E[phi(x)^2] + u = q, x ~ N(0, q)"
    )
    source: ClassVar[Source | None] = Source(
        "Schoenholz, Gilmer, Ganguli & Sohl-Dickstein",
        2017,
        "Deep Information Propagation",
        "https://arxiv.org/abs/1611.01232",
    )

    def __post_init__(self) -> None:
        if self.second_moment is not None:
            check_non_negative("second_moment", self.second_moment)
        if self.bias_variance is not None:
            check_non_negative("bias_variance", self.bias_variance)
            if self.second_moment is not None:
                raise InputError("second_moment", "must be left out where `bias_variance` is given", self.second_moment)

    def weight_law(self, role: Role) -> Distribution:
        return Normal(math.sqrt(self._point(role).weight / role.fan_in))

    def bias_law(self, role: Role) -> Distribution:
        variance = self._point(role).bias
        return Normal(math.sqrt(variance)) if variance else Constant(0.0)

    def _point(self, role: Role) -> CriticalVariances:
        if role.activation is None:
            return critical_variances(Identity(), 1.0)
        if self.bias_variance is not None:
            return critical_variances_of_bias(role.activation, self.bias_variance)
        return critical_variances(role.activation, 1.0 if self.second_moment is None else self.second_moment)
