"""DS-Init: weights that shrink with the place of their layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.initializers.glorot import GlorotUniform
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["DSInit"]


@INITIALIZERS.register("ds_init", aliases=("depth_scaled",))
@dataclass(frozen=True, slots=True)
class DSInit(Initializer):
    """W ~ U[-a, a), a = c sqrt(6/(n + m))/sqrt(l) in layer l of a stack, n the fan-in, m the fan-out, c = `factor`.

    The variance of the weights falls as 1/l, that of a branch with two layers as 1/l^2: deeper layers add less to the
    stream, and the normalization after the sum takes less of the gradient away. For transformers that normalize after
    each branch. In other residual networks l is the number of the branch; outside of the branches it is 1.

    Unverified: the paper's formula, whose factor is on the bound, was not read in the paper. The authors' code gives
    c/sqrt(l) to TensorFlow's variance scaling as the scale, which is a factor on the variance: a bound of
    sqrt(c) sqrt(6/(n + m)) l^(-1/4).

    Args:
        factor: c, above 0 and at most 1.

    >>> from firstdraw.roles import TransformerPlace, weight_role
    >>> place = TransformerPlace(parts=("query",), stack="encoder", layers=12, layer=9)
    >>> print(DSInit().law(weight_role((48, 48), transformer=place)))
    U[-0.0833333, 0.0833333)
    """

    factor: float = 1.0
    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("relu",)
    formula: ClassVar[str] = "U[-a, a), a = factor sqrt(6/(n + m)); divided by sqrt(l) in layer l"
    source: ClassVar[Source | None] = Source(
        "Zhang, Titov & Sennrich",
        2019,
        "Improving Deep Transformer with Depth-Scaled Initialization and Merged Attention",
        "https://aclanthology.org/D19-1083/",
    )
    needs_architecture: ClassVar[bool] = True
    residual: ClassVar[bool] = True
    verified: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if check_positive("factor", self.factor) > 1:
            raise InputError("factor", "must be at most 1", self.factor)

    def weight_law(self, role: Role) -> Distribution:
        return GlorotUniform(self.factor / math.sqrt(_layer(role))).weight_law(role)


def _layer(role: Role) -> int:
    if role.transformer is not None:
        return role.transformer.layer or 1
    return 1 if role.branch is None else role.branch.number
