"""One kernel for all channels that a pixel shuffle puts side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS, Distribution
from firstdraw.distributions.whole import WholeDistribution, check_with_inputs
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_positive_integer

__all__ = ["Repeated"]


@DISTRIBUTIONS.register("repeated")
@dataclass(frozen=True, slots=True)
class Repeated(WholeDistribution):
    """Each of m/c outputs drawn from `law` and repeated c times, with c = `copies`; an element has that law.

    The copies of an output are neighbors where the channels come before the kernel, as in PyTorch, whose pixel shuffle
    takes c neighbors; else m/c apart, as `depth_to_space` of TensorFlow takes them.

    Args:
        layout: the parameter's.
        law: entrywise.
        copies: c, which divides m.
    """

    layout: Layout
    law: Distribution
    copies: int = 4

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "repeated kernels")
        check_positive_integer("copies", self.copies)
        if not self.law.entrywise:
            raise InputError("law", "must be entrywise, to be drawn for fewer outputs", str(self.law))
        if self.layout.rows % self.copies:
            raise InputError("copies", f"must divide the {self.layout.rows} outputs", self.copies)

    @property
    def mean(self) -> float:
        return self.law.mean

    @property
    def variance(self) -> float:
        return self.law.variance

    @property
    def kurtosis(self) -> float:
        return self.law.kurtosis

    @property
    def support(self) -> tuple[float, float]:
        return self.law.support

    def blocks(self, draws: Draws, name: str) -> Floats:
        shape, axis = self.layout.block_shape, len(self.layout.stacked) + 1
        fewer = (*shape[:axis], shape[axis] // self.copies, *shape[axis + 1 :])
        drawn = self.law.sample(draws, name, fewer)
        if self.layout.channels_last:
            return np.concatenate([drawn] * self.copies, axis=axis)
        return np.repeat(drawn, self.copies, axis=axis)

    def __str__(self) -> str:
        return f"{self.law}, each output {self.copies} times"
