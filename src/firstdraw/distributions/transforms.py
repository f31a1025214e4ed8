"""Rows of the Hadamard matrix and of the discrete cosine transform: orthogonal without a draw."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.whole import FixedDistribution, check_with_inputs
from firstdraw.roles import Layout
from firstdraw.rules import check_finite

__all__ = ["CosineRows", "HadamardRows"]


@DISTRIBUTIONS.register("hadamard")
@dataclass(frozen=True, slots=True)
class HadamardRows(FixedDistribution):
    """W[i, j] = g 2^(-q/2) (-1)^<i, j>, with g = `gain` and <i, j> the number of binary ones that i and j share.

    The first rows and columns of Sylvester's Hadamard matrix of the size 2^q, the least that holds the m outputs and
    the n k inputs of a block. With sizes that are powers of 2 the rows or the columns are orthogonal; two rows are
    equal if their numbers differ in bits above those of the columns alone.

    Args:
        layout: the parameter's.
        gain: g, any finite number.
    """

    layout: Layout
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "a Hadamard matrix")
        check_finite("gain", self.gain)

    def values(self) -> Floats:
        rows, columns = self.layout.rows, self.layout.columns * self.layout.taps
        q = (max(rows, columns) - 1).bit_length()
        shared = np.bitwise_count(np.arange(rows)[:, np.newaxis] & np.arange(columns))
        W = self.gain * 2.0 ** (-q / 2) * np.where(shared % 2, -1.0, 1.0)
        shape = self.layout.block_shape
        tail = (self.layout.rows, self.layout.columns, *self.layout.window)
        return np.broadcast_to(W.reshape(tail), shape)

    def __str__(self) -> str:
        return f"{self.gain:.6g} x rows of the Hadamard matrix"


@DISTRIBUTIONS.register("cosines")
@dataclass(frozen=True, slots=True)
class CosineRows(FixedDistribution):
    """W[i, j] = g sqrt(c_i/N) cos(pi i (j + 1/2)/N), c_0 = 1 and c_i = 2 for i > 0, with g = `gain`.

    The first rows and columns of the orthonormal discrete cosine transform (DCT-II) of the size N, the larger of the m
    outputs and the n k inputs of a block: the rows are orthonormal where m is at most n k, else the columns are.

    Args:
        layout: the parameter's.
        gain: g, any finite number.
    """

    layout: Layout
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "cosines")
        check_finite("gain", self.gain)

    def values(self) -> Floats:
        rows, columns = self.layout.rows, self.layout.columns * self.layout.taps
        N = max(rows, columns)
        i, j = np.arange(rows)[:, np.newaxis], np.arange(columns)
        W = self.gain * np.sqrt(np.where(i > 0, 2.0, 1.0) / N) * np.cos(math.pi * i * (j + 0.5) / N)
        tail = (self.layout.rows, self.layout.columns, *self.layout.window)
        return np.broadcast_to(W.reshape(tail), self.layout.block_shape)

    def __str__(self) -> str:
        return f"{self.gain:.6g} x rows of the discrete cosine transform"
