"""Weights that are drawn in pairs, so that their product has a law."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import WholeDistribution, check_with_inputs
from firstdraw.draws import Draws, NumpyLegacyDraws
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_finite, check_non_negative, check_positive_integer

__all__ = ["PairedFactor"]


@DISTRIBUTIONS.register("paired_factor")
@dataclass(frozen=True, slots=True)
class PairedFactor(WholeDistribution):
    """One of two weights W_1 and W_2 whose product is a Z + b I, a = `noise`, b = `diagonal`, Z of N(0, 1/d) elements.

    With the singular values S and vectors U and V of a Z + b I `[d, d]`, the largest k of them, and [k, d] blocks, one
    a head, each of a Z of its own,

        scores  W_1 = S^(1/2) U^T, W_2 = S^(1/2) V^T    W_1^T W_2 is a Z + b I, as near as k dimensions can be
        chain   W_1 = S^(1/2) U^T, W_2 = V S^(1/2)      W_2 W_1 is its transpose, k = d

    Both are drawn from the same numbers, which are keyed by `pair` and not by the parameter's name: the partner is the
    law with the same pair and the other `side`. The moments have no closed form.

    Args:
        layout: that of W_1 or W_2, with d inputs.
        pair: the name of the pair, unique in the network.
        side: "first" or "second".
        noise: a, at least 0.
        diagonal: b, any finite number.
        heads: how many blocks lie along the outputs; 1 for a chain.
        product: "scores", of queries and keys, or "chain", of values and outputs.

    >>> from firstdraw.draws import CounterDraws
    >>> layout = Layout(shape=(4, 4), outputs=0, inputs=1)
    >>> laws = (PairedFactor(layout, "values", side, 0.0, -0.4, product="chain") for side in ("first", "second"))
    >>> first, second = (law.sample(CounterDraws(0), "w", (4, 4)) for law in laws)
    >>> np.allclose(second @ first, -0.4 * np.eye(4))
    True
    """

    layout: Layout
    pair: str
    side: Literal["first", "second"] = "first"
    noise: float = 0.7
    diagonal: float = 0.7
    heads: int = 1
    product: Literal["scores", "chain"] = "scores"

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "a factor")
        check_non_negative("noise", self.noise)
        check_finite("diagonal", self.diagonal)
        check_positive_integer("heads", self.heads)
        if self.layout.taps > 1 or self.layout.groups * self.layout.parts > 1:
            raise InputError("layout", "must have one block without a kernel for a factor", self.layout.shape)
        if self.layout.rows % self.heads:
            raise InputError("heads", f"must divide the {self.layout.rows} outputs", self.heads)
        if self.product == "chain" and (self.heads > 1 or self.layout.rows != self.layout.columns):
            raise InputError("layout", "must be square, and of one head, for a chain", self.layout.shape)
        if self.layout.rows // self.heads > self.layout.columns:
            raise InputError(
                "heads", f"must leave at most {self.layout.columns} outputs, the inputs, to each", self.heads
            )

    @property
    def mean(self) -> float:
        return math.nan

    @property
    def variance(self) -> float:
        return math.nan

    @property
    def kurtosis(self) -> float:
        return math.nan

    @property
    def support(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self.noise else (-math.sqrt(abs(self.diagonal)), math.sqrt(abs(self.diagonal)))

    def blocks(self, draws: Draws, name: str) -> Floats:  # noqa: ARG002  # both of a pair are drawn by its name
        if isinstance(draws, NumpyLegacyDraws):
            raise InputError(
                "draws",
                "must be keyed by names for a pair of weights, which one stream draws from different numbers",
                "numpy_legacy",
                hint="'counter' is",
            )
        d, k = self.layout.columns, self.layout.rows // self.heads
        stack = self.layout.block_shape[: len(self.layout.stacked)]
        Z = draws.normal(self.pair, (*stack, self.heads, d, d), scale=1 / math.sqrt(d))
        U, S, V_transposed = np.linalg.svd(self.noise * Z + self.diagonal * np.eye(d))
        root = np.sqrt(S[..., :k, np.newaxis])
        vectors = U.swapaxes(-1, -2) if self.side == "first" else V_transposed
        factor = root * vectors[..., :k, :]
        if self.product == "chain" and self.side == "second":
            factor = factor.swapaxes(-1, -2)
        return factor.reshape(self.layout.block_shape)

    def __str__(self) -> str:
        of = f", {self.heads} heads" if self.heads > 1 else ""
        return f"{self.side} factor of {self.noise:.6g} Z + {self.diagonal:.6g} I{of}"
