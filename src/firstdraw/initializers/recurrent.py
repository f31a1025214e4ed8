"""Weights of a recurrence, which are multiplied with themselves once a step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import (
    BlockRotations,
    Distribution,
    Normal,
    PartialIdentity,
    PositiveDefinite,
    ScaledLegendre,
    SpectralRadius,
)
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_finite, check_non_negative, check_positive

__all__ = ["EchoState", "HippoLegS", "IdentityRecurrence", "PositiveDefiniteRecurrence", "Rotations"]


@INITIALIZERS.register("irnn")
@dataclass(frozen=True, slots=True)
class IdentityRecurrence(Initializer):
    """W = g I for the weight of a state, W ~ N(0, s^2) for all others; g = `gain`, s = `standard_deviation`.

    A recurrence of rectifiers that starts by remembering everything; with g below 1 it forgets at that rate.

    Args:
        gain: g, any finite number.
        standard_deviation: s, at least 0.

    >>> from firstdraw.roles import weight_role
    >>> print(IdentityRecurrence().law(weight_role((4, 4), operation="recurrent")))
    identity
    """

    gain: float = 1.0
    standard_deviation: float = 0.001
    kinds: ClassVar[tuple[Kind, ...]] = ("recurrent", "dense")
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "gain I for a state's weight, else N(0, standard_deviation^2)"
    source: ClassVar[Source | None] = Source(
        "Le, Jaitly & Hinton",
        2015,
        "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
        "https://arxiv.org/abs/1504.00941",
    )

    def __post_init__(self) -> None:
        check_finite("gain", self.gain)
        check_non_negative("standard_deviation", self.standard_deviation)

    def weight_law(self, role: Role) -> Distribution:
        if role.operation == "recurrent":
            return PartialIdentity(role.layout, self.gain)
        return Normal(self.standard_deviation)


@INITIALIZERS.register("np_rnn")
@dataclass(frozen=True, slots=True)
class PositiveDefiniteRecurrence(Initializer):
    """W = (A + I)/e with A = R^T R/n, R Gaussian and e the largest eigenvalue of A + I (unverified).

    A positive definite weight of a state whose largest eigenvalue is 1: of a recurrence of rectifiers one direction is
    remembered, the others fade. Unverified: the formula is that of public implementations which cite the paper, and was
    not read in it.

    >>> from firstdraw.roles import weight_role
    >>> print(PositiveDefiniteRecurrence().law(weight_role((4, 4), operation="recurrent")))
    (R^T R/n + I)/its largest eigenvalue
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("recurrent",)
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    verified: ClassVar[bool] = False
    formula: ClassVar[str] = "(R^T R/n + I)/e, e its largest eigenvalue"
    source: ClassVar[Source | None] = Source(
        "Talathi & Vartak",
        2015,
        "Improving performance of recurrent neural network with relu nonlinearity",
        "https://arxiv.org/abs/1511.03771",
    )

    def weight_law(self, role: Role) -> Distribution:
        return PositiveDefinite(role.layout)


@INITIALIZERS.register("rotations", aliases=("henaff", "cayley"))
@dataclass(frozen=True, slots=True)
class Rotations(Initializer):
    """W rotates pairs of units by independent angles t ~ U[a, b), with a = `low` and b = `high`.

    An orthogonal weight of a state, for recurrences that should neither fade nor explode. The default is Henaff's; the
    Cayley start of scaled orthogonal recurrences, a skew-symmetric matrix of tan(t/2), is that of t ~ U[0, pi/2).

    Args:
        low: a, in radians.
        high: b, in radians.

    >>> from firstdraw.roles import weight_role
    >>> print(Rotations(0.0, 1.0).law(weight_role((4, 4), operation="recurrent")))
    rotations by U[0, 1)
    """

    low: float = -math.pi
    high: float = math.pi
    kinds: ClassVar[tuple[Kind, ...]] = ("recurrent",)
    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    formula: ClassVar[str] = "blocks ((cos t, -sin t), (sin t, cos t)), t ~ U[low, high)"
    source: ClassVar[Source | None] = Source(
        "Henaff, Szlam & LeCun",
        2016,
        "Recurrent Orthogonal Networks and Long-Memory Tasks",
        "https://arxiv.org/abs/1602.06662",
    )

    def __post_init__(self) -> None:
        check_finite("low", self.low)
        check_finite("high", self.high)

    def weight_law(self, role: Role) -> Distribution:
        return BlockRotations(role.layout, self.low, self.high)


@INITIALIZERS.register("echo_state")
@dataclass(frozen=True, slots=True)
class EchoState(Initializer):
    """W = r S/max |e|, S sparse with elements from U[-1, 1), e its eigenvalues; r = `radius`, d = `density`.

    The reservoir of an echo state network, which is not trained: with r below 1 the state forgets its past, in practice
    though not for every input. The law of S is a common choice, which the report leaves open.

    Args:
        radius: r, above 0.
        density: d, the probability that an element is not 0.

    >>> from firstdraw.roles import weight_role
    >>> print(EchoState().law(weight_role((100, 100), operation="recurrent")))
    sparse uniform of density 0.1 with the spectral radius 0.9
    """

    radius: float = 0.9
    density: float = 0.1
    kinds: ClassVar[tuple[Kind, ...]] = ("recurrent",)
    activations: ClassVar[tuple[str, ...] | None] = ("tanh",)
    formula: ClassVar[str] = "radius S/max |e|, S sparse uniform, e its eigenvalues"
    source: ClassVar[Source | None] = Source(
        "Jaeger",
        2001,
        'The "echo state" approach to analysing and training recurrent neural networks',
        "https://www.ai.rug.nl/minds/uploads/EchoStatesTechRep.pdf",
    )

    def __post_init__(self) -> None:
        check_positive("radius", self.radius)
        check_positive("density", self.density)

    def weight_law(self, role: Role) -> Distribution:
        return SpectralRadius(role.layout, self.radius, self.density)


@INITIALIZERS.register("hippo_legs")
@dataclass(frozen=True, slots=True)
class HippoLegS(Initializer):
    """W[i, j] = -sqrt((2 i + 1)(2 j + 1)) for i > j, W[i, i] = -(i + 1), 0 above the diagonal; i and j from 0.

    The matrix A of a state space model x' = A x + B u: with B[i] = sqrt(2 i + 1) and A/t, B/t at the time t the state
    x holds the coefficients of the whole history of u in Legendre polynomials, stretched as time goes by. S4 and its
    successors start from it without the 1/t, where the history fades exponentially.

    Known confusion: S4D and Mamba keep only a diagonal, which is not this matrix's; S4D's is complex, which no
    parameter is here, and Mamba's are the numbers -1, -2, ..., the eigenvalues of this one.

    >>> from firstdraw.roles import weight_role
    >>> print(HippoLegS().law(weight_role((4, 4), operation="recurrent")))
    scaled Legendre matrix
    """

    deterministic: ClassVar[bool] = True
    kinds: ClassVar[tuple[Kind, ...]] = ("recurrent",)
    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    formula: ClassVar[str] = "-sqrt((2 i + 1)(2 j + 1)) below the diagonal, -(i + 1) on it"
    source: ClassVar[Source | None] = Source(
        "Gu, Dao, Ermon, Rudra & Ré",
        2020,
        "HiPPO: Recurrent Memory with Optimal Polynomial Projections",
        "https://arxiv.org/abs/2008.07669",
    )

    def weight_law(self, role: Role) -> Distribution:
        return ScaledLegendre(role.layout)
