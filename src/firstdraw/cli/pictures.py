"""Figures of commands, as files."""

# matplotlib types its keyword arguments only in part.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firstdraw.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_figure", "write_figure"]

FORMATS: Final = (".svg", ".png", ".pdf")


def check_figure(path: Path | None) -> None:
    """Refuse a figure that could not be written, before any work is done for it.

    Raises:
        InputError: if its name ends with none of the formats.
        OutputError: if it cannot be written there.
    """
    if path is None:
        return
    if path.suffix.lower() not in FORMATS:
        raise InputError("--figure", "must be a file whose name ends with .svg, .png or .pdf", str(path))
    from firstdraw.report.files import check_writable

    check_writable(path)


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure whole, the same bytes for the same figure."""
    import matplotlib as mpl

    from firstdraw.report.files import write_whole

    kind = path.suffix.lower().removeprefix(".")
    # Without these an SVG has the time in it and random names, a PDF the time.
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "firstdraw"}):
        figure.savefig(buffer, format=kind, dpi=150, metadata=dates[kind])
    write_whole(path, buffer.getvalue())
