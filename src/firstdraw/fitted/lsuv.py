"""Layer-sequential unit variance: each layer's weights divided by the deviation of what they give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.draws import Draws
from firstdraw.fitted.contract import FITTED, Adjustment, Batch, Fitted, deviation
from firstdraw.networks import MultilayerPerceptron, Taps
from firstdraw.rules import check_positive, check_positive_integer

__all__ = ["LSUV"]


@FITTED.register("lsuv")
@dataclass(frozen=True, slots=True)
class LSUV(Fitted):
    """W <- W/sqrt(v) for one layer after the other, v the variance of Z over units and examples, until |v - 1| < t.

    t is `tolerance`. Only weights change, so that the variance of a layer without biases is 1 after one division. The
    paper starts from orthonormal weights; whatever was drawn keeps its directions here. For any activation, and for
    residual branches, whose layers are fitted in the order of the forward pass.

    Known confusions: the variance is that of the pre-activations Z, not of what the activation makes of them; some
    implementations compare the standard deviation with 1, and some subtract the mean from the bias as well.

    Args:
        tolerance: t, above 0.
        iterations: the largest number of divisions of a layer.

    Raises:
        InputError: if an option breaks its rule.

    >>> import numpy as np
    >>> from firstdraw.activations import ReLU
    >>> from firstdraw.draws import CounterDraws
    >>> from firstdraw.losses import SquaredError
    >>> network = MultilayerPerceptron((2, 8, 8, 1), ReLU())
    >>> theta, X = np.sin(np.arange(network.parameter_count)), np.cos(np.arange(20.0)).reshape(2, 10)
    >>> fit = LSUV().fit(network, theta, Batch(X, np.zeros((1, 10)), SquaredError()), CounterDraws(0))
    >>> all(abs(layer.deviation_after**2 - 1) < 0.1 for layer in fit.layers), fit.converged
    (True, True)
    """

    tolerance: float = 0.1
    iterations: int = 10
    formula: ClassVar[str] = "W/sqrt(Var Z), layer by layer"
    source: ClassVar[Source | None] = Source(
        "Mishkin & Matas", 2016, "All you need is a good init", "https://arxiv.org/abs/1511.06422"
    )

    def __post_init__(self) -> None:
        check_positive("tolerance", self.tolerance)
        check_positive_integer("iterations", self.iterations)

    def adjust(self, network: MultilayerPerceptron, theta: Floats, batch: Batch, draws: Draws) -> Adjustment:  # noqa: ARG002
        taps = Taps(Z=[], A=[batch.X], F={})
        iterations: list[int] = []
        converged: list[bool] = []
        for number, layer in enumerate(network.layers(theta), start=1):
            divisions = 0
            variance = deviation(layer.W @ taps.A[-1] + layer.b, number) ** 2
            while abs(variance - 1) >= self.tolerance and divisions < self.iterations:
                layer.W[:] /= math.sqrt(variance)
                divisions += 1
                variance = deviation(layer.W @ taps.A[-1] + layer.b, number) ** 2
            iterations.append(divisions)
            converged.append(abs(variance - 1) < self.tolerance)
            network.advance(layer, taps)
        return Adjustment(theta, tuple(iterations), tuple(converged))
