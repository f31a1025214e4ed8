"""Networks deeper than what their start leaves of the differences between inputs, and of gradients.

A stack of wide layers W ~ N(0, v/n), b ~ N(0, s) leads all variances to a fixed point q, and the correlation of two
inputs to a fixed point c, e-fold nearer every xi_c layers. In the ordered phase, chi_1 = v E[phi'(z)^2] < 1, c is 1 and
gradients vanish; in the chaotic phase, chi_1 > 1, similar inputs end up different and gradients explode.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstdraw.activations import Activation
from firstdraw.diagnosis.finding import Finding, Severity, StartMeasurements
from firstdraw.diagnosis.law import activation_name, fitting_initializer
from firstdraw.diagnosis.thresholds import DEPTH_SCALES, EQUAL_LAYERS, LAW_LAYERS, PHASE_CHANGE
from firstdraw.lazy import LazyModule

if TYPE_CHECKING:
    from firstdraw import theory
else:
    # It takes longer to import than a diagnosis takes, and few networks are deep enough to need it.
    theory = LazyModule("firstdraw.theory")

__all__ = ["phase_too_deep"]


def phase_too_deep(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a plain network whose hidden layers are all of one law, and more than six of its depth scales xi_c.

    Where variances go to 0 or to infinity there is no fixed point to judge at: that is the law's fault, not the
    depth's. Critical rectifiers keep every variance, and have no depth scale.
    """
    stack = _stack(measured)
    if stack is None:
        return
    layer = theory.WideLayer(
        activation=stack.activation, weight_variance=stack.weight_variance, bias_variance=stack.bias_variance
    )
    q = theory.variance_limit(layer, stack.variance)
    if not 0 < q < math.inf or layer.keeps_every_variance:
        return
    chi, xi = float(layer.gradient_factor(q)), theory.depth_scale(theory.correlation_fixed_point(layer, q).slope)
    if stack.depth <= DEPTH_SCALES * xi or (chi - 1) * (stack.gradient_factor - 1) <= 0:
        return
    yield _finding(stack, q=q, chi=chi, xi=xi)


@dataclass(frozen=True, slots=True)
class _Stack:
    """Hidden layers of one law.

    Args:
        activation: phi, before each but the first.
        weight_variance: v, as it was drawn.
        bias_variance: s.
        depth: how many steps lead from the first hidden layer to the last.
        variance: the second moment of the first hidden layer's pre-activations.
        gradient_factor: the geometric mean of the chi that was measured.
    """

    activation: Activation
    weight_variance: float
    bias_variance: float
    depth: int
    variance: float
    gradient_factor: float


def _stack(measured: StartMeasurements) -> _Stack | None:
    """Return the hidden layers as a stack; None where they are none, or gradients keep their size in it."""
    hidden, activations = measured.start.hidden, measured.activations
    if activations is None or measured.start.branches or len(hidden) <= LAW_LAYERS:
        return None
    following = hidden[1:]
    activation, logarithms = activations[0], [_logarithm(state.chi) for state in hidden[:-1]]
    if activation is None or not abs(sum(logarithms)) > PHASE_CHANGE:
        return None
    v = [state.fan_in * state.weight_rms**2 for state in following]
    if any(item != activation for item in activations[: len(hidden)]) or not max(v) <= EQUAL_LAYERS * min(v):
        return None
    q = hidden[0].signal.second_moment
    if not 0 < q < math.inf:
        return None
    return _Stack(
        activation=activation,
        weight_variance=math.exp(float(np.mean(np.log(v)))),
        bias_variance=float(np.mean([state.bias_rms**2 for state in following])),
        depth=len(following),
        variance=q,
        gradient_factor=math.exp(sum(logarithms) / len(logarithms)),
    )


def _logarithm(chi: float | None) -> float:
    return math.log(chi) if chi is not None and 0 < chi < math.inf else math.nan


def _finding(stack: _Stack, *, q: float, chi: float, xi: float) -> Finding:
    ordered, limit = chi < 1, DEPTH_SCALES * xi
    name, v, s = activation_name(stack.activation), stack.weight_variance, stack.bias_variance
    phase = "ordered" if ordered else "chaotic"
    what = (
        "different inputs become alike and gradients vanish"
        if ordered
        else "similar inputs become unrelated and gradients explode"
    )
    return Finding(
        cause="ordered phase too deep" if ordered else "chaotic phase too deep",
        severity=Severity.WARNING,
        place=f"layers 2 to {stack.depth + 1}",
        sentence=(
            f"The network is too deep for its start in the {phase} phase, where {what}: it has {stack.depth} hidden "
            f"layers after the first, and {name} with the weight variance {v:.3g}/n is trainable over about {limit:.2g}"
        ),
        evidence={
            "fan-in times weight variance": v,
            "bias variance": s,
            "fixed point of the variance": q,
            "chi, predicted": chi,
            "chi, measured": stack.gradient_factor,
            "xi_c": xi,
            "6 xi_c": limit,
            "layers": stack.depth,
        },
        remedy=_remedy(stack.activation, v=v, s=s, limit=limit),
    )


def _remedy(activation: Activation, *, v: float, s: float, limit: float) -> str:
    """Return how to come to the edge of chaos; where none is, how to do without."""
    here = theory.edge_points(activation, s)
    points = here or theory.edge_points(activation, 0.0)
    shallower = f"at most {max(1, math.floor(limit))} hidden layers after the first"
    if not points:
        return f"Use {shallower}, residual branches or another activation: no weight variance makes this one critical"
    critical = min(points, key=lambda point: abs(math.log(point.weight_variance / v))).weight_variance
    fitting = fitting_initializer(activation, critical)
    named = f"`variance_scaling` with the scale {critical:.3g}" if fitting is None else f"`{fitting.name}`"
    scale = math.sqrt((critical if fitting is None else fitting.weight_variance) / v)
    biases = "" if here else ", the biases by 0"
    return f"Use {named}: multiply the weights' standard deviation by {scale:.3g}{biases}; or use {shallower}"
