"""Optimizers: how a gradient changes the parameters.

The symbols: theta the parameters, g the gradient, t the step counted from 1, eta = `learning_rate`. Each update is
written in place, so that the layers' views into theta stay valid. Where conventions differ between libraries, these
are PyTorch's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.catalogue import Catalogue, Source
from firstdraw.initializers.parametrizations import OptimizerFamily
from firstdraw.rules import check_non_negative, check_positive, check_share

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "Momentum", "Nesterov", "Optimizer", "RMSprop"]

State = tuple[Floats, ...]
Factors = Floats | float


class Optimizer(ABC):
    """A rule for the next parameters; its fields are its options."""

    slots_of_state: ClassVar[int] = 0
    """How many vectors of the parameters' size the optimizer remembers."""
    family: ClassVar[OptimizerFamily]
    """Whether a step is proportional to the gradients, or does not depend on their size."""
    formula: ClassVar[str]
    source: ClassVar[Source | None] = None

    def start(self, theta: Floats) -> State:
        """Return the memory before the first step: zeros."""
        return tuple(np.zeros_like(theta) for _ in range(self.slots_of_state))

    @abstractmethod
    def update(self, theta: Floats, g: Floats, state: State, t: int, factors: Factors = 1.0) -> None:
        """Change theta, and the memory, in place.

        Args:
            theta: the parameters `[P]`.
            g: the gradient `[P]`.
            state: the memory.
            t: the step, from 1.
            factors: what eta is multiplied with, for all parameters or for each `[P]`.
        """


OPTIMIZERS: Catalogue[Optimizer] = Catalogue("optimizer")


@OPTIMIZERS.register("sgd", aliases=("gradient_descent",))
@dataclass(frozen=True, slots=True)
class SGD(Optimizer):
    """theta <- theta - eta g: gradient descent, stochastic when the batches are."""

    learning_rate: float = 0.01
    family: ClassVar[OptimizerFamily] = "sgd"
    formula: ClassVar[str] = "theta - eta g"

    def __post_init__(self) -> None:
        check_positive("learning_rate", self.learning_rate)

    def update(self, theta: Floats, g: Floats, state: State, t: int, factors: Factors = 1.0) -> None:  # noqa: ARG002
        theta -= self.learning_rate * factors * g


@OPTIMIZERS.register("momentum")
@dataclass(frozen=True, slots=True)
class Momentum(Optimizer):
    """v <- mu v + g, theta <- theta - eta v, with mu = `momentum`."""

    learning_rate: float = 0.01
    momentum: float = 0.9
    slots_of_state: ClassVar[int] = 1
    family: ClassVar[OptimizerFamily] = "sgd"
    formula: ClassVar[str] = "v = mu v + g; theta - eta v"
    source: ClassVar[Source | None] = Source(
        "Polyak",
        1964,
        "Some methods of speeding up the convergence of iteration methods",
        "https://doi.org/10.1016/0041-5553(64)90137-5",
    )

    def __post_init__(self) -> None:
        check_positive("learning_rate", self.learning_rate)
        check_share("momentum", self.momentum)

    def update(self, theta: Floats, g: Floats, state: State, t: int, factors: Factors = 1.0) -> None:  # noqa: ARG002
        (v,) = state
        v *= self.momentum
        v += g
        theta -= self.learning_rate * factors * v


@OPTIMIZERS.register("nesterov")
@dataclass(frozen=True, slots=True)
class Nesterov(Optimizer):
    """v <- mu v + g, theta <- theta - eta (g + mu v), with mu = `momentum`."""

    learning_rate: float = 0.01
    momentum: float = 0.9
    slots_of_state: ClassVar[int] = 1
    family: ClassVar[OptimizerFamily] = "sgd"
    formula: ClassVar[str] = "v = mu v + g; theta - eta (g + mu v)"
    source: ClassVar[Source | None] = Source(
        "Sutskever, Martens, Dahl & Hinton",
        2013,
        "On the importance of initialization and momentum in deep learning",
        "https://proceedings.mlr.press/v28/sutskever13.html",
    )

    def __post_init__(self) -> None:
        check_positive("learning_rate", self.learning_rate)
        check_share("momentum", self.momentum)

    def update(self, theta: Floats, g: Floats, state: State, t: int, factors: Factors = 1.0) -> None:  # noqa: ARG002
        (v,) = state
        v *= self.momentum
        v += g
        theta -= self.learning_rate * factors * (g + self.momentum * v)


def _adam_direction(g: Floats, state: State, t: int, beta_1: float, beta_2: float, epsilon: float) -> Floats:
    """Advance Adam's two moments, m and v, and return m_hat / (sqrt(v_hat) + epsilon)."""
    m, v = state
    m *= beta_1
    m += (1 - beta_1) * g
    v *= beta_2
    v += (1 - beta_2) * g * g
    return (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


@OPTIMIZERS.register("adam")
@dataclass(frozen=True, slots=True)
class Adam(Optimizer):
    """theta <- theta - eta m_hat / (sqrt(v_hat) + epsilon).

    m <- beta_1 m + (1 - beta_1) g and v <- beta_2 v + (1 - beta_2) g^2, each divided by 1 - beta^t to undo the start
    from zero.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    slots_of_state: ClassVar[int] = 2
    family: ClassVar[OptimizerFamily] = "adam"
    formula: ClassVar[str] = "theta - eta m_hat / (sqrt(v_hat) + epsilon)"
    source: ClassVar[Source | None] = Source(
        "Kingma & Ba", 2015, "Adam: A Method for Stochastic Optimization", "https://arxiv.org/abs/1412.6980"
    )

    def __post_init__(self) -> None:
        check_positive("learning_rate", self.learning_rate)
        check_share("beta_1", self.beta_1)
        check_share("beta_2", self.beta_2)
        check_positive("epsilon", self.epsilon)

    def update(self, theta: Floats, g: Floats, state: State, t: int, factors: Factors = 1.0) -> None:
        theta -= self.learning_rate * factors * _adam_direction(g, state, t, self.beta_1, self.beta_2, self.epsilon)


@OPTIMIZERS.register("adamw")
@dataclass(frozen=True, slots=True)
class AdamW(Optimizer):
    """Adam after theta <- (1 - eta w) theta, with w = `weight_decay`; biases decay as well."""

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    slots_of_state: ClassVar[int] = 2
    family: ClassVar[OptimizerFamily] = "adam"
    formula: ClassVar[str] = "(1 - eta w) theta - eta m_hat / (sqrt(v_hat) + epsilon)"
    source: ClassVar[Source | None] = Source(
        "Loshchilov & Hutter", 2019, "Decoupled Weight Decay Regularization", "https://arxiv.org/abs/1711.05101"
    )

    def __post_init__(self) -> None:
        check_positive("learning_rate", self.learning_rate)
        check_share("beta_1", self.beta_1)
        check_share("beta_2", self.beta_2)
        check_positive("epsilon", self.epsilon)
        check_non_negative("weight_decay", self.weight_decay)

    def update(self, theta: Floats, g: Floats, state: State, t: int, factors: Factors = 1.0) -> None:
        theta *= 1 - self.learning_rate * factors * self.weight_decay
        theta -= self.learning_rate * factors * _adam_direction(g, state, t, self.beta_1, self.beta_2, self.epsilon)


@OPTIMIZERS.register("rmsprop")
@dataclass(frozen=True, slots=True)
class RMSprop(Optimizer):
    """v <- rho v + (1 - rho) g^2, theta <- theta - eta g / (sqrt(v) + epsilon), with rho = `decay`."""

    learning_rate: float = 0.001
    decay: float = 0.99
    epsilon: float = 1e-8
    slots_of_state: ClassVar[int] = 1
    family: ClassVar[OptimizerFamily] = "adam"
    formula: ClassVar[str] = "v = rho v + (1 - rho) g^2; theta - eta g / (sqrt(v) + epsilon)"
    source: ClassVar[Source | None] = Source(
        "Tieleman & Hinton",
        2012,
        "Lecture 6.5, Neural Networks for Machine Learning",
        "https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf",
    )

    def __post_init__(self) -> None:
        check_positive("learning_rate", self.learning_rate)
        check_share("decay", self.decay)
        check_positive("epsilon", self.epsilon)

    def update(self, theta: Floats, g: Floats, state: State, t: int, factors: Factors = 1.0) -> None:  # noqa: ARG002
        (v,) = state
        v *= self.decay
        v += (1 - self.decay) * g * g
        theta -= self.learning_rate * factors * g / (np.sqrt(v) + self.epsilon)
