"""Floor 6. How figures tell things apart, whatever draws them: colors, line styles, marks and names.

The colors can be told apart without color vision, on paper and on a dark screen; none of them stands alone for
anything.

Source of the colors: Okabe & Ito (2008), Color Universal Design, https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from typing import Final

from firstdraw.datasets import Dataset

__all__ = ["CLASS_COLORS", "CLASS_MARKERS", "LINE_STYLES", "SERIES_COLORS", "displayed", "is_planar"]

SERIES_COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINE_STYLES: Final = ("-", "--", "-.", ":")
CLASS_COLORS: Final = SERIES_COLORS
CLASS_MARKERS: Final = ("o", "^", "s", "D", "v", "P")
LONGEST_NAME: Final = 40
"""Longer names leave no room for what they name."""


def displayed(name: str) -> str:
    r"""Return a name as a legend or an axis can show it: printable, on one line, of at most 40 characters.

    >>> displayed("two\nlines")
    'two lines'
    """
    line = "".join(character for character in " ".join(name.split()) if character.isprintable())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"


def is_planar(dataset: Dataset) -> bool:
    """Whether the data are classes of points in the plane, few enough to be told apart."""
    return dataset.task == "classification" and len(dataset.features) == 2 and len(dataset.classes) <= len(CLASS_COLORS)
