"""Floor 6. Displays: each takes `ax=` and returns the axes it drew on."""

from firstdraw.figures.bands import plot_bands
from firstdraw.figures.boundary import plot_boundary
from firstdraw.figures.curves import plot_accuracy, plot_cost
from firstdraw.figures.heat_map import plot_heat_map
from firstdraw.figures.layers import plot_layers
from firstdraw.figures.palette import quiet_style
from firstdraw.figures.points import plot_points
from firstdraw.figures.survival import plot_survival
from firstdraw.figures.theory import plot_layer_comparison, plot_phase_plane, plot_propagation
from firstdraw.marks import is_planar

__all__ = [
    "is_planar",
    "plot_accuracy",
    "plot_bands",
    "plot_boundary",
    "plot_cost",
    "plot_heat_map",
    "plot_layer_comparison",
    "plot_layers",
    "plot_phase_plane",
    "plot_points",
    "plot_propagation",
    "plot_survival",
    "quiet_style",
]
