"""Floor 3. Measurements of a network: no plotting, and no judgment."""

from firstdraw.probes.curvature import gradient, gradient_quotient, hessian_product
from firstdraw.probes.measuring import probe
from firstdraw.probes.state import BranchState, InputState, LayerState, Moments, NetworkState, OutputState
from firstdraw.probes.statistics import effective_rank
from firstdraw.probes.symmetry import Similarity, distinct_units, similarity, unit_difference

__all__ = [
    "BranchState",
    "InputState",
    "LayerState",
    "Moments",
    "NetworkState",
    "OutputState",
    "Similarity",
    "distinct_units",
    "effective_rank",
    "gradient",
    "gradient_quotient",
    "hessian_product",
    "probe",
    "similarity",
    "unit_difference",
]
