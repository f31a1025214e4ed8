"""Floor 3. Measurements of a network: no plotting, and no judgment."""

from firstdraw.probes.curvature import gradient, gradient_quotient, hessian_product
from firstdraw.probes.jacobians import (
    estimated_jacobian_mean_square,
    jacobian,
    jacobian_mean_square,
    jacobian_singular_values,
    largest_jacobian_singular_value,
)
from firstdraw.probes.lanczos import LargestEigenvalue
from firstdraw.probes.largest_curvature import Sharpness, sharpness
from firstdraw.probes.lines import Line, line
from firstdraw.probes.measuring import probe
from firstdraw.probes.state import BranchState, InputState, LayerState, Moments, NetworkState, OutputState
from firstdraw.probes.statistics import effective_rank
from firstdraw.probes.symmetry import Similarity, distinct_units, similarity, unit_difference
from firstdraw.probes.tangents import Spectrum, TangentState, layer_kernels, tangent

__all__ = [
    "BranchState",
    "InputState",
    "LargestEigenvalue",
    "LayerState",
    "Line",
    "Moments",
    "NetworkState",
    "OutputState",
    "Sharpness",
    "Similarity",
    "Spectrum",
    "TangentState",
    "distinct_units",
    "effective_rank",
    "estimated_jacobian_mean_square",
    "gradient",
    "gradient_quotient",
    "hessian_product",
    "jacobian",
    "jacobian_mean_square",
    "jacobian_singular_values",
    "largest_jacobian_singular_value",
    "layer_kernels",
    "line",
    "probe",
    "sharpness",
    "similarity",
    "tangent",
    "unit_difference",
]
