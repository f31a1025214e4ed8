"""Within which bounds networks of given widths lie around what infinite width predicts, layer by layer.

Given layer l, the pre-activations of layer l+1 are Gaussian, independent from unit to unit, with the covariance of two
inputs a and b

    K_ab = s + v (1/n) sum_i phi(z_i^a) phi(z_i^b)

over the n units of layer l, v and s layer l+1's. So K is a Markov chain: its mean follows the maps of infinite width,
each layer adds fluctuations of order 1/n, and the maps' slopes carry them on. To leading order in 1/n, the law of the
weights enters by its variance alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.lazy import LazyModule
from firstdraw.rules import check_finite, check_positive
from firstdraw.theory.correlations import function_means, single_kernel
from firstdraw.theory.maps import WideLayer
from firstdraw.theory.moment_table import moment_table
from firstdraw.theory.piecewise import piecewise_polynomial
from firstdraw.theory.quadrature import Function, gaussian_means
from firstdraw.theory.widths import check_widths

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

__all__ = ["Band", "correlation_band", "gradient_factor_band", "second_moment_band"]


# Of 1 - c^2: nearer to 1 or -1 the fluctuation of c, which is of this order, is lost in rounding.
NEAREST: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A prediction for infinite width and the bounds for a finite one, for each of L layers.

    Args:
        predicted: `[L]`, what infinite width predicts.
        center: `[L]`, the median of networks of the given widths.
        deviation: `[L]`, the standard deviation in the scale in which the law is taken for Gaussian: of ln q, ln chi
            or arctanh c.
        lower: `[L]`, below which the share (1 - level)/2 of networks lies.
        upper: `[L]`, above which as many lie.
    """

    predicted: Floats
    center: Floats
    deviation: Floats
    lower: Floats
    upper: Floats


def second_moment_band(
    layers: WideLayer | Sequence[WideLayer],
    widths: Sequence[int],
    *,
    input_second_moment: float = 1.0,
    level: float = 0.95,
) -> Band:
    """Return the band of q_l = (1/n_l) sum_i z_i^2, the second moment of layer l's pre-activations for one input.

    With F(q) = v E[phi(z)^2] + s, z ~ N(0, q), and the slope g' and the bend g'' of ln F by ln q, the mean m and the
    variance w of the logarithm of K, less that of the prediction, go on as

        m_(l+1) = g' m_l + g'' w_l/2 - u_l/2,    w_(l+1) = g'^2 w_l + u_l,    u_l = v^2 Var[phi(z)^2]/(n_l F(q_l)^2)

    from m_1 = w_1 = 0; and n_l q_l/K_l is chi^2 of n_l degrees of freedom. ln q_l is taken for Gaussian. To leading
    order in 1/n: u_l = 5/n_l for a rectifier without biases, whose exact moments `log_size` tells. It holds where w
    is well below 1. The mean over several inputs fluctuates no more than that of one.

    Args:
        layers: v, s and phi of each layer, or those of all.
        widths: n_1 to n_L, the units of each layer.
        input_second_moment: |x|^2/d of the input, above 0.
        level: the share of networks within the band.

    Raises:
        InputError: if a width is no positive integer, there is not one layer a width, the layers have different
            activations, the second moment is not above 0, the level is not between 0 and 1, or a predicted variance is
            0 or beyond the range of float64.

    >>> from firstdraw.activations import ReLU
    >>> he = WideLayer(activation=ReLU(), weight_variance=2.0)
    >>> band = second_moment_band(he, (100,) * 3)
    >>> band.lower.round(2), band.predicted.round(2), band.upper.round(2)
    (array([1.5 , 1.15, 0.95]), array([2., 2., 2.]), array([2.62, 3.25, 3.72]))
    """
    n, stack = _stack(layers, widths)
    reach, q = _reach(level), _variances(stack, input_second_moment)
    m, w = _log_covariance(stack, n, q)
    # ln(chi^2_n/n) of the layer's own units.
    center = np.log(q) + m + special.digamma(n / 2) - np.log(n / 2)
    return _log_band(q, center, np.sqrt(w + special.polygamma(1, n / 2)), reach)


def gradient_factor_band(
    layers: WideLayer | Sequence[WideLayer],
    widths: Sequence[int],
    *,
    input_second_moment: float = 1.0,
    kurtosis: float = 3.0,
    level: float = 0.95,
) -> Band:
    """Return the band of chi_l = tr(J J^T)/n_(l+1), J = W_(l+1) diag(phi'(z_l)), for one input, l from 1 to L - 1.

    With H(q) = E[phi'(z)^2], z ~ N(0, q), the slope h' and the bend h'' of ln H by ln q, and m_l and w_l those of
    `second_moment_band`, the mean and the variance of ln chi_l, less that of the prediction v H(q_l), are

        h' m_l + h'' w_l/2 - u_l/2,    h'^2 w_l + u_l,
        u_l = (Var[phi'(z)^2] + (k - 1) E[phi'(z)^4]/n_(l+1))/(n_l H^2)

    to leading order, k the kurtosis of the weights, whose own fluctuation the last term is.

    Args:
        layers: v, s and phi of each layer, or those of all.
        widths: n_1 to n_L, the units of each layer; two layers or more.
        input_second_moment: |x|^2/d of the input, above 0.
        kurtosis: k, at least 1; 3 for Gaussian weights.
        level: the share of networks within the band.

    Raises:
        InputError: as `second_moment_band`, and if there are less than two widths or the kurtosis is below 1.

    >>> from firstdraw.activations import ReLU
    >>> he = WideLayer(activation=ReLU(), weight_variance=2.0)
    >>> band = gradient_factor_band(he, (100,) * 2)
    >>> band.lower.round(2), band.predicted.round(2), band.upper.round(2)
    (array([0.81]), array([1.]), array([1.21]))
    """
    n, stack = _stack(layers, widths)
    if len(n) < 2:
        raise InputError("widths", "must have two layers or more, between which there is a Jacobian", widths)
    if check_finite("kurtosis", kurtosis) < 1:
        raise InputError("kurtosis", "must be at least 1, the least of any law", kurtosis)
    reach, q = _reach(level), _variances(stack, input_second_moment)
    m, w = (values[:-1] for values in _log_covariance(stack, n, q))
    phi = stack.activation
    kept, fourth, first, second = _square_moments(phi.derivative, phi.kinks, q[:-1])
    slope = first / kept
    bend = slope + second / kept - slope**2
    noise = (fourth - kept**2 + (kurtosis - 1) * fourth / n[1:]) / (n[:-1] * kept**2)
    chi = stack.v[1:] * kept
    return _log_band(chi, np.log(chi) + slope * m + (bend * w - noise) / 2, np.sqrt(slope**2 * w + noise), reach)


def correlation_band(
    layers: WideLayer | Sequence[WideLayer],
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
        layers: v, s and phi of each layer, or those of all.
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
    n, stack = _stack(layers, widths)
    if not -1 < check_finite("correlation", correlation) < 1:
        raise InputError("correlation", "must be above -1 and below 1", correlation)
    reach, q = _reach(level), _variances(stack, input_second_moment)
    v, s = stack.v, stack.s
    c = np.empty(len(n))
    c[0] = (v[0] * input_second_moment * correlation + s[0]) / q[0]
    for i in range(len(n) - 1):
        mixed = v[i + 1] * single_kernel(stack.activation, q[i])(c[i]) + s[i + 1]
        # Rounding alone leads out of [-1, 1].
        c[i + 1] = min(1.0, max(-1.0, mixed / q[i + 1]))
    transfer, noise = _pair_map(stack.following, q[:-1], c[:-1])
    covariance, variance = np.zeros((3, 3)), np.empty(len(n))
    for i in range(len(n)):
        gradient = np.array([-c[i] / 2, -c[i] / 2, 1.0]) / q[i]
        variance[i] = gradient @ covariance @ gradient + (1 - c[i] ** 2) ** 2 / n[i]
        if i < len(n) - 1:
            covariance = transfer[i] @ covariance @ transfer[i].T + noise[i] / n[i]
    away = (1 - c) * (1 + c)
    told = away > NEAREST
    deviation = np.sqrt(np.where(told, variance, 0.0)) / np.where(told, away, 1.0)
    center = np.arctanh(np.where(told, c, 0.0))
    lower, upper = (np.where(told, np.tanh(center + sign * reach * deviation), c) for sign in (-1, 1))
    return Band(predicted=c, center=c, deviation=deviation, lower=lower, upper=upper)


class _Stack(NamedTuple):
    """phi, and v and s of each layer."""

    activation: Activation
    v: Floats
    s: Floats

    @property
    def following(self) -> _Stack:
        """All layers but the first: those that the outputs of the others enter."""
        return _Stack(self.activation, self.v[1:], self.s[1:])


def _stack(layers: WideLayer | Sequence[WideLayer], widths: Sequence[int]) -> tuple[Floats, _Stack]:
    """Return the widths and the variances of the layers."""
    n = np.array(check_widths("widths", widths), dtype=np.float64)
    each = [layers] * len(n) if isinstance(layers, WideLayer) else list(layers)
    if len(each) != len(n):
        raise InputError("layers", f"must be one for each of the {len(n)} widths", len(each))
    activation = each[0].activation
    if any(layer.activation != activation for layer in each):
        raise InputError("layers", "must have one activation", [layer.activation for layer in each])
    v, s = (
        np.array([getattr(layer, name) for layer in each], dtype=np.float64)
        for name in ("weight_variance", "bias_variance")
    )
    return n, _Stack(activation, v, s)


def _log_band(predicted: Floats, center: Floats, deviation: Floats, reach: float) -> Band:
    """Return the band of a quantity whose logarithm is Gaussian."""
    lower, upper = (np.exp(center + sign * reach * deviation) for sign in (-1, 1))
    return Band(predicted=predicted, center=np.exp(center), deviation=deviation, lower=lower, upper=upper)


def _reach(level: float) -> float:
    """Return how many standard deviations on either side hold a share of a Gaussian."""
    if not 0 < check_finite("level", level) < 1:
        raise InputError("level", "must be above 0 and below 1", level)
    return float(special.ndtri((1 + level) / 2))


def _variances(stack: _Stack, input_second_moment: float) -> Floats:
    """Return q_1 to q_L."""
    check_positive("input_second_moment", input_second_moment)
    moments, q = moment_table(stack.activation), np.empty(len(stack.v))
    for i, (v, s) in enumerate(zip(stack.v, stack.s, strict=True)):
        entering = input_second_moment if i == 0 else float(moments.second_moment(q[i - 1]))
        q[i] = v * entering + s
        if not 0 < q[i] < math.inf:
            raise InputError("widths", f"must end before the variance leaves float64, at layer {i + 1}", len(q))
    return q


def _log_covariance(stack: _Stack, n: Floats, q: Floats) -> tuple[Floats, Floats]:
    """Return m_1 to m_L and w_1 to w_L, of the logarithm of one input's K."""
    slope, bend, noise = _logarithmic_map(stack.following, q[:-1])
    m, w = np.zeros(len(n)), np.zeros(len(n))
    for i in range(len(n) - 1):
        u = noise[i] / n[i]
        m[i + 1] = slope[i] * m[i] + bend[i] * w[i] / 2 - u / 2
        w[i + 1] = slope[i] ** 2 * w[i] + u
    return m, w


def _square_moments(
    f: Callable[[Floats], Floats], kinks: tuple[float, ...], q: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return E[f(z)^2], E[f(z)^4], q d/dq E[f(z)^2] and q^2 d^2/dq^2 E[f(z)^2] for z ~ N(0, q)."""
    s = np.sqrt(q)
    scale = s[:, np.newaxis, np.newaxis]

    def mean(g: Callable[[Floats, Floats], Floats]) -> Floats:
        """Return E[g(z, f(sqrt(q) z)^2)] for z ~ N(0, 1)."""
        return gaussian_means(lambda x: g(x / scale, f(x) ** 2), means=0.0, deviations=s, kinks=kinks)

    # Derivatives by q fall on the density: q d/dq is He_2/2, and q^2 d^2/dq^2 is He_4/4.
    first = mean(lambda z, square: (z**2 - 1) * square) / 2
    second = mean(lambda z, square: (z**4 - 6 * z**2 + 3) * square) / 4
    return mean(lambda _, square: square), mean(lambda _, square: square**2), first, second


def _logarithmic_map(stack: _Stack, q: Floats) -> tuple[Floats, Floats, Floats]:
    """Return g', g'' and v^2 Var[phi(z)^2]/F(q)^2 for each q, which enters the layer of the stack in its place."""
    phi, v = stack.activation, stack.v
    kept, fourth, first, second = _square_moments(phi.value, phi.kinks, q)
    F = v * kept + stack.s
    slope = v * first / F
    return slope, slope + v * second / F - slope**2, v**2 * (fourth - kept**2) / F**2


def _pair_map(stack: _Stack, q: Floats, c: Floats) -> tuple[Floats, Floats]:
    """Return T `[L, 3, 3]` and v^2 Cov[phi(z)^2, phi(z')^2, phi(z) phi(z')] `[L, 3, 3]`, for each q and c likewise."""
    phi, v = stack.activation, stack.v
    own, _, alone = _logarithmic_map(stack, q)
    kept = moment_table(phi).second_moment(q)
    F = v * kept + stack.s
    value, slope, stretched, square, cube = _powers(phi)

    def mean(f: Function, g: Function) -> Floats:
        """Return E[f(z) g(z')]."""
        return function_means(f, g, kinks=phi.kinks, q=q, c=c)

    slopes, products, squares = mean(slope, slope), mean(value, value), mean(square, square)
    # By parts, E[z phi'(z) phi(z')] = q E[phi''(z) phi(z')] + c q E[phi'(z) phi'(z')]; half of E[phi'' phi] is wanted.
    across = (mean(stretched, value) / q - c * slopes) / 2
    own, nothing = own * F / q, np.zeros(len(q))
    T = np.array([[own, nothing, nothing], [nothing, own, nothing], [v * across, v * across, v * slopes]])
    alone = alone * F**2
    both, mixed = v**2 * (squares - kept**2), v**2 * (mean(cube, value) - kept * products)
    product = v**2 * (squares - products**2)
    noise = np.array([[alone, both, mixed], [both, alone, mixed], [mixed, mixed, product]])
    return np.moveaxis(T, 2, 0), np.moveaxis(noise, 2, 0)


def _powers(phi: Activation) -> tuple[Function, Function, Function, Function, Function]:
    """Return phi, phi', z phi', phi^2 and phi^3, as functions of z."""
    polynomial = piecewise_polynomial(phi)
    if polynomial is not None:
        square = polynomial * polynomial
        return (
            polynomial,
            polynomial.derivative,
            polynomial.identity * polynomial.derivative,
            square,
            square * polynomial,
        )
    return (
        phi.value,
        phi.derivative,
        lambda z: z * phi.derivative(z),
        lambda z: phi.value(z) ** 2,
        lambda z: phi.value(z) ** 3,
    )
