"""Grids that answer questions people have, each in about a minute on two cores: `firstdraw run --preset depth`.

Each is a file beside this one, and its title the question.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from firstdraw.errors import UnknownNameError, either

__all__ = ["preset_file", "presets"]

FOLDER = Path(__file__).parent


def presets() -> tuple[str, ...]:
    """Return the names of all presets.

    >>> presets()
    ('activation', 'depth', 'lr', 'seeds')
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def preset_file(name: str) -> Path:
    """Return the file of a preset, a grid as `read_grid_file` reads it.

    Raises:
        UnknownNameError: if there is none of that name.

    >>> preset_file("depth").name
    'depth.toml'
    """
    if name not in (known := presets()):
        close = difflib.get_close_matches(name, known)
        hint = f"did you mean {either(close)}?" if close else f"known: {', '.join(known)}"
        raise UnknownNameError("preset", "must name a known preset", name, hint=hint)
    return FOLDER / f"{name}.toml"
