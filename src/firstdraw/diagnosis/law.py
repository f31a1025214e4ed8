"""Weights drawn by a law that does not fit the activation before them.

With v_l = N_(l-1) <W_l^2>, the weight variance of layer l as it was drawn, and q_(l-1) = <Z_(l-1)^2>, layer l of a wide
network has the second moment v_l E[phi(z)^2], z ~ N(0, q_(l-1)), and keeps q_(l-1) if v_l is

    g^2 = q_(l-1) / E[phi(z)^2].

By v_l/g^2 the law is off at layer l, and by the product over the layers it is off over the depth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from firstdraw.activations import ACTIVATIONS, Activation
from firstdraw.diagnosis.finding import Finding, Severity, StartMeasurements
from firstdraw.diagnosis.thresholds import EXPLAINED_SHARE, FITTING_LAW, LAW_LAYERS, SIGNAL_FACTOR
from firstdraw.distributions import Normal
from firstdraw.errors import InputError
from firstdraw.initializers import INITIALIZERS
from firstdraw.moments import gaussian_moments
from firstdraw.probes import LayerState
from firstdraw.roles import weight_role

__all__ = ["FittingInitializer", "activation_name", "fitting_initializer", "wrong_law"]

# Fans of a role for which laws are compared: any that are equal.
FAN: Final = 100
# Factors between these are written as whole numbers.
SMALLEST_WHOLE: Final = 100
LARGEST_WHOLE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Step:
    """From one hidden layer to the next: v, and the v that would keep the signal."""

    weight_variance: float
    needed: float


def wrong_law(measured: StartMeasurements) -> Iterator[Finding]:
    """Find a signal that vanishes or explodes over the hidden layers mostly because of the variance of the weights.

    A small error in a shallow network is none: judged is what comes of it over the depth.
    """
    start, activations = measured.start, measured.activations
    if activations is None or len(start.hidden) <= LAW_LAYERS:
        return
    seen = _logarithm(start.hidden[-1].signal_rms, start.input_rms)
    # Moments by quadrature take milliseconds: they are asked for only where a signal has changed.
    if abs(seen) <= math.log(SIGNAL_FACTOR):
        return
    steps = list(_steps(start.hidden, activations))
    off = sum(math.log(step.weight_variance / step.needed) for step in steps) / 2
    # A signal that has left the numbers tells its direction alone.
    enough = EXPLAINED_SHARE * (abs(seen) if math.isfinite(seen) else 2 * math.log(SIGNAL_FACTOR))
    if len(steps) < LAW_LAYERS or off * math.copysign(1, seen) < enough:
        return
    v, needed = (
        math.exp(sum(math.log(part) for part in parts) / len(steps))
        for parts in zip(*((step.weight_variance, step.needed) for step in steps), strict=True)
    )
    yield _finding(next(item for item in activations if item is not None), len(steps), v=v, needed=needed, off=off)


def _logarithm(after: float, before: float) -> float:
    """Return by how much a signal grew, as a logarithm; infinite where it is lost in 0 or beyond all numbers."""
    if before == 0:
        return 0.0
    if after == 0:
        return -math.inf
    return math.log(after / before) if math.isfinite(after) else math.inf


def _finding(activation: Activation, layers: int, *, v: float, needed: float, off: float) -> Finding:
    name, size, verb = activation_name(activation), *(("small", "shrinks") if off < 0 else ("large", "grows"))
    fitting = fitting_initializer(activation, needed) or FittingInitializer("activation_gain", needed)
    return Finding(
        cause="wrong law for the activation",
        severity=Severity.WARNING,
        place=f"layers 2 to {layers + 1}",
        sentence=(
            f"The weights are too {size} for {name}: their variance is {_times(math.log(v / needed))} too {size} in "
            f"each layer, and over {layers} layers the signal {verb} {_times(off)}"
        ),
        evidence={
            "fan-in times weight variance": v,
            "the one that keeps the signal": needed,
            "factor of the variance, a layer": v / needed,
            "factor of the signal, over the depth": _exponential(off),
            "layers": layers,
        },
        remedy=(
            f"Use `{fitting.name}`: multiply the weights' standard deviation by "
            f"{math.sqrt(fitting.weight_variance / v):.3g}"
        ),
    )


def _steps(hidden: tuple[LayerState, ...], activations: tuple[Activation | None, ...]) -> Iterator[_Step]:
    """Yield the steps between plain layers, as long as the signal is finite and not 0."""
    for (before, layer), activation in zip(pairwise(hidden), activations, strict=False):
        q, v = before.signal.second_moment, layer.fan_in * layer.weight_rms * layer.weight_rms
        if activation is None or before.branch is not None or layer.branch is not None:
            continue
        if not (0 < q < math.inf and 0 < v < math.inf):
            continue
        try:
            moment = gaussian_moments(activation, variance=q).second_moment
        except InputError:
            continue
        if 0 < moment < math.inf:
            yield _Step(v, q / moment)


def activation_name(activation: Activation) -> str:
    """Return the name of an activation in the catalogue, or of its class."""
    try:
        return ACTIVATIONS.name_of(activation)
    except KeyError:
        return type(activation).__name__


@dataclass(frozen=True, slots=True)
class FittingInitializer:
    """An initializer of the catalogue by its name, with the v that it draws."""

    name: str
    weight_variance: float


def fitting_initializer(activation: Activation, weight_variance: float) -> FittingInitializer | None:
    """Return the initializer of the catalogue, made for an activation or for any, that has about a weight variance v.

    Of several it is one that keeps the second moment of signals, and is normal; None if there is none.

    Args:
        activation: phi.
        weight_variance: v.

    >>> from firstdraw.activations import GELU, ReLU, Tanh
    >>> fitting_initializer(ReLU(), 1.9)
    FittingInitializer(name='he_normal', weight_variance=2.0)
    >>> [fitting_initializer(phi, v).name for phi, v in ((Tanh(), 1.0), (GELU(), 2.35))]
    ['glorot_normal', 'activation_gain']
    """
    name = activation_name(activation)
    role = weight_role((FAN, FAN), activation=activation)
    fitting: list[tuple[bool, bool, str, float]] = []
    for candidate, cls in INITIALIZERS.items():
        plain = "dense" in cls.kinds and not (cls.residual or cls.deterministic or cls.needs_architecture)
        if not plain or (name not in (cls.activations or ()) and candidate != "activation_gain"):
            continue
        law = cls().law(role)
        v = FAN * law.standard_deviation**2
        if 1 / FITTING_LAW <= v / weight_variance <= FITTING_LAW:
            general, keeps = candidate == "activation_gain", cls.preserves == "forward second moment"
            fitting.append((general, not (keeps and isinstance(law, Normal)), candidate, v))
    return FittingInitializer(*min(fitting)[2:]) if fitting else None


def _times(logarithm: float) -> str:
    """Write by how much something is off as a factor above 1."""
    factor = _exponential(abs(logarithm))
    if not math.isfinite(factor):
        return f"e^{abs(logarithm):.0f} times"
    return f"{factor:,.0f} times" if SMALLEST_WHOLE <= factor < LARGEST_WHOLE else f"{factor:.3g} times"


def _exponential(logarithm: float) -> float:
    try:
        return math.exp(logarithm)
    except OverflowError:
        return math.inf
