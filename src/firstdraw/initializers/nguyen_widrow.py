"""Units whose active regions cover the input space evenly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, NormalizedRows, Uniform
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role

__all__ = ["NguyenWidrow"]


@INITIALIZERS.register("nguyen_widrow")
@dataclass(frozen=True, slots=True)
class NguyenWidrow(Initializer):
    """Each unit's weights have the length r = 0.7 m^(1/n) and a random direction, its bias is from U[-r, r).

    n inputs in [-1, 1], m units. Each unit's slope then covers an interval of its own along its direction. Holds for
    shallow networks of tanh.

    >>> from firstdraw.roles import weight_role
    >>> print(NguyenWidrow().law(weight_role((16, 4))))
    each unit's weights on a sphere of radius 1.4
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("dense",)
    activations: ClassVar[tuple[str, ...] | None] = ("tanh",)
    formula: ClassVar[str] = "r u/|u|, r = 0.7 m^(1/n), u random; biases U[-r, r)"
    source: ClassVar[Source | None] = Source(
        "Nguyen & Widrow",
        1990,
        "Improving the learning speed of 2-layer neural networks by choosing initial values of the adaptive weights",
        "https://doi.org/10.1109/IJCNN.1990.137819",
    )

    def weight_law(self, role: Role) -> Distribution:
        return NormalizedRows(role.layout, _radius(role))

    def bias_law(self, role: Role) -> Distribution:
        return Uniform(-_radius(role), _radius(role))


def _radius(role: Role) -> float:
    return 0.7 * role.fan_out ** (1 / role.fan_in)
