"""The sharpness of the cost: the largest eigenvalue of its Hessian.

For a step of gradient descent at a quadratic cost with Hessian H, theta - eta g multiplies what is left along an
eigenvector of H by 1 - eta lambda: beyond eta = 2/lambda_max the steps grow.
"""

from __future__ import annotations

from dataclasses import dataclass

from firstdraw.arrays import Floats
from firstdraw.draws import Draws
from firstdraw.losses import Loss
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.curvature import hessian_product
from firstdraw.probes.lanczos import largest_eigenvalue

__all__ = ["Sharpness", "sharpness"]


@dataclass(frozen=True, slots=True)
class Sharpness:
    """How sharply the cost bends.

    Args:
        largest_eigenvalue: lambda_max of the Hessian by theta, the sign counted; nan where a product was not finite.
        error: there is an eigenvalue within this distance of it.
        products: how many Hessian products it took.
        converged: whether the error is within the tolerance asked for.
    """

    largest_eigenvalue: float
    error: float
    products: int
    converged: bool

    @property
    def largest_stable_rate(self) -> float:
        """2/lambda_max, the learning rate beyond which gradient descent leaves a quadratic; inf where nothing bends."""
        if self.largest_eigenvalue <= 0:
            return float("inf")
        return 2 / self.largest_eigenvalue


def sharpness(
    network: MultilayerPerceptron,
    theta: Floats,
    loss: Loss,
    X: Floats,
    Y: Floats,
    draws: Draws,
    *,
    tolerance: float = 1e-3,
    most_products: int = 100,
) -> Sharpness:
    """Return the largest eigenvalue of the Hessian of the cost by theta, by Lanczos on Hessian products.

    At kinks of the activation the Hessian leaves out the jumps of phi' (see `probes.hessian_product`). Each product
    costs two forward and two backward passes.

    Args:
        network: its shape.
        theta: its parameters `[P]`.
        loss: the cost.
        X: inputs `[d, m]`.
        Y: encoded targets `[k, m]`.
        draws: where the first vector comes from.
        tolerance: how large the error may be relative to the eigenvalue, at least 0 and below 1.
        most_products: how many products may be made.

    Raises:
        InputError: if the tolerance or the number of products breaks its rule.

    >>> import numpy as np
    >>> from firstdraw.activations import Identity
    >>> from firstdraw.draws import CounterDraws
    >>> from firstdraw.losses import SquaredError
    >>> network = MultilayerPerceptron((1, 1), Identity())
    >>> X, Y = np.array([[1.0, 3.0]]), np.zeros((1, 2))
    >>> found = sharpness(network, np.zeros(2), SquaredError(), X, Y, CounterDraws(0))
    >>> round(found.largest_eigenvalue, 9), round(found.largest_stable_rate, 9)
    (11.656854249, 0.171572875)
    """
    start = draws.normal("sharpness", theta.shape).astype(theta.dtype)
    found = largest_eigenvalue(
        lambda v: hessian_product(network, theta, loss, X, Y, v),
        start,
        tolerance=tolerance,
        most_products=most_products,
    )
    return Sharpness(found.value, found.error, found.products, found.converged)
