"""Orthogonal blocks beside their negatives, which make pairs of rectifiers linear."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.orthogonal import Orthogonal
from firstdraw.distributions.whole import WholeDistribution, check_with_inputs
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_non_negative

__all__ = ["Mirrored"]


@DISTRIBUTIONS.register("mirrored")
@dataclass(frozen=True, slots=True)
class Mirrored(WholeDistribution):
    """W = [[V, -V], [-V, V]] with V = g Q, Q orthogonal (Haar) and g = `gain`; or one row or column of these blocks.

    V has half the outputs, rounded up, where they are mirrored, and half the inputs, rounded down: of an odd number
    of outputs the middle one has no mirror image, of an odd number of inputs the middle one has weights of 0.

    Args:
        layout: that of a matrix.
        gain: g, at least 0.
        inputs: whether the second half of the inputs has the negatives.
        outputs: whether the second half of the outputs has the negatives.

    >>> from firstdraw.draws import CounterDraws
    >>> W = Mirrored(Layout(shape=(4, 2), outputs=0, inputs=1)).sample(CounterDraws(0), "w", (4, 2))
    >>> (W[:2] == -W[2:]).all(), (W[:, 0] == -W[:, 1]).all()
    (np.True_, np.True_)
    """

    layout: Layout
    gain: float = 1.0
    inputs: bool = True
    outputs: bool = True

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "mirrored weights")
        check_non_negative("gain", self.gain)
        if len(self.layout.block_shape) != 3 or self.layout.block_shape[0] != 1:
            raise InputError("layout", "must be that of one matrix for mirrored weights", self.layout.shape)
        if self.inputs and self.layout.columns < 2:
            raise InputError("layout", "must have two inputs or more where they are mirrored", self.layout.shape)

    @property
    def _block(self) -> Orthogonal:
        """The law of V."""
        rows = math.ceil(self.layout.rows / 2) if self.outputs else self.layout.rows
        columns = self.layout.columns // 2 if self.inputs else self.layout.columns
        return Orthogonal(Layout(shape=(rows, columns), outputs=0, inputs=1), self.gain)

    @property
    def _share(self) -> float:
        """The share of the weights that are not 0 by construction."""
        return 1 - self.layout.columns % 2 / self.layout.columns if self.inputs else 1.0

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return self._share * self._block.variance

    @property
    def kurtosis(self) -> float:
        return self._block.kurtosis / self._share

    @property
    def support(self) -> tuple[float, float]:
        return self._block.support

    def blocks(self, draws: Draws, name: str) -> Floats:
        V = self._block.sample(draws, name, self._block.layout.shape)
        middle = np.zeros((len(V), self.layout.columns % 2))
        rows = np.hstack([V, middle, -V]) if self.inputs else V
        W = np.vstack([rows, -rows[: self.layout.rows // 2]]) if self.outputs else rows
        return W[np.newaxis]

    def __str__(self) -> str:
        form = {
            (True, True): "[[V, -V], [-V, V]]",
            (True, False): "[V, -V]",
            (False, True): "[[V], [-V]]",
            (False, False): "[V]",
        }
        return f"{self._block} V of {self._block.layout.shape} in {form[self.inputs, self.outputs]}"
