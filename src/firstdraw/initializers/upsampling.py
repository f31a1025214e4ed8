"""Kernels that enlarge an image without a pattern of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Bilinear, Distribution, Normal, Repeated
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_positive_integer

__all__ = ["BilinearKernel", "NearestNeighbors"]


@INITIALIZERS.register("bilinear")
@dataclass(frozen=True, slots=True)
class BilinearKernel(Initializer):
    """W[i, i] = the outer product of triangles 1 - |t - c|/f over the kernel, 0 between different channels.

    f = ceil(k/2) for a kernel of length k, c its middle: a transposed convolution with the stride f starts as bilinear
    interpolation. Takes k = 2 f, or 2 f - 1.

    >>> from firstdraw.roles import weight_role
    >>> role = weight_role((1, 1, 4, 4), operation="transposed_convolution", stride=2)
    >>> BilinearKernel().law(role).support
    (0.0625, 0.5625)
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("transposed_convolution",)
    deterministic: ClassVar[bool] = True
    breaks_symmetry: ClassVar[bool] = False
    formula: ClassVar[str] = "prod (1 - |t - c|/f) on the diagonal of channels"
    source: ClassVar[Source | None] = Source(
        "Long, Shelhamer & Darrell",
        2015,
        "Fully Convolutional Networks for Semantic Segmentation",
        "https://arxiv.org/abs/1411.4038",
    )

    def weight_law(self, role: Role) -> Distribution:
        return Bilinear(role.layout)


@INITIALIZERS.register("icnr")
@dataclass(frozen=True, slots=True)
class NearestNeighbors(Initializer):
    """W from N(0, 2/n) for every f^2th output, repeated for the others; n the fan-in, f = `factor`.

    The pixel shuffle after the convolution, which lays f by f channels side by side, then starts as an enlargement by
    nearest neighbors, free of checkerboards. Known confusion: which channels lie side by side depends on the framework:
    neighbors in PyTorch, every m/f^2th in TensorFlow; the role's order of axes decides.

    Args:
        factor: f.

    >>> from firstdraw.roles import weight_role
    >>> print(NearestNeighbors().law(weight_role((8, 2, 3, 3), operation="convolution")))
    N(0, 0.333333²), each output 4 times
    """

    factor: int = 2
    kinds: ClassVar[tuple[Kind, ...]] = ("convolution",)
    breaks_symmetry: ClassVar[bool] = False
    formula: ClassVar[str] = "N(0, 2/n), each output factor^2 times"
    source: ClassVar[Source | None] = Source(
        "Aitken et al.",
        2017,
        "Checkerboard artifact free sub-pixel convolution: A note on sub-pixel convolution, resize convolution and "
        "convolution resize",
        "https://arxiv.org/abs/1707.02937",
    )

    def __post_init__(self) -> None:
        check_positive_integer("factor", self.factor)

    def weight_law(self, role: Role) -> Distribution:
        return Repeated(role.layout, Normal(math.sqrt(2 / role.fan_in)), self.factor * self.factor)
