"""Floor 1. The logistic function, which activations and losses share."""

from __future__ import annotations

import numpy as np

from firstdraw.arrays import Floats

__all__ = ["sigmoid"]


def sigmoid(z: Floats) -> Floats:
    """Return 1 / (1 + exp(-z)), elementwise, in the precision of z; exactly 0 where exp(-z) overflows.

    >>> sigmoid(np.array([-1000.0, 0.0, 40.0]))
    array([0. , 0.5, 1. ])
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))
