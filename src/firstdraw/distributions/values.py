"""One known number for each output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import FixedDistribution
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_finite

__all__ = ["Values"]


@DISTRIBUTIONS.register("values")
@dataclass(frozen=True, slots=True)
class Values(FixedDistribution):
    """Output i has the value v_i, with v = `numbers`.

    Args:
        layout: the parameter's.
        numbers: v, a finite number for each output.
    """

    layout: Layout
    numbers: tuple[float, ...]

    def __post_init__(self) -> None:
        outputs = self.layout.shape[self.layout.outputs]
        if len(self.numbers) != outputs:
            raise InputError("numbers", f"must be one for each of the {outputs} outputs", len(self.numbers))
        for i, number in enumerate(self.numbers):
            check_finite(f"numbers[{i}]", number)

    def values(self) -> Floats:
        shape = self.layout.block_shape
        axis = len(self.layout.stacked)
        ones = (1,) * (len(shape) - axis - 2)
        return np.broadcast_to(np.reshape(self.numbers, (*shape[axis : axis + 2], *ones)), shape)

    def __str__(self) -> str:
        return ", ".join(f"{number:.6g}" for number in self.numbers)
