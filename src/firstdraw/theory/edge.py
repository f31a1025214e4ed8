"""The edge of chaos: the weight and bias variances at which gradients keep their variance, chi_1 = 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import optimize

from firstdraw.activations import Activation
from firstdraw.arrays import Floats
from firstdraw.moments import gaussian_moments
from firstdraw.rules import check_non_negative
from firstdraw.theory.fixed_points import is_attracting, variance_slope
from firstdraw.theory.maps import WideLayer
from firstdraw.theory.moment_table import moment_table

__all__ = ["EdgeOfChaos", "EdgePoint", "edge_of_chaos", "edge_point", "edge_points"]

# What rounding leaves of a bias variance of 0, as a share of the variance q.
ROUNDING: Final = 1e-12
VARIANCES: Final[Floats] = np.geomspace(1e-8, 1e4, 241)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgePoint:
    """A layer with chi_1 = 1 at a fixed point of its variance map.

    Args:
        variance: the fixed point q.
        weight_variance: v = 1/E[phi'(z)^2], z ~ N(0, q).
        bias_variance: s = q - v E[phi(z)^2].
        slope: dq'/dq at q; a fixed point with a slope above 1 in size is left again after any disturbance.
    """

    variance: float
    weight_variance: float
    bias_variance: float
    slope: float

    @property
    def stable(self) -> bool:
        """Whether a layer with these variances comes back to q, exponentially with depth."""
        return is_attracting(self.slope)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeOfChaos:
    """Where chi_1 = 1 in the plane of weight and bias variances.

    Args:
        kind: "curve"; "single point" for a positively homogeneous phi (identity, rectifiers), of which every variance q
            is then a fixed point; "none" where the bias variance would be negative for every q.
        points: the curve's points in order of q; the one of a single point, with q = 1 for an example; or none.
    """

    kind: Literal["curve", "single point", "none"]
    points: tuple[EdgePoint, ...]


def edge_point(activation: Activation, q: float) -> EdgePoint | None:
    """Return the point of the edge of chaos whose fixed point is q; None where its bias variance would be negative.

        v = 1/E[phi'(z)^2],  s = q - v E[phi(z)^2],  z ~ N(0, q)

    At q = 0 it is the limit of q, which is there where phi(0) = 0. For a positively homogeneous phi the point is the
    same for every q.

    Raises:
        InputError: if q is negative or not finite, or the activation has no finite moments.

    Sources: Poole et al. (2016), https://arxiv.org/abs/1606.05340; Hayou, Doucet & Rousseau (2019),
    https://arxiv.org/abs/1902.06853

    >>> from firstdraw.activations import Tanh
    >>> point = edge_point(Tanh(), 0.5)
    >>> round(point.weight_variance, 5), round(point.bias_variance, 5), point.stable
    (1.68798, 0.03804, True)
    """
    check_non_negative("q", q)
    if activation.homogeneous:
        v = 1 / gaussian_moments(activation).slope_second_moment
        return EdgePoint(variance=q, weight_variance=v, bias_variance=0.0, slope=1.0)
    v, s = (float(side[0]) for side in _curve(activation, np.array([q], dtype=np.float64)))
    if not (np.isfinite(v) and s >= 0):
        return None
    layer = WideLayer(activation=activation, weight_variance=v, bias_variance=s)
    return EdgePoint(variance=q, weight_variance=v, bias_variance=s, slope=variance_slope(layer, q))


def edge_of_chaos(activation: Activation, variances: Floats = VARIANCES) -> EdgeOfChaos:
    """Return where chi_1 = 1, a curve by its points with the fixed points q of `variances`.

    Points with a negative bias variance are left out.

    Raises:
        InputError: if the activation has no finite moments.

    >>> from firstdraw.activations import ReLU, Softplus
    >>> edge = edge_of_chaos(ReLU())
    >>> edge.kind, edge.points[0].weight_variance, edge.points[0].bias_variance
    ('single point', 2.0, 0.0)
    >>> edge_of_chaos(Softplus()).kind
    'none'
    """
    single = activation.homogeneous
    chosen: list[float] = [1.0] if single else np.sort(variances).tolist()
    points = tuple(point for q in chosen if (point := edge_point(activation, q)) is not None)
    kind = "none" if not points else "single point" if single else "curve"
    return EdgeOfChaos(kind=kind, points=points)


def edge_points(activation: Activation, bias_variance: float) -> tuple[EdgePoint, ...]:
    """Return the points of the edge of chaos with one bias variance, in order of their fixed points q up to 1e8.

    A curve may bend back, so that there are several; of a single point there is one where the bias variance is 0.

    Raises:
        InputError: if the bias variance is negative or not finite, or the activation has no finite moments.

    >>> from firstdraw.activations import Tanh
    >>> (point,) = edge_points(Tanh(), 0.05)
    >>> round(point.weight_variance, 6), round(point.variance, 6)
    (1.760955, 0.570048)
    """
    check_non_negative("bias_variance", bias_variance)
    if activation.homogeneous:
        return edge_of_chaos(activation).points if bias_variance == 0 else ()
    searched = np.concatenate([[0.0], np.geomspace(1e-12, 1e8, 2001)])

    def excess(q: Floats) -> Floats:
        return _curve(activation, q)[1] - bias_variance

    with np.errstate(invalid="ignore", over="ignore"):
        values = excess(searched)
    # What is not told apart from 0 is no change of sign, and at q = 0 a point.
    signs = np.where(abs(values) <= ROUNDING * searched, 0.0, np.sign(values))
    points = [0.0] if values[0] == 0 else []
    decided = np.flatnonzero((signs != 0) & np.isfinite(values))
    for i in np.flatnonzero(signs[decided[1:]] != signs[decided[:-1]]):
        low, high = searched[decided[[i, i + 1]]].tolist()
        points.append(float(optimize.brentq(lambda q: float(excess(np.array([q]))[0]), low, high, rtol=1e-15)))
    return tuple(_at(activation, q, bias_variance) for q in points)


def _at(activation: Activation, q: float, bias_variance: float) -> EdgePoint:
    v = float(_curve(activation, np.array([q]))[0][0])
    layer = WideLayer(activation=activation, weight_variance=v, bias_variance=bias_variance)
    return EdgePoint(variance=q, weight_variance=v, bias_variance=bias_variance, slope=variance_slope(layer, q))


def _curve(activation: Activation, q: Floats) -> tuple[Floats, Floats]:
    """Return the weight and the bias variance for each fixed point q."""
    table = moment_table(activation)
    slopes, seconds = table.slope_second_moment(q), table.second_moment(q)
    with np.errstate(divide="ignore", invalid="ignore"):
        v = 1 / slopes
        s = q - v * seconds
    return v, np.where(abs(s) <= ROUNDING * q, 0.0, s)
