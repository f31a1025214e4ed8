"""GPT-2: the layers that write to the residual stream, scaled by how many there are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_non_negative

__all__ = ["GPT2"]


@INITIALIZERS.register("gpt2")
@dataclass(frozen=True, slots=True)
class GPT2(Initializer):
    """W ~ N(0, s^2), and N(0, s^2/K) for the last layer of each of K residual branches, s = `standard_deviation`.

    What the branches add has K times the variance of one of them, so 1/K keeps the sum bounded in depth. Meant for
    transformers that normalize before each branch, with widths near 768: s ignores the fans.

    Known confusion: a transformer of N layers has two branches a layer, hence the sqrt(2 N) of its code, which is the
    square root of the number of branches, K, here.

    Args:
        standard_deviation: s, at least 0.

    >>> from firstdraw.roles import BranchPlace, weight_role
    >>> place = BranchPlace(number=3, count=16, position=2, length=2)
    >>> print(GPT2().law(weight_role((100, 400), layer=7, depth=34, branch=place)))
    N(0, 0.005²)
    """

    standard_deviation: float = 0.02
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "embedding")
    activations: ClassVar[tuple[str, ...] | None] = ("gelu",)
    formula: ClassVar[str] = "N(0, standard_deviation^2), / K for the last layer of each of K branches"
    source: ClassVar[Source | None] = Source(
        "Radford, Wu, Child, Luan, Amodei & Sutskever",
        2019,
        "Language Models are Unsupervised Multitask Learners",
        "https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_non_negative("standard_deviation", self.standard_deviation)

    def weight_law(self, role: Role) -> Distribution:
        if role.branch is not None and role.branch.is_last:
            return Normal(self.standard_deviation / math.sqrt(role.branch.count))
        return Normal(self.standard_deviation)
