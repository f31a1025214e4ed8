"""AutoInit: the mean and the variance of the signal followed analytically, and every layer's weights scaled by them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.fitted.contract import FITTED, Adjustment, Batch, Fitted
from firstdraw.moments import gaussian_moments
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.statistics import rms
from firstdraw.rules import check_positive

__all__ = ["AutoInit", "Moments", "activated"]


class Moments(NamedTuple):
    """The mean and the variance of a signal's elements."""

    mean: float
    variance: float


@FITTED.register("autoinit")
@dataclass(frozen=True, slots=True)
class AutoInit(Fitted):
    """W scaled to the mean square s/(n (mu^2 + nu)), n the fan-in, mu and nu the mean and variance of what enters.

    Then Z has mean 0 and variance s = `variance` in expectation over the weights. Of the batch only mean and variance
    are read; from there on both are computed: phi takes Z ~ N(0, s) to mean E phi(Z) and variance Var phi(Z), and a
    branch adds its own to those of what entered it, alpha E F and alpha^2 Var F, as if they were independent. For any
    activation; wide layers come near to what is computed.

    The weights keep the directions and the law that they were drawn with. Biases are left out of account.

    Args:
        variance: s, above 0.

    Raises:
        InputError: if `variance` breaks its rule.
    """

    variance: float = 1.0
    formula: ClassVar[str] = "mean square of W = variance/(n (mu^2 + nu))"
    source: ClassVar[Source | None] = Source(
        "Bingham & Miikkulainen",
        2023,
        "AutoInit: Analytic Signal-Preserving Weight Initialization for Neural Networks",
        "https://arxiv.org/abs/2109.08958",
    )
    smallest_batch: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_positive("variance", self.variance)

    def adjust(self, network: MultilayerPerceptron, theta: Floats, batch: Batch, draws: Draws) -> Adjustment:  # noqa: ARG002
        signals = [Moments(float(batch.X.mean()), float(batch.X.var()))]
        for number, layer in enumerate(network.layers(theta), start=1):
            mu, nu = signals[-1]
            drawn = rms(layer.W)
            if drawn == 0:
                raise InputError("", f"the weights of layer {number} are all 0, and have no direction to be scaled in")
            if mu * mu + nu == 0:
                raise InputError(
                    "", f"the input of layer {number} is 0 for every example, and no weights give it a scale"
                )
            layer.W[:] *= math.sqrt(self.variance / (network.widths[number - 1] * (mu * mu + nu))) / drawn
            activation = network.activations[number - 1]
            out = Moments(0.0, self.variance) if activation is None else activated(activation, self.variance)
            if layer.alpha is not None:
                alpha, skip = float(layer.alpha.item()), signals[network.skips[number]]
                out = Moments(skip.mean + alpha * out.mean, skip.variance + alpha * alpha * out.variance)
            signals.append(out)
        return Adjustment(theta, (1,) * network.depth, (True,) * network.depth)


def activated(activation: Activation, variance: float) -> Moments:
    """Return the mean and the variance of phi(Z) for Z ~ N(0, `variance`).

    >>> from firstdraw.activations import ReLU
    >>> moments = activated(ReLU(), 1.0)
    >>> round(moments.mean, 12), round(moments.variance, 12)
    (0.398942280401, 0.340845056908)
    """
    moments = gaussian_moments(activation, variance=variance)
    return Moments(moments.mean, moments.variance)
