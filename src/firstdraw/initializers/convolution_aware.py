"""Convolution-aware initialization: kernels that start orthogonal in their spectra."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import ConvolutionAware, Distribution
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative

__all__ = ["ConvolutionAwareWeights"]


@INITIALIZERS.register("convolution_aware", aliases=("convaware",))
@dataclass(frozen=True, slots=True)
class ConvolutionAwareWeights(Initializer):
    """W = s (irfft Q + e Z), Q orthogonal for each output, Z ~ N(0, 1), e = `noise`; s makes the mean square 2/n.

    n is the fan-in. The rows of Q are the half spectra of the kernels of one output, as real numbers: a convolution
    multiplies spectra, and the inputs of a unit start with different ones. A unit with more inputs than a half spectrum
    has numbers gets several Q. Made for rectifiers, and kernels of one and two axes; the author's code takes three too.

    The noise is measured against half spectra of length 1, and is small for small kernels only: the default makes 13 %
    of the variance of 3 by 3 taps, 50 % of 5 by 5 and 79 % of 7 by 7. A kernel of one tap has nothing to be orthogonal
    in, and its weights are Gaussian before they are scaled.

    The paper was not read; the formula is that of its author's code in keras-contrib, where s makes 2/n the variance
    about the mean of a layer's own N weights: another factor, by 1 + O(1/N). Known confusion: there a dense weight gets
    an orthogonal matrix of gain 1, which here is the entry `orthogonal`.

    Args:
        noise: e, at least 0.

    >>> from firstdraw.roles import weight_role
    >>> print(ConvolutionAwareWeights().law(weight_role((8, 4, 3, 3), operation="convolution")))
    kernels with orthogonal half spectra and noise of N(0, 0.05²), scaled to the mean square 0.235702²
    """

    noise: float = 0.05
    kinds: ClassVar[tuple[Kind, ...]] = ("convolution",)
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "s (irfft Q + noise Z), Q orthogonal for each output, Z ~ N(0, 1), the mean square 2/n"
    source: ClassVar[Source | None] = Source(
        "Aghajanyan", 2017, "Convolution Aware Initialization", "https://arxiv.org/abs/1702.06295"
    )

    def __post_init__(self) -> None:
        check_non_negative("noise", self.noise)

    def weight_law(self, role: Role) -> Distribution:
        return ConvolutionAware(role.layout, math.sqrt(2 / role.fan_in), self.noise)
