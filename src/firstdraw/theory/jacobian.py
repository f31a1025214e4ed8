"""How unequally a wide network stretches directions: the squared singular values of its Jacobian by its inputs.

With all widths n, J = D_L W_L ... D_1 W_1, where W_l are independent `[n, n]` matrices, Gaussian of variance
sigma_w^2/n or orthogonal times sigma_w, and D_l holds phi'(z) of the units of layer l on its diagonal, z ~ N(0, q). For
n towards infinity these matrices become free, and the S-transform of a product of free matrices is the product of
theirs.

Source: Pennington, Schoenholz & Ganguli (2017), Resurrecting the sigmoid in deep learning through dynamical isometry:
theory and practice, https://arxiv.org/abs/1711.04735
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import numpy as np

from firstdraw.activations import Activation, Identity, ReLU
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.moments import gaussian_mean, gaussian_moments
from firstdraw.rules import check_non_negative, check_positive, check_positive_integer

__all__ = [
    "JacobianSpectrum",
    "SingularValueMoments",
    "WeightKind",
    "jacobian_moment",
    "jacobian_spectrum",
    "singular_value_moments",
]

WeightKind: TypeAlias = Literal["gaussian", "orthogonal"]

# Halvings of an interval of 1e-12 to 1e12 in its logarithm, to the last bits of float64.
HALVINGS: Final = 60
FARTHEST: Final = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class SingularValueMoments:
    """The mean and the variance of the squared singular values of a Jacobian.

    Args:
        mean: (sigma_w^2 mu_1)^L.
        variance: of the squared singular values; 0 for an isometry.
    """

    mean: float
    variance: float


def singular_value_moments(
    activation: Activation, depth: int, *, weights: WeightKind, weight_variance: float, variance: float = 1.0
) -> SingularValueMoments:
    """Return the mean and the variance of the squared singular values of the Jacobian of L layers.

        mean = (sigma_w^2 mu_1)^L,    variance = mean^2 L (mu_2/mu_1^2 - 1 - s_1),    mu_k = E[phi'(z)^(2k)]

    with z ~ N(0, q), and s_1 = -1 for Gaussian weights, 0 for orthogonal ones. Where sigma_w^2 mu_1 = 1 the mean is
    kept and the variance grows with depth, unless weights are orthogonal and phi' has one size. Holds in the limit of
    wide layers with the same q in all of them.

    Args:
        activation: phi.
        depth: L, the number of layers, each with its phi.
        weights: the kind of the weight matrices.
        weight_variance: sigma_w^2.
        variance: q, of the pre-activations.

    Raises:
        InputError: if L is no positive integer, sigma_w^2 is not above 0, q is negative, phi' has no such moments, or
            the mean is beyond the range of float64.

    >>> gaussian = singular_value_moments(ReLU(), 16, weights="gaussian", weight_variance=2.0)
    >>> orthogonal = singular_value_moments(ReLU(), 16, weights="orthogonal", weight_variance=2.0)
    >>> gaussian.mean, round(gaussian.variance, 12), round(orthogonal.variance, 12)
    (1.0, 32.0, 16.0)
    """
    _check(depth, weights, weight_variance)
    check_non_negative("variance", variance)
    mu_1 = gaussian_moments(activation, variance=variance).slope_second_moment
    mu_2 = gaussian_mean(lambda z: activation.derivative(z) ** 4, variance=variance, kinks=activation.kinks)
    s_1 = -1 if weights == "gaussian" else 0
    mean = _mean(weight_variance * mu_1, depth)
    return SingularValueMoments(mean=mean, variance=mean**2 * depth * (mu_2 / mu_1**2 - 1 - s_1))


def jacobian_moment(
    activation: Activation, depth: int, power: int, *, weights: WeightKind, weight_variance: float
) -> float:
    """Return the k-th moment of the squared singular values of a wide network's Jacobian, exactly.

        m_k = sigma_w^(2 L k) (1/k) sum_(j<k) C(g k, j) C(L k, k-1-j) p^(L k - k + 1 + j)

    by Lagrange's inversion of the function in `jacobian_spectrum`, with its p and g; a sum of fractions, taken without
    rounding. For the identity and Gaussian weights these are the Fuss-Catalan numbers C((L+1) k, k)/(L k + 1).

    Args:
        activation: the identity or a rectifier.
        depth: L.
        power: k.
        weights: the kind of the weight matrices.
        weight_variance: sigma_w^2.

    Raises:
        InputError: if phi is neither, L or k is no positive integer, sigma_w^2 is not above 0, or the moment is
            beyond the range of float64.

    >>> [jacobian_moment(Identity(), 2, k, weights="gaussian", weight_variance=1.0) for k in (1, 2, 3)]
    [1.0, 3.0, 12.0]
    """
    _check(depth, weights, weight_variance)
    p, g, L, k = (
        Fraction(_open_share(activation)),
        _power(weights, depth),
        depth,
        check_positive_integer("power", power),
    )
    total = sum(_binomial(g * k, j) * math.comb(L * k, k - 1 - j) * p ** (L * k - k + 1 + j) for j in range(k))
    try:
        return float(total / k * Fraction(weight_variance) ** (L * k))
    except OverflowError as error:
        raise InputError("power", "must leave the moment within the range of float64", power) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class JacobianSpectrum:
    """The law of the squared singular values of a wide network's Jacobian.

    Args:
        squared_singular_values: x `[k]`, ascending, from near 0 to near the largest.
        density: at x, of the law's continuous part, which has the mass 1 - `zeros`.
        mass_above: the share of squared singular values above x.
        zeros: the share of singular values that are 0.
        largest: the upper end of the continuous part.
    """

    squared_singular_values: Floats
    density: Floats
    mass_above: Floats
    zeros: float
    largest: float


def jacobian_spectrum(
    activation: Activation, depth: int, *, weights: WeightKind, weight_variance: float, points: int = 500
) -> JacobianSpectrum:
    """Return the density of the squared singular values of the Jacobian of L wide layers.

    With M(x) = sum_k m_k/x^k the generating function of the moments, the product of the S-transforms, 1/(sigma_w^2 (1 +
    m)) of a Gaussian matrix and 1/sigma_w^2 of an orthogonal one, (1 + m)/(p + m) of a layer of units of which a share
    p is open, says of m = M(x)

        x = sigma_w^(2L) (1 + m)^g (p + m)^L/m,    p = 1 for the identity, 1/2 for a rectifier,

    with g = 1 for Gaussian and 1 - L for orthogonal weights. On the support m is complex; with gamma, alpha and beta
    the angles of m, p + m and 1 + m, x is real where g beta + L alpha = gamma. For each gamma this has one root |m|,
    and

        density = Im m/(pi x),    mass above x = (g beta + L p alpha - (g + L - 1) Im m)/pi.

    For the identity and Gaussian weights it is the Fuss-Catalan law, up to sigma_w^(2L) (L+1)^(L+1)/L^L. Of a
    rectifier's singular values half are 0.

    Args:
        activation: the identity or a rectifier.
        depth: L, the number of layers, each with its phi.
        weights: the kind of the weight matrices.
        weight_variance: sigma_w^2.
        points: how many values of x to return.

    Raises:
        InputError: if phi is neither, L or the number of points is no positive integer, sigma_w^2 is not above 0, or
            all singular values but those of 0 are equal, so that there is no density.

    >>> spectrum = jacobian_spectrum(Identity(), 8, weights="gaussian", weight_variance=1.0)
    >>> round(spectrum.largest, 2), spectrum.zeros
    (23.09, 0.0)
    >>> round(jacobian_spectrum(ReLU(), 8, weights="orthogonal", weight_variance=2.0).largest, 2)
    20.37
    """
    _check(depth, weights, weight_variance)
    check_positive_integer("points", points)
    p, g, L = _open_share(activation), _power(weights, depth), depth
    if weights == "orthogonal" and (p == 1 or L == 1):
        rule = (
            "must be 'gaussian' for the identity and for a single layer: orthogonal ones stretch all directions alike"
        )
        raise InputError("weights", rule, weights)
    # With two layers between orthogonal weights the imaginary part of m is unbounded, and its real part is -1/2.
    lowest = math.pi / 2 if weights == "orthogonal" and L == 2 else 0.0
    # Closer at both ends, where the density changes fastest.
    angle = lowest + (math.pi - lowest) * (1 + np.cos(np.pi * (np.arange(points) + 0.5) / points)) / 2
    m = _size(angle, p, g, L) * np.exp(1j * angle)
    mean = _mean(weight_variance * p, L)
    x = np.exp(_log_relative(m, p, g, L)) * mean
    mass = (g * np.angle(1 + m) + L * p * np.angle(p + m) - (g + L - 1) * m.imag) / math.pi
    return JacobianSpectrum(
        squared_singular_values=x,
        density=m.imag / (math.pi * x),
        mass_above=mass,
        zeros=1 - p,
        largest=_largest(p, g, L) * mean,
    )


def _size(angle: Floats, p: float, g: int, L: int) -> Floats:
    """Return |m| for each angle of m, by bisection in ln |m|."""
    if g == -1:
        # Two layers: the real part is -1/2.
        return -p / np.cos(angle)
    low = np.full_like(angle, 1 / FARTHEST)
    if g == 1:
        high = np.full_like(angle, FARTHEST)
    else:
        # The left side less the right one rises to a maximum, behind the root, and falls to 0. At the maximum
        # (1 - L (1-p)) |m|^2 + 2 p cos(gamma) |m| + p (L - (L-1) p) = 0.
        cosine, constant = p * np.cos(angle), p * (L - (L - 1) * p)
        high = constant / (np.sqrt(cosine**2 + (L * (1 - p) - 1) * constant) - cosine)
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        m = middle * np.exp(1j * angle)
        above = g * np.angle(1 + m) + L * np.angle(p + m) > angle
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.sqrt(low * high)


def _log_relative(m: Floats, p: float, g: int, L: int) -> Floats:
    """Return ln x without its factor (sigma_w^2 p)^L, the mean."""
    return g * np.log(np.abs(1 + m)) + L * np.log(np.abs(p + m) / p) - np.log(np.abs(m))


def _largest(p: float, g: int, L: int) -> float:
    """Return the largest x without its factor (sigma_w^2 p)^L: where dx/dm = 0 on the real line beyond 0."""
    # (g + L - 1) m^2 + (g p + L - 1 - p) m - p = 0, the positive root of which is
    b = g * p + L - 1 - p
    denominator = b + math.sqrt(b * b + 4 * (g + L - 1) * p)
    if denominator == 0:
        return p**-L
    return float(np.exp(_log_relative(np.array(2 * p / denominator), p, g, L)))


def _mean(factor: float, depth: int) -> float:
    """Return the mean squared singular value, that of a layer to the power of their number."""
    with np.errstate(over="ignore", under="ignore"):
        mean = float(np.float_power(factor, depth))
    if not 0 < mean < math.inf:
        raise InputError(
            "depth", f"must leave the mean squared singular value, {factor:g} to this power, within float64", depth
        )
    return mean


def _check(depth: int, weights: WeightKind, weight_variance: float) -> None:
    check_positive_integer("depth", depth)
    check_positive("weight_variance", weight_variance)
    if weights not in ("gaussian", "orthogonal"):
        raise InputError("weights", "must be 'gaussian' or 'orthogonal'", weights)


def _open_share(activation: Activation) -> float:
    """Return the share p of units whose phi' is 1; that of the others is 0."""
    match activation:
        case Identity():
            return 1.0
        case ReLU():
            return 0.5
        case _:
            raise InputError("activation", "must be the identity or a rectifier, whose phi' is 0 or 1", activation)


def _power(weights: WeightKind, depth: int) -> int:
    """Return g, how often 1 + m stands in x."""
    return 1 if weights == "gaussian" else 1 - depth


def _binomial(n: int, k: int) -> int:
    """Return n (n-1) ... (n-k+1)/k!, for negative n too."""
    return math.comb(n, k) if n >= 0 else (-1) ** k * math.comb(k - n - 1, k)
