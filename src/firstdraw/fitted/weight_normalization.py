"""What weight normalization and ActNorm start with: every unit standardized on the first batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.arrays import Floats
from firstdraw.catalogue import Source
from firstdraw.draws import Draws
from firstdraw.fitted.contract import FITTED, Adjustment, Batch, Fitted
from firstdraw.fitted.standardizing import standardize
from firstdraw.networks import MultilayerPerceptron

__all__ = ["WeightNormalization"]


@FITTED.register("weight_normalization", aliases=("actnorm",))
@dataclass(frozen=True, slots=True)
class WeightNormalization(Fitted):
    """w <- g v/|v| with g = 1/sigma and b <- -mu/sigma for each unit, one layer after the other.

    v is the unit's row of W as drawn, mu and sigma the mean and the standard deviation of t = v A/|v| over the batch.
    Every unit's pre-activation then has mean 0 and variance 1 on this batch, so that no rectifier is dead. What is
    returned are the weights w; training goes on with them, not with g and v apart. ActNorm does the same to the
    channels of flow models. For any activation.
    """

    formula: ClassVar[str] = "w/sigma, b = -mu/sigma for each unit, layer by layer"
    source: ClassVar[Source | None] = Source(
        "Salimans & Kingma",
        2016,
        "Weight Normalization: A Simple Reparameterization to Accelerate Training of Deep Neural Networks",
        "https://arxiv.org/abs/1602.07868",
    )

    def adjust(self, network: MultilayerPerceptron, theta: Floats, batch: Batch, draws: Draws) -> Adjustment:  # noqa: ARG002
        standardize(network, theta, batch.X, 0.0)
        return Adjustment(theta, (1,) * network.depth, (True,) * network.depth)
