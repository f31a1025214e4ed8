"""Floor 3. Measurements of a network: no plotting, and no judgment."""

from firstdraw.probes.state import BranchState, LayerState, NetworkState, OutputState, probe
from firstdraw.probes.symmetry import distinct_units, unit_difference

__all__ = ["BranchState", "LayerState", "NetworkState", "OutputState", "distinct_units", "probe", "unit_difference"]
