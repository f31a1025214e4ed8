"""Tables of vectors, of which one row at a time is looked up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["EmbeddingNormal"]


@INITIALIZERS.register("embedding_normal")
@dataclass(frozen=True, slots=True)
class EmbeddingNormal(Initializer):
    """W ~ N(0, g^2/d), d the dimension of the vectors, g = `gain`: a vector has the length g, nearly.

    Flax's default with g = 1; the Transformer multiplies by sqrt(d) on looking up. Known confusion: PyTorch draws from
    N(0, 1) (`normal`), vectors of length sqrt(d), which many took hours to find; GPT-2 from N(0, 0.02^2); and a fan
    rule that takes the vocabulary for the fan-in makes them vanish.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(EmbeddingNormal().law(weight_role((50000, 64), operation="embedding")))
    N(0, 0.125²)
    """

    gain: float = 1.0
    kinds: ClassVar[tuple[Kind, ...]] = ("embedding",)
    formula: ClassVar[str] = "N(0, gain^2/d), d the dimension"
    source: ClassVar[Source | None] = Source(
        "Flax contributors",
        2020,
        "flax.linen.Embed",
        "https://flax.readthedocs.io/en/latest/api_reference/flax.linen/layers.html",
    )

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        if role.operation != "embedding":
            raise InputError(
                role.name,
                "must be an embedding for 'embedding_normal'",
                role.operation,
                hint="'lecun_normal' has the same variance in a head that reads the table out",
            )
        return Normal(self.gain / math.sqrt(role.fan_out))
