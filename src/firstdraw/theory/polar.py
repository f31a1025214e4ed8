"""E[f(u) g(v)] for functions of two correlated Gaussians that bend, or have kinks, at 0: by polar coordinates.

In the plane of two independent standard Gaussians, u and v of a correlation c are the distances from two lines, u = 0
and v = 0, times their standard deviations. The lines cut the plane into four sectors: in two opposite ones, of the
angle pi - arccos c, u and v have one sign, in the two others, of the angle arccos c, they have different ones. At a
distance r from the origin and an angle a from the first line of a sector of the angle w,

    |u| = sqrt(q1) r sin a,    |v| = sqrt(q2) r sin(w - a),    with the density r exp(-r^2/2)/(2 pi) of r and a.

No kink is left within a sector. Towards its edges and towards the origin f and g vary on the scale of 1/sqrt(q), small
where a variance q is large, but always on the scale of 1 in the logarithms of r, a and w - a: the trapezoidal rule in
these converges exponentially, at one rate for all variances and correlations.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from firstdraw.arrays import Floats, Integers
from firstdraw.theory.quadrature import Function

__all__ = ["means_by_angle", "pair_means"]

STEP: Final = 0.3
# Of the logarithms, so far that the rest is below 1e-12 of the plane; upwards r itself grows as its coordinate does.
FARTHEST_ANGLE: Final = 94
NEAREST_RADIUS, FARTHEST_RADIUS = 47, 32
NOTHING: Final = 1e-18


def _rule() -> tuple[Floats, Floats, Floats, Integers]:
    """Return, node by node, a/w, r and the weight over w, and which node has w - a for a."""
    y = STEP * np.arange(-FARTHEST_ANGLE, FARTHEST_ANGLE + 1)
    share = 1 / (1 + np.exp(-y))
    x = STEP * np.arange(-NEAREST_RADIUS, FARTHEST_RADIUS + 1)
    r = np.logaddexp(0, x)
    radial = STEP * r * np.exp(-r * r / 2) / (1 + np.exp(-x)) / (2 * math.pi)
    weights = np.outer(STEP * share * share[::-1], radial)
    kept = weights * np.maximum(1, r**4) > NOTHING
    numbers = np.zeros(kept.shape, np.intp)
    numbers[kept] = np.arange(np.count_nonzero(kept))
    shares, radii = np.broadcast_to(share[:, np.newaxis], kept.shape), np.broadcast_to(r, kept.shape)
    return shares[kept], radii[kept], weights[kept], numbers[::-1][kept]


SHARES, RADII, WEIGHTS, MIRRORED = _rule()


def pair_means(f: Function, g: Function, q1: Floats, q2: Floats, angle: float) -> Floats:
    """Return E[f(u) g(v)] `[m1, m2]` for variances q1 `[m1]` and q2 `[m2]` and the correlation cos `angle`.

    Within 1e-11 of the larger of 1 and sqrt(E[f(u)^2] E[g(v)^2]) for functions that are smooth but at 0, on any scale,
    and 1e-9 for those that fall as exp(-x^2) does.

    >>> one = np.ones(1)
    >>> round(pair_means(np.abs, np.abs, one, one, math.pi / 2).item() * math.pi / 2, 12)
    1.0
    """
    return _sectors(f, g, q1, q2, math.pi - angle)[0] + _sectors(f, g, q1, q2, angle)[1]


def means_by_angle(f: Function, g: Function, q1: Floats, q2: Floats, angles: Floats) -> Floats:
    """Return `pair_means`, `[n, m1, m2]`, for n ascending angles that are symmetric about pi/2.

    >>> one, angles = np.ones(1), np.array([0.0, math.pi / 2, math.pi])
    >>> means_by_angle(np.sin, np.sin, one, one, angles).ravel().round(6) + 0.0
    array([ 0.432332,  0.      , -0.432332])
    """
    sectors = [_sectors(f, g, q1, q2, w) for w in angles.tolist()]
    return np.array([same + other for (same, _), (_, other) in zip(reversed(sectors), sectors, strict=True)])


def _sectors(f: Function, g: Function, q1: Floats, q2: Floats, w: float) -> tuple[Floats, Floats]:
    """Return what sectors of the angle w hold if u and v have one sign in them, and if they have different ones."""
    distances = np.sin(w * SHARES) * RADII
    near = _sides(f, q1, distances)
    far = near if f == g and q1 is q2 else _sides(g, q2, distances)
    # One product of matrices, of which the signs' four combinations are the quarters.
    products = (w * WEIGHTS * near) @ far[:, MIRRORED].T
    (both_up, apart), (opposite, both_down) = (
        np.split(half, [len(q2)], axis=1) for half in np.split(products, [len(q1)])
    )
    return both_up + both_down, apart + opposite


def _sides(f: Function, q: Floats, distances: Floats) -> Floats:
    """Return f on both sides of 0, a variance a row, first all of the positive side."""
    x = np.sqrt(q)[:, np.newaxis] * distances
    return f(np.concatenate([x, -x]))
