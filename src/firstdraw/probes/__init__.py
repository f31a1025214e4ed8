"""Floor 3. Measurements of a network: no plotting, and no judgment."""

from firstdraw.probes.curvature import gradient, gradient_quotient, hessian_product
from firstdraw.probes.state import BranchState, LayerState, NetworkState, OutputState, probe
from firstdraw.probes.symmetry import distinct_units, unit_difference

__all__ = [
    "BranchState",
    "LayerState",
    "NetworkState",
    "OutputState",
    "distinct_units",
    "gradient",
    "gradient_quotient",
    "hessian_product",
    "probe",
    "unit_difference",
]
