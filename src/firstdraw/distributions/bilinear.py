"""The kernel of bilinear interpolation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import FixedDistribution, check_with_inputs
from firstdraw.errors import InputError
from firstdraw.roles import Layout

__all__ = ["Bilinear"]


@DISTRIBUTIONS.register("bilinear")
@dataclass(frozen=True, slots=True)
class Bilinear(FixedDistribution):
    """W[i, i, t] = prod_a (1 - |t_a - c_a|/f_a), 0 between different channels, with t over the kernel.

    On an axis of length k: f = ceil(k/2), c = f - 1 for odd and f - 1/2 for even k. A transposed convolution with the
    stride f then interpolates linearly between neighbors; k = 2 f, or 2 f - 1.

    Args:
        layout: that of a kernel.

    >>> Bilinear(Layout(shape=(1, 1, 4), outputs=0, inputs=1, kernel=(2,))).values()
    array([[[[0.25, 0.75, 0.75, 0.25]]]])
    """

    layout: Layout

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "interpolation")
        if not self.layout.kernel:
            raise InputError(
                "layout",
                "must have a kernel for interpolation",
                self.layout.shape,
                hint="'partial_identity' serves a weight without one",
            )

    def values(self) -> Floats:
        W = np.zeros(self.layout.block_shape)
        diagonal = np.arange(min(self.layout.rows, self.layout.columns))
        # The dots leave the leading axes; the taps are the trailing ones.
        W[(..., diagonal, diagonal, *(slice(None),) * len(self.layout.kernel))] = reduce(
            np.multiply.outer, [_triangle(length) for length in self.layout.window]
        )
        return W

    def __str__(self) -> str:
        return "bilinear interpolation"


def _triangle(length: int) -> Floats:
    factor = math.ceil(length / 2)
    center = factor - 1 if length % 2 else factor - 0.5
    return 1 - np.abs(np.arange(length) - center) / factor
