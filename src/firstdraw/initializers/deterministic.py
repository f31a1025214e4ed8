"""Weights that nothing is drawn for: the identity, Hadamard's matrix and cosines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, CosineRows, Distribution, HadamardRows, PartialIdentity
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_finite, check_positive

__all__ = ["CosineWeights", "HadamardWeights", "IdentityWeights", "PartialIdentityWeights", "ZeroHadamard"]


@INITIALIZERS.register("identity")
@dataclass(frozen=True, slots=True)
class IdentityWeights(Initializer):
    """W = g I, at the center of a kernel, in each group of channels; g = `gain`.

    A layer that hands on what it gets, for residual networks, recurrences and convolutions that should start neutral.
    It holds where a group has as many outputs as inputs; 'partial_identity' is for others.

    Args:
        gain: g, any finite number.

    Raises:
        InputError: if a weight has another number of outputs than of inputs.

    >>> from firstdraw.roles import weight_role
    >>> print(IdentityWeights(0.5).law(weight_role((4, 4))))
    0.5 x identity
    """

    gain: float = 1.0
    deterministic: ClassVar[bool] = True
    breaks_symmetry: ClassVar[bool] = False
    kinds: ClassVar[tuple[Kind, ...]] = ("recurrent",)
    activations: ClassVar[tuple[str, ...] | None] = ("identity", "relu")
    formula: ClassVar[str] = "gain I at the center of the kernel, 0 elsewhere; as many outputs as inputs"
    source: ClassVar[Source | None] = Source(
        "Le, Jaitly and Hinton",
        2015,
        "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
        "https://arxiv.org/abs/1504.00941",
    )

    def __post_init__(self) -> None:
        check_finite("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        if role.layout.rows != role.layout.columns:
            raise InputError(
                role.name,
                f"must have as many outputs as inputs for an identity, {role.layout.columns}",
                role.layout.rows,
                hint="'partial_identity' serves other shapes, and hands on the first inputs alone",
            )
        return PartialIdentity(role.layout, self.gain)


@INITIALIZERS.register("partial_identity", aliases=("eye", "dirac"))
@dataclass(frozen=True, slots=True)
class PartialIdentityWeights(Initializer):
    """W = g I as far as the shape allows, at the center of a kernel, in each group of channels; g = `gain`.

    Of m outputs and n inputs the first min(m, n) are joined; other inputs are lost, and other outputs are 0. Where m =
    n it is the identity. Known confusion: Keras's `Identity` takes matrices alone; PyTorch calls it `eye_` for matrices
    and `dirac_` for kernels, where the groups are an argument that is easily forgotten.

    Args:
        gain: g, any finite number.

    >>> from firstdraw.draws import CounterDraws
    >>> from firstdraw.roles import weight_role
    >>> PartialIdentityWeights().law(weight_role((2, 3))).sample(CounterDraws(0), "w", (2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """

    gain: float = 1.0
    deterministic: ClassVar[bool] = True
    breaks_symmetry: ClassVar[bool] = False
    activations: ClassVar[tuple[str, ...] | None] = ("identity", "relu")
    formula: ClassVar[str] = "gain at i = j < min(m, n) at the center of the kernel, 0 elsewhere"
    source: ClassVar[Source | None] = Source(
        "PyTorch contributors", 2017, "torch.nn.init.dirac_", "https://docs.pytorch.org/docs/stable/nn.init.html"
    )

    def __post_init__(self) -> None:
        check_finite("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        return PartialIdentity(role.layout, self.gain)


@INITIALIZERS.register("hadamard")
@dataclass(frozen=True, slots=True)
class HadamardWeights(Initializer):
    """W = g times the first rows and columns of the orthonormal Hadamard matrix that holds it, g = `gain`.

    All weights have one size and, where the lengths are powers of 2, W is orthogonal: an orthogonal start without a
    draw, for ablations. Units are equal where their numbers differ in bits above those of the inputs.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> HadamardWeights().law(weight_role((4, 4))).support
    (-0.5, 0.5)
    """

    gain: float = 1.0
    deterministic: ClassVar[bool] = True
    breaks_symmetry: ClassVar[bool] = False
    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    formula: ClassVar[str] = "gain H, H rows of the orthonormal Hadamard matrix"

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        return HadamardRows(role.layout, self.gain)


@INITIALIZERS.register("cosines", aliases=("dct",))
@dataclass(frozen=True, slots=True)
class CosineWeights(Initializer):
    """W = g times the first rows and columns of the orthonormal cosine transform (DCT-II), g = `gain`.

    Orthogonal for every shape without a draw, for ablations.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(CosineWeights().law(weight_role((4, 4))))
    1 x rows of the discrete cosine transform
    """

    gain: float = 1.0
    deterministic: ClassVar[bool] = True
    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    formula: ClassVar[str] = "gain C, C rows of the orthonormal cosine transform"

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        return CosineRows(role.layout, self.gain)


@INITIALIZERS.register("zero_hadamard", aliases=("zero_init",))
@dataclass(frozen=True, slots=True)
class ZeroHadamard(Initializer):
    """W = I for m <= n, and the first rows and columns of the orthonormal Hadamard matrix of the size 2^q for m > n.

    2^q is the least power of 2 that holds the m outputs; the last layer of a residual branch and that of the network
    are 0. The start of "ZerO": only zeros and ones, up to a factor. Holds for residual networks. Known
    confusion: the paper's algorithm scales the Hadamard matrix by 2^(-(q - 1)/2), which is sqrt(2) times this
    orthonormal one; published implementations take the orthonormal one.

    >>> from firstdraw.roles import weight_role
    >>> print(ZeroHadamard().law(weight_role((3, 2), layer=1, depth=2)))
    1 x rows of the Hadamard matrix
    """

    deterministic: ClassVar[bool] = True
    breaks_symmetry: ClassVar[bool] = False
    residual: ClassVar[bool] = True
    needs_architecture: ClassVar[bool] = True
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "convolution")
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "I if m <= n, else rows of the Hadamard matrix; last of a branch and head 0"
    source: ClassVar[Source | None] = Source(
        "Zhao, Schäfer & Anandkumar",
        2022,
        "ZerO Initialization: Initializing Neural Networks with only Zeros and Ones",
        "https://arxiv.org/abs/2110.12661",
    )

    def weight_law(self, role: Role) -> Distribution:
        last_of_network = role.depth > 1 and role.layer == role.depth
        if last_of_network or (role.branch is not None and role.branch.is_last):
            return Constant(0.0)
        if role.layout.rows <= role.layout.columns:
            return PartialIdentity(role.layout)
        return HadamardRows(role.layout, center=True)
