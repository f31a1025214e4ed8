"""Floor 1. By how much weights must be larger than 1/sqrt(n) for an activation not to change the signal's scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firstdraw.activations import SELU, Activation, Identity, LeakyReLU, ReLU, Sigmoid, Tanh
from firstdraw.moments import gaussian_moments, second_moment_slope
from firstdraw.rules import check_positive

__all__ = ["Gains", "conventional_gain", "gains"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """The gains of an activation phi: weights with the variance g^2/n, n the fan-in, keep what g is the gain for.

    With pre-activations x ~ N(0, q), as a wide layer has them:

    Args:
        forward: sqrt(q / E[phi(x)^2]), which keeps the second moment q of pre-activations from layer to layer.
        backward: 1 / sqrt(E[phi'(x)^2]), which keeps the second moment of gradients; with the fan-out for n.
        centered: sqrt(q / Var[phi(x)]), for weights whose mean over the inputs of each unit is taken away, so that the
            mean of phi does not pass: what Scaled Weight Standardization uses (Brock, De & Smith 2021,
            https://arxiv.org/abs/2101.08692).
        conventional: what `torch.nn.init.calculate_gain` returns, a convention and no theory; None where it has none.
        scale_free: whether the gains are the same for every q; otherwise they hold at this q alone.
        slope: dq'/dq of the map q' = g^2 E[phi(x)^2] with the forward gain g, at its fixed point q.

    Gains are infinite where the moment in the denominator is 0.
    """

    forward: float
    backward: float
    centered: float
    conventional: float | None
    scale_free: bool
    slope: float

    @property
    def stable(self) -> bool:
        """Whether a second moment that was disturbed comes back to q: the slope is below 1.

        A scale-free gain keeps every second moment, and the slope is 1: a disturbance stays.
        """
        return not self.scale_free and abs(self.slope) < 1


def gains(activation: Activation, *, variance: float = 1.0) -> Gains:
    """Return the gains of an activation for pre-activations of N(0, q), q = `variance`.

    Raises:
        InputError: if q is not above 0, or the activation has no finite Gaussian moments.

    >>> from firstdraw.activations import GELU
    >>> relu, gelu = gains(ReLU()), gains(GELU())
    >>> round(relu.forward, 6), relu.scale_free, relu.stable
    (1.414214, True, False)
    >>> round(gelu.forward, 6), round(gelu.backward, 6), gelu.conventional, round(gelu.slope, 4), gelu.stable
    (1.53353, 1.481114, None, 1.1441, False)
    """
    check_positive("variance", variance)
    moments = gaussian_moments(activation, variance=variance)
    forward = _ratio(variance, moments.second_moment)
    return Gains(
        forward=forward,
        backward=_ratio(1.0, moments.slope_second_moment),
        centered=_ratio(variance, moments.variance),
        conventional=conventional_gain(activation),
        scale_free=activation.homogeneous,
        slope=1.0 if activation.homogeneous else forward**2 * second_moment_slope(activation, variance=variance),
    )


def conventional_gain(activation: Activation) -> float | None:
    """Return what `torch.nn.init.calculate_gain` returns for an activation; None where it raises an error.

    A convention: exact for the identity and for rectifiers, but 5/3 for tanh, 3/4 for SELU and 1 for the sigmoid keep
    neither signals nor gradients. Source: https://pytorch.org/docs/stable/nn.init.html

    >>> from firstdraw.activations import GELU
    >>> conventional_gain(Tanh()) == 5 / 3, conventional_gain(GELU())
    (True, None)
    """
    match activation:
        case Identity() | Sigmoid():
            return 1.0
        case Tanh():
            return 5 / 3
        case ReLU():
            return math.sqrt(2)
        case LeakyReLU(slope=a):
            return math.sqrt(2 / (1 + a * a))
        case SELU():
            return 3 / 4
        case _:
            return None


def _ratio(kept: float, moment: float) -> float:
    """Return the gain that makes `kept` of a moment of the activation."""
    return math.sqrt(kept / moment) if moment > 0 else math.inf
