"""The model that is to be repaired, as remedies look at it: what was measured, its roles, and its present numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from firstdraw.diagnosis import Finding, Severity
from firstdraw.distributions import Distribution
from firstdraw.torch.automatic import Choice
from firstdraw.torch.layers import LayerState, ModelState, ParameterState
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.measuring import Call
from firstdraw.torch.observing import Observation, observe
from firstdraw.torch.remedies.actions import Place
from firstdraw.torch.remedies.asked import asked_of
from firstdraw.torch.remedies.plan import Plan
from firstdraw.torch.roles import ModelRoles, ParameterRole, held_tensor
from firstdraw.torch.shown import Check

__all__ = ["Held", "Patient", "Trial"]

# What no numbers in parameters make up for.
OF_DATA: Final = frozenset({"inputs not finite", "constant inputs", "unscaled inputs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A plan, and how the model does under it.

    Args:
        plan: what was done, in all.
        check: of the model afterwards.
        remedy: the name of the last remedy in the plan; "" for none.
    """

    plan: Plan
    check: Check
    remedy: str = ""

    @property
    def left(self) -> tuple[Finding, ...]:
        """What is worth a warning, and an initialization could mend."""
        return tuple(finding for finding in _of_the_model(self.check) if not _is_unreached(self.check, finding))

    @property
    def unreached(self) -> tuple[Finding, ...]:
        """Parameters that are not on the way: the architecture's matter, unless a number far out shuts the way."""
        return tuple(finding for finding in _of_the_model(self.check) if _is_unreached(self.check, finding))

    @property
    def is_well(self) -> bool:
        """Whether nothing is left for numbers to mend."""
        return not self.left and not self.unreached

    @property
    def badness(self) -> tuple[int, int, int]:
        """How many such findings there are, those that keep the model from training first."""
        broken = sum(finding.severity is Severity.BROKEN for finding in self.left)
        return broken, len(self.left), len(self.unreached)


def _of_the_model(check: Check) -> tuple[Finding, ...]:
    """Return the findings that are worth a warning; none on faulty data, which say nothing of the model."""
    warned = tuple(finding for finding in check.findings if finding.severity >= Severity.WARNING)
    return () if any(finding.cause in OF_DATA for finding in warned) else warned


def _is_unreached(check: Check, finding: Finding) -> bool:
    unreached = {item.name for item in check.state.parameters if item.trainable and item.gradient_rms is None}
    return finding.cause == "no gradient at the start" and finding.place in unreached


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """A parameter of the model that may be changed.

    Args:
        role: what is known of it.
        place: how code reaches it.
        asked: what its role asks for.
    """

    role: ParameterRole
    place: Place
    asked: Choice

    @property
    def tensor(self) -> Tensor:
        """What it holds now."""
        return held_tensor(self.role.owner, self.role.key).detach()

    @property
    def stored(self) -> list[Tensor]:
        """The tensors that hold it: itself, or the parts that it is computed from."""
        if self.place.computed:
            return list(self.role.owner.parametrizations[self.place.key].parameters())
        return [self.role.tensor]

    @property
    def seen(self) -> Observation:
        """What is seen in it now."""
        return observe(self.tensor)

    @property
    def law(self) -> Distribution | None:
        """The law that its role asks for; None where nothing is known of it."""
        return self.asked.law


@dataclass(frozen=True, kw_only=True, eq=False)
class Patient:
    """A model under repair.

    Args:
        call: how it is called, with what loss and which optimizer.
        roles: what is known of its parameters.
        seed: of the draws.
    """

    call: Call
    roles: ModelRoles
    seed: int
    _kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict[int, tuple[Tensor, Tensor]])

    def apply(self, plan: Plan) -> None:
        """Do to the model what a plan says, after copying what it changes."""
        for step in plan.steps:
            self._keep(self.by_name[step.place.name].stored)
        for name in plan.resets:
            self._keep(self.model.get_submodule(name).buffers())
        plan.run(self.model, self.seed)

    def put(self, plan: Plan) -> None:
        """Bring the model from whatever it is to what a plan makes of it as it came."""
        self.restore()
        self.apply(plan)

    def restore(self) -> None:
        """Give the model back whatever plans changed."""
        with pytorch().no_grad():
            for tensor, copy in self._kept.values():
                tensor.copy_(copy)

    def _keep(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            self._kept.setdefault(id(tensor), (tensor, tensor.detach().clone()))

    @property
    def model(self) -> Module:
        """The model."""
        return self.call.model

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of what code changes, in the order of the model."""
        return tuple(self.by_name)

    @cached_property
    def by_name(self) -> Mapping[str, Held]:
        """The parameters that may be changed, by the names that code has for them: trainable ones with elements."""
        torch = pytorch()
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        modules = {id(module): name for name, module in self.model.named_modules()}
        found: dict[str, Held] = {}
        for role in self.roles.parameters:
            tensor = role.tensor
            changeable = tensor.numel() and tensor.is_floating_point() and tensor.layout == torch.strided
            takes = _takes(role) if role.is_parametrized else None
            if role.is_frozen or not changeable or takes is False:
                continue
            module = modules[id(role.owner)]
            name = f"{module}.{role.key}" if module else role.key
            place = Place(
                name=name if role.is_parametrized else names[id(tensor)],
                module=module,
                key=role.key,
                shape=role.shape,
                type=str(tensor.dtype).removeprefix("torch."),
                device=tensor.device.type,
                computed=role.is_parametrized,
                size=_size(role, name),
                normalized=takes is None and role.is_parametrized,
                padding=role.padding,
            )
            found[place.name] = Held(role=role, place=place, asked=asked_of(role, self.roles))
        return found

    @property
    def held(self) -> tuple[Held, ...]:
        """The parameters that may be changed."""
        return tuple(self.by_name.values())

    @cached_property
    def _by_part(self) -> Mapping[str, Held]:
        """The same by the names that PyTorch has for them, or for the parts that they are computed from."""
        found = dict(self.by_name)
        for held in self.held:
            if held.place.computed:
                parts = held.role.owner.parametrizations[held.place.key].named_parameters()
                prefix = f"{held.place.module}." if held.place.module else ""
                found |= {f"{prefix}parametrizations.{held.place.key}.{name}": held for name, _ in parts}
        return found

    def held_as(self, name: str) -> Held | None:
        """Return the parameter of which a name of PyTorch's is one; None where it may not be changed."""
        return self._by_part.get(name)

    def weight_of(self, layer: LayerState) -> Held | None:
        """Return what a layer's output is proportional to but for its bias; None where that is no one parameter."""
        own = {name: held for name in layer.parameters if (held := self.held_as(name)) is not None}
        weights = list({id(held): held for held in own.values() if _sums(held)}.values())
        if layer.kind == "MultiheadAttention":
            weights = [held for held in weights if held.role.layer.endswith("out_proj")]
        # The sizes of weights that `torch.nn.utils.weight_norm` splits.
        weights = weights or [held for name, held in own.items() if name.endswith("_g") and f"{name[:-1]}v" in own]
        return weights[0] if len(weights) == 1 else None

    def bias_of(self, layer: LayerState, weight: Held) -> Held | None:
        """Return the bias of a layer whose weight has its units along the first axis; None where there is none."""
        role = weight.role.role
        bias = self.held_as(f"{layer.name}.bias" if layer.name else "bias")
        fits = role is not None and role.layout.outputs == 0 and role.operation != "transposed_convolution"
        return bias if fits and bias is not None and bias.place.shape == weight.place.shape[:1] else None

    def states(self, state: ModelState) -> Mapping[str, tuple[ParameterState, ...]]:
        """Return what was measured of each parameter, or of the parts that it is computed from."""
        found: dict[str, tuple[ParameterState, ...]] = {}
        for item in state.parameters:
            held = self.held_as(item.name)
            if held is not None:
                found[held.place.name] = (*found.get(held.place.name, ()), item)
        return found

    def modules(self) -> Mapping[str, Any]:
        """Return the modules by their names."""
        return dict(self.model.named_modules())


def _sums(held: Held) -> bool:
    role = held.role.role
    if role is None or held.place.normalized:
        return False
    return role.kind == "weight" and role.operation != "embedding" and not held.role.gates


def _takes(role: ParameterRole) -> bool | None:
    """Whether a computed parameter takes what is assigned to it; None if it keeps its size. Tried on a copy."""
    torch, doubled = pytorch(), 2 * role.tensor.detach()
    try:
        with torch.no_grad():
            copied = copy.deepcopy(role.owner.parametrizations[role.key]).eval()
            copied.right_inverse(doubled)
            return True if torch.allclose(copied(), doubled, rtol=0.01, equal_nan=True) else None
    except Exception:  # an inverse is code of its author, and may not exist
        return False


def _size(role: ParameterRole, name: str) -> str:
    """Return the name of the factor that a weight normalization has for the size of a weight; "" for none."""
    if not role.is_parametrized:
        return ""
    parametrizations = list(role.owner.parametrizations[role.key])
    if [type(one).__name__ for one in parametrizations] != ["_WeightNorm"]:
        return ""
    module, _, key = name.rpartition(".")
    return f"{module}.parametrizations.{key}.original0".lstrip(".")
