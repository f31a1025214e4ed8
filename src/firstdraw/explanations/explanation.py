"""An explanation as people and programs hold it: a value that prints itself."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from firstdraw.explanations.value import Facts

__all__ = ["Explanation"]

SCHEMA: Final = "firstdraw.explanation/1"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Explanation(Facts):
    """What `firstdraw.explain` returns; printed, it reads as `firstdraw explain` writes it.

    Its fields are those of :class:`firstdraw.explanations.value.Facts`.
    """

    def to_json(self) -> str:
        """Return all of it as JSON; an infinite number is null."""
        document = {"schema": SCHEMA, **_finite(asdict(self))}
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def __str__(self) -> str:
        from firstdraw.explanations.telling import as_text

        return as_text(self)

    __repr__ = __str__


def _finite(value: Any) -> Any:  # noqa: ANN401  # whatever JSON can hold
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, tuple | list):
        return [_finite(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
