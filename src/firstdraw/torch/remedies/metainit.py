"""MetaInit: the norms of the weights such that a step along the gradient changes the gradient least."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Final

from firstdraw.catalogue import Source
from firstdraw.fitted import FITTED
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.measuring import Call
from firstdraw.torch.remedies.patient import Patient, Trial
from firstdraw.torch.remedies.plan import Plan
from firstdraw.torch.remedies.remedy import OF_SIZES, Remedy
from firstdraw.torch.remedies.scales import Scaled, differentiable, scaling
from firstdraw.torch.trees import mapped

__all__ = ["MetaInit", "gradient_quotient"]

RATE: Final = 0.1
MOMENTUM: Final = 0.9
STEPS: Final = 100
EPSILON: Final = 1e-5


class MetaInit(Remedy):
    """Minimize the gradient quotient over the norms of the weights, as `fitted.MetaInit` does; for models without loss.

        GQ = (1/P) sum_i |(g_i - (H g)_i)/(g_i + epsilon s_i) - 1|,    s_i = 1 if g_i >= 0 else -1,

    g the gradient by all P parameters and H the Hessian, on standard Gaussian inputs of the batch's shape. Each step
    moves every weight's norm by momentum SGD on the sign of its derivative,

        v <- c v - a sign(dGQ/d|W|),    |W| <- |W| + v,    a = 0.1, c = 0.9,

    and directions stay as they are. The norms of the lowest GQ seen are taken.

    Known differences: the authors draw new inputs each step, where here one draw makes GQ one function; a step down by
    more than half of a norm is cut to half.
    """

    name: ClassVar[str] = "MetaInit"
    source: ClassVar[Source | None] = FITTED["metainit"].source

    def is_for(self, trial: Trial) -> bool:
        return any(finding.cause in OF_SIZES for finding in trial.left)

    def plans(self, patient: Patient, trial: Trial) -> Iterator[Plan]:  # noqa: ARG002
        if patient.call.loss is not None:
            return
        scaled = Scaled(patient)
        try:
            with differentiable():
                factors = _fitted(scaled, _gaussian(patient.call))
        except RuntimeError:  # some operations cannot be differentiated three times
            return
        yield from scaling(
            scaled, factors, "a step along the gradient changes the gradient least from here", source=self.source
        )


def gradient_quotient(scaled: Scaled, scales: Sequence[Tensor], call: Call) -> Tensor:
    """Return GQ, to be differentiated by the factors.

    Args:
        scaled: the model.
        scales: the factors of its parameters.
        call: its inputs.
    """
    torch = pytorch()
    theta = scaled.parameters(scales)
    values = list(theta.values())
    g = scaled.gradient(theta, call)
    product = torch.stack([part.square().sum() / 2 for part in g]).sum()
    found = torch.autograd.grad(product, values, create_graph=True, allow_unused=True)
    quotients = [
        ((part - (0 if moved is None else moved)) / (part + torch.where(part >= 0, EPSILON, -EPSILON)) - 1).abs().sum()
        for part, moved in zip(g, found, strict=True)
    ]
    return torch.stack(quotients).sum() / sum(part.numel() for part in g)


def _fitted(scaled: Scaled, call: Call) -> list[float]:
    torch = pytorch()
    scales = scaled.ones()
    weights = [i for i, held in enumerate(scaled.held) if len(held.place.shape) > 1]
    norms = {i: float(scaled.drawn[i].norm()) for i in weights}
    velocity = dict.fromkeys(weights, 0.0)
    best, lowest = [1.0] * len(scales), math.inf
    for _ in range(STEPS + 1):
        quotient = gradient_quotient(scaled, scales, call)
        value = float(quotient.detach())
        if not math.isfinite(value):
            break
        if value < lowest:
            best, lowest = [float(s.detach()) for s in scales], value
        slopes = torch.autograd.grad(quotient, [scales[i] for i in weights], allow_unused=True)
        for i, slope in zip(weights, slopes, strict=True):
            sign = 0.0 if slope is None or not math.isfinite(float(slope)) else math.copysign(1.0, float(slope))
            length = float(scales[i].detach()) * norms[i]
            velocity[i] = max(MOMENTUM * velocity[i] - RATE * sign * bool(sign), -length / 2)
            with torch.no_grad():
                scales[i].mul_(1 + velocity[i] / length)
    return best


def _gaussian(call: Call) -> Call:
    """Return the call with standard Gaussian numbers in place of those that it holds."""
    torch = pytorch()
    generator = torch.Generator(device="cpu").manual_seed(call.seed)

    def like(tensor: Tensor) -> Tensor:
        return torch.randn(tensor.shape, generator=generator).to(tensor.device, tensor.dtype)

    return replace(call, args=mapped(call.args, like), kwargs=mapped(dict(call.kwargs), like))
