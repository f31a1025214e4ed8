"""A last layer that answers far from the targets, made small, with what all targets have in common in its bias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from firstdraw.torch.layers import LayerState
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.remedies.actions import Multiply, SetTo
from firstdraw.torch.remedies.patient import Patient, Trial
from firstdraw.torch.remedies.plan import Plan, Step
from firstdraw.torch.remedies.remedy import Remedy

__all__ = ["Outputs"]

# A tenth of what is to be told apart: the loss starts within a percent of the best constant's, and gradients pass.
SHARE: Final = 0.1
# More numbers make no statement that one would paste.
LONGEST: Final = 64


class Outputs(Remedy):
    """For a loss far above a constant's: W <- c W in the last layers, such that what they return is a tenth of 1.

    Where the targets have the shape of what a last layer returns, as in regression, it is a tenth of their standard
    deviation, and the bias is their mean, unit by unit.
    """

    name: ClassVar[str] = "outputs"

    def is_for(self, trial: Trial) -> bool:
        return any(finding.cause == "high initial cost" for finding in trial.left)

    def plans(self, patient: Patient, trial: Trial) -> Iterator[Plan]:
        steps = [
            step
            for layer in trial.check.state.layers
            if layer.sort == "weight" and not layer.feeds
            for step in _steps(patient, layer)
        ]
        if steps:
            yield Plan(tuple(steps))


def _steps(patient: Patient, layer: LayerState) -> Iterator[Step]:
    means, wanted = _common(patient.call.targets, layer), SHARE
    if means is not None:
        wanted *= float((patient.call.targets.double() - means).square().mean().sqrt()) or 1.0
    held = patient.weight_of(layer)
    if held is not None and layer.rms > wanted:
        reason = f"the last layer answered {layer.rms:.3g} at random: at {wanted:.3g} nothing is to be unlearned"
        yield Step(place=held.place, action=Multiply(wanted / layer.rms), reason=reason)
    bias = patient.held_as(f"{layer.name}.bias" if layer.name else "bias")
    if means is not None and bias is not None and means.numel() == bias.tensor.numel() <= LONGEST:
        values = tuple(float(value) for value in means.flatten())
        yield Step(place=bias.place, action=SetTo(values), reason="the targets' mean: what one would say of any input")


def _common(targets: Any, layer: LayerState) -> Tensor | None:  # noqa: ANN401
    """Return the mean of the targets for each unit of a layer, to be broadcast; None where their shape is another."""
    torch = pytorch()
    if not isinstance(targets, torch.Tensor) or not targets.is_floating_point() or tuple(targets.shape) != layer.shape:
        return None
    tensor: Tensor = targets.double()
    axes = [axis for axis in (tensor.ndim - 1, 1) if axis < tensor.ndim and tensor.shape[axis] == layer.units]
    others = [other for other in range(tensor.ndim) if other not in axes[:1]]
    return tensor.mean(others, keepdim=True) if others else None
