"""Orthogonal weights: every singular value is the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import DeltaOrthogonal, Distribution, Orthogonal
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind, Preserves
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["DeltaOrthogonalWeights", "OrthogonalWeights", "ScaledOrthogonal"]


@INITIALIZERS.register("orthogonal", aliases=("svd_orthonormal",))
@dataclass(frozen=True, slots=True)
class OrthogonalWeights(Initializer):
    """W = g Q, Q uniformly distributed (Haar) among the matrices with orthonormal columns, or rows if wide; g = `gain`.

    A linear network keeps the norm of signals and gradients at any depth. Holds for linear layers, tanh with g near 1,
    and recurrent weights. The singular vectors of a Gaussian matrix, which Lasagne and LSUV take, have the same law.
    Known confusion: PyTorch flattens all axes but the first, Keras and JAX all but the last, which is the same matrix
    for a kernel in their own order of axes and another one for the same array. A wide layer (n > m) shrinks the second
    moment by m/n at its input's side; `scaled_orthogonal` mends the tall one.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> OrthogonalWeights().law(weight_role((4, 16))).variance
    0.0625
    """

    gain: float = 1.0
    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "gain Q, Q orthogonal"
    source: ClassVar[Source | None] = Source(
        "Saxe, McClelland & Ganguli",
        2014,
        "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
        "https://arxiv.org/abs/1312.6120",
    )

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        return Orthogonal(role.layout, self.gain)


@INITIALIZERS.register("scaled_orthogonal", aliases=("suo",))
@dataclass(frozen=True, slots=True)
class ScaledOrthogonal(Initializer):
    """W = max(sqrt(m/n), 1) Q at the center of the kernel, 0 elsewhere; Q orthogonal, n inputs, m outputs of a block.

    The factor keeps the mean square of a layer's input where the outputs are more, as 1/n of a Gaussian weight would:
    the "scaled uniform orthogonal" weights of networks with shaped kernels. Where n > m the rows of Q are orthonormal
    and nothing is to be mended. Holds without skip connections and normalization, for shaped activations.

    >>> from firstdraw.roles import weight_role
    >>> print(ScaledOrthogonal().law(weight_role((16, 4))))
    2 x orthogonal
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution")
    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "max(sqrt(m/n), 1) Q, Q orthogonal"
    source: ClassVar[Source | None] = Source(
        "Martens et al.",
        2021,
        "Rapid training of deep neural networks without skip connections or normalization layers using Deep Kernel "
        "Shaping",
        "https://arxiv.org/abs/2110.01765",
    )

    def weight_law(self, role: Role) -> Distribution:
        m, n = role.layout.rows, role.layout.columns
        gain = max(math.sqrt(m / n), 1.0)
        return DeltaOrthogonal(role.layout, gain) if role.layout.kernel else Orthogonal(role.layout, gain)


@INITIALIZERS.register("delta_orthogonal")
@dataclass(frozen=True, slots=True)
class DeltaOrthogonalWeights(Initializer):
    """W = g Q at the center of the kernel, 0 elsewhere, Q with orthonormal columns (Haar), g = `gain`.

    A convolution that keeps the norm of every input (with circular padding): with the gain at the edge of chaos,
    networks of 10,000 layers without skip connections were trained. Needs at least as many outputs as inputs.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(DeltaOrthogonalWeights().law(weight_role((8, 4, 3, 3), operation="convolution")))
    1 x orthogonal at the center of the kernel, 0 elsewhere
    """

    gain: float = 1.0
    kinds: ClassVar[tuple[Kind, ...]] = ("convolution",)
    activations: ClassVar[tuple[str, ...] | None] = ("identity", "tanh")
    formula: ClassVar[str] = "gain Q at the center of the kernel, 0 elsewhere, Q orthogonal"
    source: ClassVar[Source | None] = Source(
        "Xiao et al.",
        2018,
        "Dynamical Isometry and a Mean Field Theory of CNNs: How to Train 10,000-Layer "
        "Vanilla Convolutional Neural Networks",
        "https://arxiv.org/abs/1806.05393",
    )

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        return DeltaOrthogonal(role.layout, self.gain)
