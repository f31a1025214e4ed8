"""Laws of the parts of a transformer's weight: one law, or several side by side where the weight is packed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from firstdraw.distributions import Distribution, Packed
from firstdraw.roles import Role, TransformerPart, TransformerPlace

__all__ = ["WRITING", "law_of_parts"]

WRITING: Final[frozenset[TransformerPart]] = frozenset(
    ("value", "attention_output", "feed_forward_in", "feed_forward_out")
)
"""The parts through which a branch writes to the residual stream: queries and keys only weight what is written."""


def law_of_parts(role: Role, place: TransformerPlace, law: Callable[[TransformerPart], Distribution]) -> Distribution:
    """Return the law of a weight from those of its parts, `Packed` where they are not all the same.

    >>> from firstdraw.distributions import Normal
    >>> from firstdraw.roles import weight_role
    >>> place = TransformerPlace(parts=("query", "key", "value"), stack="encoder", layers=6, layer=1)
    >>> role = weight_role((12, 4), parts=3, transformer=place)
    >>> print(law_of_parts(role, place, lambda part: Normal(0.1 if part == "value" else 0.5)))
    parts: N(0, 0.5²); N(0, 0.5²); N(0, 0.1²)
    """
    laws = tuple(law(part) for part in place.parts)
    return laws[0] if len(set(laws)) == 1 else Packed(role.layout, laws)
