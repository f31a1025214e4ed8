"""Colors and marks that can be told apart without color vision, on paper and on a dark screen.

Source of the colors: Okabe & Ito (2008), Color Universal Design, https://jfly.uni-koeln.de/color/
"""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any, Final

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap

__all__ = ["CLASS_COLORS", "CLASS_MARKERS", "LINE_STYLES", "SERIES_COLORS", "boundary_colors", "quiet_style"]

SERIES_COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINE_STYLES: Final = ("-", "--", "-.", ":")
CLASS_COLORS: Final = SERIES_COLORS
CLASS_MARKERS: Final = ("o", "^", "s", "D", "v", "P")


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
