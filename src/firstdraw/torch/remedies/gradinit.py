"""GradInit: one factor for each parameter, such that the first step of training lowers the loss most."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from firstdraw.catalogue import Source
from firstdraw.fitted import FITTED
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.measuring import Call
from firstdraw.torch.remedies.patient import Patient, Trial
from firstdraw.torch.remedies.plan import Plan
from firstdraw.torch.remedies.remedy import OF_SIZES, Remedy
from firstdraw.torch.remedies.scales import Scaled, differentiable, part_of_call, scaling

__all__ = ["FirstStep", "GradInit"]

RATE: Final = 0.1
BOUND: Final = 1.0
STEPS: Final = 100
SCALE_RATE: Final = 0.02
SMALLEST_SCALE: Final = 0.01


class FirstStep:
    """The first step of gradient descent as a function of the factors s: theta_s - eta g_s, g_s the gradient on B.

    The batch lies in thirds: the step is made on the first and the second, B, and its loss taken on the first and the
    third, B'. Where examples cannot be taken apart, because the loss knows how many there are, both are the batch.

    Args:
        scaled: the model.
        rate: eta.
    """

    def __init__(self, scaled: Scaled, rate: float = RATE) -> None:
        self.scaled, self.rate = scaled, rate
        self.first, self.second = _halves(scaled)

    def gradient(self, scales: Sequence[Tensor]) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Return theta_s, and g_s."""
        theta = self.scaled.parameters(scales)
        return theta, self.scaled.gradient(theta, self.first)

    def norm(self, g: Sequence[Tensor]) -> Tensor:
        """Return |g|."""
        return pytorch().stack([part.double().square().sum() for part in g]).sum().sqrt()

    def cost(self, theta: dict[str, Tensor], g: Sequence[Tensor]) -> Tensor:
        """Return the loss on B' after the step."""
        after = {name: one - self.rate * part for (name, one), part in zip(theta.items(), g, strict=True)}
        return self.scaled.loss(after, self.second)


class GradInit(Remedy):
    """Minimize C(theta_s - eta g_s; B') over factors s subject to |g_s| <= gamma, as `fitted.GradInit` does.

    eta is 0.1, gamma 1. Where the constraint holds a step of Adam on s lowers the loss, elsewhere one lowers the norm
    instead, each with moments of its own; factors stay above 0.01. Those of the lowest loss among the ones that meet
    the constraint are taken; if none do, those of the lowest norm.

    Known differences: the authors take new batches at every step and do not differentiate through g; here the batch is
    one, and derivatives are exact.
    """

    name: ClassVar[str] = "GradInit"
    source: ClassVar[Source | None] = FITTED["gradinit"].source

    def is_for(self, trial: Trial) -> bool:
        return any(finding.cause in OF_SIZES for finding in trial.left)

    def plans(self, patient: Patient, trial: Trial) -> Iterator[Plan]:  # noqa: ARG002
        if patient.call.loss is None:
            return
        scaled = Scaled(patient)
        try:
            with differentiable():
                factors = _fitted(FirstStep(scaled), scaled)
        except RuntimeError:  # some operations cannot be differentiated twice
            return
        reason = "a first step of gradient descent lowers the loss most from here"
        yield from scaling(scaled, factors, reason, source=self.source)


def _fitted(step: FirstStep, scaled: Scaled) -> list[float]:
    torch = pytorch()
    scales = scaled.ones()
    moments = {fits: torch.optim.Adam(scales, lr=SCALE_RATE) for fits in (True, False)}
    best, lowest, lowest_norm = [1.0] * len(scales), math.inf, math.inf
    for number in range(STEPS + 1):
        theta, g = step.gradient(scales)
        norm = step.norm(g)
        size = float(norm.detach())
        if number == 0 and not math.isfinite(size):
            break
        fits = size <= BOUND
        judged = step.cost(theta, g) if fits else norm
        cost = float(judged.detach()) if fits else math.inf
        if cost < lowest or (lowest == math.inf and size < lowest_norm):
            best = [float(s.detach()) for s in scales]
        lowest, lowest_norm = min(lowest, cost), min(lowest_norm, size)
        slopes = torch.autograd.grad(judged, scales, allow_unused=True)
        for s, slope in zip(scales, slopes, strict=True):
            s.grad = torch.zeros_like(s) if slope is None else torch.nan_to_num(slope, 0.0, 0.0, 0.0)
        moments[fits].step()
        with torch.no_grad():
            for s in scales:
                s.clamp_(min=SMALLEST_SCALE)
    return best


def _halves(scaled: Scaled) -> tuple[Call, Call]:
    torch, call = pytorch(), scaled.call
    third = call.examples // 3
    if third:
        places: list[Any] = [torch.cat([torch.arange(third), torch.arange(k * third, (k + 1) * third)]) for k in (1, 2)]
        parts = [part_of_call(call, rows) for rows in places]
        try:
            with torch.no_grad():
                for part in parts:
                    scaled.loss(scaled.parameters(scaled.ones()), part)
        except Exception:  # a loss may hold as many targets as there are examples
            return call, call
        return parts[0], parts[1]
    return call, call
