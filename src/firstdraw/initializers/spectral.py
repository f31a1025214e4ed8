"""The spectral condition for learning features: how large the largest singular value of a weight should be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Normal
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_positive

__all__ = ["SpectralCondition"]


@INITIALIZERS.register("spectral", aliases=("spectral_condition",))
@dataclass(frozen=True, slots=True)
class SpectralCondition(Initializer):
    """W ~ N(0, g^2 min(1, m/n)/n), n the fan-in, m the fan-out, g = `gain`.

    The largest singular value of a Gaussian W is about its standard deviation times sqrt(n) + sqrt(m), so that here it
    is of the order of sqrt(m/n) for every shape, between 1 and 2 times g sqrt(m/n): a layer takes a vector whose
    elements are of order 1 to one whose elements are, and can go on doing so while it learns. For the hidden layers of
    wide networks, and the last one in particular, it is the initial half of muP, said without naming the layers.

    Args:
        gain: g, above 0.

    >>> from firstdraw.roles import weight_role
    >>> print(SpectralCondition().law(weight_role((1, 256))), SpectralCondition().law(weight_role((256, 256))))
    N(0, 0.00390625²) N(0, 0.0625²)
    """

    gain: float = 1.0
    kinds: ClassVar[tuple[Kind, ...]] = ("dense", "recurrent", "convolution", "head")
    formula: ClassVar[str] = "N(0, gain^2/max(n, n^2/m))"
    source: ClassVar[Source | None] = Source(
        "Yang, Simon & Bernstein",
        2023,
        "A Spectral Condition for Feature Learning",
        "https://arxiv.org/abs/2310.17813",
    )

    def __post_init__(self) -> None:
        check_positive("gain", self.gain)

    def weight_law(self, role: Role) -> Distribution:
        n, m = role.fan_in, role.fan_out
        return Normal(self.gain * math.sqrt(min(1.0, m / n) / n))
