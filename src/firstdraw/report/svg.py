"""Matplotlib figures as SVG that takes its ink from the page, so that one picture serves light, dark and print."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from firstdraw.figures import quiet_style
from firstdraw.figures.palette import SERIES_COLORS

__all__ = ["as_svg", "page_ink"]

# Colors that nothing else uses, replaced by the page's own after drawing.
INK: Final = "#010203"
GRID: Final = "#040506"
FONT: Final = "DejaVu Sans"


@contextmanager
def page_ink() -> Generator[None]:
    """Draw with the page's ink and fonts, without a background; labels are text, never formulas."""
    with (
        quiet_style(),
        mpl.rc_context(
            {
                "axes.edgecolor": INK,
                "axes.facecolor": "none",
                "axes.grid": True,
                "axes.labelcolor": INK,
                "axes.titlecolor": INK,
                "figure.facecolor": "none",
                "font.family": [FONT],
                "grid.color": GRID,
                "grid.linewidth": 0.6,
                "svg.fonttype": "none",
                "text.color": INK,
                "text.parse_math": False,
                "xtick.color": INK,
                "ytick.color": INK,
            }
        ),
    ):
        yield


def _shortened(tag: re.Match[str]) -> str:
    """Write the numbers of a tag with two decimals, a fiftieth of a pixel, and without line breaks."""
    rounded = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), tag[0])
    return re.sub(r"\s+", " ", rounded)


def as_svg(figure: Figure, name: str) -> Markup:
    """Return a figure as an SVG element to stand in a page.

    Args:
        figure: drawn under `page_ink`.
        name: unique in the page; keeps the identifiers of one figure apart from another's.
    """
    buffer = io.StringIO()
    with (
        mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}),
        warnings.catch_warnings(),
        np.errstate(over="ignore"),
    ):
        # Matplotlib looks for the ticks beyond both ends of an axis, which overflows where a cost nearly does. Text is
        # only measured with this font; the reader's browser has the glyphs of other scripts.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="(?!m[0-9a-f]{10}|p[0-9a-f]{10})[^"]*"', "", text)
    text = re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1
    )
    text = re.sub(r"<[^>]*>", _shortened, text)
    text = text.replace(INK, "currentColor").replace(GRID, "var(--grid)").replace(f"'{FONT}'", "inherit")
    for number, color in enumerate(SERIES_COLORS):
        text = text.replace(color.lower(), f"var(--series-{number})")
    return Markup(text)  # noqa: S704  # matplotlib escapes the text it writes
