"""The laws that the frameworks share, as functions of a role."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from firstdraw.distributions import Constant, Distribution, Normal, TruncatedNormal, Uniform
from firstdraw.roles import Role

__all__ = [
    "RoleLaw",
    "average_fan",
    "constant",
    "fan_in",
    "fan_out",
    "normal",
    "scaled_normal",
    "scaled_truncated_normal",
    "scaled_uniform",
    "truncated_normal",
    "uniform",
]

RoleLaw: TypeAlias = Callable[[Role], Distribution]
Fan: TypeAlias = Callable[[Role], float]


def fan_in(role: Role) -> float:
    """Return n."""
    return role.fan_in


def fan_out(role: Role) -> float:
    """Return m."""
    return role.fan_out


def average_fan(role: Role) -> float:
    """Return (n + m)/2."""
    return (role.fan_in + role.fan_out) / 2


def constant(value: float) -> RoleLaw:
    """Return the law of W = c, c = `value`."""
    return lambda _role: Constant(value)


def normal(standard_deviation: float) -> RoleLaw:
    """Return the law N(0, s^2), s = `standard_deviation`."""
    return lambda _role: Normal(standard_deviation)


def uniform(low: float, high: float) -> RoleLaw:
    """Return the law U[low, high)."""
    return lambda _role: Uniform(low, high)


def truncated_normal(scale: float, cut: float = 2.0) -> RoleLaw:
    """Return the law of N(0, s^2) cut at c s, s = `scale`, c = `cut`: its standard deviation is below s."""
    return lambda _role: TruncatedNormal(scale, cut)


def scaled_normal(scale: float, fan: Fan = fan_in) -> RoleLaw:
    """Return the law N(0, s/f), s = `scale`, f = `fan`."""
    return lambda role: Normal(math.sqrt(scale / fan(role)))


def scaled_truncated_normal(scale: float, fan: Fan = fan_in) -> RoleLaw:
    """Return the law of a normal number cut at two of its standard deviations whose variance is s/f after the cut."""

    def law(role: Role) -> Distribution:
        corrected = math.sqrt(scale / fan(role)) / TruncatedNormal(1.0, 2.0).standard_deviation
        return TruncatedNormal(corrected, 2.0)

    return law


def scaled_uniform(scale: float, fan: Fan = fan_in) -> RoleLaw:
    """Return the law U[-a, a) with a = sqrt(3 s/f), whose variance is s/f."""

    def law(role: Role) -> Distribution:
        bound = math.sqrt(3 * scale / fan(role))
        return Uniform(-bound, bound)

    return law
