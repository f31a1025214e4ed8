"""How far a network of given widths strays from what infinite width predicts, exactly, where phi is homogeneous.

Without biases and with phi(c z) = c phi(z) for c > 0, what a layer does to the size of a signal does not depend on the
size, and the ratio M_l = |h_l|^2/N_l of one layer after the other is a product of independent factors:

    M_l = M_(l-1) sigma_w^2 (1/N_l) sum_i phi(z_i)^2,    z_i ~ N(0, 1),

h_l the activations of layer l and N_l its width. Everything here is relative to E M_L, which sigma_w^2 sets. So the
mean may be kept while its fluctuations grow with sum 1/N_l, and the typical signal shrinks.

Sources: Hanin (2018), Which Neural Net Architectures Give Rise to Exploding and Vanishing Gradients?,
https://arxiv.org/abs/1801.03744; Hanin & Rolnick (2018), How to Start Training: The Effect of Initialization and
Architecture, https://arxiv.org/abs/1803.01719
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from firstdraw.activations import Activation
from firstdraw.errors import InputError
from firstdraw.rules import check_finite
from firstdraw.theory.widths import check_widths

__all__ = [
    "LogSize",
    "jacobian_entry_kurtosis",
    "leading_log_size",
    "log_size",
    "relative_second_moment",
]

# Of u = ln t. The integrands below are analytic within pi/2 of the real line, so that sums over this step are exact to
# float64; at the ends they are below 1e-17.
STEP: Final = 0.125
LOWEST, HIGHEST = -45.0, 90.0


def relative_second_moment(
    activation: Activation, hidden_widths: Sequence[int], *, kurtosis: float = 3.0, input_concentration: float = 0.0
) -> float:
    """Return E[M_L^2]/E[M_L]^2 of the size M_L = |h_L|^2/N_L of the last hidden layer.

        prod_l (1 + k/N_l),    k = E[phi(z)^4]/E[phi(z)^2]^2 - 1 for z ~ N(0, 1)

    for Gaussian weights: k = 5 for a rectifier, 2 for the identity. For weights of another symmetric law of kurtosis K,
    p_l = E|h_l|^4 and s_l = E sum_i h_(l,i)^4 go on together, up to the weights' variance squared,

        s_l = m4 N_l (3 p_(l-1) + (K - 3) s_(l-1)),    p_l = s_l + m2^2 N_l (N_l - 1) p_(l-1),

    with m2 and m4 the shares of z's second and fourth moment that phi keeps, 1/2 and 1/2 for a rectifier. Both are
    exact for a homogeneous phi, biases of 0 and independent weights.

    Args:
        activation: phi, homogeneous.
        hidden_widths: N_1 to N_L.
        kurtosis: K, the fourth central moment of a weight over its variance squared, at least 1; 3 for a Gaussian.
        input_concentration: sum_i x_i^4/|x|^4 of the input x, from 1/d for d equal features to 1 for a single one;
            without meaning for K = 3, and 0 for many features.

    Raises:
        InputError: if phi is not homogeneous, a width is no positive integer, K is below 1, or the concentration is
            not in [0, 1].

    >>> from firstdraw.activations import Identity, ReLU
    >>> round(relative_second_moment(ReLU(), [100] * 20), 4), round(relative_second_moment(Identity(), [100] * 20), 4)
    (2.6533, 1.4859)
    """
    p, _ = _fourth_moments(activation, hidden_widths, kurtosis, input_concentration)
    return p


def jacobian_entry_kurtosis(activation: Activation, hidden_widths: Sequence[int], *, kurtosis: float = 3.0) -> float:
    """Return E[Z^4]/E[Z^2]^2 of an entry Z of the Jacobian of an output by an input.

        3 prod_l (1 + k/N_l),    k as in `relative_second_moment`

    for Gaussian weights, those of the linear last layer included. For another symmetric law of kurtosis K it is
    3 p_L + (K - 3) s_L, in its recursion from a single feature, p_0 = s_0 = 1, with E|h_L|^2 = 1. A heavy tail: at
    given beta = sum 1/N_l it grows like exp(k beta), however wide the layers are.

    Args:
        activation: phi, homogeneous.
        hidden_widths: N_1 to N_L.
        kurtosis: K, of a weight; where it is not 3, the law has no atoms.

    Raises:
        InputError: as `relative_second_moment`.

    >>> from firstdraw.activations import ReLU
    >>> round(jacobian_entry_kurtosis(ReLU(), [20] * 5), 4)
    9.1553
    """
    p, s = _fourth_moments(activation, hidden_widths, kurtosis, 1.0)
    return 3 * p + (kurtosis - 3) * s


def _fourth_moments(
    activation: Activation, hidden_widths: Sequence[int], kurtosis: float, input_concentration: float
) -> tuple[float, float]:
    """Return p_L and s_L, over E[|h_L|^2]^2."""
    m2, m4 = _kept(activation)
    widths = check_widths("hidden_widths", hidden_widths)
    if not check_finite("kurtosis", kurtosis) >= 1:
        raise InputError("kurtosis", "must be at least 1, as of every law", kurtosis)
    if not 0 <= check_finite("input_concentration", input_concentration) <= 1:
        raise InputError("input_concentration", "must be a number from 0 to 1", input_concentration)
    p, s = 1.0, float(input_concentration)
    for N in widths:
        s = m4 / m2**2 / N * (3 * p + (kurtosis - 3) * s)
        p = s + (1 - 1 / N) * p
    return p, s


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSize:
    """What the logarithm of a signal's size does: of ln(M_L/E M_L), given that the signal is not 0.

    Args:
        mean: E ln(M_L/E M_L), the drift of the typical signal, in nats.
        variance: Var ln M_L, in nats squared.
    """

    mean: float
    variance: float


def log_size(activation: Activation, hidden_widths: Sequence[int]) -> LogSize:
    """Return the mean and the variance of ln(M_L/E M_L), exactly, given that no layer is silent.

    They are sums over layers of the moments of ln X, X = (1/N) sum_i phi(z_i)^2/E[phi(z)^2], z_i ~ N(0, 1). With the
    Laplace transform f(t) = E[exp(-t X) | X > 0], known in closed form, and u = ln t (X is near 1, so that no digits of
    its variance are lost),

        E[ln X] = -I_0,    E[ln^2 X] = 2 (gamma I_0 + I_1),    I_k = integral of u^k (f(t) - exp(-t)) du

    over the line, gamma Euler's constant. For a rectifier N X/2 is a chi^2 variable of as many degrees of freedom as
    units answer, Binomial(N, 1/2) and not 0; E[ln chi^2_k] is psi(k/2) + ln 2, its variance psi'(k/2). Holds for a
    homogeneous phi, Gaussian weights and biases of 0; each layer's moments are within 1e-12.

    Args:
        activation: phi, homogeneous.
        hidden_widths: N_1 to N_L.

    Raises:
        InputError: if phi is not homogeneous, or a width is no positive integer.

    >>> from firstdraw.activations import ReLU
    >>> exact, leading = log_size(ReLU(), [100] * 20), leading_log_size(ReLU(), [100] * 20)
    >>> round(exact.mean, 4), leading.mean
    (-0.5084, -0.5)
    >>> round(exact.variance, 4), leading.variance
    (1.0388, 1.0)
    """
    slopes = _slopes(activation)
    layers = [_log_factor(*slopes, width) for width in check_widths("hidden_widths", hidden_widths)]
    return LogSize(
        mean=math.fsum(layer.mean for layer in layers), variance=math.fsum(layer.variance for layer in layers)
    )


def leading_log_size(activation: Activation, hidden_widths: Sequence[int]) -> LogSize:
    """Return the mean -k beta/2 and the variance k beta of ln(M_L/E M_L), to leading order in beta = sum 1/N_l.

    k is that of `relative_second_moment`: -5 beta/2 and 5 beta for a rectifier. They are those of a log-normal M_L
    whose mean square is 1 + k/N times larger than its squared mean after each layer.

    Raises:
        InputError: as `log_size`.

    >>> from firstdraw.activations import Identity
    >>> leading_log_size(Identity(), [50] * 5)
    LogSize(mean=-0.1, variance=0.2)
    """
    m2, m4 = _kept(activation)
    k = 3 * m4 / m2**2 - 1
    beta = math.fsum(1 / width for width in check_widths("hidden_widths", hidden_widths))
    return LogSize(mean=-k * beta / 2, variance=k * beta)


def _slopes(activation: Activation) -> tuple[float, float]:
    """Return the slopes of a homogeneous phi on the left and on the right of 0, as sizes."""
    if not activation.homogeneous:
        raise InputError("activation", "must be homogeneous, phi(c z) = c phi(z) for c > 0", activation)
    left, right = np.abs(activation.value(np.array([-1.0, 1.0]))).tolist()
    return left, right


def _kept(activation: Activation) -> tuple[float, float]:
    """Return the shares of a symmetric z's second and fourth moment that phi keeps."""
    left, right = _slopes(activation)
    return (left**2 + right**2) / 2, (left**4 + right**4) / 2


@lru_cache(maxsize=256)
def _log_factor(left: float, right: float, width: int) -> LogSize:
    """Return the moments of ln X of one layer, given X > 0."""
    # A slope near 0 leaves a second, far place where the transform falls.
    least = min(left, right) or max(left, right)
    u = np.arange(LOWEST, HIGHEST + 2 * math.log(max(left, right) / least), STEP)
    t = np.exp(u)
    # E exp(-s z^2) = 1/sqrt(1 + 2 s); half of the units are on either side of 0. The logarithm of the mean of exp(a)
    # and exp(b) is (a + b)/2 + ln cosh((a - b)/2).
    a, b = (-np.log1p(2 * slope**2 / ((left**2 + right**2) / 2) / width * t) / 2 for slope in (left, right))
    log_transform = (a + b) / 2 + np.log1p(2 * np.sinh((a - b) / 4) ** 2)
    transform = np.exp(width * log_transform)
    if not (left and right):
        # Without what all silent units leave, 2^-N, the N-th power of half of 1 + exp(a + b).
        transform *= -np.expm1(-width * np.log1p(np.exp(a + b))) / -math.expm1(-width * math.log(2))
    difference = transform - np.exp(-t)
    first, second = float(difference.sum()) * STEP, float((u * difference).sum()) * STEP
    return LogSize(mean=-first, variance=2 * (np.euler_gamma * first + second) - first**2)
