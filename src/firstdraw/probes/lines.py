"""The cost along the first step's direction: how far an optimizer could go straight on.

With u the change that the first step makes of theta, the cost at theta + s u is measured for s = 1/16, 1/4, 1, 4, ...
up to the given distance, one forward pass each. At s = 1 it is the cost after the first step. How far the cost's bend
reaches into it, with the gradient g and the Hessian H, is the overshoot

    u^T H u / (2 |g^T u|),

what the bend takes back of that which the slope gains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.losses import Loss
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.curvature import gradient, hessian_product

if TYPE_CHECKING:
    # At run time it is the engine that imports the probes.
    from firstdraw.engine.optimizers import Optimizer

__all__ = ["Line", "line"]


@dataclass(frozen=True, slots=True)
class Line:
    """Costs along the first step's direction.

    Args:
        distances: s, in steps, from 1/16 on, four times as far each; the last is the distance that was asked for.
        costs: the cost at theta + s u, at each of them; not finite where the network overflows.
        overshoot: u^T H u / (2 |g^T u|), how much of what the first step gains by the slope the bend takes back: above
            1/2 it goes beyond the lowest point of the parabola, above 1 it ends higher than it began; negative where
            the cost bends down, nan where the gradient is 0.
    """

    distances: tuple[float, ...]
    costs: tuple[float, ...]
    overshoot: float

    @property
    def first(self) -> float:
        """The cost after one step."""
        return self.costs[self.distances.index(1.0)]

    @property
    def lowest(self) -> float:
        """The lowest of the costs that are numbers; infinite where none is."""
        return float(np.nanmin([*self.costs, np.inf]))


def line(
    network: MultilayerPerceptron,
    theta: Floats,
    loss: Loss,
    X: Floats,
    Y: Floats,
    *,
    optimizer: Optimizer,
    distance: float,
) -> Line:
    """Measure the cost along the first step's direction.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        loss: the cost.
        X: inputs `[d, m]`.
        Y: encoded targets `[k, m]`.
        optimizer: who makes the step.
        distance: how far to look, in steps, at least 1.

    Raises:
        InputError: if the distance is shorter than the first step.

    >>> from firstdraw.activations import Identity
    >>> from firstdraw.engine import SGD
    >>> from firstdraw.losses import SquaredError
    >>> network = MultilayerPerceptron((1, 1), Identity())
    >>> X, Y = np.array([[1.0, -1.0]]), np.array([[1.0, -1.0]])
    >>> found = line(network, np.zeros(2), SquaredError(), X, Y, optimizer=SGD(0.125), distance=16)
    >>> found.first, found.lowest, found.overshoot
    (0.5625, 0.0, 0.125)
    """
    if not distance >= 1:
        raise InputError("distance", "must be at least 1, the first step", distance)
    with np.errstate(all="ignore"):
        g = gradient(network, theta, loss, X, Y)
        after = theta.copy()
        optimizer.update(after, g, optimizer.start(after), 1)
        u = after - theta
        distances = (*_powers_of_four(distance), float(distance))
        costs = tuple(loss.value(network.output(theta + s * u, X), Y) for s in distances)
        bend = u @ hessian_product(network, theta, loss, X, Y, u)
        overshoot = float(np.divide(bend, 2 * abs(g @ u)))
    return Line(distances, costs, overshoot)


def _powers_of_four(distance: float) -> list[float]:
    found = [1 / 16]
    while found[-1] < distance / 4:
        found.append(4 * found[-1])
    return found
