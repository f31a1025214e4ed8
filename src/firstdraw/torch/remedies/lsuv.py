"""Layer-sequential unit variance: what each layer returns is brought to variance 1, in the order in which they run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from firstdraw.catalogue import Source
from firstdraw.torch.generators import seeded
from firstdraw.torch.layers import LayerState
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.remedies.actions import Center, Multiply
from firstdraw.torch.remedies.patient import Held, Patient, Trial
from firstdraw.torch.remedies.plan import Plan, Step
from firstdraw.torch.remedies.remedy import Remedy
from firstdraw.torch.sums import wide_type
from firstdraw.torch.trees import tensors_in

__all__ = ["LSUV", "Moments", "layer_moments"]

# Within 1 % a division more changes nothing that training notices. Without a bias one division is exact.
TOLERANCE: Final = 0.01
DIVISIONS: Final = 10
# A mean that is not small beside what varies around it, so that it makes inputs alike.
COMMON: Final = 0.1


class LSUV(Remedy):
    """W <- W sqrt(t/v), layer by layer, v the variance of what the layer returns over units and examples, t its target.

    t is 1, and 1/K for the last layer of each of K residual branches whose sums no normalization follows, so that all
    of them together add 1. A module that is called several times has one variance over all of its calls. Layers before
    a normalization, which undoes every factor, are left, as are embeddings, recurrences and weights of 0.

    Where this is not enough each bias also takes away what the mean m of the layer's inputs brings in, b <- -m sum_j
    W_ij: what all inputs have in common, as the 1/2 of sigmoids, else drowns what tells them apart.

    Known differences: the paper starts from orthonormal weights, and leaves biases; what was drawn keeps its directions
    here.
    """

    name: ClassVar[str] = "LSUV"
    source: ClassVar[Source | None] = Source(
        "Mishkin & Matas", 2016, "All you need is a good init", "https://arxiv.org/abs/1511.06422"
    )

    def plans(self, patient: Patient, trial: Trial) -> Iterator[Plan]:
        for centered in (False, True):
            patient.put(trial.plan)
            steps: list[Step] = []
            for layer, held in _fitted(patient, trial):
                steps += _steps(patient, layer, held, centered=centered)
            if any(isinstance(step.action, Center) for step in steps) or (steps and not centered):
                yield Plan(tuple(steps))


def _steps(patient: Patient, layer: LayerState, held: Held, *, centered: bool) -> Iterator[Step]:
    """Fit a layer, and yield the steps that do the same."""
    bias = patient.bias_of(layer, held) if centered else None
    moments = layer_moments(patient, layer.name)
    mean = moments.input_mean if abs(moments.input_mean) > COMMON * moments.input_rms else 0.0
    center = []
    if bias is not None and mean:
        reason = f"it takes away what the mean of {mean:.3g} of its inputs brings in"
        center = [Step(place=bias.place, action=Center(held.place, mean), reason=reason)]
        patient.apply(Plan(tuple(center)))
        moments = layer_moments(patient, layer.name)
    target, factor = _target(held), 1.0
    for _ in range(DIVISIONS):
        if not 0 < moments.variance < math.inf or abs(moments.variance / target - 1) < TOLERANCE:
            break
        division = Multiply(math.sqrt(target / moments.variance))
        patient.apply(Plan((Step(place=held.place, action=division, reason=""), *center)))
        factor *= division.factor
        moments = layer_moments(patient, layer.name)
    if factor != 1.0:
        reason = f"what its layer returns has variance {target:.3g} on these inputs"
        yield Step(place=held.place, action=Multiply(factor), reason=reason, source=LSUV.source)
    yield from center


def _fitted(patient: Patient, trial: Trial) -> Iterator[tuple[LayerState, Held]]:
    """Yield the layers that are brought to their variance in the order of their first calls, with their weights."""
    layers = trial.check.state.layers
    known: set[str] = set()
    for layer in layers:
        held = patient.weight_of(layer)
        after = [layers[number - 1] for number in layer.feeds]
        normalized = bool(after) and all(item.sort == "normalization" for item in after)
        if layer.sort != "weight" or held is None or normalized or held.place.name in known or not held.tensor.any():
            continue
        known.add(held.place.name)
        yield layer, held


def _target(held: Held) -> float:
    role, branch = held.role.role, held.role.branch
    if role is None or role.branch is None or not role.branch.is_last or branch is None or branch.normalized_after:
        return 1.0
    return 1 / role.branch.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What a module is given and returns, over all elements of all its calls in one forward pass.

    Args:
        input_mean: the mean of its first input.
        input_rms: the root mean square of this.
        variance: the variance of its output.
    """

    input_mean: float
    input_rms: float
    variance: float


def layer_moments(patient: Patient, name: str) -> Moments:
    """Return the moments of a module in one forward pass.

    Args:
        patient: the model.
        name: the module's.
    """
    torch = pytorch()
    sums: list[Tensor] = []

    def add(_module: Any, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ANN401
        sums.append(torch.cat([_sums((args, kwargs)), _sums(output)]))

    handle = patient.modules()[name].register_forward_hook(add, with_kwargs=True)
    try:
        with torch.no_grad():
            seeded(patient.call.seed)
            patient.model(*patient.call.args, **patient.call.kwargs)
    finally:
        handle.remove()
    inputs, given, given_squares, outputs, total, squares = (float(value) for value in torch.stack(sums).sum(0))
    return Moments(
        input_mean=given / inputs if inputs else 0.0,
        input_rms=math.sqrt(given_squares / inputs) if inputs else 0.0,
        variance=squares / outputs - (total / outputs) ** 2,
    )


def _sums(value: object) -> Tensor:
    """Return the number, the sum and the sum of squares of the first floating-point tensor in a value."""
    torch = pytorch()
    tensor = next((one for one in tensors_in(value) if one.is_floating_point()), None)
    if tensor is None:
        return torch.zeros(3)
    wide = tensor.detach().to(wide_type(tensor))
    return torch.stack([torch.full_like(wide.sum(), wide.numel()), wide.sum(), wide.square().sum()])
