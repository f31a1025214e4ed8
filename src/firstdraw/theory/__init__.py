"""Floor 3. What wide networks do at the start: predicted from laws and activations alone, never from a measurement."""

from firstdraw.theory.bands import Band, correlation_band, gradient_factor_band, second_moment_band
from firstdraw.theory.born_dead import (
    BornDeadBounds,
    BornDeadEstimate,
    born_dead_bounds,
    dead_probability,
    estimate_born_dead,
)
from firstdraw.theory.correlations import CorrelationKernel
from firstdraw.theory.edge import EdgeOfChaos, EdgePoint, edge_of_chaos, edge_point, edge_points
from firstdraw.theory.expectations import Order, pair_expectation, pair_expectations
from firstdraw.theory.finite_width import (
    LogSize,
    jacobian_entry_kurtosis,
    leading_log_size,
    log_size,
    relative_second_moment,
)
from firstdraw.theory.fixed_points import (
    CorrelationFixedPoint,
    VarianceFixedPoint,
    correlation_fixed_point,
    depth_scale,
    variance_fixed_points,
    variance_limit,
    variance_slope,
)
from firstdraw.theory.gaussian_processes import Kernels, kernels, posterior_mean
from firstdraw.theory.jacobian import (
    JacobianSpectrum,
    SingularValueMoments,
    WeightKind,
    jacobian_moment,
    jacobian_spectrum,
    singular_value_moments,
)
from firstdraw.theory.maps import WideLayer
from firstdraw.theory.moment_table import MomentTable
from firstdraw.theory.phase import Phase, PhasePlane, phase_plane
from firstdraw.theory.propagation import Limit, Propagation, propagate

__all__ = [
    "Band",
    "BornDeadBounds",
    "BornDeadEstimate",
    "CorrelationFixedPoint",
    "CorrelationKernel",
    "EdgeOfChaos",
    "EdgePoint",
    "JacobianSpectrum",
    "Kernels",
    "Limit",
    "LogSize",
    "MomentTable",
    "Order",
    "Phase",
    "PhasePlane",
    "Propagation",
    "SingularValueMoments",
    "VarianceFixedPoint",
    "WeightKind",
    "WideLayer",
    "born_dead_bounds",
    "correlation_band",
    "correlation_fixed_point",
    "dead_probability",
    "depth_scale",
    "edge_of_chaos",
    "edge_point",
    "edge_points",
    "estimate_born_dead",
    "gradient_factor_band",
    "jacobian_entry_kurtosis",
    "jacobian_moment",
    "jacobian_spectrum",
    "kernels",
    "leading_log_size",
    "log_size",
    "pair_expectation",
    "pair_expectations",
    "phase_plane",
    "posterior_mean",
    "propagate",
    "relative_second_moment",
    "second_moment_band",
    "singular_value_moments",
    "variance_fixed_points",
    "variance_limit",
    "variance_slope",
]
