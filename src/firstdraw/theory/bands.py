"""Within which bounds networks of given widths lie around what infinite width predicts, layer by layer.

Given layer l, the pre-activations of layer l+1 are Gaussian, independent from unit to unit, with the covariance of two
inputs a and b

    K_ab = s + v (1/n) sum_i phi(z_i^a) phi(z_i^b)

over the n units of layer l. So K is a Markov chain: its mean follows the maps of infinite width, each layer adds
fluctuations of order 1/n, and the maps' slopes carry them on. To leading order in 1/n, the law of the weights enters by
its variance alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.lazy import LazyModule
from firstdraw.rules import check_finite, check_positive
from firstdraw.theory.correlations import single_kernel
from firstdraw.theory.maps import WideLayer
from firstdraw.theory.polar import pair_means
from firstdraw.theory.quadrature import gaussian_means
from firstdraw.theory.widths import check_widths

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

__all__ = ["Band", "correlation_band", "second_moment_band"]


# Of 1 - c^2: nearer to 1 or -1 the fluctuation of c, which is of this order, is lost in rounding.
NEAREST: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A prediction for infinite width and the bounds for a finite one, for each of L layers.

    Args:
        predicted: `[L]`, what infinite width predicts.
        center: `[L]`, the median of networks of the given widths.
        deviation: `[L]`, the standard deviation in the scale in which the law is taken for Gaussian: of ln q or
            arctanh c.
        lower: `[L]`, below which the share (1 - level)/2 of networks lies.
        upper: `[L]`, above which as many lie.
    """

    predicted: Floats
    center: Floats
    deviation: Floats
    lower: Floats
    upper: Floats


def second_moment_band(
    layer: WideLayer, widths: Sequence[int], *, input_second_moment: float = 1.0, level: float = 0.95
) -> Band:
    """Return the band of q_l = (1/n_l) sum_i z_i^2, the second moment of layer l's pre-activations for one input.

    With F(q) = v E[phi(z)^2] + s, z ~ N(0, q), and the slope g' and the bend g'' of ln F by ln q, the mean m and the
    variance w of the logarithm of K, less that of the prediction, go on as

        m_(l+1) = g' m_l + g'' w_l/2 - u_l/2,    w_(l+1) = g'^2 w_l + u_l,    u_l = v^2 Var[phi(z)^2]/(n_l F(q_l)^2)

    from m_1 = w_1 = 0; and n_l q_l/K_l is chi^2 of n_l degrees of freedom. ln q_l is taken for Gaussian. To leading
    order in 1/n: u_l = 5/n_l for a rectifier without biases, whose exact moments `log_size` tells. It holds where w
    is well below 1. The mean over several inputs fluctuates no more than that of one.

    Args:
        layer: v, s and phi, the same for all layers.
        widths: n_1 to n_L, the units of each layer.
        input_second_moment: |x|^2/d of the input, above 0.
        level: the share of networks within the band.

    Raises:
        InputError: if a width is no positive integer, the second moment is not above 0, the level is not between 0 and
            1, or a predicted variance is 0 or beyond the range of float64.

    >>> from firstdraw.activations import ReLU
    >>> he = WideLayer(activation=ReLU(), weight_variance=2.0)
    >>> band = second_moment_band(he, (100,) * 3)
    >>> band.lower.round(2), band.predicted.round(2), band.upper.round(2)
    (array([1.5 , 1.15, 0.95]), array([2., 2., 2.]), array([2.62, 3.25, 3.72]))
    """
    n = np.array(check_widths("widths", widths))
    check_positive("input_second_moment", input_second_moment)
    reach = _reach(level)
    q = _variances(layer, layer.weight_variance * input_second_moment + layer.bias_variance, len(n))
    slope, bend, noise = _logarithmic_map(layer, q)
    m, w = np.zeros(len(n)), np.zeros(len(n))
    for i in range(len(n) - 1):
        u = noise[i] / n[i]
        m[i + 1] = slope[i] * m[i] + bend[i] * w[i] / 2 - u / 2
        w[i + 1] = slope[i] ** 2 * w[i] + u
    # ln(chi^2_n/n) of the layer's own units.
    center = np.log(q) + m + special.digamma(n / 2) - np.log(n / 2)
    deviation = np.sqrt(w + special.polygamma(1, n / 2))
    return Band(
        predicted=q,
        center=np.exp(center),
        deviation=deviation,
        lower=np.exp(center - reach * deviation),
        upper=np.exp(center + reach * deviation),
    )


def correlation_band(
    layer: WideLayer,
    widths: Sequence[int],
    *,
    correlation: float,
    input_second_moment: float = 1.0,
    level: float = 0.95,
) -> Band:
    """Return the band of c_l, the cosine between the pre-activations of layer l for two inputs of one norm.

    To leading order in 1/n, the covariance C of K's three elements (of the first input, the second and both) goes on as

        C_(l+1) = T C_l T' + (v^2/n_l) Cov[phi(z)^2, phi(z')^2, phi(z) phi(z')],

    T the derivatives of the map of infinite width, and the cosine of n_l pairs of Gaussians adds (1 - c^2)^2/n_l to its
    variance. arctanh c_l is taken for Gaussian (Fisher's transformation). It holds where the deviation of ln q is well
    below 1. Where 1 - c^2 is below 1e-6, the band has no width.

    Args:
        layer: v, s and phi, the same for all layers.
        widths: n_1 to n_L, the units of each layer.
        correlation: the cosine between the inputs, in (-1, 1).
        input_second_moment: |x|^2/d of both inputs, above 0.
        level: the share of networks within the band.

    Raises:
        InputError: as `second_moment_band`, and if the correlation is not between -1 and 1.

    >>> from firstdraw.activations import ReLU
    >>> he = WideLayer(activation=ReLU(), weight_variance=2.0)
    >>> band = correlation_band(he, (100,) * 2, correlation=0.0)
    >>> band.predicted.round(4)
    array([0.    , 0.3183])
    >>> band.lower.round(2), band.upper.round(2)
    (array([-0.19,  0.08]), array([0.19, 0.53]))
    """
    n = np.array(check_widths("widths", widths))
    check_positive("input_second_moment", input_second_moment)
    if not -1 < check_finite("correlation", correlation) < 1:
        raise InputError("correlation", "must be above -1 and below 1", correlation)
    reach = _reach(level)
    v, s = layer.weight_variance, layer.bias_variance
    q = _variances(layer, v * input_second_moment + s, len(n))
    c = np.empty(len(n))
    c[0] = (v * input_second_moment * correlation + s) / q[0]
    for i in range(len(n) - 1):
        c[i + 1] = layer.correlation_of(single_kernel(layer.activation, q[i])(c[i]), q[i], c[i])
    transfer, noise = _pair_map(layer, q, c)
    covariance, variance = np.zeros((3, 3)), np.empty(len(n))
    for i in range(len(n)):
        gradient = np.array([-c[i] / 2, -c[i] / 2, 1.0]) / q[i]
        variance[i] = gradient @ covariance @ gradient + (1 - c[i] ** 2) ** 2 / n[i]
        covariance = transfer[i] @ covariance @ transfer[i].T + noise[i] / n[i]
    away = (1 - c) * (1 + c)
    told = away > NEAREST
    deviation = np.sqrt(np.where(told, variance, 0.0)) / np.where(told, away, 1.0)
    center = np.arctanh(np.where(told, c, 0.0))
    lower, upper = (np.where(told, np.tanh(center + sign * reach * deviation), c) for sign in (-1, 1))
    return Band(predicted=c, center=c, deviation=deviation, lower=lower, upper=upper)


def _reach(level: float) -> float:
    """Return how many standard deviations on either side hold a share of a Gaussian."""
    if not 0 < check_finite("level", level) < 1:
        raise InputError("level", "must be above 0 and below 1", level)
    return float(special.ndtri((1 + level) / 2))


def _variances(layer: WideLayer, first: float, count: int) -> Floats:
    """Return q_1 to q_L."""
    q = np.empty(count)
    for i in range(count):
        q[i] = first if i == 0 else layer.next_variance(q[i - 1])
        if not 0 < q[i] < math.inf:
            raise InputError("widths", f"must end before the variance leaves float64, at layer {i + 1}", count)
    return q


def _logarithmic_map(layer: WideLayer, q: Floats) -> tuple[Floats, Floats, Floats]:
    """Return g', g'' and v^2 Var[phi(z)^2]/F(q)^2 for each q."""
    phi, v = layer.activation, layer.weight_variance
    s = np.sqrt(q)

    def mean(f: Callable[[Floats, Floats], Floats]) -> Floats:
        """Return E[f(z, phi(sqrt(q) z)^2)] for z ~ N(0, 1)."""
        scale = s[:, np.newaxis, np.newaxis]
        return gaussian_means(lambda x: f(x / scale, phi.value(x) ** 2), means=0.0, deviations=s, kinks=phi.kinks)

    F = layer.next_variance(q)
    # Derivatives by q fall on the density: q d/dq is He_2/2, and q^2 d^2/dq^2 is He_4/4.
    first = v / 2 * mean(lambda z, square: (z**2 - 1) * square) / F
    second = v / 4 * mean(lambda z, square: (z**4 - 6 * z**2 + 3) * square) / F
    kept, fourth = mean(lambda _, square: square), mean(lambda _, square: square**2)
    return first, first + second - first**2, v**2 * (fourth - kept**2) / F**2


def _pair_map(layer: WideLayer, q: Floats, c: Floats) -> tuple[Floats, Floats]:
    """Return T `[L, 3, 3]` and v^2 Cov[phi(z)^2, phi(z')^2, phi(z) phi(z')] `[L, 3, 3]`."""
    phi, v = layer.activation, layer.weight_variance
    own, _, alone = _logarithmic_map(layer, q)
    F = layer.next_variance(q)
    angles = np.arccos(c).tolist()

    def mean(f: Callable[[Floats], Floats], g: Callable[[Floats], Floats]) -> Floats:
        """Return E[f(z) g(z')]."""
        return np.array(
            [pair_means(f, g, one, one, angle).item() for one, angle in zip(q[:, np.newaxis], angles, strict=True)]
        )

    def stretched(x: Floats) -> Floats:
        return x * phi.derivative(x)

    def square(x: Floats) -> Floats:
        return phi.value(x) ** 2

    def cube(x: Floats) -> Floats:
        return phi.value(x) ** 3

    slopes, products, squares = mean(phi.derivative, phi.derivative), mean(phi.value, phi.value), mean(square, square)
    # By parts, E[z phi'(z) phi(z')] = q E[phi''(z) phi(z')] + c q E[phi'(z) phi'(z')]; half of E[phi'' phi] is wanted.
    across = (mean(stretched, phi.value) / q - c * slopes) / 2
    own, nothing = own * F / q, np.zeros(len(q))
    T = np.array([[own, nothing, nothing], [nothing, own, nothing], [v * across, v * across, v * slopes]])
    kept, alone = (F - layer.bias_variance) / v, alone * F**2
    both, mixed = v**2 * (squares - kept**2), v**2 * (mean(cube, phi.value) - kept * products)
    product = v**2 * (squares - products**2)
    noise = np.array([[alone, both, mixed], [both, alone, mixed], [mixed, mixed, product]])
    return np.moveaxis(T, 2, 0), np.moveaxis(noise, 2, 0)
