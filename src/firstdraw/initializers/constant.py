"""The same value for every weight: what symmetry breaking is there to avoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from firstdraw.distributions import Constant, Distribution
from firstdraw.initializers.contract import INITIALIZERS, Initializer, Kind
from firstdraw.roles import Role
from firstdraw.rules import check_finite

__all__ = ["ConstantValue", "Zeros"]


@INITIALIZERS.register("zeros")
@dataclass(frozen=True, slots=True)
class Zeros(Initializer):
    """W = 0.

    The units of a layer receive equal gradients and stay equal for ever. With rectifiers the hidden units output 0,
    so that only the last bias receives a gradient at all. Right for biases, and for the last layer of a residual
    branch.

    >>> from firstdraw.roles import weight_role
    >>> print(Zeros().law(weight_role((8, 4))))
    0
    """

    kinds: ClassVar[tuple[Kind, ...]] = (*Initializer.kinds, "bias", "head")
    formula: ClassVar[str] = "0"
    deterministic: ClassVar[bool] = True
    breaks_symmetry: ClassVar[bool] = False

    def weight_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Constant(0.0)


@INITIALIZERS.register("constant")
@dataclass(frozen=True, slots=True)
class ConstantValue(Initializer):
    """W = c, with c = `value`: a layer's units are equal and stay equal, but they do learn.

    Args:
        value: c, any finite number.

    >>> from firstdraw.roles import weight_role
    >>> print(ConstantValue().law(weight_role((8, 4))))
    0.5
    """

    value: float = 0.5
    kinds: ClassVar[tuple[Kind, ...]] = (*Initializer.kinds, "bias")
    formula: ClassVar[str] = "value"
    deterministic: ClassVar[bool] = True
    breaks_symmetry: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_finite("value", self.value)

    def weight_law(self, role: Role) -> Distribution:  # noqa: ARG002
        return Constant(self.value)
