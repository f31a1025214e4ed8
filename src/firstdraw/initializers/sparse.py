"""Few connections a unit, or a fixed share of none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution, Sparse
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_finite, check_non_negative, check_positive_integer

__all__ = ["SparseConnections", "SparseShare"]

HESSIAN_FREE: Final = Source(
    "Martens", 2010, "Deep learning via Hessian-free optimization", "https://icml.cc/Conferences/2010/papers/458.pdf"
)


@INITIALIZERS.register("sparse")
@dataclass(frozen=True, slots=True)
class SparseShare(Initializer):
    """W ~ N(0, s^2) with ceil(p m) zeros among the m weights of each input, p = `sparsity`: PyTorch's `sparse_`.

    Known confusion: PyTorch thins out the weights that leave an input, for s = 0.01; Martens, whom it cites, keeps a
    number of the weights that enter a unit (`martens_sparse`).

    Args:
        sparsity: p, from 0 to 1.
        standard_deviation: s, at least 0.

    >>> from firstdraw.roles import weight_role
    >>> print(SparseShare(0.5).law(weight_role((8, 4))))
    N(0, 0.01²) with 4 zeros in each input's 8 weights
    """

    sparsity: float = 0.1
    standard_deviation: float = 0.01
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "recurrent")
    formula: ClassVar[str] = "N(0, standard_deviation^2), ceil(sparsity m) zeros an input"
    source: ClassVar[Source | None] = HESSIAN_FREE

    def __post_init__(self) -> None:
        check_non_negative("sparsity", self.sparsity)
        if self.sparsity > 1:
            raise InputError("sparsity", "must be at most 1", self.sparsity)
        check_non_negative("standard_deviation", self.standard_deviation)

    def weight_law(self, role: Role) -> Distribution:
        zeros = math.ceil(self.sparsity * role.layout.rows)
        return Sparse(role.layout, zeros, "input", self.standard_deviation)


@INITIALIZERS.register("martens_sparse")
@dataclass(frozen=True, slots=True)
class SparseConnections(Initializer):
    """c of each unit's weights from N(0, s^2), the others 0, c = `connections` (all where there are no more).

    Units stay different however many inputs they have, and their input does not grow with it. With tanh the biases were
    0.5.

    Args:
        connections: c, 15 in the paper.
        standard_deviation: s, at least 0.
        bias: the value of the biases.

    >>> from firstdraw.roles import weight_role
    >>> print(SparseConnections().law(weight_role((8, 100))))
    N(0, 1²) with 85 zeros in each unit's 100 weights
    """

    connections: int = 15
    standard_deviation: float = 1.0
    bias: float = 0.0
    activations: ClassVar[tuple[str, ...] | None] = ("sigmoid", "tanh")
    formula: ClassVar[str] = "connections of a unit's weights N(0, standard_deviation^2), the others 0"
    source: ClassVar[Source | None] = HESSIAN_FREE

    def __post_init__(self) -> None:
        check_positive_integer("connections", self.connections)
        check_non_negative("standard_deviation", self.standard_deviation)
        check_finite("bias", self.bias)

    def weight_law(self, role: Role) -> Distribution:
        weights = role.layout.columns * role.layout.taps
        return Sparse(role.layout, max(weights - self.connections, 0), "unit", self.standard_deviation)

    def bias_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Constant(self.bias)
