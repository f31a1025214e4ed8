"""MetaInit: the norms of the weights such that a step along the gradient changes the gradient least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.fitted.contract import FITTED, Adjustment, Batch, Fitted
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.curvature import gradient_quotient
from firstdraw.rules import check_positive, check_positive_integer, check_share

__all__ = ["MetaInit"]

# Of the derivative by a norm only the sign is used, and central differences over this share of it have it right where
# the derivative is above 1e-8 of the quotient's third derivative, or 1e-12 of the quotient, which is its rounding.
SHARE: Final = 1e-4


@FITTED.register("metainit")
@dataclass(frozen=True, slots=True)
class MetaInit(Fitted):
    """Minimize the gradient quotient GQ (`probes.gradient_quotient`) over the Frobenius norms of the weights.

    GQ is taken by all parameters, on standard Gaussian inputs of the batch's shape with the batch's targets, so that
    inputs and targets have nothing to do with each other: the data themselves are not used. Each step moves every
    weight's norm by momentum SGD on the sign of its derivative,

        v <- c v - a sign(dGQ/d|W|),    |W| <- |W| + v,    a = `rate`, c = `momentum`,

    and directions stay as drawn. The norms of the lowest GQ seen are returned. For any network and loss.

    Known differences: the authors draw new inputs each step, where here one draw, called `metainit.inputs`, makes GQ
    one function and its record comparable; a step down by more than half of a norm is cut to half, where theirs may
    turn a norm negative. The derivative's sign comes from central differences of GQ, which is exact itself.

    Args:
        rate: a, above 0, in units of a norm.
        momentum: c, at least 0 and below 1.
        steps: how many; the authors' code makes 500.
        epsilon: keeps the quotient finite, above 0.

    Raises:
        InputError: if an option breaks its rule.
    """

    rate: float = 0.1
    momentum: float = 0.9
    steps: int = 100
    epsilon: float = 1e-5
    formula: ClassVar[str] = "minimize mean|(g - H g)/(g + epsilon sign g) - 1| over the weights' norms"
    source: ClassVar[Source | None] = Source(
        "Dauphin & Schoenholz",
        2019,
        "MetaInit: Initializing learning by learning to initialize",
        "https://papers.nips.cc/paper/2019/hash/876e8108f87eb61877c6263228b67256-Abstract.html",
    )
    needs_targets: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_positive("rate", self.rate)
        check_share("momentum", self.momentum)
        check_positive_integer("steps", self.steps)
        check_positive("epsilon", self.epsilon)

    def adjust(self, network: MultilayerPerceptron, theta: Floats, batch: Batch, draws: Draws) -> Adjustment:
        inputs = draws.normal("metainit.inputs", batch.X.shape)

        def quotient(point: Floats) -> float:
            return gradient_quotient(network, point, batch.loss, inputs, batch.Y, self.epsilon)

        weights = [layer.W for layer in network.layers(theta)]
        for number, drawn in enumerate(weights, start=1):
            if not drawn.any():
                raise InputError("", f"the weights of layer {number} are all 0, and have no norm to be fitted")
        velocity = np.zeros(network.depth)
        record = [quotient(theta)]
        if not np.isfinite(record[0]):
            raise InputError(
                "", "the gradient quotient must be finite to be minimized, and the drawn parameters give", record[0]
            )
        best = theta.copy()
        for _ in range(self.steps):
            norms = np.array([np.linalg.norm(W) for W in weights])
            signs = np.array([_sign(quotient, theta, W) for W in weights])
            velocity = np.maximum(self.momentum * velocity - self.rate * signs, -norms / 2)
            for W, factor in zip(weights, 1 + velocity / norms, strict=True):
                np.multiply(W, factor, out=W)
            value = quotient(theta)
            if value < record[-1]:
                best = theta.copy()
            # A quotient that is not a number is no lower one.
            record.append(float(np.fmin(value, record[-1])))
        fell = record[-1] < record[0]
        return Adjustment(best, (self.steps,) * network.depth, (fell,) * network.depth, tuple(record))


def _sign(quotient: Callable[[Floats], float], theta: Floats, W: Floats) -> float:
    """Return the sign of the quotient's derivative by the norm of W, a view into theta; 0 where it is not finite."""
    drawn = W.copy()
    W[:] = (1 + SHARE) * drawn
    above = quotient(theta)
    W[:] = (1 - SHARE) * drawn
    below = quotient(theta)
    W[:] = drawn
    difference = above - below
    return float(np.sign(difference)) if np.isfinite(difference) else 0.0
