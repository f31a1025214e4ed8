"""Matplotlib's side of the house's look: the color map of a probability, and a style with little ink."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap

__all__ = ["boundary_colors", "quiet_style"]


def boundary_colors(first: str, second: str) -> LinearSegmentedColormap:
    """Return the color map of a probability: opaque where it is certain, transparent at one half.

    Transparency instead of white lets the same picture stand on light and on dark paper.
    """
    from matplotlib.colors import to_rgb

    stops = [(*to_rgb(first), 0.55), (*to_rgb(first), 0.0), (*to_rgb(second), 0.0), (*to_rgb(second), 0.55)]
    return LinearSegmentedColormap.from_list("boundary", list(zip((0.0, 0.5, 0.5, 1.0), stops, strict=True)))


def quiet_style() -> Any:  # noqa: ANN401  # matplotlib's context manager has no public type
    """Return matplotlib's context for figures with little ink: no frame above and right, faint grid."""
    return mpl.rc_context(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "axes.titlelocation": "left",
            "font.size": 10,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
        }
    )
