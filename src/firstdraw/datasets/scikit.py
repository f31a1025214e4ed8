"""scikit-learn's makers and data sets, with the types that it does not publish.

The import costs 0.7 s and happens where a data set is loaded, not before.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.catalogue import Source
from firstdraw.datasets.contract import Examples

__all__ = ["SCIKIT_LEARN", "Shipped", "make", "shipped"]

SCIKIT_LEARN: Final = Source(
    "Pedregosa et al.",
    2011,
    "Scikit-learn: Machine Learning in Python",
    "https://jmlr.org/papers/v12/pedregosa11a.html",
)


class Shipped(Protocol):
    """What scikit-learn's loaders return."""

    data: Floats
    target: Integers
    target_names: Sequence[object]
    feature_names: Sequence[object]


def make(maker: str, size: int, seed: int, **options: float) -> Examples:
    """Return what `sklearn.datasets.<maker>` makes of `size` examples with a legacy stream of this seed.

    >>> make("make_blobs", 4, 1, shuffle=False).targets
    array([0, 0, 1, 2])
    """
    function = cast(
        "Callable[..., tuple[Floats, Integers]]", getattr(importlib.import_module("sklearn.datasets"), maker)
    )
    stream = np.random.RandomState(seed)
    inputs, targets = function(n_samples=size, random_state=stream, **options)
    return Examples(np.asarray(inputs, np.float64), np.asarray(targets, np.int64))


def shipped(loader: str) -> Shipped:
    """Return what `sklearn.datasets.<loader>` reads from the files inside scikit-learn.

    >>> shipped("load_iris").data.shape
    (150, 4)
    """
    return cast("Shipped", getattr(importlib.import_module("sklearn.datasets"), loader)())
