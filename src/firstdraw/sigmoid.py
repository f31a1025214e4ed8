"""Floor 1. The logistic function, which activations and losses share, and its inverse."""

from __future__ import annotations

import math

import numpy as np

from firstdraw.arrays import Floats

__all__ = ["logit", "sigmoid"]


def sigmoid(z: Floats) -> Floats:
    """Return 1 / (1 + exp(-z)), elementwise, in the precision of z; exactly 0 where exp(-z) overflows.

    >>> sigmoid(np.array([-1000.0, 0.0, 40.0]))
    array([0. , 0.5, 1. ])
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def logit(p: float) -> float:
    """Return the z whose sigmoid is p, ln(p / (1 - p)), for p between 0 and 1.

    >>> round(logit(0.75), 12) == round(math.log(3), 12)
    True
    """
    return math.log(p) - math.log1p(-p)
