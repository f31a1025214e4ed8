"""Which parameters are to blame, and how far each is from what its role asks for.

What never was a draw, or is none any more, is certainly to blame. Others are judged by s, the root mean square of their
numbers over that of the law that is asked for: wild beyond a factor of 4, far beyond 2, near within. Biases and the
parameters of normalizations, of which constants are asked, are judged by how far they are from these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

from firstdraw.diagnosis.thresholds import ALIKE_SHARE
from firstdraw.distributions import Constant, Distribution, Normal
from firstdraw.torch.automatic import automatic
from firstdraw.torch.candidates import default_of
from firstdraw.torch.faults import Fault, faults_of
from firstdraw.torch.holding import hold
from firstdraw.torch.layers import ParameterState
from firstdraw.torch.observing import Observation
from firstdraw.torch.remedies.patient import Held, Patient, Trial

__all__ = ["Degree", "Judge", "factor_of", "law_for"]

# Two layers of weights four times off make signals of another order of magnitude; PyTorch's default before a rectifier
# is off by 2.4.
WILD: Final = 4.0
FAR: Final = 2.0
# Weights within 1 % of what is asked are left: an estimate from 10,000 of them is no better.
CLOSE: Final = 0.01
# An offset that signals of order 1 do not get over, and one that they notice.
WILD_OFFSET: Final = 1.0
FAR_OFFSET: Final = 0.25
# A normalization's scale so many times off, either way.
WILD_SCALE: Final = 8.0
FAR_SCALE: Final = 2.0
# No law of the catalogue but heavy-tailed ones draws numbers so many standard deviations out.
OUTLYING: Final = 30.0
# Some way above the rows of N(0, 1) that `torch.nn.Embedding` starts with.
LARGEST_EMBEDDING: Final = 1.5
# No initialization draws such numbers.
ABSURD: Final = 1e8


class Degree(IntEnum):
    """How far a parameter is from what its role asks for."""

    AS_ASKED = 0
    NEAR = 1
    FAR = 2
    WILD = 3
    CERTAIN = 4


def law_for(held: Held) -> Distribution:
    """Return the law that a parameter is drawn anew by; where nothing is known of it, one that is safe in any place.

    Args:
        held: the parameter.
    """
    if held.law is not None:
        return held.law
    shape = held.place.shape
    return Normal(1 / math.sqrt(max(shape))) if len(shape) > 1 else Constant(0.0)


def factor_of(law: Distribution, seen: Observation) -> float:
    """Return the factor that gives a parameter the size of a law; infinite where it is 0."""
    return math.sqrt(law.second_moment / seen.second_moment) if seen.second_moment else math.inf


@dataclass(frozen=True, eq=False)
class Judge:
    """What is known of a model when its parameters are judged.

    Args:
        patient: the model.
        trial: how it does.
    """

    patient: Patient
    trial: Trial

    @cached_property
    def _states(self) -> Mapping[str, tuple[ParameterState, ...]]:
        return self.patient.states(self.trial.check.state)

    @cached_property
    def _faults(self) -> tuple[Fault, ...]:
        roles = self.patient.roles
        held = [hold(parameter, automatic(parameter, roles).law) for parameter in roles.parameters]
        return faults_of(self.patient.model, roles, held)

    def degree(self, held: Held, seen: Observation) -> tuple[Degree, str]:
        """Return how far a parameter is from what is asked, and where it has to be drawn anew, why.

        Args:
            held: the parameter.
            seen: what it holds.
        """
        reason = self._no_draw(held, seen)
        if reason:
            return Degree.CERTAIN, reason
        law = held.law
        if law is None or held.place.normalized or self.is_to_stay_zero(held, seen):
            return Degree.AS_ASKED, ""
        if held.role.kind not in {"weight", "bare"}:
            return _degree_of_constant(held, law, seen), ""
        if self._is_conventional(held, law, seen):
            return Degree.AS_ASKED, ""
        factor = factor_of(law, seen)
        off = abs(math.log(factor)) if 0 < factor < math.inf else math.inf
        degree = _beyond(off, math.log(WILD), math.log(FAR), CLOSE)
        following = held.role.following
        # What divides by the size of what it is given takes any size.
        return (min(degree, Degree.NEAR) if following is not None and following.normalized else degree), ""

    def default_law(self, held: Held) -> Distribution | None:
        """Return what PyTorch's layer holds by default, if its bias still is a draw of that; None elsewhere.

        Args:
            held: a weight whose own numbers are lost.
        """
        role = held.role
        bias = next(
            (one.role for one in self.patient.held if (one.role.owner, one.role.key) == (role.owner, "bias")), None
        )
        return default_of(role) if role.key == "weight" and bias is not None and hold(bias, None).is_default else None

    def is_to_stay_zero(self, held: Held, seen: Observation) -> bool:
        """Whether a parameter is 0 but receives a gradient, so that it will not stay so.

        Args:
            held: the parameter.
            seen: what it holds.
        """
        return _is_zero(seen) and any(item.gradient_rms for item in self._states_of(held))

    def _states_of(self, held: Held) -> tuple[ParameterState, ...]:
        return self._states.get(held.place.name, ())

    def _no_draw(self, held: Held, seen: Observation) -> str:
        """Say why a parameter certainly has to be drawn anew; "" where this is not certain."""
        if not seen.finite:
            return "it held numbers that are infinite or none"
        if max(abs(seen.smallest), abs(seen.largest)) > ABSURD:
            return "it held what memory holds that nobody wrote"
        if self._repeats(held):
            return "it held the numbers of another one"
        if self._is_stuck(held, seen):
            return "all its numbers were 0, as was their gradient"
        law = law_for(held)
        if not law.variance or seen.count == 1 or held.role.kind not in {"weight", "bare"}:
            return ""
        if seen.is_constant and seen.smallest and _is_symmetric(self.trial.check.state.parameters):
            return "all its numbers were equal, and so were its units"
        if _is_symmetric(self._states_of(held)):
            return "its units were equal, and would have stayed so"
        if seen.mean**2 > max(seen.variance, law.second_moment):
            return "the mean of its numbers drowned their spread"
        spread = math.sqrt(seen.variance)
        if spread and max(seen.largest - seen.mean, seen.mean - seen.smallest) > OUTLYING * spread:
            return "single numbers outweighed all others"
        return ""

    def _repeats(self, held: Held) -> bool:
        """Whether a parameter holds the numbers of one before it."""
        return any(
            fault.cause == "identical layers" and not set(held.role.names).isdisjoint(fault.places[1:])
            for fault in self._faults
        )

    def _is_stuck(self, held: Held, seen: Observation) -> bool:
        """Whether a factor is 0 and stays so.

        Of two that are multiplied the later one is left, and moves when the other is drawn. In a model whose weights
        are all 0, which nobody means, none is left.
        """
        states = self._states_of(held)
        if not _is_zero(seen) or held.role.kind in {"bias", "shift"} or any(item.gradient_rms != 0 for item in states):
            return False
        faults = {fault.cause: fault for fault in self._faults}
        product = faults.get("both factors of a product zero")
        if product is None or "never initialized" in faults:
            return held.law is not None
        factors = [one for one in self.patient.held if not set(one.role.names).isdisjoint(product.places)]
        return any(held is one for one in factors[:-1])

    def _is_conventional(self, held: Held, law: Distribution, seen: Observation) -> bool:
        """Whether a weight has a size that is as good as the one asked for.

        Weights of transformers are drawn with 0.02 or by their fan-in, and embeddings of anything else up to order 1.
        """
        role, size, asked = held.role.role, math.sqrt(seen.second_moment), law.standard_deviation
        if role is None or role.tied is not None:
            return False
        attention = self.patient.roles.has_attention
        if role.operation == "embedding":
            return not attention and asked <= size <= LARGEST_EMBEDDING
        return attention and role.operation == "dense" and asked / FAR <= size <= 1 / math.sqrt(role.fan_in)


def _beyond(off: float, wild: float, far: float, near: float) -> Degree:
    degrees = zip((Degree.WILD, Degree.FAR, Degree.NEAR), (wild, far, near), strict=True)
    return next((degree for degree, bound in degrees if off > bound), Degree.AS_ASKED)


def _degree_of_constant(held: Held, law: Distribution, seen: Observation) -> Degree:
    if held.role.kind == "scale" and law.mean and seen.second_moment:
        off = abs(math.log(math.sqrt(seen.second_moment) / law.mean))
        return _beyond(off, math.log(WILD_SCALE), math.log(FAR_SCALE), 0.0)
    # Of several laws side by side, as of gates, the spread between them counts as the parameter's own does.
    spread = abs(seen.variance - law.variance) if law.variance else seen.variance
    return _beyond(math.sqrt(spread + (seen.mean - law.mean) ** 2), WILD_OFFSET, FAR_OFFSET, 0.0)


def _is_zero(seen: Observation) -> bool:
    return seen.is_constant and seen.smallest == 0


def _is_symmetric(states: tuple[ParameterState, ...]) -> bool:
    return any(
        item.units is not None
        and item.distinct_units is not None
        and item.units > 1
        and item.units - item.distinct_units >= ALIKE_SHARE * item.units
        for item in states
    )
