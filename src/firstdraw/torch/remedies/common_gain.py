"""One factor for all weights, such that the gradient keeps its size through the depth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar, Final

from firstdraw.catalogue import Source
from firstdraw.torch.causes.reading import main_way
from firstdraw.torch.layers import LayerState, ModelState
from firstdraw.torch.remedies.actions import Multiply
from firstdraw.torch.remedies.patient import Patient, Trial
from firstdraw.torch.remedies.plan import Plan, Step
from firstdraw.torch.remedies.remedy import Remedy
from firstdraw.torch.remedies.trying import checked

__all__ = ["CommonGain"]

# From a hundredth to a hundred times, within a tenth.
LARGEST: Final = math.log(100.0)
CLOSE: Final = 0.1


class CommonGain(Remedy):
    """Find c by bisection such that, all weights behind the first layer times c, |dC/dy| is the same at both ends.

    y is what the first and the last layer return that nothing leads around. This is the edge of chaos (Schoenholz et
    al. 2017) as the gradient sees it, for activations of any kind: sines of a high frequency hide from the signal that
    the gradient explodes. The first layer, which decides on the frequencies of what it is given, is left.
    """

    name: ClassVar[str] = "common gain"
    source: ClassVar[Source | None] = Source(
        "Schoenholz, Gilmer, Ganguli & Sohl-Dickstein",
        2017,
        "Deep Information Propagation",
        "https://arxiv.org/abs/1611.01232",
    )

    def is_for(self, trial: Trial) -> bool:
        return any(finding.cause in {"exploding gradient", "vanishing gradient"} for finding in trial.left)

    def plans(self, patient: Patient, trial: Trial) -> Iterator[Plan]:
        ends = _ends(trial.check.state)
        first = None if ends is None else patient.weight_of(ends[0])
        weights = [held for layer in trial.check.state.layers if (held := patient.weight_of(layer)) is not None]
        weights = [held for held in dict.fromkeys(weights) if held is not first]
        if ends is None or not weights:
            return
        low, high = -LARGEST, LARGEST
        grown = _growth(trial.check.state)
        done, tried = 0.0, 0.0
        while math.isfinite(grown) and high - low > CLOSE:
            low, high = (low, tried) if grown > 0 else (tried, high)
            tried = (low + high) / 2
            steps = (Step(place=held.place, action=Multiply(math.exp(tried - done)), reason="") for held in weights)
            patient.apply(Plan(tuple(steps)))
            done, grown = tried, _growth(checked(patient.call).state)
        reason = "the gradient keeps its size from the last layer to the first"
        action = Multiply(math.exp(tried))
        yield Plan(tuple(Step(place=held.place, action=action, reason=reason, source=self.source) for held in weights))


def _ends(state: ModelState) -> tuple[LayerState, LayerState] | None:
    layers = [layer for layer in main_way(state) if layer.gradient_norm]
    return (layers[0], layers[-1]) if len(layers) > 1 else None


def _growth(state: ModelState) -> float:
    """Return the logarithm of how much the gradient grows on its way back; infinite where nothing comes."""
    ends = _ends(state)
    if ends is None:
        return -math.inf
    arrives, leaves = ends[0].gradient_norm or 0.0, ends[1].gradient_norm or 0.0
    return math.log(arrives / leaves) if 0 < arrives < math.inf and 0 < leaves < math.inf else math.inf
