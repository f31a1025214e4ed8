"""The types of the arrays that travel through the package.

Samples are columns throughout: a batch of m inputs with d features is a `[d, m]` array, so that a layer reads as
its equation, Z = W A + b.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Booleans", "Floats", "Integers", "Shape"]

Booleans: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.floating[Any]]
Integers: TypeAlias = NDArray[np.integer[Any]]
Shape: TypeAlias = tuple[int, ...]
