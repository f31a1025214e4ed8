"""Floor 1. The laws of single parameters: frozen values that know their moments and how to be drawn."""

from firstdraw.distributions.bilinear import Bilinear
from firstdraw.distributions.constant import Constant
from firstdraw.distributions.contract import DISTRIBUTIONS, Distribution
from firstdraw.distributions.convolution_aware import ConvolutionAware
from firstdraw.distributions.gates import LogitOfUniform, LogOfUniform, Packed, StepBias, part_layout
from firstdraw.distributions.identity import PartialIdentity
from firstdraw.distributions.legendre import ScaledLegendre
from firstdraw.distributions.mirrored import Mirrored
from firstdraw.distributions.normal import Normal
from firstdraw.distributions.orthogonal import DeltaOrthogonal, Orthogonal
from firstdraw.distributions.paired import PairedFactor
from firstdraw.distributions.rademacher import Rademacher
from firstdraw.distributions.recurrent import PositiveDefinite, SpectralRadius
from firstdraw.distributions.repeated import Repeated
from firstdraw.distributions.rotations import BlockRotations
from firstdraw.distributions.sparse import Sparse
from firstdraw.distributions.sphere import NormalizedRows, SphereRows
from firstdraw.distributions.stable import Stable
from firstdraw.distributions.transforms import CosineRows, HadamardRows
from firstdraw.distributions.truncated_normal import TruncatedNormal
from firstdraw.distributions.uniform import Uniform
from firstdraw.distributions.values import Values
from firstdraw.distributions.whole import WholeDistribution

__all__ = [
    "DISTRIBUTIONS",
    "Bilinear",
    "BlockRotations",
    "Constant",
    "ConvolutionAware",
    "CosineRows",
    "DeltaOrthogonal",
    "Distribution",
    "HadamardRows",
    "LogOfUniform",
    "LogitOfUniform",
    "Mirrored",
    "Normal",
    "NormalizedRows",
    "Orthogonal",
    "Packed",
    "PairedFactor",
    "PartialIdentity",
    "PositiveDefinite",
    "Rademacher",
    "Repeated",
    "ScaledLegendre",
    "Sparse",
    "SpectralRadius",
    "SphereRows",
    "Stable",
    "StepBias",
    "TruncatedNormal",
    "Uniform",
    "Values",
    "WholeDistribution",
    "part_layout",
]
