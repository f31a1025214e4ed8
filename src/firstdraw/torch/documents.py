"""Pieces of what results are written as: columns of text, rows of HTML tables, JSON without numbers that it has not."""

from __future__ import annotations

import html
import math
from collections.abc import Container, Iterable, Sequence
from typing import Any

__all__ = ["aligned", "finite", "html_row"]


def aligned(rows: Sequence[tuple[str, ...]], left: Container[int] | None = None) -> Iterable[str]:
    """Yield rows of text in columns, without those that are empty; names on the left, numbers on the right.

    Args:
        rows: of one length, the headings first.
        left: the columns of names; None for all.
    """
    filled = [i for i in range(len(rows[0])) if any(row[i] for row in rows[1:])]
    widths = {i: max(len(row[i]) for row in rows) for i in filled}
    for row in rows:
        cells = [f"{row[i]:{'<' if left is None or i in left else '>'}{widths[i]}}" for i in filled]
        yield "  ".join(cells).rstrip()


def finite(value: Any) -> Any:  # noqa: ANN401  # whatever JSON can hold
    """Return a value with None for each number in it that is not finite.

    >>> finite({"rms": [1.0, float("nan")]})
    {'rms': [1.0, None]}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, tuple | list):
        return [finite(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def html_row(tag: str, cells: Iterable[str]) -> str:
    """Return a row of a table.

    Args:
        tag: of its cells, "td" or "th".
        cells: their text.
    """
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
