"""What Caffe calls by the first name of Glorot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Uniform
from firstdraw.errors import InputError
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Preserves
from firstdraw.roles import Role

__all__ = ["CaffeXavier"]


@INITIALIZERS.register("caffe_xavier", aliases=("caffe2_xavier",))
@dataclass(frozen=True, slots=True)
class CaffeXavier(Initializer):
    """W ~ U[-a, a) with a = sqrt(3/f), f the fan-in, the fan-out or their average, as `variance_norm` says.

    Caffe's "xavier" filler with its default, the fan-in, without an average of fans: the variance is 1/n. Holds for
    linear layers. Known confusion: Glorot and Bengio's rule (`glorot_uniform`) is the one of the average.

    Args:
        variance_norm: which fan f is: "fan_in", "fan_out" or "average".

    >>> from firstdraw.roles import weight_role
    >>> print(CaffeXavier().law(weight_role((8, 3))))
    U[-1, 1)
    """

    variance_norm: Literal["fan_in", "fan_out", "average"] = "fan_in"
    activations: ClassVar[tuple[str, ...] | None] = ("identity",)
    preserves: ClassVar[Preserves | None] = "forward second moment"
    formula: ClassVar[str] = "U[-a, a), a = sqrt(3/n), n = fan-in, or what variance_norm says"
    source: ClassVar[Source | None] = Source(
        "Jia et al.",
        2014,
        "Caffe: Convolutional Architecture for Fast Feature Embedding",
        "https://arxiv.org/abs/1408.5093",
    )

    def __post_init__(self) -> None:
        if self.variance_norm not in ("fan_in", "fan_out", "average"):
            raise InputError("variance_norm", "must be 'fan_in', 'fan_out' or 'average'", self.variance_norm)

    def weight_law(self, role: Role) -> Distribution:
        match self.variance_norm:
            case "fan_in":
                fan = role.fan_in
            case "fan_out":
                fan = role.fan_out
            case "average":
                fan = (role.fan_in + role.fan_out) / 2
        bound = math.sqrt(3 / fan)
        return Uniform(-bound, bound)
