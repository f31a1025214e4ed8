"""The phase plane: order, chaos or growth without end, over weight and bias variances."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from firstdraw.activations import Activation
from firstdraw.arrays import Floats, Integers
from firstdraw.errors import InputError
from firstdraw.rules import check_non_negative
from firstdraw.theory.fixed_points import VARIANCES
from firstdraw.theory.moment_table import MomentTable

__all__ = ["Phase", "PhasePlane", "phase_of", "phase_plane"]

# A table of moments is good to a few times 1e-14, a fixed point near a slope of 1 to the root of that.
CRITICAL: Final = 1e-7
ROUNDING: Final = 1e-12
TOLERANCE: Final = 1e-13
MOST_STEPS: Final = 100


class Phase(IntEnum):
    """What depth does to gradients, and to two inputs."""

    ORDERED = 0
    """chi_1 < 1: gradients vanish, and all inputs end up alike."""
    CRITICAL = 1
    """chi_1 = 1, the edge of chaos."""
    CHAOTIC = 2
    """chi_1 > 1: gradients explode, and similar inputs end up different."""
    DIVERGING = 3
    """The variance of pre-activations grows without end: there is no fixed point to judge at."""


def phase_of(q: Floats, chi: Floats) -> Integers:
    """Return the phase that each fixed point q with the gradient factor chi_1 is in.

    >>> Phase(int(phase_of(np.array(0.5), np.array(0.9)))).name
    'ORDERED'
    """
    phase = np.where(chi > 1, Phase.CHAOTIC, Phase.ORDERED)
    phase = np.where(abs(chi - 1) <= CRITICAL, Phase.CRITICAL, phase)
    return np.where(np.isinf(q), Phase.DIVERGING, phase)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PhasePlane:
    """What depth leads to, for each bias variance (rows) and weight variance (columns).

    Args:
        activation: phi.
        weight_variances: v, the columns.
        bias_variances: s, the rows.
        variance: the fixed point q that the variance map goes to from q0; infinite where there is none.
        gradient_factor: chi_1 there; its limit where q is infinite.
        phase: a `Phase`.
        depth_scale: 1/|ln chi_1|, the layers in which a gradient changes e-fold, and in the ordered phase the
            difference of two inputs, too; infinite at the edge of chaos.
    """

    activation: Activation
    weight_variances: Floats
    bias_variances: Floats
    variance: Floats
    gradient_factor: Floats
    phase: Integers
    depth_scale: Floats


def phase_plane(
    activation: Activation, *, weight_variances: Floats, bias_variances: Floats, q0: float = 1.0
) -> PhasePlane:
    """Return the phase plane of an activation on a grid.

    The fixed point is the one that the variance map leads to from q0, as `fixed_points.variance_limit` says; for a map
    that rises with q, as that of every activation of the catalogue does.

    Args:
        activation: phi.
        weight_variances: v, any numbers of at least 0.
        bias_variances: s, any numbers of at least 0.
        q0: the variance of the first layer's pre-activations, above 0.

    Raises:
        InputError: if a variance is negative or not finite, or the activation has no finite moments.

    >>> from firstdraw.activations import Tanh
    >>> plane = phase_plane(Tanh(), weight_variances=np.array([1.0, 3.0]), bias_variances=np.array([0.05]))
    >>> [Phase(phase).name for phase in plane.phase[0]], plane.gradient_factor.round(6)
    (['ORDERED', 'CHAOTIC'], array([[0.759032, 1.208934]]))
    """
    v, s = _checked("weight_variances", weight_variances), _checked("bias_variances", bias_variances)
    check_non_negative("q0", q0)
    table = MomentTable(activation)
    q = _limits(table, v, s, float(q0))
    chi = v * table.slope_second_moment(np.minimum(q, VARIANCES[-1]))
    with np.errstate(divide="ignore"):
        rate = abs(np.log(chi))
        scale = 1 / np.where(rate > ROUNDING, rate, 0.0)
    return PhasePlane(
        activation=activation,
        weight_variances=v,
        bias_variances=s,
        variance=q,
        gradient_factor=chi,
        phase=phase_of(q, chi),
        depth_scale=scale,
    )


def _checked(name: str, given: Floats) -> Floats:
    array = np.asarray(given, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise InputError(name, "must be a list of at least one variance", array.shape)
    broken = array[~(np.isfinite(array) & (array >= 0))]
    if broken.size:
        raise InputError(name, "must hold finite numbers of at least 0", float(broken[0]))
    return array


def _limits(table: MomentTable, v: Floats, s: Floats, q0: float) -> Floats:
    """Return the fixed point that is reached from q0, a bias variance a row and a weight variance a column.

    q is kept by the bias variance h(q) = q - v E[phi^2]. Where h(q0) < s variances rise, to the first q above q0 with
    h(q) >= s, which the running maximum of h tells; else they fall, to the last q below with h(q) <= s.
    """
    grid: Floats = np.unique(np.append(VARIANCES, q0))
    start = int(np.searchsorted(grid, q0))
    moments = table.second_moment(grid)
    low, high = np.empty((s.size, v.size), np.intp), np.empty((s.size, v.size), np.intp)
    for column, weight in enumerate(v):
        h = grid - weight * moments
        h[abs(h) <= ROUNDING * grid] = 0
        rises = s > h[start]
        up = start + np.searchsorted(np.maximum.accumulate(h[start:]), s)
        down = start - np.searchsorted(np.maximum.accumulate(-h[start::-1]), -s).clip(0, start)
        low[:, column] = np.where(rises, up - 1, down)
        high[:, column] = np.where(rises, up, np.minimum(down + 1, start))
    diverges = high == grid.size
    ends = grid[np.where(diverges, 0, low)], grid[np.where(diverges, 0, high)]
    q = _between(table, v, s, *ends)
    # Below, q' - q is lost in rounding: without a bias it falls there as it does above.
    q[(s[:, np.newaxis] == 0) & (q <= 10 * ROUNDING) & (moments[0] == 0)] = 0
    q[diverges] = np.inf
    return q


def _between(table: MomentTable, v: Floats, s: Floats, low: Floats, high: Floats) -> Floats:
    """Return the q with q - v E[phi^2] = s between a q that is kept by at most s and one that is by at least s.

    By the rule of false position, in the form of the Illinois algorithm.
    """
    shape, root, left = low.shape, high.ravel().copy(), np.arange(low.size)
    v, s = np.tile(v, s.size), np.repeat(s, v.size)
    at_low, at_high = _kept(table, low.ravel(), v, s), _kept(table, root, v, s)
    state: Floats = np.stack([v, s, low.ravel(), root, at_low, at_high, np.zeros_like(v)])
    for _ in range(MOST_STEPS):
        rows: list[Floats] = list(state)
        v, s, low, high, at_low, at_high, moved = rows
        gap = at_high - at_low
        share: Floats = np.divide(-at_low, gap, out=np.full_like(gap, 0.5), where=gap > 0)
        q = low + (high - low) * share
        root[left] = q
        value = _kept(table, q, v, s)
        rises = value >= 0
        # An end that stays twice in a row counts half.
        at_low = np.where(rises, np.where(moved > 0, at_low / 2, at_low), value)
        at_high = np.where(rises, value, np.where(moved < 0, at_high / 2, at_high))
        low, high, moved = np.where(rises, low, q), np.where(rises, q, high), np.where(rises, 1.0, -1.0)
        going = (high - low > TOLERANCE * high) & (abs(value) > TOLERANCE / 3 * q)
        if not going.any():
            break
        left, state = left[going], np.stack([v, s, low, high, at_low, at_high, moved])[:, going]
    return root.reshape(shape)


def _kept(table: MomentTable, q: Floats, v: Floats, s: Floats) -> Floats:
    """Return q - v E[phi^2] - s, which is 0 at a fixed point."""
    return q - v * table.second_moment(q) - s
