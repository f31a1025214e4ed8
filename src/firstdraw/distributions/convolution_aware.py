"""Kernels that are drawn by their spectra."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions.contract import DISTRIBUTIONS
from firstdraw.distributions.orthogonal import haar
from firstdraw.distributions.whole import WholeDistribution, check_with_inputs
from firstdraw.draws import Draws
from firstdraw.errors import InputError
from firstdraw.roles import Layout
from firstdraw.rules import check_non_negative, check_positive

__all__ = ["ConvolutionAware"]


@DISTRIBUTIONS.register("convolution_aware")
@dataclass(frozen=True, slots=True)
class ConvolutionAware(WholeDistribution):
    """W = s (irfft Q + e Z), Q with orthonormal rows for each output, a row an input, and Z ~ N(0, 1), e = `noise`.

    A row of Q is the half spectrum of a kernel of k_1 by ... by k_d taps: F = k_1 ... k_(d-1) (floor(k_d/2) + 1)
    numbers, all real. Q is uniform (Haar), drawn anew for every F inputs and for every output. The factor s makes the
    mean square of the elements of a layer exactly r^2, r = `root_mean_square`; it is their variance, as by symmetry
    their mean is 0. The kurtosis is known only for kernels of one tap.

    What is orthogonal, without noise: along one axis, the half spectra of an output's kernels, F inputs at a time. With
    more axes not every half spectrum is that of a real kernel: where the frequency along the last axis is 0, or half a
    cycle a tap, the inverse transform puts the mean of the numbers at f and -f at both, and only what is left has the
    products of Q. With any number of axes real spectra make kernels with W[t] = W[-t], t modulo the lengths, until the
    noise breaks this symmetry.

    A kernel of one tap has one frequency and nothing to be orthogonal in: there Q is Gaussian, and the weights of a
    layer are uniform on a sphere. Computed in float64 whatever the target; the last bits depend on the machine's linear
    algebra.

    Args:
        layout: that of a kernel.
        root_mean_square: r, above 0.
        noise: e, at least 0.

    Raises:
        InputError: if the layout has no kernel.

    >>> from firstdraw.draws import CounterDraws
    >>> layout = Layout(shape=(1, 3, 5), outputs=0, inputs=1, kernel=(2,))
    >>> W = ConvolutionAware(layout, 1.0, noise=0.0).sample(CounterDraws(0), "w", (1, 3, 5))
    >>> spectra = np.fft.rfft(W[0])
    >>> products = spectra @ spectra.T
    >>> np.allclose(products, products[0, 0] * np.eye(3))
    True
    """

    layout: Layout
    root_mean_square: float = 1.0
    noise: float = 0.05

    def __post_init__(self) -> None:
        check_with_inputs(self.layout, "kernels drawn by their spectra")
        if not self.layout.kernel:
            raise InputError(
                "layout",
                "must have a kernel for it to be drawn by its spectrum",
                self.layout.shape,
                hint="'orthogonal' and 'he_normal' serve a weight without one",
            )
        check_positive("root_mean_square", self.root_mean_square)
        check_non_negative("noise", self.noise)

    @property
    def _size(self) -> int:
        """The number of elements of one layer."""
        return math.prod(self.layout.block_shape[len(self.layout.stacked) :])

    @property
    def mean(self) -> float:
        return 0.0

    @property
    def variance(self) -> float:
        return self.root_mean_square * self.root_mean_square

    @property
    def kurtosis(self) -> float:
        return 3 * self._size / (self._size + 2) if self.layout.taps == 1 else math.nan

    @property
    def support(self) -> tuple[float, float]:
        largest = self.root_mean_square * math.sqrt(self._size)
        return -largest, largest

    def blocks(self, draws: Draws, name: str) -> Floats:
        window = self.layout.window
        axes = tuple(range(-len(window), 0))
        kernels = np.fft.irfftn(self._half_spectra(draws, name), s=window, axes=axes)
        kernels += draws.normal(f"{name}/noise", self.layout.block_shape, scale=self.noise)
        of_a_layer = tuple(range(len(self.layout.stacked), kernels.ndim))
        kernels /= np.sqrt(np.mean(kernels**2, axis=of_a_layer, keepdims=True))
        return self.root_mean_square * kernels

    def _half_spectra(self, draws: Draws, name: str) -> Floats:
        *stack, rows, columns = self.layout.block_shape[: -len(self.layout.kernel)]
        *others, last = self.layout.window
        half = (*others, last // 2 + 1)
        frequencies = math.prod(half)
        if frequencies == 1:
            return draws.normal(name, (*stack, rows, columns, *half))
        matrices = math.ceil(columns / frequencies)
        Q = haar(draws, name, (*stack, rows, matrices), min(columns, frequencies), frequencies)
        return Q.reshape(*stack, rows, -1, *half)[(..., slice(columns), *(slice(None),) * len(half))]

    def __str__(self) -> str:
        return (
            f"kernels with orthogonal half spectra and noise of N(0, {self.noise:.6g}²), "
            f"scaled to the mean square {self.root_mean_square:.6g}²"
        )
