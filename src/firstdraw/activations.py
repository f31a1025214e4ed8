"""Floor 1. Activation functions with their derivatives.

Each member computes in the dtype it is given. `value(z)` is phi(z); `derivative(z)` is phi'(z), with the left
derivative at a kink, so that a rectifier passes no gradient at exactly 0; `second_derivative(z)` is phi''(z), from the
left at a kink too.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.catalogue import Catalogue, Source
from firstdraw.lazy import LazyModule
from firstdraw.rules import check_finite, check_positive
from firstdraw.sigmoid import sigmoid

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "Erf",
    "Hardswish",
    "Hardtanh",
    "Identity",
    "LeakyReLU",
    "Mish",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Sin",
    "Softplus",
    "Softsign",
    "Tanh",
]

SQRT_2: Final = math.sqrt(2.0)
SQRT_2_PI: Final = math.sqrt(2.0 * math.pi)


class Activation(ABC):
    """A function applied to each pre-activation."""

    bounded: ClassVar[bool] = False
    """Whether the function flattens out on both sides, so that a unit can saturate."""
    rectifying: ClassVar[bool] = False
    """Whether the derivative is exactly 0 on a half line, so that a unit can be dead."""
    kinks: ClassVar[tuple[float, ...]] = ()
    """Where the derivative jumps, or the second one alone."""
    homogeneous: ClassVar[bool] = False
    """Whether phi(c z) = c phi(z) for every c > 0, so that no scale of the input is special."""
    formula: ClassVar[str]
    source: ClassVar[Source | None] = None

    @abstractmethod
    def value(self, z: Floats) -> Floats:
        """Return phi(z), elementwise."""

    @abstractmethod
    def derivative(self, z: Floats) -> Floats:
        """Return phi'(z), elementwise."""

    @abstractmethod
    def second_derivative(self, z: Floats) -> Floats:
        """Return phi''(z), elementwise; the jump of phi' at a kink is left out."""


ACTIVATIONS: Catalogue[Activation] = Catalogue("activation")


@ACTIVATIONS.register("identity", aliases=("linear",))
@dataclass(frozen=True, slots=True)
class Identity(Activation):
    """phi(z) = z."""

    homogeneous: ClassVar[bool] = True
    formula: ClassVar[str] = "z"

    def value(self, z: Floats) -> Floats:
        return z

    def derivative(self, z: Floats) -> Floats:
        return np.ones_like(z)

    def second_derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)


@ACTIVATIONS.register("relu")
@dataclass(frozen=True, slots=True)
class ReLU(Activation):
    """phi(z) = max(z, 0).

    >>> ReLU().derivative(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 1.])
    """

    rectifying: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    homogeneous: ClassVar[bool] = True
    formula: ClassVar[str] = "max(z, 0)"

    def value(self, z: Floats) -> Floats:
        return np.maximum(z, 0)

    def derivative(self, z: Floats) -> Floats:
        return (z > 0).astype(z.dtype)

    def second_derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)


@ACTIVATIONS.register("leaky_relu")
@dataclass(frozen=True, slots=True)
class LeakyReLU(Activation):
    """phi(z) = z where z > 0, a z elsewhere, with a = `slope`."""

    slope: float = 0.01
    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    homogeneous: ClassVar[bool] = True
    formula: ClassVar[str] = "z if z > 0 else slope z"

    def __post_init__(self) -> None:
        check_finite("slope", self.slope)

    def value(self, z: Floats) -> Floats:
        return np.where(z > 0, z, z * self.slope)

    def derivative(self, z: Floats) -> Floats:
        return np.where(z > 0, z.dtype.type(1), z.dtype.type(self.slope))

    def second_derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)


@ACTIVATIONS.register("tanh")
@dataclass(frozen=True, slots=True)
class Tanh(Activation):
    """phi(z) = tanh z."""

    bounded: ClassVar[bool] = True
    formula: ClassVar[str] = "tanh z"

    def value(self, z: Floats) -> Floats:
        return np.tanh(z)

    def derivative(self, z: Floats) -> Floats:
        return 1 - np.tanh(z) ** 2

    def second_derivative(self, z: Floats) -> Floats:
        return -2 * np.tanh(z) * self.derivative(z)


@ACTIVATIONS.register("sigmoid")
@dataclass(frozen=True, slots=True)
class Sigmoid(Activation):
    """phi(z) = 1 / (1 + exp(-z))."""

    bounded: ClassVar[bool] = True
    formula: ClassVar[str] = "1 / (1 + exp(-z))"

    def value(self, z: Floats) -> Floats:
        return sigmoid(z)

    def derivative(self, z: Floats) -> Floats:
        return sigmoid(z) * sigmoid(-z)

    def second_derivative(self, z: Floats) -> Floats:
        return self.derivative(z) * (sigmoid(-z) - sigmoid(z))


@ACTIVATIONS.register("softplus")
@dataclass(frozen=True, slots=True)
class Softplus(Activation):
    """phi(z) = ln(1 + exp(z))."""

    formula: ClassVar[str] = "ln(1 + exp z)"

    def value(self, z: Floats) -> Floats:
        return np.logaddexp(z, z.dtype.type(0))

    def derivative(self, z: Floats) -> Floats:
        return sigmoid(z)

    def second_derivative(self, z: Floats) -> Floats:
        return sigmoid(z) * sigmoid(-z)


@ACTIVATIONS.register("elu")
@dataclass(frozen=True, slots=True)
class ELU(Activation):
    """phi(z) = z where z > 0, a (exp(z) - 1) elsewhere, with a = `alpha`."""

    alpha: float = 1.0
    # For alpha = 1 the derivative is continuous; for others it jumps at 0.
    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    formula: ClassVar[str] = "z if z > 0 else alpha (exp z - 1)"
    source: ClassVar[Source | None] = Source(
        "Clevert, Unterthiner & Hochreiter",
        2016,
        "Fast and Accurate Deep Network Learning by Exponential Linear Units",
        "https://arxiv.org/abs/1511.07289",
    )

    def __post_init__(self) -> None:
        check_positive("alpha", self.alpha)

    def value(self, z: Floats) -> Floats:
        return np.where(z > 0, z, self.alpha * np.expm1(np.minimum(z, 0)))

    def derivative(self, z: Floats) -> Floats:
        return np.where(z > 0, z.dtype.type(1), self.alpha * np.exp(np.minimum(z, 0)))

    def second_derivative(self, z: Floats) -> Floats:
        return np.where(z > 0, z.dtype.type(0), self.alpha * np.exp(np.minimum(z, 0)))


@ACTIVATIONS.register("selu")
@dataclass(frozen=True, slots=True)
class SELU(Activation):
    """phi(z) = lambda z where z > 0, lambda alpha (exp(z) - 1) elsewhere.

    lambda and alpha are such that N(0, 1) keeps mean 0 and variance 1.
    """

    LAMBDA: ClassVar[float] = 1.0507009873554805
    ALPHA: ClassVar[float] = 1.6732632423543772
    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    formula: ClassVar[str] = "1.0507 (z if z > 0 else 1.6733 (exp z - 1))"
    source: ClassVar[Source | None] = Source(
        "Klambauer, Unterthiner, Mayr & Hochreiter",
        2017,
        "Self-Normalizing Neural Networks",
        "https://arxiv.org/abs/1706.02515",
    )

    def value(self, z: Floats) -> Floats:
        return self.LAMBDA * np.where(z > 0, z, self.ALPHA * np.expm1(np.minimum(z, 0)))

    def derivative(self, z: Floats) -> Floats:
        return self.LAMBDA * np.where(z > 0, z.dtype.type(1), self.ALPHA * np.exp(np.minimum(z, 0)))

    def second_derivative(self, z: Floats) -> Floats:
        return self.LAMBDA * np.where(z > 0, z.dtype.type(0), self.ALPHA * np.exp(np.minimum(z, 0)))


@ACTIVATIONS.register("gelu")
@dataclass(frozen=True, slots=True)
class GELU(Activation):
    """phi(z) = z Phi(z), Phi the distribution function of N(0, 1) (the exact form, not the tanh approximation)."""

    formula: ClassVar[str] = "z Phi(z)"
    source: ClassVar[Source | None] = Source(
        "Hendrycks & Gimpel", 2016, "Gaussian Error Linear Units (GELUs)", "https://arxiv.org/abs/1606.08415"
    )

    def value(self, z: Floats) -> Floats:
        return z * special.ndtr(z)

    def derivative(self, z: Floats) -> Floats:
        return special.ndtr(z) + z * np.exp(-z * z / 2) / SQRT_2_PI

    def second_derivative(self, z: Floats) -> Floats:
        return (2 - z * z) * np.exp(-z * z / 2) / SQRT_2_PI


@ACTIVATIONS.register("silu", aliases=("swish",))
@dataclass(frozen=True, slots=True)
class SiLU(Activation):
    """phi(z) = z / (1 + exp(-z))."""

    formula: ClassVar[str] = "z / (1 + exp(-z))"

    def value(self, z: Floats) -> Floats:
        return z * sigmoid(z)

    def derivative(self, z: Floats) -> Floats:
        s = sigmoid(z)
        return s * (1 + z * sigmoid(-z))

    def second_derivative(self, z: Floats) -> Floats:
        s = sigmoid(z)
        return s * sigmoid(-z) * (2 + z * (sigmoid(-z) - s))


@ACTIVATIONS.register("sin")
@dataclass(frozen=True, slots=True)
class Sin(Activation):
    """phi(z) = sin z."""

    formula: ClassVar[str] = "sin z"

    def value(self, z: Floats) -> Floats:
        return np.sin(z)

    def derivative(self, z: Floats) -> Floats:
        return np.cos(z)

    def second_derivative(self, z: Floats) -> Floats:
        return -np.sin(z)


@ACTIVATIONS.register("erf")
@dataclass(frozen=True, slots=True)
class Erf(Activation):
    """phi(z) = erf z."""

    bounded: ClassVar[bool] = True
    formula: ClassVar[str] = "erf z"

    def value(self, z: Floats) -> Floats:
        return special.erf(z)

    def derivative(self, z: Floats) -> Floats:
        return 2 / math.sqrt(math.pi) * np.exp(-z * z)

    def second_derivative(self, z: Floats) -> Floats:
        return -4 / math.sqrt(math.pi) * z * np.exp(-z * z)


@ACTIVATIONS.register("hardtanh", aliases=("hard_tanh",))
@dataclass(frozen=True, slots=True)
class Hardtanh(Activation):
    """phi(z) = min(max(z, -1), 1).

    >>> Hardtanh().derivative(np.array([-1.0, 0.5, 1.0, 2.0]))
    array([0., 1., 1., 0.])
    """

    bounded: ClassVar[bool] = True
    rectifying: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...]] = (-1.0, 1.0)
    formula: ClassVar[str] = "min(max(z, -1), 1)"
    source: ClassVar[Source | None] = Source(
        "Collobert et al.",
        2011,
        "Natural Language Processing (Almost) from Scratch",
        "https://arxiv.org/abs/1103.0398",
    )

    def value(self, z: Floats) -> Floats:
        return np.clip(z, -1, 1)

    def derivative(self, z: Floats) -> Floats:
        return ((z > -1) & (z <= 1)).astype(z.dtype)

    def second_derivative(self, z: Floats) -> Floats:
        return np.zeros_like(z)


@ACTIVATIONS.register("softsign", aliases=("soft_sign",))
@dataclass(frozen=True, slots=True)
class Softsign(Activation):
    """phi(z) = z / (1 + |z|), which reaches its bounds -1 and 1 as slowly as 1/|z|.

    The slope is continuous, and phi''(z) = -2 sign(z) / (1 + |z|)^3 jumps from 2 to -2 at 0.
    """

    bounded: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    formula: ClassVar[str] = "z / (1 + |z|)"
    source: ClassVar[Source | None] = Source(
        "Glorot & Bengio",
        2010,
        "Understanding the difficulty of training deep feedforward neural networks",
        "https://proceedings.mlr.press/v9/glorot10a.html",
    )

    def value(self, z: Floats) -> Floats:
        # The largest number has the value of infinity, whose own quotient is none.
        largest = np.finfo(z.dtype).max
        finite = np.clip(z, -largest, largest)
        return finite / (1 + abs(finite))

    def derivative(self, z: Floats) -> Floats:
        return (1 / (1 + abs(z))) ** 2

    def second_derivative(self, z: Floats) -> Floats:
        return np.where(z > 0, z.dtype.type(-2), z.dtype.type(2)) * (1 / (1 + abs(z))) ** 3


@ACTIVATIONS.register("hardswish", aliases=("hard_swish", "hard_silu"))
@dataclass(frozen=True, slots=True)
class Hardswish(Activation):
    """phi(z) = z min(max(z + 3, 0), 6) / 6.

    SiLU with straight pieces for the sigmoid; the slope falls by 1/2 at -3 and at 3.
    """

    rectifying: ClassVar[bool] = True
    kinks: ClassVar[tuple[float, ...]] = (-3.0, 3.0)
    formula: ClassVar[str] = "z min(max(z + 3, 0), 6) / 6"
    source: ClassVar[Source | None] = Source(
        "Howard et al.", 2019, "Searching for MobileNetV3", "https://arxiv.org/abs/1905.02244"
    )

    def value(self, z: Floats) -> Floats:
        # Below -3 the other factor is 0, also for minus infinity.
        return np.maximum(z, -3) * (np.clip(z + 3, 0, 6) / 6)

    def derivative(self, z: Floats) -> Floats:
        right = np.where(z > 3, z.dtype.type(1), z / 3 + z.dtype.type(0.5))
        return np.where(z > -3, right, z.dtype.type(0))

    def second_derivative(self, z: Floats) -> Floats:
        return ((z > -3) & (z <= 3)).astype(z.dtype) / 3


@ACTIVATIONS.register("mish")
@dataclass(frozen=True, slots=True)
class Mish(Activation):
    """phi(z) = z t with t = tanh(ln(1 + exp z)).

    With s = sigmoid(z) and r = sigmoid(-z) = 1 - s, which is exp(-ln(1 + exp z)),

        t = s (1 + r) / (1 + r^2),  t' = 4 r^2 s / (1 + r^2)^2,  t'' = t' (r - 2 s + 4 r^2 s / (1 + r^2)),

    so that nothing overflows and no digits cancel.
    """

    formula: ClassVar[str] = "z tanh(ln(1 + exp z))"
    source: ClassVar[Source | None] = Source(
        "Misra", 2019, "Mish: A Self Regularized Non-Monotonic Activation Function", "https://arxiv.org/abs/1908.08681"
    )

    def value(self, z: Floats) -> Floats:
        s, r = sigmoid(z), sigmoid(-z)
        return z * (s * (1 + r) / (1 + r * r))

    def derivative(self, z: Floats) -> Floats:
        s, r = sigmoid(z), sigmoid(-z)
        return s * (1 + r) / (1 + r * r) + z * _mish_slope(s, r)

    def second_derivative(self, z: Floats) -> Floats:
        s, r = sigmoid(z), sigmoid(-z)
        slope = _mish_slope(s, r)
        return 2 * slope + z * slope * (r - 2 * s + 4 * r * r * s / (1 + r * r))


def _mish_slope(s: Floats, r: Floats) -> Floats:
    """Return t' of `Mish`."""
    return s * (2 * r / (1 + r * r)) ** 2
