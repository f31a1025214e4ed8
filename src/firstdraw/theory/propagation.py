"""What depth does to signals and gradients in a wide network, layer by layer and in the end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from firstdraw.activations import ACTIVATIONS
from firstdraw.arrays import Floats
from firstdraw.errors import InputError
from firstdraw.rules import check_finite, check_non_negative, check_positive_integer
from firstdraw.theory.correlations import CorrelationKernel, Kernel, single_kernel
from firstdraw.theory.fixed_points import (
    CorrelationFixedPoint,
    VarianceFixedPoint,
    correlation_fixed_point,
    depth_scale,
    variance_fixed_points,
    variance_limit,
    variance_slope,
)
from firstdraw.theory.maps import WideLayer
from firstdraw.theory.phase import Phase, phase_of

__all__ = ["MOST_LAYERS", "Limit", "Propagation", "propagate"]

MOST_LAYERS: Final = 10_000
# A variance that changes by less than this share stays.
SETTLED: Final = 1e-14
# To prepare a kernel takes as long as so many single expectations.
STEPS_OF_A_KERNEL: Final = 40
# Far above the scale of any bend, correlations no longer depend on the variance.
LARGEST: Final = 1e12
TRAINABLE: Final = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Where depth leads from a variance q0.

    Args:
        phase: "ordered", "critical", "chaotic" or "diverging".
        keeps_every_variance: whether every variance is a fixed point, q0 among them.
        fixed_points: all isolated fixed points of the variance map.
        variance: the fixed point q that is reached from q0; infinite where there is none.
        gradient_factor: chi_1 there.
        correlation: c*, what the correlation of two inputs goes to; None where the variance diverges, and where every
            correlation stays.
        variance_scale: xi_q = 1/|ln(dq'/dq)|, the layers in which a difference from q changes e-fold.
        correlation_scale: xi_c = 1/|ln(dc'/dc)| at c*, the same for the correlation; None where the variance diverges.
        gradient_scale: 1/|ln chi_1|, the layers in which the variance of gradients changes e-fold.

    A scale is infinite where the approach is slower than exponential.
    """

    phase: str
    keeps_every_variance: bool
    fixed_points: tuple[VarianceFixedPoint, ...]
    variance: float
    gradient_factor: float
    correlation: float | None
    variance_scale: float
    correlation_scale: float | None
    gradient_scale: float

    @property
    def trainable_depth(self) -> float | None:
        """6 xi_c, up to which networks were found to train (Schoenholz et al. 2017); a rule of thumb."""
        return None if self.correlation_scale is None else TRAINABLE * self.correlation_scale


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Propagation:
    """Signals and gradients in a stack of wide layers, and where depth leads.

    Args:
        layer: each of the layers.
        depth: L, how many there are.
        variance: q_0 ... q_L, `[L + 1]`: q_l that of the pre-activations that l layers made of q_0.
        correlation: c_0 ... c_L, `[L + 1]`, of two inputs that have the variance q_0 both.
        gradient_factor: chi_1 at q_0 ... q_L, `[L + 1]`.
        gradient_ratio: `[L + 1]`, the variance of the gradient by the pre-activations after l layers as a multiple of
            that after all L: the product of the gradient factors at q_l ... q_(L-1), each that of a layer on the way
            back, as if its weights were drawn anew for it.
        limit: where depth leads.
    """

    layer: WideLayer
    depth: int
    variance: Floats
    correlation: Floats
    gradient_factor: Floats
    gradient_ratio: Floats
    limit: Limit

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it; an infinite number is None."""
        limit = self.limit
        return {
            "activation": _name(self.layer),
            "weight_variance": self.layer.weight_variance,
            "bias_variance": self.layer.bias_variance,
            "depth": self.depth,
            "variance": _finite(self.variance),
            "correlation": _finite(self.correlation),
            "gradient_factor": _finite(self.gradient_factor),
            "gradient_ratio": _finite(self.gradient_ratio),
            "limit": {
                "phase": limit.phase,
                "keeps_every_variance": limit.keeps_every_variance,
                "fixed_points": [
                    {
                        "variance": point.variance,
                        "slope": point.slope,
                        "stable": point.stable,
                        "gradient_factor": point.gradient_factor,
                    }
                    for point in limit.fixed_points
                ],
                "variance": _finite_or_none(limit.variance),
                "gradient_factor": _finite_or_none(limit.gradient_factor),
                "correlation": _finite_or_none(limit.correlation),
                "variance_scale": _finite_or_none(limit.variance_scale),
                "correlation_scale": _finite_or_none(limit.correlation_scale),
                "gradient_scale": _finite_or_none(limit.gradient_scale),
                "trainable_depth": _finite_or_none(limit.trainable_depth),
            },
        }


def propagate(layer: WideLayer, *, depth: int, q0: float = 1.0, c0: float = 0.0) -> Propagation:
    """Return what a stack of wide layers does to two inputs and to the gradients that come back.

    Args:
        layer: each of the layers.
        depth: L, up to 10,000.
        q0: the variance of the pre-activations that the first layer is given, of both inputs.
        c0: their correlation.

    Raises:
        InputError: if L is no positive integer or above 10,000, q0 is negative or not finite, c0 is not in [-1, 1], or
            the activation has no finite moments.

    >>> from firstdraw.activations import ReLU
    >>> he = propagate(WideLayer(activation=ReLU(), weight_variance=2.0), depth=10)
    >>> he.variance[-1].round(9), he.correlation[[1, 2, 10]].round(6), he.limit.phase
    (np.float64(1.0), array([0.31831 , 0.493731, 0.871536]), 'critical')
    """
    check_positive_integer("depth", depth)
    if depth > MOST_LAYERS:
        raise InputError("depth", f"must be at most {MOST_LAYERS} layers", depth)
    check_non_negative("q0", q0)
    if abs(check_finite("c0", c0)) > 1:
        raise InputError("c0", "must be at least -1 and at most 1", c0)
    variance = _variances(layer, depth, q0)
    chi = layer.gradient_factor(variance)
    with np.errstate(over="ignore", under="ignore"):
        ratio = np.append(np.cumprod(chi[:-1][::-1])[::-1], 1.0)
    return Propagation(
        layer=layer,
        depth=depth,
        variance=variance,
        correlation=_correlations(layer, variance, c0),
        gradient_factor=chi,
        gradient_ratio=ratio,
        limit=_limit(layer, q0),
    )


def _variances(layer: WideLayer, depth: int, q0: float) -> Floats:
    q = np.full(depth + 1, float(q0))
    for i in range(depth):
        following = q0 if layer.keeps_every_variance else float(layer.next_variance(q[i]))
        q[i + 1 :] = following
        if following == q[i] or abs(following - q[i]) <= SETTLED * q[i]:
            break
    return q


def _correlations(layer: WideLayer, variance: Floats, c0: float) -> Floats:
    c = np.full(variance.size, float(c0))
    q: list[float] = np.minimum(variance, LARGEST).tolist()
    for i, kernel in enumerate(_kernels(layer, q[:-1])):
        following = layer.correlation_of(kernel(float(c[i])), q[i], float(c[i]))
        c[i + 1 :] = following
        if following == c[i] and q[i] == q[-1]:
            break
    return c


def _kernels(layer: WideLayer, variances: list[float]) -> Iterator[Kernel]:
    """Return E[phi(z1) phi(z2)] as a function of the correlation, for one variance after the other."""
    last, kernel = math.nan, None
    for i, q in enumerate(variances):
        if kernel is None or q != last:
            last, kernel = q, _kernel(layer, q, uses=variances[i:].count(q))
        yield kernel


def _kernel(layer: WideLayer, q: float, uses: int) -> Kernel:
    """Return the kernel that so many uses are soonest done with."""
    if q > 0 and uses > STEPS_OF_A_KERNEL:
        return CorrelationKernel(layer.activation, variance=q)
    return single_kernel(layer.activation, q)


def _limit(layer: WideLayer, q0: float) -> Limit:
    q = variance_limit(layer, q0)
    chi = float(layer.gradient_factor(min(q, LARGEST)))
    diverges = math.isinf(q)
    toward = CorrelationFixedPoint(correlation=None, slope=math.nan) if diverges else correlation_fixed_point(layer, q)
    return Limit(
        phase=Phase(int(phase_of(np.array(q), np.array(chi)))).name.lower(),
        keeps_every_variance=layer.keeps_every_variance,
        fixed_points=variance_fixed_points(layer),
        variance=q,
        gradient_factor=chi,
        correlation=toward.correlation,
        variance_scale=math.inf if diverges else depth_scale(variance_slope(layer, q)),
        correlation_scale=None if diverges else depth_scale(toward.slope),
        gradient_scale=depth_scale(chi),
    )


def _name(layer: WideLayer) -> str:
    known = type(layer.activation) in ACTIVATIONS.values()
    return ACTIVATIONS.name_of(layer.activation) if known else repr(layer.activation)


def _finite(values: Floats) -> list[float | None]:
    return [_finite_or_none(value) for value in values.tolist()]


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
