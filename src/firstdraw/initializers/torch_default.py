"""What `torch.nn.Linear` and `torch.nn.Conv2d` hold when nobody initializes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from firstdraw.catalogue import Source
from firstdraw.distributions import Distribution, Uniform
from firstdraw.initializers.contract import INITIALIZERS, Initializer
from firstdraw.roles import Role

__all__ = ["TorchDefault"]


@INITIALIZERS.register("torch_default")
@dataclass(frozen=True, slots=True)
class TorchDefault(Initializer):
    """W and b ~ U[-1/sqrt(n), 1/sqrt(n)), n the fan-in: the variance is 1/(3n).

    Under ReLU each layer keeps 1/6 of the second moment, so that ten layers keep about 1e-8 of it. Known confusion:
    the code calls Kaiming's function with a slope of sqrt(5), which is this law and not He's.

    >>> from firstdraw.roles import weight_role
    >>> print(TorchDefault().law(weight_role((8, 4))))
    U[-0.5, 0.5)
    """

    formula: ClassVar[str] = "U[-1/sqrt(n), 1/sqrt(n)), biases too"
    source: ClassVar[Source | None] = Source(
        "PyTorch contributors", 2018, "torch.nn.Linear", "https://github.com/pytorch/pytorch/issues/57109"
    )

    def weight_law(self, role: Role) -> Distribution:
        bound = math.sqrt(1 / role.fan_in)
        return Uniform(-bound, bound)

    def bias_law(self, role: Role) -> Distribution:
        return self.weight_law(role)
