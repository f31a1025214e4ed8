"""A model as a function of one factor for each of its parameters, through which autograd finds the way back."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from firstdraw.torch.generators import seeded
from firstdraw.torch.library import Tensor, pytorch
from firstdraw.torch.losses import projection
from firstdraw.torch.measuring import Call
from firstdraw.torch.remedies.actions import Multiply
from firstdraw.torch.remedies.patient import Held, Patient
from firstdraw.torch.remedies.plan import Plan, Step
from firstdraw.torch.trees import mapped

__all__ = ["Scaled", "differentiable", "part_of_call", "scaling"]


class Scaled:
    """The loss of a model whose parameters, theta, are multiplied with factors s: theta_s.

    Each parameter that may be changed and that is not 0 has one factor; of a normalized one it multiplies the size.

    Args:
        patient: the model.
    """

    def __init__(self, patient: Patient) -> None:
        self.call, self.seed = patient.call, patient.call.seed
        own = dict(patient.model.named_parameters())
        self.held: tuple[Held, ...] = tuple(
            held for held in patient.held if _stored(held) in own and bool(own[_stored(held)].detach().any())
        )
        self.names = [_stored(held) for held in self.held]
        trainable = [name for name, parameter in own.items() if parameter.requires_grad]
        self.others = {name: own[name].detach().requires_grad_() for name in trainable if name not in self.names}
        self.drawn = [own[name].detach() for name in self.names]

    def ones(self) -> list[Tensor]:
        """Return the factors that change nothing."""
        torch = pytorch()
        return [torch.ones((), dtype=one.dtype, device=one.device, requires_grad=True) for one in self.drawn]

    def parameters(self, scales: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return theta_s by the names of the parameters; those without a factor as they are."""
        scaled = {name: s * one for name, s, one in zip(self.names, scales, self.drawn, strict=True)}
        return scaled | self.others

    def loss(self, parameters: dict[str, Tensor], call: Call) -> Tensor:
        """Return the loss of a call with parameters of one's choice, the same random numbers in the model each time."""
        torch = pytorch()
        seeded(self.seed)
        outputs = torch.func.functional_call(call.model, parameters, call.args, dict(call.kwargs))
        if call.loss is None:
            return projection(outputs, self.seed)
        given = (outputs,) if call.targets is None else (outputs, call.targets)
        return call.loss(*given).reshape(())

    def gradient(self, parameters: dict[str, Tensor], call: Call) -> list[Tensor]:
        """Return the gradient of the loss by the parameters, itself to be differentiated."""
        torch = pytorch()
        values = list(parameters.values())
        found = torch.autograd.grad(self.loss(parameters, call), values, create_graph=True, allow_unused=True)
        return [torch.zeros_like(one) if g is None else g for g, one in zip(found, values, strict=True)]


def _stored(held: Held) -> str:
    """Return the name of the parameter that a factor multiplies; "" where there is none."""
    return held.place.size if held.place.computed else held.place.name


def scaling(scaled: Scaled, factors: Sequence[float], reason: str, **options: Any) -> Iterator[Plan]:  # noqa: ANN401
    """Yield the plan that multiplies parameters with their factors, if there is one other than 1.

    Args:
        scaled: the model.
        factors: of its parameters.
        reason: why.
        options: the source.
    """
    steps = tuple(
        Step(place=held.place, action=Multiply(factor), reason=reason, **options)
        for held, factor in zip(scaled.held, factors, strict=True)
        if factor != 1
    )
    if steps:
        yield Plan(steps)


@contextmanager
def differentiable() -> Generator[None]:
    """Have attention computed in a way that can be differentiated more than once."""
    attention: Any = importlib.import_module("torch.nn.attention")
    with attention.sdpa_kernel(attention.SDPBackend.MATH):
        yield


def part_of_call(call: Call, rows: Any) -> Call:  # noqa: ANN401
    """Return a call with some of its examples.

    Args:
        call: the whole.
        rows: their places, as tensors are indexed.
    """

    def chosen(tensor: Tensor) -> Tensor:
        return tensor[rows] if tensor.ndim and len(tensor) == call.examples else tensor

    args, kwargs, targets = (
        mapped(value, chosen, only_floating=False) for value in (call.args, dict(call.kwargs), call.targets)
    )
    return replace(call, args=args, kwargs=kwargs, targets=targets)
