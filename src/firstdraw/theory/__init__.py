"""Floor 3. What wide networks do at the start: predicted from laws and activations alone, never from a measurement."""

from firstdraw.theory.correlations import CorrelationKernel
from firstdraw.theory.edge_of_chaos import EdgeOfChaos, EdgePoint, edge_of_chaos, edge_point, edge_points
from firstdraw.theory.expectations import Order, pair_expectation, pair_expectations
from firstdraw.theory.fixed_points import (
    CorrelationFixedPoint,
    VarianceFixedPoint,
    correlation_fixed_point,
    depth_scale,
    variance_fixed_points,
    variance_limit,
    variance_slope,
)
from firstdraw.theory.maps import WideLayer
from firstdraw.theory.moment_table import MomentTable
from firstdraw.theory.phase import Phase, PhasePlane, phase_plane
from firstdraw.theory.propagation import Limit, Propagation, propagate

__all__ = [
    "CorrelationFixedPoint",
    "CorrelationKernel",
    "EdgeOfChaos",
    "EdgePoint",
    "Limit",
    "MomentTable",
    "Order",
    "Phase",
    "PhasePlane",
    "Propagation",
    "VarianceFixedPoint",
    "WideLayer",
    "correlation_fixed_point",
    "depth_scale",
    "edge_of_chaos",
    "edge_point",
    "edge_points",
    "pair_expectation",
    "pair_expectations",
    "phase_plane",
    "propagate",
    "variance_fixed_points",
    "variance_limit",
    "variance_slope",
]
