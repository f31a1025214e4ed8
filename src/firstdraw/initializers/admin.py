"""Admin: a stream that is scaled up before each branch is added, so that no branch is amplified."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.glorot import GlorotUniform
from firstdraw.roles import Role
from firstdraw.rules import check_positive_integer

__all__ = ["Admin"]


@INITIALIZERS.register("admin")
@dataclass(frozen=True, slots=True)
class Admin(Initializer):
    """1/w for the multiplier of each of K residual branches, w = sqrt((K + 1)/ln(K + 1) - 1); weights `glorot_uniform`.

    The network is LN(w x + f(x)) at every branch f, LN the layer normalization, which is LN(x + f(x)/w). A disturbance
    of all weights then changes the output by a variance of order ln K, where it is of order K with w = 1, and of order
    1 with w = sqrt(K): of K branches each adds the share 1/(w^2 + 1).

    Known confusion: this is the closed form of the authors' later library, admin-torch, in which all branches have one
    w. The paper measures a w for each branch on a batch, the root of the sum of the variances of the branches before
    it, and trains it, a number for each channel; that needs data. K counts branches, two a layer of an encoder.

    Args:
        output_change: what the change of the output by a disturbance grows as: "logarithmic" in K, "constant", for
            which w = sqrt(K), or "linear", for which w = 1.

    >>> from firstdraw.roles import BranchPlace, multiplier_role
    >>> place = BranchPlace(number=3, count=16, position=2, length=2)
    >>> print(Admin("constant").law(multiplier_role(place, layer=7, depth=34)))
    0.25
    """

    output_change: Literal["logarithmic", "constant", "linear"] = "logarithmic"
    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "U[-a, a), a = sqrt(6/(n + m)); multipliers 1/sqrt((K + 1)/ln(K + 1) - 1) for K branches"
    source: ClassVar[Source | None] = Source(
        "Liu, Liu, Gao, Chen & Han",
        2020,
        "Understanding the Difficulty of Training Transformers",
        "https://arxiv.org/abs/2004.08249",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.output_change not in ("logarithmic", "constant", "linear"):
            raise InputError("output_change", "must be 'logarithmic', 'constant' or 'linear'", self.output_change)

    def skip_factor(self, branches: int) -> float:
        """Return w, by which the stream is multiplied before each of so many branches is added."""
        K = check_positive_integer("branches", branches)
        match self.output_change:
            case "logarithmic":
                return math.sqrt((K + 1) / math.log(K + 1) - 1)
            case "constant":
                return math.sqrt(K)
            case "linear":
                return 1.0

    def weight_law(self, role: Role) -> Distribution:
        return GlorotUniform().weight_law(role)

    def scalar_law(self, role: Role) -> Distribution:
        return Constant(1.0 if role.branch is None else 1 / self.skip_factor(role.branch.count))
